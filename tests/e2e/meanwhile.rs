//! What others do between two transactions of one call: what the call has seen before
//! is not so any more, and it has to see that.

use std::future::Future;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{CredentialsRejected, EnrollmentNotStarted, SignInInvalid};

use gatehouse_tests::{
    Acme, Answer, Database, EMAIL, Enrolled, PASSWORD, Refusal, SignInExt, TestServer, refused,
};

const NEW: &str = "another horse battery";

macro_rules! on_each_database {
    ($($rule:ident,)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(&super::acme(super::Database::Sqlite).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(&super::acme(super::Database::Postgres).await).await;
            })*
        }
    };
}

on_each_database! {
    a_session_that_has_ended_is_signed_out_already,
    a_session_that_has_ended_signs_no_other_out,
    a_password_that_is_no_more_signs_nobody_in,
    a_password_that_is_no_more_renews_no_session,
    a_start_that_another_call_has_used_charges_nobody,
    a_right_password_for_a_session_that_has_ended_charges_nobody,
    a_right_code_for_a_sign_in_that_has_ended_charges_nobody,
    a_wrong_code_for_a_sign_in_that_has_ended_is_not_judged,
    a_right_code_for_a_session_that_has_ended_charges_nobody,
    a_wrong_code_for_a_session_that_has_ended_is_not_judged,
    an_enrollment_that_another_call_has_verified_is_verified,
    a_code_of_an_enrollment_that_made_way_for_another_verifies_neither,
}

/// A portal on a server that begins no transaction of its own.
async fn acme(database: Database) -> Acme {
    Acme::new(TestServer::without_background(database).await).await
}

/// The answer to `call`, of which the `n`-th transaction begins after `change`.
async fn answer<T: Send + 'static>(
    acme: &Acme,
    call: impl Future<Output = Answer<T>> + Send + 'static,
    n: usize,
    change: impl Future,
) -> Answer<T> {
    let mut held = acme.server.faults().hold(n);
    let mut call = tokio::spawn(call);
    tokio::select! {
        true = held.is_there() => {}
        _ = &mut call => panic!("it ends without a transaction {n}"),
    }
    change.await;
    drop(held);
    call.await.unwrap()
}

/// The first transaction charges a password or the code of an enrollment, and the second
/// uses it.
const USE: usize = 2;
/// The code of a factor is charged by a statement alone.
const USE_CODE: usize = 1;

async fn a_session_that_has_ended_is_signed_out_already(acme: &Acme) {
    let (web, token) = (acme.web.clone(), acme.password_session().await.token);
    let sign_out = async move { web.sign_out(&token).await };
    let ended = answer(acme, sign_out, 1, acme.admin.revoke_sessions(&acme.customer)).await;
    assert_eq!(ended.unwrap(), 0);
}

async fn a_session_that_has_ended_signs_no_other_out(acme: &Acme) {
    let (this, other) = (acme.password_session().await, acme.password_session().await);
    let [this_name, other_name] =
        [&this, &other].map(|issued| issued.session.as_ref().unwrap().name.clone());
    let (web, token) = (acme.web.clone(), this.token);
    let sign_out = async move { web.sign_out_named(&token, &other_name).await };
    let ended = answer(acme, sign_out, 1, acme.admin.revoke_sessions(&this_name)).await;
    assert_eq!(refused(ended), Refusal::session_ended("revoked"));
    acme.web.validate(&other.token).await.unwrap();
}

async fn change_password(acme: &Acme) {
    let account = acme.web.account(&acme.password_session().await.token);
    account.change_password(PASSWORD, NEW).await.unwrap();
}

async fn a_password_that_is_no_more_signs_nobody_in(acme: &Acme) {
    let (web, token) = (acme.web.clone(), acme.web.start(EMAIL).await.unwrap().token);
    let sign_in = async move { web.password(&token, PASSWORD).await };
    let before = acme.server.kept_customer(&acme.customer).await.unwrap();
    let signed_in = answer(acme, sign_in, USE, change_password(acme)).await;
    assert!(refused(signed_in).is(CredentialsRejected));
    let sessions = acme.admin.sessions(&acme.customer).await.unwrap();
    assert_eq!(sessions.len(), 1, "that of who changed it");
    let after = acme.server.kept_customer(&acme.customer).await.unwrap();
    assert_eq!(after.password_revision, before.password_revision + 1);
}

async fn a_password_that_is_no_more_renews_no_session(acme: &Acme) {
    let token = acme.password_session().await.token;
    let [account, owner] = [(); 2].map(|()| acme.web.account(&token));
    let renew = async move { account.prove_password(PASSWORD).await };
    // It ends every session but its own.
    let change = owner.change_password(PASSWORD, NEW);
    assert!(refused(answer(acme, renew, USE, change).await).is(CredentialsRejected));
    acme.web.validate(&token).await.unwrap();
}

/// The customer, with a factor.
async fn enroll(acme: &Acme) -> Enrolled {
    acme.enforce(true).await;
    acme.enroll().await
}

/// Wrong codes and those being judged.
async fn counted(acme: &Acme) -> (u32, u32) {
    let codes = acme.server.kept_customer(&acme.customer).await.unwrap().codes;
    (codes.failures, codes.charges - codes.failures)
}

async fn suspend(acme: &Acme) {
    acme.admin.suspend(&acme.customer, true).await.unwrap();
}

async fn a_right_password_for_a_session_that_has_ended_charges_nobody(acme: &Acme) {
    for change in [false, true] {
        let account = acme.web.account(&acme.password_session().await.token);
        let prove = async move {
            if change {
                account.change_password(PASSWORD, NEW).await.map(drop)
            } else {
                account.prove_password(PASSWORD).await.map(drop)
            }
        };
        let answer = answer(acme, prove, USE, suspend(acme)).await;
        assert_eq!(refused(answer), Refusal::session_ended("suspended"));
        assert_no_tries(acme).await;
        acme.admin.suspend(&acme.customer, false).await.unwrap();
    }
}

async fn assert_no_tries(acme: &Acme) {
    let tries = acme.server.kept_tries(&acme.portal, EMAIL).await;
    assert!(tries.iter().all(|(_, count)| *count == 0), "{tries:?}");
}

async fn a_start_that_another_call_has_used_charges_nobody(acme: &Acme) {
    let token = acme.web.start(EMAIL).await.unwrap().token;
    let (web, same) = (acme.web.clone(), token.clone());
    let sign_in = async move { web.password(&same, PASSWORD).await };
    let first = async { acme.web.password(&token, PASSWORD).await.unwrap().issued() };
    assert!(refused(answer(acme, sign_in, USE, first).await).is(SignInInvalid));
    assert_eq!(acme.admin.sessions(&acme.customer).await.unwrap().len(), 1);
    assert_no_tries(acme).await;
}

async fn a_right_code_for_a_sign_in_that_has_ended_charges_nobody(acme: &Acme) {
    let phone = enroll(acme).await.phone;
    let (web, token) = (acme.web.clone(), acme.sign_in().await.token);
    let code = phone.code(acme.server.now());
    let prove = async move { web.totp(&token, &code).await };
    assert!(refused(answer(acme, prove, USE_CODE, suspend(acme)).await).is(SignInInvalid));
    assert_eq!(counted(acme).await, (0, 0));
}

/// Its charge counts as wrong when its time is over.
async fn a_wrong_code_for_a_sign_in_that_has_ended_is_not_judged(acme: &Acme) {
    let phone = enroll(acme).await.phone;
    let (web, token) = (acme.web.clone(), acme.sign_in().await.token);
    let code = phone.wrong_code(acme.server.now());
    let prove = async move { web.totp(&token, &code).await };
    assert!(refused(answer(acme, prove, USE_CODE, suspend(acme)).await).is(SignInInvalid));
    assert_eq!(counted(acme).await, (0, 1));
}

async fn a_right_code_for_a_session_that_has_ended_charges_nobody(acme: &Acme) {
    let enrolled = enroll(acme).await;
    let account = acme.web.account(&enrolled.session.token);
    let code = enrolled.phone.code(acme.server.now());
    let prove = async move { account.prove_totp(&code).await };
    let answer = answer(acme, prove, USE_CODE, suspend(acme)).await;
    assert_eq!(refused(answer), Refusal::session_ended("suspended"));
    assert_eq!(counted(acme).await, (0, 0));
}

async fn a_wrong_code_for_a_session_that_has_ended_is_not_judged(acme: &Acme) {
    let enrolled = enroll(acme).await;
    let account = acme.web.account(&enrolled.session.token);
    let code = enrolled.phone.wrong_code(acme.server.now());
    let prove = async move { account.prove_totp(&code).await };
    let answer = answer(acme, prove, USE_CODE, suspend(acme)).await;
    assert_eq!(refused(answer), Refusal::session_ended("suspended"));
    assert_eq!(counted(acme).await, (0, 1));
}

async fn an_enrollment_that_another_call_has_verified_is_verified(acme: &Acme) {
    acme.enforce(true).await;
    for n in [1, USE] {
        let sign_in = acme.sign_in().await;
        let code = acme.start_enrollment(&sign_in).await.code(acme.server.now());
        let (web, token, same) = (acme.web.clone(), sign_in.token.clone(), code.clone());
        let verify = async move { web.verify_enrollment(&token, &same).await };
        let first = acme.web.verify_enrollment(&sign_in.token, &code);
        let second = answer(acme, verify, n, first).await.unwrap();
        assert!(second.pending().unwrap().0 == v1::EnrollmentState::Verified, "{n}");
    }
}

async fn a_code_of_an_enrollment_that_made_way_for_another_verifies_neither(acme: &Acme) {
    acme.enforce(true).await;
    for n in [1, USE] {
        let sign_in = acme.sign_in().await;
        let code = acme.start_enrollment(&sign_in).await.code(acme.server.now());
        let (web, token) = (acme.web.clone(), sign_in.token.clone());
        let verify = async move { web.verify_enrollment(&token, &code).await };
        let answer = answer(acme, verify, n, acme.start_enrollment(&sign_in)).await;
        assert!(refused(answer).is(EnrollmentNotStarted), "{n}");
        let shown = acme.web.get(&sign_in.token).await.unwrap();
        assert!(shown.pending().unwrap().0 == v1::EnrollmentState::Pending, "{n}");
    }
}
