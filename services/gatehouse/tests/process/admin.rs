//! `gatehouse admin`: what an administrator at a terminal types, and what it prints.

mod import;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Ended, Server, Site, commands, gatehouse, run, shell};

const GUIDE: &str = include_str!("../../../../docs/administering.md");

/// A server, and an administrator's terminal.
struct Desk {
    site: Site,
    server: Server,
    key_file: PathBuf,
}

impl Desk {
    fn open() -> Self {
        let site = Site::sqlite();
        let server = site.serve(&[]);
        site.keep_owner_key();
        let key_file = site.folder().join("owner.key");
        Self { site, server, key_file }
    }

    fn types(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.site.command(&[&["admin"], arguments].concat());
        command
            .env("GATEHOUSE_ADMIN_SERVER", format!("http://{}", self.server.address))
            .env("GATEHOUSE_ADMIN_KEY_FILE", &self.key_file)
            .env("USER", "ana");
        command
    }

    /// Runs a guide's script, with the program on the path.
    fn shell(&self, script: &str) -> Ended {
        run(shell(&self.site, &self.server, "-eux", script))
    }

    /// What is printed by a command that succeeds.
    fn prints(&self, arguments: &[&str]) -> String {
        let ended = self.types(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        ended.stdout
    }

    /// The one line with which a command fails.
    fn refuses(&self, arguments: &[&str]) -> String {
        let ended = self.types(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        ended.stderr
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let printed = self.prints(&[arguments, &["--json"]].concat());
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn a_night_with_the_portal_acme() {
    let desk = Desk::open();
    desk.prints(&["portals", "create", "acme", "--display-name", "Acme Billing"]);
    desk.prints(&["customers", "create", "acme", "ana@example.com", "--id", "ana"]);
    let token = desk.prints(&["customers", "invite", "acme/ana@example.com"]);
    assert!(token.starts_with("ghv_") && token.lines().count() == 1, "{token}");

    let table = desk.prints(&["customers", "list", "acme"]);
    let lines: Vec<_> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    let [headings, ana]: [Vec<&str>; 2] = lines.try_into().unwrap();
    assert_eq!(headings[..2], ["CUSTOMER", "EMAIL"]);
    assert_eq!(ana, ["acme/ana", "ana@example.com", "disabled", "active"]);

    desk.prints(&["customers", "suspend", "acme/ana"]);
    assert!(desk.prints(&["customers", "get", "acme/ana@example.com"]).contains("suspended"));
    assert_eq!(desk.json(&["customers", "list", "acme", "--suspended"]).len(), 1);
    desk.prints(&["customers", "restore", "acme/ana"]);
    desk.prints(&["customers", "unlock", "acme/ana"]);
    assert_eq!(desk.json(&["customers", "list", "acme", "--suspended"]), Vec::<Value>::new());

    let lost = ["customers", "reset-mfa", "acme/ana", "--reason", "lost phone", "--yes"];
    desk.prints(&lost);
    desk.prints(&["portals", "enforce-mfa", "acme", "true", "--preview"]);
    assert!(desk.prints(&["portals", "list"]).contains("optional"));
    desk.prints(&["portals", "enforce-mfa", "acme"]);
    assert!(desk.prints(&["portals", "list"]).contains("enforced"));
    assert_eq!(desk.prints(&["sessions", "list", "acme"]).lines().count(), 1);
    desk.prints(&["sessions", "revoke", "acme/ana@example.com", "--yes"]);

    // Who reset it, with which key, and why, in the order in which it happened.
    let trail = desk.prints(&["audit", "acme/ana@example.com"]);
    let reset = trail.lines().find(|line| line.contains("mfa.reset")).unwrap();
    for told in ["portals/acme/customers/ana", "owner (", ") for ana ", "127.0.0.1", "lost phone"] {
        assert!(reset.contains(told), "{told}: {reset}");
    }
    assert!(trail.find("customer.created") < trail.find("mfa.reset"));

    assert_eq!(desk.prints(&["audit", "--customer", "acme/ana@example.com"]), trail);
    for (wrong, why) in [
        (&["audit", "verify"][..], "a portal of this name is portals/verify"),
        (&["audit", "--customer", "ana@example.com"], "must be portal/email, portal/id or"),
        (&["audit", "acme", "--customer", "acme/ana"], "cannot be used with"),
    ] {
        let ended = desk.types(wrong);
        assert!(ended.code == Some(2) && ended.stderr.contains(why), "{}", ended.stderr);
    }

    // A list that is empty says so, and one that nobody reads to its end says nothing.
    assert_eq!(desk.types(&["audit", "portals/verify"]).stderr, "there is none\n");
    let mut unread = desk.command(&["audit"]);
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let ended = unread.stdout(writer).output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(1), &b""[..]));

    let delete = ["portals", "delete", "acme", "--yes"];
    assert!(desk.refuses(&delete).contains("PORTAL_NOT_EMPTY"));
    desk.prints(&["customers", "create", "acme", "bo@example.com"]);
    desk.prints(&["customers", "delete", "acme/ana", "--yes"]);
    desk.prints(&[&delete[..], &["--force"]].concat());
    assert_eq!(desk.json(&["portals", "list"]), Vec::<Value>::new());
}

#[test]
fn keys_are_made_shown_once_and_ended() {
    let desk = Desk::open();
    desk.prints(&["portals", "create", "acme"]);
    let made = desk.types(&["keys", "create-admin", "night shift", "--role", "support"]);
    assert!(made.stdout.starts_with("gha_") && made.stdout.lines().count() == 1);
    assert!(made.stderr.contains("support of -"), "{}", made.stderr);
    let full =
        desk.prints(&["keys", "create-portal", "web", "--portal", "acme", "--access", "full"]);
    assert!(full.starts_with("ghp_"));

    let keys = desk.prints(&["keys", "list"]);
    assert!(keys.contains("full at acme") && keys.contains("owner of -"), "{keys}");
    assert!(!keys.contains(full.trim()) && !keys.contains(made.stdout.trim()));
    let web = keys.lines().find(|line| line.contains("full at acme")).unwrap();
    let id = web.split_whitespace().next().unwrap();
    assert!(desk.refuses(&["keys", "revoke", id]).contains("--yes"));
    desk.prints(&["keys", "revoke", id, "--yes"]);
    assert!(desk.prints(&["keys", "list"]).contains("revoked"));
    assert_eq!(desk.json(&["audit", "--type", "api_key.revoked"]).len(), 1);
}

#[test]
fn lists_end_at_the_limit_and_say_that_there_is_more() {
    let desk = Desk::open();
    for portal in ["a1", "b2", "c3"] {
        desk.prints(&["portals", "create", portal]);
    }
    let two = desk.types(&["portals", "list", "--limit", "2", "--json"]);
    assert_eq!(two.stdout.lines().count(), 2);
    assert_eq!(two.stderr, "there are more: --limit\n");
    let none = desk.types(&["portals", "list", "--limit", "0"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(2), ""));
    assert!(
        none.stderr.contains("'--limit <LIMIT>': must be a number from 1 on"),
        "{}",
        none.stderr
    );
    let three = desk.types(&["portals", "list", "--limit", "3", "--json"]);
    assert_eq!((three.stdout.lines().count(), three.stderr.as_str()), (3, ""));
}

#[test]
fn nothing_is_undone_without_being_asked_for() {
    let desk = Desk::open();
    desk.prints(&["portals", "create", "acme"]);
    desk.prints(&["customers", "create", "acme", "ana@example.com"]);
    for arguments in [
        &["portals", "delete", "acme", "--force"][..],
        &["customers", "delete", "acme/ana@example.com"],
        &["customers", "reset-mfa", "acme/ana@example.com", "--reason", "x"],
        &["sessions", "revoke", "acme"],
    ] {
        let refusal = desk.refuses(arguments);
        assert!(refusal.contains("--yes is needed"), "{refusal}");
    }
    assert_eq!(desk.json(&["customers", "list", "acme"]).len(), 1);
}

#[test]
fn a_refusal_says_what_and_why_on_one_line() {
    let desk = Desk::open();
    desk.prints(&["portals", "create", "acme"]);
    for (arguments, told) in [
        (&["portals", "get", "nobody"][..], "ERROR_REASON_RESOURCE_NOT_FOUND"),
        (&["portals", "create", "acme"], "ERROR_REASON_RESOURCE_EXISTS"),
        (&["portals", "create", "A!"], "portal_id: "),
        (&["customers", "get", "acme/eve@example.com"], "nobody at portals/acme has the address"),
        (&["customers", "create", "acme", "no address"], "customer.email: "),
    ] {
        let refusal = desk.refuses(arguments);
        assert!(refusal.starts_with("gatehouse: "), "{refusal}");
        assert!(refusal.contains(told), "{refusal}");
    }
}

#[test]
fn a_key_that_everybody_may_read_is_used_and_told_of() {
    let desk = Desk::open();
    fs::set_permissions(&desk.key_file, fs::Permissions::from_mode(0o644)).unwrap();
    let ended = desk.types(&["portals", "list", "--json"]);
    let told = "owner.key: every user of this machine may read it: chmod 600\n";
    assert!(ended.code == Some(0) && ended.stderr.ends_with(told), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1);
}

#[test]
fn who_cannot_call_is_told_why() {
    let desk = Desk::open();
    let portals = ["portals", "list"];
    fs::write(&desk.key_file, "gha_nothing").unwrap();
    assert!(desk.refuses(&portals).contains("ERROR_REASON_API_KEY_INVALID"));
    fs::write(&desk.key_file, "gha \u{7f}").unwrap();
    assert!(desk.refuses(&portals).contains("this is no API key"));
    fs::write(&desk.key_file, "two\nlines").unwrap();
    assert!(desk.refuses(&portals).contains("owner.key: it has more than one line"));
    fs::write(&desk.key_file, "\n").unwrap();
    assert!(desk.refuses(&portals).contains("owner.key: it is empty"));
    fs::remove_file(&desk.key_file).unwrap();
    assert!(desk.refuses(&portals).contains("owner.key: No such file"));

    let mut without = desk.site.command(&["admin", "portals", "list"]);
    without.env_remove("GATEHOUSE_ADMIN_KEY_FILE");
    let ended = run(without);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--key-file (GATEHOUSE_ADMIN_KEY_FILE)"), "{}", ended.stderr);
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let mut desk = Desk::open();
    let address = desk.server.address;
    desk.server = {
        desk.server.process.kill();
        desk.site.serve(&[])
    };
    let server = format!("http://{address}");
    let refusal = desk.refuses(&["--server", &server, "portals", "list"]);
    assert!(refusal.contains(&format!("no server answers at {server}: ")), "{refusal}");

    let ended = desk.types(&["--server", "localhost:50051", "portals", "list"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("must be http://host:port"), "{}", ended.stderr);
}

/// Everything that the guide types, in its order.
#[test]
fn the_guide_works_as_it_stands() {
    let desk = Desk::open();
    let script = commands(GUIDE, None).concat();
    assert!(script.contains("gatehouse admin customers reset-mfa"), "it is found at all");
    let ended = desk.shell(&script);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    // Of the customers without MFA there was one, whom the script counted.
    assert!(ended.stdout.ends_with("\n1\n"), "{}", ended.stdout);
}

#[test]
fn a_server_is_well_or_it_is_not() {
    let mut desk = Desk::open();
    let listen = desk.server.address.to_string();
    let check = |site: &Site| run(site.command(&["healthcheck", "--listen", &listen]));
    let well = check(&desk.site);
    assert_eq!((well.code, well.stdout.as_str(), well.stderr.as_str()), (Some(0), "", ""));
    desk.server = {
        desk.server.process.kill();
        desk.site.serve(&[])
    };
    let ill = check(&desk.site);
    assert_eq!(ill.code, Some(1));
    let expected = format!("gatehouse: no server answers at http://{listen}: ");
    assert!(ill.stderr.starts_with(&expected), "{}", ill.stderr);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        // More than a pipe holds that is read at the end.
        let printed = gatehouse().args(["completions", shell]).output().unwrap();
        assert!(printed.status.success(), "{shell}");
        assert!(String::from_utf8(printed.stdout).unwrap().contains("reset-mfa"), "{shell}");
    }
}
