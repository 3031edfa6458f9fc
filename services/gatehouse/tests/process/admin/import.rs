//! `gatehouse admin import`: a file of customers, whatever comes between.

mod long_rows;
mod sources;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::Desk;
use crate::support::{Acme, EMAIL, Ended, Phone, run, until};

/// Of the tests' password, by bcrypt with the least cost.
const HASH: &str = "$2b$04$U0i9FgpCYBdYADrZI4l3ReaVPKCFPpbgZq6NrqR.kF2gcOphSOjOC";
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// An administrator with the portal `acme`.
fn desk() -> Desk {
    let desk = Desk::open();
    desk.prints(&["portals", "create", "acme"]);
    desk
}

impl Desk {
    /// A file of the administrator's, and its name.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.site.folder().join(name);
        fs::write(&path, content).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.site.folder().join(name)
    }

    /// Types it, and gives the file on standard input.
    fn feeds(&self, arguments: &[&str]) -> Feeding {
        let mut command = self.command(&[&["import"], arguments].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Feeding(command.spawn().unwrap())
    }

    fn customers(&self, portal: &str) -> Vec<Value> {
        let list = ["customers", "list", portal, "--limit", "100000", "--json"];
        // More than a pipe holds that is read at the end.
        let listed = self.command(&list).output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        let text = String::from_utf8(listed.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Whether a batch has been made.
    fn has_begun(&self) -> bool {
        !self.json(&["customers", "list", "acme", "--limit", "1"]).is_empty()
    }

    fn emails(&self) -> Vec<String> {
        let email = |customer: &Value| customer["email"].as_str().unwrap().to_owned();
        let mut emails: Vec<_> = self.customers("acme").iter().map(email).collect();
        emails.sort();
        emails
    }

    /// The portal's backend.
    fn acme(&self) -> Acme {
        let made =
            self.prints(&["keys", "create-portal", "web", "--portal", "acme", "--access", "full"]);
        Acme {
            owner_key: String::new(),
            portal_key: made.trim().to_owned(),
            portal_key_name: String::new(),
        }
    }
}

/// An import that reads what it is given as it comes. It ends with this value.
struct Feeding(Child);

impl Feeding {
    fn give(&mut self, text: &str) {
        self.0.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Lets it come to the end.
    fn ended(mut self) -> Ended {
        drop(self.0.stdin.take());
        let text = |pipe: &mut dyn std::io::Read| {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            text
        };
        let stdout = text(self.0.stdout.as_mut().unwrap());
        let stderr = text(self.0.stderr.as_mut().unwrap());
        Ended { code: self.0.wait().unwrap().code(), stdout, stderr }
    }
}

impl Drop for Feeding {
    fn drop(&mut self) {
        // Fails only for one that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// JSON lines of customers of these numbers, without passwords.
fn lines(numbers: std::ops::Range<usize>) -> String {
    let row = |n: usize| json!({"email": format!("c{n:05}@example.com")}).to_string() + "\n";
    numbers.map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_and_csv_make_the_same_customers() {
    let desk = desk();
    desk.prints(&["portals", "create", "other"]);
    let parameters = json!({"algorithm": "TOTP_ALGORITHM_SHA1", "digits": 6, "periodSeconds": 30});
    let ana = json!({
        "customerId": "ana", "email": EMAIL, "displayName": "Ana, \"the first\"",
        "passwordHash": HASH, "totp": {"secret": SECRET, "parameters": parameters},
    });
    let file = desk.file("a.jsonl", format!("{ana}\n{{\"email\": \"bo@example.com\"}}\n"));
    let told = desk.prints(&["import", "acme", &file]);
    assert_eq!(told, "2 imported, 0 there already, 0 refused\n");
    let csv = format!(
        "\u{feff}customerId,email,displayName,passwordHash,totp.secret,totp.parameters.algorithm,\
         totp.parameters.digits,totp.parameters.periodSeconds\r\nana,{EMAIL},\
         \"Ana, \"\"the first\"\"\",{HASH},{SECRET},TOTP_ALGORITHM_SHA1,6,30\r\n\
         ,bo@example.com,,,,,,\r\n"
    );
    let file = desk.file("A.CSV", csv);
    let told = desk.json(&["import", "other", &file]);
    let whole = json!({"imported": 2, "existing": 0, "refused": 0, "dryRun": false});
    assert_eq!(told, [whole]);

    // But for what is made for each.
    let same = |portal| {
        let mut customers = desk.customers(portal);
        for customer in &mut customers {
            for own in ["name", "createTime", "updateTime", "etag", "passwordChangeTime"] {
                customer.as_object_mut().unwrap().remove(own);
            }
            for factor in customer["mfa"]["factors"].as_array_mut().unwrap() {
                factor.as_object_mut().unwrap().remove("createTime").unwrap();
            }
        }
        customers.sort_by_key(ToString::to_string);
        customers
    };
    assert_eq!(same("acme"), same("other"));
    let web = desk.acme().web(&desk.server);
    let sign_in = web.sign_in().await;
    let code = Phone::with_secret(SECRET).first_code();
    assert!(web.totp(&sign_in.token, &code).await.is_ok());
}

#[test]
fn every_wrong_row_is_told_and_can_be_corrected_and_given_again() {
    let desk = desk();
    let wrong = [
        (2, json!({"email": "no address", "passwordHash": format!("{HASH}x")}), "email: an email"),
        (3, json!({"email": EMAIL}), "email: is that of line 1, too"),
        (4, json!({"mail": "x", "totp": SECRET}), "mail: there is no such field; totp: must be an"),
        (6, json!({"email": "d@example.com", "totp": {"secret": "S3CR3T!"}}), "totp.secret: "),
    ];
    let rows = format!(
        "{{\"email\": \"{EMAIL}\", \"passwordHash\": \"{HASH}\"}}\n{}\n{}\n{}\n\
         {{\"email\": \"bo@example.com\"}}\n{}\n{{\"email\": \"{SECRET}",
        wrong[0].1, wrong[1].1, wrong[2].1, wrong[3].1
    );
    let file = desk.file("rows.jsonl", rows);
    let all = wrong.len() + 1;
    let check = |ended: &Ended, summary: &str, end: &str| {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), summary));
        let mut told: Vec<_> = ended.stderr.lines().collect();
        assert_eq!(told.pop(), Some(format!("gatehouse: {all} rows are refused{end}").as_str()));
        assert_eq!(told.pop(), Some(format!("{file}:7: this is JSON without its end").as_str()));
        assert_eq!(told.len(), wrong.len(), "{}", ended.stderr);
        for ((line, _, fault), told) in wrong.iter().zip(told) {
            assert!(told.starts_with(&format!("{file}:{line}: {fault}")), "{told}");
        }
        for secret in [HASH, SECRET, "S3CR3T"] {
            assert!(!ended.stderr.contains(secret), "{secret}: {}", ended.stderr);
        }
    };

    let dry = desk.types(&["import", "acme", &file, "--dry-run"]);
    let summary =
        "nothing was changed: 2 would be imported, 0 are there already, 5 would be refused\n";
    check(&dry, summary, "");
    assert_eq!(desk.emails(), Vec::<String>::new());
    assert_eq!(desk.json(&["audit", "--type", "customer"]), Vec::<Value>::new());

    let refused = desk.path("refused.jsonl");
    let flag = ["--refused", refused.to_str().unwrap()];
    let real = desk.types(&[&["import", "acme", &file][..], &flag].concat());
    let end = format!(": correct {} and import that", refused.display());
    check(&real, "2 imported, 0 there already, 5 refused\n", &end);
    assert_eq!(desk.emails(), [EMAIL, "bo@example.com"]);
    let kept = fs::read_to_string(&refused).unwrap();
    assert_eq!(kept.lines().count(), all);
    assert!(kept.starts_with(&format!("{}\n{}\n", wrong[0].1, wrong[1].1)));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&refused).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "it holds secrets");

    // What is there is not written over, not even by itself.
    let again = desk.refuses(&[&["import", "acme", &file][..], &flag].concat());
    assert!(again.contains("--refused") && again.contains("it is there already"), "{again}");
    let told = desk.types(&["import", "acme", refused.to_str().unwrap()]);
    assert_eq!(told.stdout, "0 imported, 1 there already, 4 refused\n");
    let corrected = kept.replace("no address", "c@example.com").replace(&format!("{HASH}x"), HASH);
    let corrected = desk.file("corrected.jsonl", corrected.lines().next().unwrap());
    let told = desk.prints(&["import", "acme", &corrected]);
    assert_eq!(told, "1 imported, 0 there already, 0 refused\n");
}

#[test]
fn refused_rows_of_csv_keep_their_heading_and_their_form() {
    let desk = desk();
    let csv = b"email,displayName\r\n\"no\",\"two\r\nlines\"\r\na@example.com,\xff\r\nb@example.com,Bo\r\n";
    let file = desk.file("rows.csv", csv);
    let refused = desk.path("refused.csv");
    let flag = ["--refused", refused.to_str().unwrap(), "--json"];
    let ended = desk.types(&[&["import", "acme", &file][..], &flag].concat());
    assert_eq!(ended.code, Some(1));
    let told: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [two, utf8, end] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&two["line"], &utf8["line"]), (&json!(2), &json!(4)));
    let errors = two["errors"].as_array().unwrap();
    assert!(errors[0].as_str().unwrap().starts_with("email: "), "{errors:?}");
    assert!(errors[1].as_str().unwrap().starts_with("display_name: "), "{errors:?}");
    assert_eq!(errors[2], "the row has 2 lines: is there a quote that is not closed?");
    assert_eq!(utf8["errors"], json!(["displayName: must be UTF-8"]));
    assert_eq!(*end, json!({"imported": 1, "existing": 0, "refused": 2, "dryRun": false}));
    let kept = b"email,displayName\n\"no\",\"two\r\nlines\"\na@example.com,\xff\n";
    assert_eq!(fs::read(&refused).unwrap(), kept);
}

#[test]
fn who_is_there_already_is_passed_over_unless_somebody_else_has_the_id() {
    let desk = desk();
    let row = |email: &str, id: &str| json!({"email": email, "customerId": id}).to_string() + "\n";
    let first = [row("ana@example.com", "ana"), row("bo@example.com", "bo")].concat();
    let file = desk.file("first.jsonl", first);
    desk.prints(&["import", "acme", &file]);
    let told = desk.prints(&["import", "acme", &file]);
    assert_eq!(told, "0 imported, 2 there already, 0 refused\n");

    let second = [row("cy@example.com", "ana"), row("bo@example.com", "b2")].concat();
    let file = desk.file("second.jsonl", second);
    for flag in [&["--dry-run"][..], &[]] {
        let ended = desk.types(&[&["import", "acme", &file][..], flag].concat());
        let expected = format!(
            "{file}:1: customer_id: is taken; portals/acme/customers/ana is there\n\
             {file}:2: email: another customer has it; portals/acme/customers/bo is there\n\
             gatehouse: 2 rows are refused\n"
        );
        assert_eq!((ended.code, ended.stderr), (Some(1), expected));
    }
    assert_eq!(desk.emails(), ["ana@example.com", "bo@example.com"]);
}

#[test]
fn an_import_that_was_killed_is_done_again_and_makes_nobody_twice() {
    let desk = desk();
    let mut feeding = desk.feeds(&["acme", "-", "--format", "jsonl"]);
    feeding.give(&lines(0..1_500));
    // A batch is made, and the next one is half read.
    until(|| desk.has_begun());
    feeding.0.kill().unwrap();
    let ended = feeding.ended();
    assert_eq!((ended.code, ended.stdout.as_str()), (None, ""));

    let file = desk.file("all.jsonl", lines(0..2_500));
    let told = desk.prints(&["import", "acme", &file]);
    assert_eq!(told, "1500 imported, 1000 there already, 0 refused\n");
    let expected: Vec<_> = (0..2_500).map(|n| format!("c{n:05}@example.com")).collect();
    assert_eq!(desk.emails(), expected);
}

#[test]
fn a_server_that_is_replaced_meanwhile_is_waited_for() {
    let desk = desk();
    let mut feeding = desk.feeds(&["acme", "-", "--format", "jsonl"]);
    feeding.give(&lines(0..1_100));
    until(|| desk.has_begun());
    let Desk { site, server, key_file } = desk;
    let address = server.address.to_string();
    server.process.kill();
    feeding.give(&lines(1_100..2_200));
    let server = site.serve(&["--listen", &address]);
    let desk = Desk { site, server, key_file };
    let ended = feeding.ended();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    // The answer about the first ones may have been lost with the server.
    let whole = "2200 imported, 0 there already, 0 refused\n";
    let lost = "1200 imported, 1000 there already, 0 refused\n";
    assert!([whole, lost].contains(&ended.stdout.as_str()), "{}", ended.stdout);
    assert_eq!(desk.emails().len(), 2_200);
}

#[test]
fn a_server_that_does_not_come_back_is_told_with_what_to_do() {
    let desk = desk();
    let mut feeding = desk.feeds(&["acme", "-", "--format", "jsonl", "--patience", "0"]);
    feeding.give(&lines(0..1_000));
    until(|| desk.has_begun());
    let Desk { server, site, .. } = desk;
    server.process.kill();
    feeding.give(&lines(1_000..1_001));
    let ended = feeding.ended();
    drop(site);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let end = " is done: import it again to go on\n";
    assert!(ended.stderr.ends_with(end) && ended.stderr.lines().count() == 1, "{}", ended.stderr);
}

#[test]
fn who_may_not_import_is_told_why_and_so_is_what_cannot_be_read() {
    let desk = desk();
    let file = desk.file("rows.jsonl", lines(0..1));
    let refused = desk.refuses(&["import", "nobody", &file]);
    let nobody = "gatehouse: portals/nobody is not there: name another, or make it by `admin portals \
                  create`; nothing was changed";
    assert_eq!(refused, format!("{nobody} from line 1 on\n"));
    let refused = desk.refuses(&["import", "nobody", &file, "--dry-run"]);
    assert_eq!(refused, format!("{nobody}\n"));
    let refused = desk.refuses(&["import", "A!", &file]);
    assert!(
        refused.contains("ERROR_REASON_REQUEST_INVALID") && refused.contains("parent: "),
        "{refused}"
    );
    let folder = desk.site.folder().to_str().unwrap();
    let refused = desk.refuses(&["import", "acme", folder, "--format", "csv"]);
    assert!(refused.contains(": is a directory"), "{refused}");
    let wrong = desk.file("wrong.jsonl", "{\"email\": \"\"}");
    let nowhere = desk.path("nowhere/refused.jsonl");
    let flag = ["--refused", nowhere.to_str().unwrap()];
    let refused = desk.refuses(&[&["import", "acme", &wrong][..], &flag].concat());
    assert!(refused.contains("refused.jsonl: No such file"), "{refused}");
    let missing = desk.path("missing.csv");
    let refused = desk.refuses(&["import", "acme", missing.to_str().unwrap()]);
    assert!(refused.contains("missing.csv: No such file"), "{refused}");
    let other = desk.file("rows.txt", "");
    let refused = desk.refuses(&["import", "acme", &other]);
    assert!(refused.contains("--format: say whether this is jsonl or csv"), "{refused}");
    let refused = desk.refuses(&["import", "acme", "-", "--format", "csv", "--key-file", "-"]);
    assert!(refused.contains("--key-file: standard input is the file"), "{refused}");
    let csv = desk.file("rows.csv", "email;name\n");
    let refused = desk.refuses(&["import", "acme", &csv]);
    assert!(
        refused.contains("rows.csv: line 1: the heading has column \"email;name\""),
        "{refused}"
    );
    let support = desk.prints(&["keys", "create-admin", "night", "--role", "support"]);
    fs::write(&desk.key_file, support).unwrap();
    for flag in [&["--dry-run"][..], &[]] {
        let refused = desk.refuses(&[&["import", "acme", &file][..], flag].concat());
        assert!(refused.contains("ERROR_REASON_API_KEY_SCOPE"), "{refused}");
    }
}

#[test]
fn a_terminal_shows_how_far_it_is_and_a_pipe_does_not() {
    let desk = desk();
    let file = desk.file("rows.jsonl", lines(0..2_000));
    let typed = desk.command(&["import", "acme", &file]);
    // A terminal of its own for everything that it prints.
    let mut words = vec![typed.get_program()];
    words.extend(typed.get_args());
    let line = words.join("' '".as_ref()).into_string().unwrap();
    let mut terminal = Command::new("script");
    terminal.args(["-qefc", &format!("'{line}'"), "/dev/null"]).current_dir(desk.site.folder());
    for (name, value) in typed.get_envs() {
        if let Some(value) = value {
            terminal.env(name, value);
        }
    }
    let shown = run(terminal);
    assert_eq!(shown.code, Some(0), "{}", shown.stdout);
    assert!(shown.stdout.contains("rows, 0 refused, "), "{:?}", shown.stdout);
    assert!(shown.stdout.contains("2000 imported, 0 there already, 0 refused"));
    let piped = desk.types(&["import", "acme", &file]);
    assert_eq!((piped.code, piped.stderr.as_str()), (Some(0), ""));
}
