//! Backups, and what must not come back with them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason;

use crate::support::{Acme, EMAIL, Site, refused, run, session};

on_each_database! {
    nothing_that_was_used_since_the_backup_is_good_again,
}

fn restore_epoch(site: &Site, flags: &[&str]) -> String {
    let ended = run(site.command(&[&["restore-epoch", "--log", "error"], flags].concat()));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    ended.stdout
}

async fn nothing_that_was_used_since_the_backup_is_good_again(site: Site) {
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let web = acme.web(&server);
    let ana = web.enroll(&web.sign_in().await.token).await;
    let under_way = web.sign_in().await.token;
    let backup = site.back_up();

    // All of this is lost.
    let code = ana.phone.second_code();
    let lost = session(&web.sign_in_with_totp(&code).await.unwrap());
    web.sign_in_with_backup_code(&ana.backup_codes[0]).await.unwrap();
    let later_key = site.owner_key();
    drop(server);
    site.restore(&backup);

    let report = restore_epoch(&site, &[]);
    let first = "ended: 1 session, 1 sign-in, 0 enrollments and invitations, 5 backup codes; \
                 the codes up to now of 1 authenticator\n";
    assert!(report.starts_with(first), "{report}");
    assert!(report.contains(&format!("  {}  last used ", acme.portal_key_name)), "{report}");
    assert!(report.contains("0 customers are suspended"), "{report}");

    let server = site.serve(&[]);
    let web = acme.web(&server);
    for token in [&ana.session, &lost] {
        let refusal = refused(web.validate(token).await);
        assert_eq!(refusal.reason, ErrorReason::SessionInvalid.as_str_name());
    }
    let refusal = refused(web.totp(&under_way, &code).await);
    assert_eq!(refusal.reason, ErrorReason::SignInInvalid.as_str_name());
    let answers = [
        web.sign_in_with_totp(&code).await,
        web.sign_in_with_backup_code(&ana.backup_codes[0]).await,
    ];
    for refusal in answers.map(refused) {
        assert_eq!(refusal.reason, ErrorReason::CredentialsRejected.as_str_name());
    }

    // What goes on is what an administrator would do.
    let mut admin = acme.admin(&server);
    let by_email = v1::ListCustomersRequest {
        parent: "portals/acme".to_owned(),
        email: EMAIL.to_owned(),
        ..Default::default()
    };
    let found = admin.list_customers(by_email).await.unwrap().into_inner().customers;
    let reset = v1::ResetCustomerMfaRequest {
        name: found[0].name.clone(),
        reason: "restored".to_owned(),
        ..Default::default()
    };
    admin.reset_customer_mfa(reset).await.unwrap();
    let again = web.enroll(&web.sign_in().await.token).await;
    web.validate(&again.session).await.unwrap();
    let mut gone = Acme { owner_key: later_key, ..acme }.admin(&server);
    let refusal = refused(gone.list_portals(v1::ListPortalsRequest::default()).await);
    assert_eq!(refusal.reason, ErrorReason::ApiKeyInvalid.as_str_name());
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_codes_live_on_where_that_is_asked_for() {
    let site = Site::sqlite();
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let web = acme.web(&server);
    let ana = web.enroll(&web.sign_in().await.token).await;
    let report = restore_epoch(&site, &["--keep-backup-codes"]);
    assert!(report.contains("0 backup codes (kept on request: "), "{report}");
    assert!(!report.contains("done before"), "{report}");
    let report = restore_epoch(&site, &["--keep-backup-codes"]);
    assert!(report.contains("This was done before, at 20"), "{report}");
    web.sign_in_with_backup_code(&ana.backup_codes[0]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_a_private_file_that_was_not_there() {
    let site = Site::sqlite();
    let file = site.folder().join("copy.db");
    let backup = || run(site.command(&["backup", file.to_str().unwrap(), "--log", "error"]));
    for ended in [backup(), run(site.command(&["restore-epoch"]))] {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(ended.stderr.contains("no database that gatehouse has used"), "{}", ended.stderr);
    }
    assert!(!file.exists() && !site.data_dir().exists());

    let _server = site.serve(&[]);
    let ended = backup();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let ended = backup();
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr, format!("gatehouse: {} is there already\n", file.display()));

    let site = Site::postgres().await;
    let ended = run(site.command(&["backup", file.to_str().unwrap()]));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("pg_dump"), "{}", ended.stderr);
}
