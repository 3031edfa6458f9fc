//! The audit trail, checked from the command line.

use crate::support::{Acme, Ended, Site, run, until};

on_each_database! {
    a_trail_that_is_whole_is_counted,
}

/// Two keys, a portal and a customer.
const EVENTS: usize = 4;

fn verify(site: &Site) -> Ended {
    run(site.command(&["verify-audit-trail", "--log", "error"]))
}

/// Checks until the server has numbered all of `events`.
fn verified(site: &Site, events: usize) -> Ended {
    let start = format!("{events} events, last digest ");
    let mut ended = verify(site);
    until(|| {
        ended = verify(site);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        ended.stdout.starts_with(&start)
    });
    ended
}

async fn a_trail_that_is_whole_is_counted(site: Site) {
    let ended = verify(&site);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("no database that gatehouse has used"), "{}", ended.stderr);
    assert!(!site.data_dir().exists(), "nothing is made");
    let server = site.serve(&[]);
    Acme::set_up(&server, site.owner_key()).await;
    let first = verified(&site, EVENTS).stdout;
    site.owner_key();
    let second = verified(&site, EVENTS + 1).stdout;
    let digest = |line: &str| line.trim_end().rsplit(' ').next().unwrap().to_owned();
    assert!(digest(&first).len() == 64 && digest(&first) != digest(&second));
    drop(server);
    assert_eq!(verify(&site).stdout, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_event_that_was_changed_is_named() {
    let site = Site::postgres().await;
    let server = site.serve(&[]);
    Acme::set_up(&server, site.owner_key()).await;
    verified(&site, EVENTS);
    site.sql("UPDATE audit_event SET claimed_actor = 'nobody' WHERE number = 3");
    let name = site.sql("SELECT 'auditEvents/' || id FROM audit_event WHERE number = 3");
    let ended = verify(&site);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let line = format!(
        "gatehouse: {} with the number 3 is not what was numbered after 2 events: it, or one \
         before it, was changed or removed\n",
        name.trim_end()
    );
    assert_eq!(ended.stderr, line);
}
