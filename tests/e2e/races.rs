//! Many calls at once, on one server and on three over one database.

mod fleet;

use std::future::Future;
use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{
    CredentialsRejected, InvitationInvalid, SignInInvalid, SignInLocked, StoreUnavailable,
    Throttled,
};

use gatehouse_api::v1::verify_second_factor_request::Proof;
use tonic::Request;

use self::fleet::Fleet;
use gatehouse_tests::{
    Answer, Database, EMAIL, Enrolled, PASSWORD, Refusal, SignInExt, Web, refused,
};

const WRONG: &str = "wrong horse battery";

macro_rules! on_one_server_and_three {
    ($($rule:ident,)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(super::Fleet::start(super::Database::Sqlite, 1).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(super::Fleet::start(super::Database::Postgres, 1).await).await;
            })*
        }
        mod three_replicas {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(super::Fleet::start(super::Database::Postgres, 3).await).await;
            })*
        }
    };
}

mod lookups;

on_one_server_and_three! {
    one_totp_code_makes_one_session,
    one_code_for_one_sign_in_makes_one_session_and_charges_nobody,
    one_backup_code_makes_one_session,
    one_start_makes_one_session_and_charges_nobody,
    two_enrollments_make_one_factor,
    two_hundred_wrong_codes_stay_within_the_budget,
    two_hundred_wrong_passwords_stay_within_the_budget,
    no_session_survives_a_reset,
    a_guess_whose_deadline_passes_is_charged,
    a_guess_whose_caller_goes_away_is_charged,
    revocation_holds_from_the_next_call_on,
    one_session_is_signed_out_once,
    one_invitation_sets_one_password,
    one_code_proves_once_in_sessions_and_sign_ins,
    no_password_changes_on_a_proof_that_a_factor_outdates,
}

/// The one that succeeded, and why the others did not.
fn winner<T>(answers: Vec<Answer<T>>) -> (T, Vec<Refusal>) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1, "one succeeds");
    (won.into_iter().next().unwrap().unwrap(), lost.into_iter().map(refused).collect())
}

/// Why a right proof may be refused when another has used it, or when as many as
/// are allowed are being judged; or the database was too busy to say.
fn assert_beaten(lost: &[Refusal]) {
    let known = [CredentialsRejected, SignInInvalid, Throttled, StoreUnavailable];
    for refusal in lost {
        assert!(known.into_iter().any(|reason| refusal.is(reason)), "{refusal:?}");
    }
}

/// Holds the customer to a full budget of wrong codes, unless a proof was lost
/// between its charge and its verdict.
async fn assert_uncharged(fleet: &Fleet, ana: &Enrolled, lost: &[Refusal]) {
    if lost.iter().any(|refusal| refusal.is(StoreUnavailable)) {
        return;
    }
    let acme = &fleet.acme;
    // Longer than any guess may take to be judged.
    acme.server.pass(Duration::from_mins(1));
    let sign_in = acme.sign_in().await;
    let wrong = ana.phone.wrong_code(acme.server.now());
    assert_eq!(refused(acme.web.totp(&sign_in.token, &wrong).await), Refusal::wrong_code(9));
}

async fn one_totp_code_makes_one_session(fleet: Fleet) {
    let ana = fleet.enroll().await;
    let tokens = fleet.tokens().await;
    let code = ana.phone.code(fleet.acme.server.now());
    let answers = fleet.at_once(64, |n, web| {
        let (token, code) = (tokens[n % tokens.len()].clone(), code.clone());
        async move { web.totp(&token, &code).await }
    });
    let (won, lost) = winner(answers.await);
    assert_beaten(&lost);
    fleet.acme.web.validate_multi_factor(&won.issued().token).await.unwrap();
    assert_uncharged(&fleet, &ana, &lost).await;
}

async fn one_code_for_one_sign_in_makes_one_session_and_charges_nobody(fleet: Fleet) {
    let ana = fleet.enroll().await;
    let token = fleet.acme.sign_in().await.token;
    let code = ana.phone.code(fleet.acme.server.now());
    let answers = fleet.at_once(8, |_, web| {
        let (token, code) = (token.clone(), code.clone());
        async move { web.totp(&token, &code).await }
    });
    let (_, lost) = winner(answers.await);
    assert_beaten(&lost);
    assert_uncharged(&fleet, &ana, &lost).await;
}

async fn one_backup_code_makes_one_session(fleet: Fleet) {
    let ana = fleet.enroll().await;
    let tokens = fleet.tokens().await;
    let answers = fleet.at_once(64, |n, web| {
        let (token, code) = (tokens[n % tokens.len()].clone(), ana.backup_codes[0].clone());
        async move { web.backup_code(&token, &code).await }
    });
    let (won, lost) = winner(answers.await);
    assert_beaten(&lost);
    assert_eq!(won.issued().backup_codes_remaining, 4);
    assert_uncharged(&fleet, &ana, &lost).await;
}

async fn one_start_makes_one_session_and_charges_nobody(fleet: Fleet) {
    let token = fleet.acme.web.start(EMAIL).await.unwrap().token;
    let answers = fleet.at_once(64, |_, web| {
        let token = token.clone();
        async move { web.password(&token, PASSWORD).await }
    });
    let (won, lost) = winner(answers.await);
    assert_beaten(&lost);
    fleet.acme.web.validate(&won.issued().token).await.unwrap();
    if lost.iter().any(|refusal| refusal.is(StoreUnavailable)) {
        return;
    }
    for _ in 0..5 {
        let refusal = refused(fleet.acme.web.sign_in(EMAIL, WRONG).await);
        assert_eq!(refusal, Refusal::of(CredentialsRejected), "all five are left");
    }
}

async fn two_enrollments_make_one_factor(fleet: Fleet) {
    let acme = &fleet.acme;
    acme.enforce(true).await;
    for _ in 0..10 {
        let mut verified = Vec::new();
        for _ in 0..2 {
            let sign_in = acme.sign_in().await;
            let phone = acme.start_enrollment(&sign_in).await;
            let code = phone.code(acme.server.now());
            acme.web.verify_enrollment(&sign_in.token, &code).await.unwrap();
            verified.push((sign_in.token, phone));
        }
        let answers = fleet.at_once(2, |n, web| {
            let token = verified[n].0.clone();
            async move { Ok((n, web.enable_mfa(&token).await)) }
        });
        let answers = answers.await.into_iter().map(|answer| {
            let (n, enabled) = answer.unwrap();
            enabled.map(|_| n)
        });
        let (won, lost) = winner(answers.collect());
        assert_eq!(lost, [Refusal::step("second_factor")]);

        acme.next_code();
        let now = acme.server.now();
        let loser = &verified[1 - won];
        assert!(acme.web.totp(&loser.0, &loser.1.code(now)).await.is_err());
        acme.web.totp(&loser.0, &verified[won].1.code(now)).await.unwrap();
        acme.admin.reset_mfa(&acme.customer).await.unwrap();
    }
}

async fn two_hundred_wrong_codes_stay_within_the_budget(fleet: Fleet) {
    let ana = fleet.enroll().await;
    let tokens = fleet.tokens().await;
    let wrong: Vec<_> = ana.phone.wrong_codes(fleet.acme.server.now()).take(200).collect();
    let answers = fleet.at_once(200, |n, web| {
        let (token, code) = (tokens[n % tokens.len()].clone(), wrong[n].clone());
        async move { web.totp(&token, &code).await }
    });
    let judged = |refusals: &[Refusal]| {
        let known = [CredentialsRejected, SignInLocked, Throttled, StoreUnavailable];
        for refusal in refusals {
            assert!(known.into_iter().any(|reason| refusal.is(reason)), "{refusal:?}");
        }
        refusals.iter().filter(|refusal| refusal.is(CredentialsRejected)).count()
    };
    let at_once: Vec<_> = answers.await.into_iter().map(refused).collect();

    // What is left of the budget, if the database was too busy to judge them all.
    let acme = &fleet.acme;
    acme.server.pass(Duration::from_mins(1));
    let mut one_by_one = Vec::new();
    let token = acme.sign_in().await.token;
    while !one_by_one.last().is_some_and(|last: &Refusal| last.is(SignInLocked)) {
        let wrong = ana.phone.wrong_code(acme.server.now());
        one_by_one.push(refused(acme.web.totp(&token, &wrong).await));
        assert!(one_by_one.len() <= 11);
    }
    assert!(judged(&at_once) > 0);
    assert!(judged(&at_once) + judged(&one_by_one) <= 10);
    let lock = acme.admin.customer(&acme.customer).await.unwrap().lock.unwrap();
    assert_eq!(lock.failures, 10);
}

async fn two_hundred_wrong_passwords_stay_within_the_budget(fleet: Fleet) {
    let before = fleet.password_comparisons();
    let answers = fleet.at_once(200, |_, web| async move { web.sign_in(EMAIL, WRONG).await });
    for refusal in answers.await.into_iter().map(refused) {
        let known = [CredentialsRejected, Throttled, StoreUnavailable];
        assert!(known.into_iter().any(|reason| refusal.is(reason)), "{refusal:?}");
    }
    // Counted where they are compared.
    assert!((1..=5).contains(&(fleet.password_comparisons() - before)));
}

async fn no_session_survives_a_reset(fleet: Fleet) {
    let acme = &fleet.acme;
    acme.enforce(true).await;
    for round in 0..30 {
        let ana = acme.enroll().await;
        let token = acme.sign_in().await.token;
        let code = ana.phone.code(acme.server.now());
        let web = &fleet.webs[round % fleet.webs.len()];
        let (sign_in, reset) =
            tokio::join!(web.totp(&token, &code), acme.admin.reset_mfa(&acme.customer));
        reset.unwrap();
        let sessions = [Ok(ana.session), sign_in.map(SignInExt::issued)];
        for issued in sessions.into_iter().flatten() {
            let refusal = refused(web.validate(&issued.token).await);
            assert_eq!(refusal, Refusal::session_ended("mfa_reset"), "round {round}");
        }
    }
}

/// Guesses, and waits for no answer, until the customer is locked.
async fn assert_charged<F>(fleet: Fleet, guess: impl Fn(Web, v1::VerifySecondFactorRequest) -> F)
where
    F: Future<Output = ()>,
{
    let ana = fleet.enroll().await;
    let acme = &fleet.acme;
    let token = acme.sign_in().await.token;
    let codes = ana.phone.wrong_codes(acme.server.now());
    for (n, code) in codes.take(2_000).enumerate() {
        let request = v1::VerifySecondFactorRequest {
            sign_in_token: token.clone(),
            proof: Some(Proof::TotpCode(code)),
            client: None,
        };
        guess(fleet.webs[n % fleet.webs.len()].clone(), request).await;
        if acme.admin.customer(&acme.customer).await.unwrap().lock.is_some() {
            let right = ana.phone.code(acme.server.now());
            assert!(refused(acme.web.totp(&token, &right).await).is(SignInLocked));
            return;
        }
    }
    panic!("guesses are free to those who do not wait");
}

const MILLISECOND: Duration = Duration::from_millis(1);

async fn a_guess_whose_deadline_passes_is_charged(fleet: Fleet) {
    assert_charged(fleet, |web, request| async move {
        let mut request = Request::new(request);
        request.set_timeout(MILLISECOND);
        let _ = web.client().verify_second_factor(request).await;
    })
    .await;
}

async fn a_guess_whose_caller_goes_away_is_charged(fleet: Fleet) {
    assert_charged(fleet, |web, request| async move {
        let mut client = web.client();
        let _ = tokio::time::timeout(MILLISECOND, client.verify_second_factor(request)).await;
    })
    .await;
}

async fn revocation_holds_from_the_next_call_on(fleet: Fleet) {
    let acme = &fleet.acme;
    let issued = acme.password_session().await;
    for web in &fleet.webs {
        web.validate(&issued.token).await.unwrap();
    }
    acme.web.sign_out(&issued.token).await.unwrap();
    for web in &fleet.webs {
        let refusal = refused(web.validate(&issued.token).await);
        assert_eq!(refusal, Refusal::session_ended("signed_out"));
    }
}

async fn one_session_is_signed_out_once(fleet: Fleet) {
    for _ in 0..5 {
        let token = fleet.acme.password_session().await.token;
        let answers = fleet.at_once(8, |_, web| {
            let token = token.clone();
            async move { web.sign_out(&token).await }
        });
        let ended: i32 = answers.await.into_iter().map(Result::unwrap).sum();
        assert_eq!(ended, 1);
    }
}

async fn one_invitation_sets_one_password(fleet: Fleet) {
    let acme = &fleet.acme;
    let token = acme.admin.invite(&acme.customer).await.unwrap().token;
    let password = |n| format!("{n} other horses battery");
    let answers = fleet.at_once(16, |n, web| {
        let (token, password) = (token.clone(), password(n));
        async move { web.accept_invitation(&token, &password).await.map(|sign_in| (n, sign_in)) }
    });
    let ((n, sign_in), lost) = winner(answers.await);
    for refusal in lost {
        assert!(refusal.is(InvitationInvalid) || refusal.is(StoreUnavailable), "{refusal:?}");
    }
    acme.web.validate(&sign_in.issued().token).await.unwrap();
    acme.web.sign_in(EMAIL, &password(n)).await.unwrap();
}

async fn one_code_proves_once_in_sessions_and_sign_ins(fleet: Fleet) {
    let acme = &fleet.acme;
    let ana = fleet.enroll().await;
    let sign_in = acme.sign_in().await.token;
    let code = ana.phone.code(acme.server.now());
    let answers = fleet.at_once(16, |n, web| {
        let (sign_in, session, code) = (sign_in.clone(), ana.session.token.clone(), code.clone());
        async move {
            if n % 2 == 0 {
                web.totp(&sign_in, &code).await.map(drop)
            } else {
                web.account(&session).prove_totp(&code).await.map(drop)
            }
        }
    });
    let ((), lost) = winner(answers.await);
    assert_beaten(&lost);
    assert_uncharged(&fleet, &ana, &lost).await;
}

/// Whichever is first ends the other session or its proof: both at once would be
/// a password changed without the factor that is in force.
async fn no_password_changes_on_a_proof_that_a_factor_outdates(fleet: Fleet) {
    for round in 0..5 {
        let acme = fleet.acme.with_customer(&format!("ana{round}@example.com")).await;
        let [one, other] = [acme.password_session().await, acme.password_session().await];
        let enrolling = acme.web.account(&one.token);
        let phone = enrolling.scan().await.unwrap();
        enrolling.verify_enrollment(&phone.code(acme.server.now())).await.unwrap();
        let changing = fleet.webs[round % fleet.webs.len()].account(&other.token);
        let (enabled, changed) = tokio::join!(
            enrolling.enable_mfa(),
            changing.change_password(PASSWORD, "another horse battery"),
        );
        assert_ne!(enabled.is_ok(), changed.is_ok(), "round {round}");
    }
}
