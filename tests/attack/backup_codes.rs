//! Backup codes: each once, of one customer, of one set.

use gatehouse_api::v1::SecondFactorType;
use tokio::task::JoinSet;

use gatehouse_tests::{Acme, EMAIL, PASSWORD, Refusal, SignInExt, TestServer, refused};

gatehouse_tests::on_each_database! {
    a_backup_code_signs_in_however_it_is_typed,
    a_used_backup_code_is_a_wrong_one_that_charges_nothing,
    of_fifty_uses_at_once_one_succeeds,
    a_backup_code_is_of_one_customer_alone,
    a_backup_code_is_of_one_portal_alone,
    a_backup_code_of_an_older_set_is_a_wrong_one,
    a_reset_and_a_disabling_end_backup_codes,
    the_codes_of_one_kind_are_never_read_as_the_other,
    a_digest_is_sealed_to_its_place_in_its_set,
}

async fn a_backup_code_signs_in_however_it_is_typed(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let typed = [
        ana.backup_codes[0].to_lowercase().replace('-', ""),
        ana.backup_codes[1].replace('-', " "),
        ana.backup_codes[2].replace('0', "O").replace('1', "I"),
        ana.backup_codes[3].replace('0', "o").replace('1', "l"),
        ana.backup_codes[4].clone(),
    ];
    for (code, left) in typed.iter().zip([4, 3, 2, 1, 0]) {
        let sign_in = acme.sign_in().await;
        assert!(sign_in.accepted() == [SecondFactorType::Totp, SecondFactorType::BackupCode]);
        let issued = acme.web.backup_code(&sign_in.token, code).await.unwrap().issued();
        assert_eq!(issued.backup_codes_remaining, left);
        acme.web.validate_multi_factor(&issued.token).await.unwrap();
    }
    assert!(acme.sign_in().await.accepted() == [SecondFactorType::Totp], "none is left");
}

/// That a code was used already is told to nobody (C3).
async fn a_used_backup_code_is_a_wrong_one_that_charges_nothing(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let token = acme.sign_in().await.token;
    acme.web.backup_code(&token, &ana.backup_codes[0]).await.unwrap();
    let token = acme.sign_in().await.token;
    for _ in 0..12 {
        let refusal = refused(acme.web.backup_code(&token, &ana.backup_codes[0]).await);
        assert_eq!(refusal, Refusal::wrong_code(10));
    }
    acme.web.backup_code(&token, &ana.backup_codes[1]).await.unwrap();
}

/// Kratos, Keycloak 26106 and Appwrite 11692 let several uses of one code through: SELECT and
/// then UPDATE. Over processes and servers: `process::races::single_use::one_backup_code`.
async fn of_fifty_uses_at_once_one_succeeds(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let mut tokens = Vec::new();
    for _ in 0..5 {
        tokens.push(acme.sign_in().await.token);
    }
    let mut uses = JoinSet::new();
    for n in 0..50 {
        let (web, token) = (acme.web.clone(), tokens[n % tokens.len()].clone());
        let code = ana.backup_codes[0].clone();
        uses.spawn(async move { web.backup_code(&token, &code).await });
    }
    let answers = uses.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let mfa = acme.admin.customer(&acme.customer).await.unwrap().mfa.unwrap();
    assert_eq!(mfa.backup_codes_remaining, 4);
}

async fn a_backup_code_is_of_one_customer_alone(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ben = acme.with_customer("ben@example.com").await;
    let (anas, bens) = (acme.enroll().await, ben.enroll().await);
    let token = ben.sign_in().await.token;
    let refusal = refused(acme.web.backup_code(&token, &anas.backup_codes[0]).await);
    assert_eq!(refusal, Refusal::wrong_code(9));
    ben.web.backup_code(&token, &bens.backup_codes[0]).await.unwrap();
    // And it was not used up by that.
    let token = acme.sign_in().await.token;
    acme.web.backup_code(&token, &anas.backup_codes[0]).await.unwrap();
}

/// The same address has an account in both.
async fn a_backup_code_is_of_one_portal_alone(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let beta = Acme::called(acme.server.clone(), "beta").await;
    beta.enforce(true).await;
    let (acmes, betas) = (acme.enroll().await, beta.enroll().await);
    let token = beta.web.sign_in(EMAIL, PASSWORD).await.unwrap().token;
    let refusal = refused(beta.web.backup_code(&token, &acmes.backup_codes[0]).await);
    assert_eq!(refusal, Refusal::wrong_code(9));
    beta.web.backup_code(&token, &betas.backup_codes[0]).await.unwrap();
}

async fn a_backup_code_of_an_older_set_is_a_wrong_one(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let account = acme.web.account(&ana.session.token);
    let (newer, _) = account.backup_codes().await.unwrap();
    let token = acme.sign_in().await.token;
    for (tried, older) in (0..10).rev().zip(&ana.backup_codes) {
        let refusal = refused(acme.web.backup_code(&token, older).await);
        assert_eq!(refusal, Refusal::wrong_code(tried));
    }
    acme.web.backup_code(&token, &newer[0]).await.unwrap();
}

async fn a_reset_and_a_disabling_end_backup_codes(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = acme.web.account(&acme.password_session().await.token);
    for end in ["disabling", "reset"] {
        acme.enable_in(&account).await;
        let (codes, _) = account.backup_codes().await.unwrap();
        if end == "reset" {
            acme.admin.reset_mfa(&acme.customer).await.unwrap();
        } else {
            account.disable_mfa().await.unwrap();
        }
        acme.next_code();
        assert_eq!(acme.sign_in().await.step(), "session", "after the {end}");
        let account = acme.web.account(&acme.password_session().await.token);
        acme.enable_in(&account).await;
        let token = acme.sign_in().await.token;
        let refusal = refused(acme.web.backup_code(&token, &codes[0]).await);
        assert_eq!(refusal, Refusal::wrong_code(9), "after the {end}");
        account.disable_mfa().await.unwrap();
        acme.next_code();
    }
}

/// Each field takes one kind, and guesses of both kinds are of one budget
/// (`otp::codes_of_both_kinds_share_one_budget`).
async fn the_codes_of_one_kind_are_never_read_as_the_other(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let token = acme.sign_in().await.token;
    let shown = ana.phone.code(acme.server.now());
    let refusal = refused(acme.web.backup_code(&token, &shown).await);
    assert_eq!(refusal, Refusal::invalid(&["backup_code"]));
    for code in &ana.backup_codes {
        let refusal = refused(acme.web.totp(&token, code).await);
        assert_eq!(refusal, Refusal::invalid(&["totp_code"]));
    }
    acme.web.totp(&token, &shown).await.unwrap();
}

async fn a_digest_is_sealed_to_its_place_in_its_set(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    acme.enroll().await;
    for (at, opens) in acme.server.backup_codes_that_open(&acme.customer).await {
        assert_eq!(opens, vec![at]);
    }
}
