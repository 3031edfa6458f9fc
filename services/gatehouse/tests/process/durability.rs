//! What was answered is stored: kill -9 right after an answer loses nothing.

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason;
use gatehouse_api::v1::sign_in::Next;

use crate::support::{Acme, Server, Site, Web, refused, session};

on_each_database! {
    a_totp_code_that_signed_in_stays_used_and_its_session_valid,
    a_backup_code_that_signed_in_stays_used_and_its_session_valid,
    a_factor_that_was_enabled_stays_in_force,
    an_api_key_that_was_revoked_stays_revoked,
    a_wrong_code_stays_counted,
}

async fn set_up(site: &Site) -> (Server, Acme) {
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    (server, acme)
}

/// Kills the server, and starts another over the same data.
fn kill_and_restart(site: &Site, server: Server) -> Server {
    let ended = server.process.kill();
    assert_eq!(ended.code, None, "it had not ended by itself");
    site.serve(&[])
}

/// How many more wrong codes are allowed after one that is rejected.
async fn rejected_totp(web: &Web, code: &str) -> String {
    let mut refusal = refused(web.sign_in_with_totp(code).await);
    assert_eq!(refusal.reason, ErrorReason::CredentialsRejected.as_str_name());
    refusal.metadata.remove("attempts_remaining").unwrap()
}

async fn a_totp_code_that_signed_in_stays_used_and_its_session_valid(site: Site) {
    let (server, acme) = set_up(&site).await;
    let web = acme.web(&server);
    let ana = web.enroll(&web.sign_in().await.token).await;
    let code = ana.phone.second_code();
    let signed_in = web.sign_in_with_totp(&code).await.unwrap();
    let server = kill_and_restart(&site, server);

    let web = acme.web(&server);
    web.validate(&session(&signed_in)).await.unwrap();
    // A code that was used before is not a guess.
    assert_eq!(rejected_totp(&web, &code).await, "10");
}

async fn a_backup_code_that_signed_in_stays_used_and_its_session_valid(site: Site) {
    let (server, acme) = set_up(&site).await;
    let web = acme.web(&server);
    let ana = web.enroll(&web.sign_in().await.token).await;
    let signed_in = web.sign_in_with_backup_code(&ana.backup_codes[0]).await.unwrap();
    let server = kill_and_restart(&site, server);

    let web = acme.web(&server);
    web.validate(&session(&signed_in)).await.unwrap();
    let refusal = refused(web.sign_in_with_backup_code(&ana.backup_codes[0]).await);
    assert_eq!(refusal.reason, ErrorReason::CredentialsRejected.as_str_name());
    web.sign_in_with_backup_code(&ana.backup_codes[1]).await.unwrap();
}

async fn a_factor_that_was_enabled_stays_in_force(site: Site) {
    let (server, acme) = set_up(&site).await;
    let web = acme.web(&server);
    let phone = web.enable_mfa(&web.sign_in().await.token).await;
    let server = kill_and_restart(&site, server);

    let web = acme.web(&server);
    assert!(matches!(web.sign_in().await.next, Some(Next::SecondFactor(_))));
    assert_eq!(rejected_totp(&web, &phone.first_code()).await, "10");
    web.sign_in_with_totp(&phone.second_code()).await.unwrap();
}

async fn an_api_key_that_was_revoked_stays_revoked(site: Site) {
    let (server, acme) = set_up(&site).await;
    acme.web(&server).start().await.unwrap();
    let revoke = v1::RevokeApiKeyRequest { name: acme.portal_key_name.clone() };
    acme.admin(&server).revoke_api_key(revoke).await.unwrap();
    let server = kill_and_restart(&site, server);

    let refusal = refused(acme.web(&server).start().await);
    assert_eq!(refusal.reason, ErrorReason::ApiKeyInvalid.as_str_name());
}

async fn a_wrong_code_stays_counted(site: Site) {
    let (server, acme) = set_up(&site).await;
    let web = acme.web(&server);
    let ana = web.enroll(&web.sign_in().await.token).await;
    let wrong = ana.phone.wrong_code();
    assert_eq!(rejected_totp(&web, &wrong).await, "9");
    let server = kill_and_restart(&site, server);

    assert_eq!(rejected_totp(&acme.web(&server), &wrong).await, "8");
}
