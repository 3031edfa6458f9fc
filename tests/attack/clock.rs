//! Clocks that are wrong, and times that are far away. That a server with another time than the
//! database's judges nothing: `process::readiness::nothing_is_judged_while_the_clocks_disagree`.

use std::time::Duration;

use gatehouse_api::v1::ErrorReason::SignInInvalid;
use gatehouse_domain::time::Timestamp;

use gatehouse_tests::{Acme, Database, PASSWORD, Refusal, SignInExt, TestServer, refused};

gatehouse_tests::on_each_database! {
    a_server_an_hour_off_lets_no_step_back_in_and_locks_nobody_out,
    a_clock_that_is_set_back_lets_no_step_back_in,
    a_clock_that_is_set_forward_and_back_revives_nothing,
}

const HOUR: Duration = Duration::from_hours(1);

/// Clocks of tests are not compared with the database's: this is what is left where that check
/// has not noticed yet.
async fn a_server_an_hour_off_lets_no_step_back_in_and_locks_nobody_out(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let now = acme.server.now();
    acme.totp_session(&ana.phone).await;
    let used = ana.phone.code(now);
    for (wrong, left) in [(now - HOUR, 9), (now + HOUR, 8)] {
        let web = acme.server.replica_at(wrong).await.web_with(&acme.key);
        let token = web.sign_in(&acme.email, PASSWORD).await.unwrap().token;
        // At its own time the code of now is an early one, or a late one.
        assert_eq!(refused(web.totp(&token, &used).await), Refusal::wrong_code(left));
    }
    // Of the server that is late the used code's step is not even near; neither charged enough
    // to lock.
    acme.next_code();
    acme.totp_session(&ana.phone).await;
    assert!(acme.admin.customer(&acme.customer).await.unwrap().lock.is_none());
}

/// Time steps rise strictly (C14): also those of a clock that goes back.
async fn a_clock_that_is_set_back_lets_no_step_back_in(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let before = acme.server.now();
    acme.server.pass(HOUR);
    acme.totp_session(&ana.phone).await;
    acme.server.set_clock(before);
    let token = acme.sign_in().await.token;
    for _ in 0..20 {
        let refusal = refused(acme.web.totp(&token, &ana.phone.code(before)).await);
        assert_eq!(refusal, Refusal::wrong_code(10), "as a used one, which charges nothing");
    }
    // Nobody has to wait for the hour to come again.
    acme.web.backup_code(&token, &ana.backup_codes[0]).await.unwrap();
    acme.server.set_clock(before + HOUR);
    acme.next_code();
    acme.totp_session(&ana.phone).await;
}

/// What had ended by the clock that was wrong is over for good where it was looked at, and
/// nothing lives longer than it would have.
async fn a_clock_that_is_set_forward_and_back_revives_nothing(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let now = acme.server.now();
    let (started, proven) = (acme.web.start(&acme.email).await.unwrap(), acme.sign_in().await);
    acme.web.validate(&ana.session.token).await.unwrap();
    acme.server.set_clock(now + 100 * HOUR);
    let refusal = refused(acme.web.validate(&ana.session.token).await);
    assert_eq!(refusal, Refusal::session_ended("expired"));
    for token in [&started.token, &proven.token] {
        assert_eq!(refused(acme.web.get(token).await), Refusal::of(SignInInvalid));
    }
    // A use in the future would have kept it alive for long.
    acme.server.set_clock(now);
    acme.web.validate(&ana.session.token).await.unwrap();
    acme.server.set_clock(now + HOUR);
    let refusal = refused(acme.web.validate(&ana.session.token).await);
    assert_eq!(refusal, Refusal::session_ended("idle"));
}

/// RFC 6238, appendix B, and the steps around the epoch and the end of 32 bits. The appendix'
/// vectors themselves: `domain::totp::tests::rfc_6238_vectors`.
#[tokio::test(flavor = "multi_thread")]
async fn whole_sign_ins_work_from_before_the_epoch_to_the_year_2603() {
    for seconds in [
        -31_536_000,
        -1,
        0,
        59,
        i64::from(i32::MAX),
        i64::from(i32::MAX) + 1,
        i64::from(u32::MAX),
        1_111_111_109,
        1_234_567_890,
        2_000_000_000,
        20_000_000_000,
    ] {
        let start = Timestamp::from_seconds(seconds);
        let server = TestServer::start_at(Database::Sqlite, start).await;
        let acme = Acme::enforcing(server).await;
        let sign_in = acme.sign_in().await;
        assert_eq!(sign_in.step(), "enroll", "at {seconds}");
        if seconds < 0 {
            // No authenticator has a step then. Nothing is judged right, and nothing breaks.
            acme.web.start_enrollment(&sign_in.token).await.unwrap();
            let answer = acme.web.verify_enrollment(&sign_in.token, "123456").await;
            assert_eq!(refused(answer), Refusal::wrong_code(4));
            continue;
        }
        let phone = acme.enable(&sign_in).await;
        acme.next_code();
        let issued = acme.totp_session(&phone).await;
        acme.web.validate_multi_factor(&issued.token).await.unwrap();
    }
}
