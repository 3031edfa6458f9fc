//! The audit trail, checked from the command line.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::block_in_place;

use crate::support::{Acme, Ended, Site, run, until};

on_each_database! {
    a_trail_that_is_whole_is_counted_and_its_head_noted,
    an_export_is_checked_by_the_ring_alone,
}

/// Two keys, a portal and a customer.
const EVENTS: usize = 4;

fn audit(site: &Site, arguments: &[&str]) -> Ended {
    run(site.command(&[&["audit"], arguments, &["--log", "error"]].concat()))
}

/// The value of a line of what `verify` prints.
fn value<'a>(printed: &'a str, word: &str) -> &'a str {
    let value = printed.lines().find_map(|line| line.strip_prefix(&format!("{word}: ")));
    value.unwrap_or_else(|| panic!("{printed}"))
}

/// Checks until the server has numbered all of `events`.
fn verified(site: &Site, events: usize) -> Ended {
    let mut ended = audit(site, &["verify"]);
    until(|| {
        ended = audit(site, &["verify"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
        value(&ended.stdout, "events") == events.to_string()
    });
    ended
}

/// What `head` prints.
fn head(site: &Site) -> String {
    let ended = audit(site, &["head"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    ended.stdout.trim_end().to_owned()
}

async fn a_trail_that_is_whole_is_counted_and_its_head_noted(site: Site) {
    for (command, code) in [("verify", 2), ("head", 1), ("export", 1)] {
        let ended = audit(&site, &[command]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{command}");
        assert!(!site.data_dir().exists(), "nothing is made");
    }
    let server = site.serve(&[]);
    Acme::set_up(&server, site.owner_key()).await;
    let first = verified(&site, EVENTS).stdout;
    let noted = head(&site);
    let expected = format!(
        "events: 4\nfirst: 1\nlast: 4\nhead: {noted}\nwithout a key up to: 0\n\
         without a number yet: 0\nfindings: 0\n"
    );
    assert_eq!(first, expected);
    site.owner_key();
    let second = verified(&site, EVENTS + 1).stdout;
    assert_ne!(head(&site), noted);
    drop(server);
    for expected in [&noted, &head(&site)] {
        assert_eq!(audit(&site, &["verify", "--expect-head", expected]).stdout, second);
    }

    // A head that this trail never had, and one that it does not have yet.
    let other = noted.replace(':', ":0").split_at(66).0.to_owned();
    let later = noted.replacen('4', "9", 1);
    for (head, finding) in [
        (other, "the event 4 has another digest than is expected: the trail was built anew"),
        (later, "the trail ends with the event 5, and 9 is expected: its end was cut off"),
    ] {
        let ended = audit(&site, &["verify", "--expect-head", &head]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stdout.starts_with(&format!("finding: {finding}\n")), "{}", ended.stdout);
        assert_eq!(value(&ended.stdout, "findings"), "1");
        let line = "gatehouse: 1 finding: the audit trail is not what was recorded\n";
        assert_eq!(ended.stderr, line);
    }
    let ended = audit(&site, &["verify", "--expect-head", "4"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("NUMBER:DIGEST"), "{}", ended.stderr);

    // With another ring nothing is known: that is no finding.
    let ring = site.data_dir().join("keyring");
    let kept = fs::read_to_string(&ring).unwrap();
    fs::write(&ring, kept.replace("00000001", "00000002")).unwrap();
    let ended = audit(&site, &["verify"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.starts_with("gatehouse: the audit trail could not be checked: the key"));
}

async fn an_export_is_checked_by_the_ring_alone(site: Site) {
    let server = site.serve(&[]);
    Acme::set_up(&server, site.owner_key()).await;
    verified(&site, EVENTS);
    let noted = head(&site);
    drop(server);
    let exported = audit(&site, &["export"]);
    assert_eq!((exported.code, exported.stderr.as_str()), (Some(0), "events: 4\n"));
    // How many is said also where there are none.
    for nothing in [["--from", "5"], ["--portal", "nobody"]] {
        let ended = audit(&site, &[&["export"], &nothing[..]].concat());
        let (code, told) = (ended.code, (ended.stdout.as_str(), ended.stderr.as_str()));
        assert_eq!((code, told), (Some(0), ("", "events: 0\n")));
    }
    assert_eq!(exported.stdout.lines().count(), EVENTS);
    let some = audit(&site, &["export", "--from", "2", "--to", "3"]).stdout;
    assert!(exported.stdout.contains(&some) && some.lines().count() == 2);
    let of_portal = audit(&site, &["export", "--portal", "acme"]).stdout;
    assert!(of_portal.lines().count() < EVENTS);

    // Elsewhere, where there is nothing but the file and the ring.
    let (file, ring) = (site.folder().join("export.jsonl"), site.data_dir().join("keyring"));
    let elsewhere = Site::sqlite();
    let verify = |text: &str, arguments: &[&str]| {
        fs::write(&file, text).unwrap();
        let file = ["--file", file.to_str().unwrap(), "--key-ring", ring.to_str().unwrap()];
        audit(&elsewhere, &[&["verify"], &file[..], arguments].concat())
    };
    let ended = verify(&exported.stdout, &["--expect-head", &noted]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    assert_eq!(value(&ended.stdout, "not in the file"), "0");
    assert_eq!(value(&ended.stdout, "head"), noted);
    assert_eq!(verify(&of_portal, &[]).code, Some(0));
    let ended = verify(&exported.stdout.replace("owner", "Owner"), &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let ended = verify("no export\n", &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("line 1 of the file is no event of an export"));
    let ended = verify("", &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    let why = "gatehouse: the audit trail could not be checked: the file holds no events: nothing \
               was checked\n";
    assert_eq!(ended.stderr, why);
    fs::remove_file(&file).unwrap();
    let gone = audit(&elsewhere, &["verify", "--file", file.to_str().unwrap()]);
    assert_eq!(gone.code, Some(2), "{}", gone.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_event_that_was_changed_is_named() {
    let site = Site::postgres().await;
    let server = site.serve(&[]);
    Acme::set_up(&server, site.owner_key()).await;
    verified(&site, EVENTS);
    site.sql("UPDATE audit_event SET claimed_actor = 'nobody' WHERE number = 3");
    let name = site.sql("SELECT 'auditEvents/' || id FROM audit_event WHERE number = 3");
    let ended = audit(&site, &["verify"]);
    assert_eq!(ended.code, Some(1));
    let line = format!(
        "finding: the event 3 ({}) is not what was numbered: it, or the digest of the one before \
         it, was changed\n",
        name.trim_end()
    );
    assert!(ended.stdout.starts_with(&line), "{}", ended.stdout);

    // One without a key is a finding of its own, but up to where its operator says.
    site.sql("UPDATE audit_event SET chain_key_id = NULL WHERE number = 4");
    let findings = |arguments: &[&str]| {
        let ended = audit(&site, &[&["verify", "--audit-unkeyed-until=4"], arguments].concat());
        value(&ended.stdout, "findings").to_owned()
    };
    assert_eq!((findings(&[]), findings(&["--unkeyed-until", "3"])), ("2".into(), "3".into()));
}

/// One of two servers, of which either may be the one that numbers, is killed in the middle.
#[tokio::test(flavor = "multi_thread")]
async fn a_trail_is_whole_though_one_of_the_servers_that_number_is_killed() {
    let site = Site::postgres().await;
    let (one, other) = (site.serve(&[]), site.serve(&[]));
    let acme = Acme::set_up(&one, site.owner_key()).await;
    let web = acme.web(&other);
    let enough = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let enough = Arc::clone(&enough);
        async move {
            let mut starts = 0;
            while !enough.load(Ordering::Relaxed) {
                // A wrong code for a customer without a factor is refused, with its event.
                web.password(&web.start().await.unwrap().token, "not the password").await.ok();
                starts += 1;
            }
            starts
        }
    });
    let numbered = || {
        let count = site.sql("SELECT count(*) FROM audit_event WHERE number IS NOT NULL");
        count.trim().parse::<usize>().unwrap()
    };
    until(|| numbered() > EVENTS);
    block_in_place(|| one.process.kill());
    let before = numbered();
    until(|| numbered() > before);
    enough.store(true, Ordering::Relaxed);
    assert!(writing.await.unwrap() > 0);
    until(|| site.sql("SELECT 1 FROM audit_event WHERE number IS NULL").is_empty());
    let ended = audit(&site, &["verify"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert_eq!(value(&ended.stdout, "last"), numbered().to_string());
}
