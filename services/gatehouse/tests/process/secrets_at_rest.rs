//! A dump of the database and a log of everything hold no secret in clear.

mod taint;

use gatehouse_api::v1;
use gatehouse_api::v1::reauthenticate_session_request::Proof;

use self::taint::Taint;
use crate::support::{Acme, EMAIL, PASSWORD, Site, refused, session};

on_each_database! {
    no_secret_of_a_sign_in_is_stored_or_logged,
    no_secret_of_my_account_or_recovery_is_stored_or_logged,
}

const WRONG_PASSWORD: &str = "correct horse batteries";

async fn no_secret_of_a_sign_in_is_stored_or_logged(site: Site) {
    let server = site.serve(&["--log", "trace"]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let web = acme.web(&server);
    let started = web.start().await.unwrap();
    refused(web.password(&started.token, WRONG_PASSWORD).await);
    let proven = web.password(&started.token, PASSWORD).await.unwrap();
    let ana = web.enroll(&proven.token).await;
    let asked = web.sign_in().await;
    let codes = [ana.phone.wrong_code(), ana.phone.second_code()];
    refused(web.totp(&asked.token, &codes[0]).await);
    let by_totp = web.totp(&asked.token, &codes[1]).await.unwrap();
    let by_backup_code = web.sign_in_with_backup_code(&ana.backup_codes[0]).await.unwrap();

    let mut taint = Taint::default();
    taint.passwords(&[PASSWORD, WRONG_PASSWORD]);
    taint.tokens(&[
        &acme.owner_key,
        &acme.portal_key,
        &started.token,
        &proven.token,
        &asked.token,
        &ana.session,
        &session(&by_totp),
        &session(&by_backup_code),
    ]);
    taint.backup_codes(&ana.backup_codes);
    taint.totp_secret(&ana.phone.secret);
    taint.totp_codes(&[&codes[0], &codes[1], &ana.phone.first_code()]);
    // With what is in the write-ahead log, which an orderly end would empty.
    let ended = server.process.kill();
    taint.assert_absent(&site, &ended);
    // What is no secret would be found.
    assert!(site.stores(EMAIL.as_bytes()));
    assert!(ended.stderr.contains(" TRACE "), "{}", ended.stderr);
}

async fn no_secret_of_my_account_or_recovery_is_stored_or_logged(site: Site) {
    const NEW_PASSWORD: &str = "another horse battery";
    const COMMON: &str = "passwordpassword";

    let server = site.serve(&["--log", "trace"]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let (web, mut admin) = (acme.web(&server), acme.admin(&server));
    let mut client = web.client();
    let proven = web.sign_in().await;
    let ana = web.enroll(&proven.token).await;
    let token = || ana.session.clone();

    let wrong = ana.phone.wrong_code();
    let prove = |proof| v1::ReauthenticateSessionRequest {
        session_token: token(),
        proof: Some(proof),
        client: None,
    };
    refused(client.reauthenticate_session(prove(Proof::TotpCode(wrong.clone()))).await);
    let used = ana.backup_codes[0].clone();
    client.reauthenticate_session(prove(Proof::BackupCode(used.clone()))).await.unwrap();
    refused(client.reauthenticate_session(prove(Proof::BackupCode(used))).await);
    let changed = web.change_mfa(&ana.session).await;
    let change = |current: &str, new: &str| v1::ChangePasswordRequest {
        session_token: token(),
        current_password: current.to_owned(),
        new_password: new.to_owned(),
        client: None,
    };
    refused(client.change_password(change(WRONG_PASSWORD, NEW_PASSWORD)).await);
    refused(client.change_password(change(PASSWORD, COMMON)).await);
    client.change_password(change(PASSWORD, NEW_PASSWORD)).await.unwrap();

    let customer = client.validate_session(v1::ValidateSessionRequest {
        session_token: token(),
        ..Default::default()
    });
    let customer = customer.await.unwrap().into_inner().customer;
    let request = v1::CreateInvitationRequest { customer: customer.clone() };
    let invited = admin.create_invitation(request).await.unwrap().into_inner();
    let request = v1::RequestInvitationRequest { email: EMAIL.to_owned(), client: None };
    let asked = client.request_invitation(request).await.unwrap().into_inner();
    let [invited, asked] =
        [invited.invitation, asked.invitation].map(|invitation| invitation.unwrap().token);
    let accept = |token: &str, password: &str| v1::AcceptInvitationRequest {
        invitation_token: token.to_owned(),
        new_password: password.to_owned(),
        client: Some(v1::ClientContext::default()),
    };
    refused(client.accept_invitation(accept(&asked, COMMON)).await);
    let accepted = client.accept_invitation(accept(&asked, PASSWORD)).await.unwrap().into_inner();
    refused(client.accept_invitation(accept(&invited, PASSWORD)).await);
    let request = v1::ResetCustomerMfaRequest { name: customer, ..Default::default() };
    admin.reset_customer_mfa(request).await.unwrap();

    let mut taint = Taint::default();
    taint.passwords(&[PASSWORD, WRONG_PASSWORD, NEW_PASSWORD, COMMON]);
    let accepted = accepted.sign_in.unwrap().token;
    taint.tokens(&[&ana.session, &proven.token, &invited, &asked, &accepted]);
    taint.backup_codes(&ana.backup_codes);
    taint.totp_secret(&ana.phone.secret);
    taint.totp_secret(&changed.secret);
    taint.totp_codes(&[&wrong, &changed.first_code()]);
    let ended = server.process.kill();
    taint.assert_absent(&site, &ended);
    assert!(ended.stderr.contains(" TRACE "), "{}", ended.stderr);
}
