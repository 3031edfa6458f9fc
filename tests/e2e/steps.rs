//! Steps out of order, and the ends of a sign-in.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::SignInInvalid;

use gatehouse_tests::{Acme, Answer, EMAIL, PASSWORD, Refusal, SignInExt, TestServer, refused};

gatehouse_tests::on_each_database! {
    every_rpc_at_another_step_names_the_step,
    every_rpc_refuses_a_sign_in_that_is_over_or_unknown,
    a_sign_in_waits_five_minutes_for_the_password,
    a_sign_in_waits_five_minutes_for_the_code,
    a_sign_in_waits_fifteen_minutes_for_an_enrollment,
    the_token_of_the_start_ends_with_the_proven_password,
    the_sixth_live_sign_in_ends_the_oldest,
    the_newest_sign_in_lives_whatever_the_clock_says,
}

/// The steps of a sign-in that are RPCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rpc {
    VerifyPassword,
    VerifySecondFactor,
    StartEnrollment,
    VerifyEnrollment,
    DeleteEnrollment,
    EnableMfa,
    GenerateBackupCodes,
    FinishSignIn,
}

const ALL: [Rpc; 8] = [
    Rpc::VerifyPassword,
    Rpc::VerifySecondFactor,
    Rpc::StartEnrollment,
    Rpc::VerifyEnrollment,
    Rpc::DeleteEnrollment,
    Rpc::EnableMfa,
    Rpc::GenerateBackupCodes,
    Rpc::FinishSignIn,
];

async fn call(acme: &Acme, rpc: Rpc, token: &str) -> Answer<()> {
    let web = &acme.web;
    match rpc {
        Rpc::VerifyPassword => web.password(token, PASSWORD).await.map(drop),
        Rpc::VerifySecondFactor => web.totp(token, "000000").await.map(drop),
        Rpc::StartEnrollment => web.start_enrollment(token).await.map(drop),
        Rpc::VerifyEnrollment => web.verify_enrollment(token, "000000").await.map(drop),
        Rpc::DeleteEnrollment => web.delete_enrollment(token).await.map(drop),
        Rpc::EnableMfa => web.enable_mfa(token).await.map(drop),
        Rpc::GenerateBackupCodes => web.backup_codes(token).await.map(drop),
        Rpc::FinishSignIn => web.finish(token).await.map(drop),
    }
}

/// Holds every RPC but those `allowed` to naming the step that `sign_in` is at.
async fn assert_only(acme: &Acme, sign_in: &v1::SignIn, allowed: &[Rpc]) {
    for rpc in ALL.into_iter().filter(|rpc| !allowed.contains(rpc)) {
        let refusal = refused(call(acme, rpc, &sign_in.token).await);
        assert_eq!(refusal, Refusal::step(sign_in.step()), "{rpc:?}");
    }
    let after = acme.web.get(&sign_in.token).await.unwrap();
    assert!(after == *sign_in, "a refused step changes nothing");
}

async fn every_rpc_at_another_step_names_the_step(server: TestServer) {
    use Rpc::{
        DeleteEnrollment, EnableMfa, FinishSignIn, GenerateBackupCodes, StartEnrollment,
        VerifyEnrollment, VerifyPassword, VerifySecondFactor,
    };

    const ENROLL: [Rpc; 4] = [StartEnrollment, VerifyEnrollment, DeleteEnrollment, EnableMfa];
    let acme = Acme::enforcing(server).await;
    let started = acme.web.start(EMAIL).await.unwrap();
    assert_only(&acme, &started, &[VerifyPassword]).await;

    let proven = acme.web.password(&started.token, PASSWORD).await.unwrap();
    assert_only(&acme, &proven, &ENROLL).await;
    let pending = acme.web.start_enrollment(&proven.token).await.unwrap();
    assert_only(&acme, &pending, &ENROLL).await;

    acme.enforce(false).await;
    let optional = acme.web.get(&proven.token).await.unwrap();
    assert!(optional.enroll().optional);
    assert_only(&acme, &optional, &[&ENROLL[..], &[FinishSignIn]].concat()).await;
    acme.enforce(true).await;

    acme.enable(&proven).await;
    let enabled = acme.web.get(&proven.token).await.unwrap();
    assert_eq!(enabled.step(), "backup_codes");
    assert_only(&acme, &enabled, &[EnableMfa, GenerateBackupCodes, FinishSignIn]).await;
    acme.web.finish(&proven.token).await.unwrap();

    let asked = acme.sign_in().await;
    assert_eq!(asked.step(), "second_factor");
    assert_only(&acme, &asked, &[VerifySecondFactor]).await;
    let customer = acme.admin.customer(&acme.customer).await.unwrap();
    assert!(customer.lock.is_none());
}

async fn assert_over(acme: &Acme, token: &str) {
    for rpc in ALL {
        let refusal = refused(call(acme, rpc, token).await);
        assert_eq!(refusal, Refusal::of(SignInInvalid), "{rpc:?}");
    }
    assert_eq!(refused(acme.web.get(token).await), Refusal::of(SignInInvalid));
}

async fn every_rpc_refuses_a_sign_in_that_is_over_or_unknown(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let sign_in = acme.sign_in().await;
    acme.enable(&sign_in).await;
    acme.web.finish(&sign_in.token).await.unwrap();
    assert_over(&acme, &sign_in.token).await;
    assert_over(&acme, &format!("ghi_{}", "A".repeat(43))).await;
    let started = acme.web.start(EMAIL).await.unwrap().token;
    let foreign = format!("ghi_{}", "A".repeat(started.len() - 4));
    assert_over(&acme, &foreign).await;
}

async fn a_sign_in_waits_five_minutes_for_the_password(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let sign_in = acme.web.start(EMAIL).await.unwrap();
    acme.server.pass_almost(Duration::from_mins(5));
    acme.web.get(&sign_in.token).await.unwrap();
    acme.server.pass_the_rest();
    assert_over(&acme, &sign_in.token).await;
}

async fn a_sign_in_waits_five_minutes_for_the_code(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let (early, late) = (acme.sign_in().await, acme.sign_in().await);
    acme.server.pass_almost(Duration::from_mins(5));
    let code = ana.phone.code(acme.server.now());
    acme.web.totp(&early.token, &code).await.unwrap();
    acme.server.pass_the_rest();
    assert_over(&acme, &late.token).await;
}

async fn a_sign_in_waits_fifteen_minutes_for_an_enrollment(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let (early, late) = (acme.sign_in().await, acme.sign_in().await);
    acme.start_enrollment(&late).await;
    acme.server.pass_almost(Duration::from_mins(15));
    acme.enable(&early).await;
    acme.web.finish(&early.token).await.unwrap();
    acme.server.pass_the_rest();
    assert_over(&acme, &late.token).await;
}

async fn the_token_of_the_start_ends_with_the_proven_password(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let started = acme.web.start(EMAIL).await.unwrap();
    let proven = acme.web.password(&started.token, PASSWORD).await.unwrap();
    assert_over(&acme, &started.token).await;
    acme.web.get(&proven.token).await.unwrap();
}

async fn the_sixth_live_sign_in_ends_the_oldest(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let mut sign_ins = Vec::new();
    for _ in 0..6 {
        sign_ins.push(acme.sign_in().await);
        // One that was only started does not count.
        acme.web.start(EMAIL).await.unwrap();
        acme.server.pass_the_rest();
    }
    assert_over(&acme, &sign_ins[0].token).await;
    for live in &sign_ins[1..] {
        acme.web.get(&live.token).await.unwrap();
    }
}

async fn the_newest_sign_in_lives_whatever_the_clock_says(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    for _ in 0..20 {
        let newest = acme.sign_in().await;
        acme.web.get(&newest.token).await.unwrap();
    }
}
