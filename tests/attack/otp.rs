//! Codes at sign-in: wrong, used, early, late, and too many.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{SignInLocked, Throttled};
use gatehouse_domain::time::Timestamp;

use gatehouse_tests::{
    Acme, Authenticator, PASSWORD, Refusal, SignInExt, TestServer, refused, time,
};

gatehouse_tests::on_each_database! {
    wrong_codes_say_how_many_are_left,
    ten_wrong_codes_lock_until_the_time_told,
    every_further_five_lock_for_twice_as_long,
    a_hundred_wrong_codes_lock_until_an_administrator_ends_it,
    a_reset_ends_a_lock,
    a_new_sign_in_and_a_right_password_give_no_new_guesses,
    a_locked_customer_reaches_the_step_and_is_refused_there,
    the_step_shows_a_lock_for_as_long_as_it_lasts,
    a_completed_sign_in_clears_the_counter,
    codes_of_both_kinds_share_one_budget,
    a_used_code_is_a_wrong_one_that_charges_nothing,
    a_used_code_after_a_lock_leaves_as_many_as_there_are,
    the_code_of_the_enrollment_does_not_sign_in,
    one_step_either_side_is_accepted_and_no_other,
    an_earlier_step_than_the_last_one_is_refused,
    without_skew_only_the_present_step_is_accepted,
    a_code_of_another_length_is_refused_before_it_is_charged,
    a_code_is_read_however_an_app_shows_it,
    a_code_of_another_customer_is_a_wrong_one,
    codes_wait_for_a_second_while_as_many_as_are_allowed_are_judged,
    guesses_whose_judges_are_gone_are_wrong_ones_and_their_lock_is_shown,
}

/// Presents wrong codes; gives the last refusal.
async fn guess(acme: &Acme, phone: &Authenticator, times: usize) -> Refusal {
    let token = acme.sign_in().await.token;
    let mut last = None;
    for code in phone.wrong_codes(acme.server.now()).take(times) {
        last = Some(refused(acme.web.totp(&token, &code).await));
    }
    last.unwrap()
}

fn locked(acme: &Acme, wait: Duration) -> Refusal {
    Refusal::of(SignInLocked).wait(acme.server.now(), wait)
}

const MINUTE: Duration = Duration::from_mins(1);

/// A lock as it is shown: wrong codes, and until when.
type Lock = Option<(i32, Option<Timestamp>)>;

fn shown(lock: Option<v1::CustomerLock>) -> Lock {
    lock.map(|lock| (lock.failures, lock.until_time.map(|until| time(Some(until)))))
}

/// The lock on a page that is loaded anew.
async fn reloaded(acme: &Acme, token: &str) -> Lock {
    shown(acme.web.get(token).await.unwrap().lock())
}

async fn wrong_codes_say_how_many_are_left(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let token = acme.sign_in().await.token;
    let wrong = ana.phone.wrong_code(acme.server.now());
    for left in (0..10).rev() {
        assert_eq!(refused(acme.web.totp(&token, &wrong).await), Refusal::wrong_code(left));
    }
}

/// Zitadel (CVE-2024-32868) counted no wrong codes; Vaultwarden (CVE-2026-27801) never saved the
/// count.
async fn ten_wrong_codes_lock_until_the_time_told(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    guess(&acme, &ana.phone, 10).await;
    let token = acme.sign_in().await.token;
    let code = ana.phone.code(acme.server.now());
    assert_eq!(refused(acme.web.totp(&token, &code).await), locked(&acme, 15 * MINUTE));
    let refusal = refused(acme.web.backup_code(&token, &ana.backup_codes[0]).await);
    assert_eq!(refusal, locked(&acme, 15 * MINUTE));
    let lock = acme.admin.customer(&acme.customer).await.unwrap().lock.unwrap();
    assert_eq!((lock.failures, time(lock.until_time)), (10, acme.server.now() + 15 * MINUTE));

    acme.server.pass_almost(15 * MINUTE);
    assert_eq!(guess(&acme, &ana.phone, 1).await, locked(&acme, Duration::from_micros(1)));
    acme.server.pass_the_rest();
    acme.totp_session(&ana.phone).await;
    assert!(acme.admin.customer(&acme.customer).await.unwrap().lock.is_none());
}

async fn every_further_five_lock_for_twice_as_long(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    guess(&acme, &ana.phone, 10).await;
    acme.server.pass(15 * MINUTE);
    for wait in [30 * MINUTE, 60 * MINUTE, 120 * MINUTE] {
        assert_eq!(guess(&acme, &ana.phone, 4).await, Refusal::wrong_code(1));
        assert_eq!(guess(&acme, &ana.phone, 1).await, Refusal::wrong_code(0));
        assert_eq!(guess(&acme, &ana.phone, 1).await, locked(&acme, wait));
        acme.server.pass(wait);
    }
    acme.totp_session(&ana.phone).await;
}

/// NIST 800-63B-4, 3.2.2: at most 100. A guess is right once in 333,333.
async fn a_hundred_wrong_codes_lock_until_an_administrator_ends_it(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    guess(&acme, &ana.phone, 10).await;
    for _ in 0..18 {
        acme.server.pass(Duration::from_hours(24));
        assert_eq!(guess(&acme, &ana.phone, 5).await, Refusal::wrong_code(0));
    }
    acme.server.pass(Duration::from_hours(10_000));
    assert_eq!(guess(&acme, &ana.phone, 1).await, Refusal::of(SignInLocked), "no time helps");
    let lock = acme.admin.customer(&acme.customer).await.unwrap().lock.unwrap();
    assert_eq!((lock.failures, lock.until_time), (100, None));
    assert_eq!(shown(acme.sign_in().await.lock()), Some((100, None)), "without an end there too");
}

/// Below 100 a lock ends by itself; an administrator need not wait (Zitadel 6502).
async fn a_reset_ends_a_lock(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    guess(&acme, &ana.phone, 10).await;
    let answer = acme.admin.reset_mfa(&acme.customer).await.unwrap();
    assert!(answer.customer.unwrap().lock.is_none());
    let again = acme.enroll().await;
    assert_eq!(guess(&acme, &again.phone, 1).await, Refusal::wrong_code(9));
}

/// "AuthQuake": guesses were counted for each challenge, and a new one was free. Others cleared
/// the count with the password (C5).
async fn a_new_sign_in_and_a_right_password_give_no_new_guesses(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    for left in (0..10).rev() {
        assert_eq!(guess(&acme, &ana.phone, 1).await, Refusal::wrong_code(left));
    }
    assert_eq!(guess(&acme, &ana.phone, 1).await, locked(&acme, 15 * MINUTE));
}

async fn a_locked_customer_reaches_the_step_and_is_refused_there(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    guess(&acme, &ana.phone, 10).await;
    let sign_in = acme.sign_in().await;
    assert_eq!(sign_in.step(), "second_factor");
    let code = ana.phone.code(acme.server.now());
    assert!(refused(acme.web.totp(&sign_in.token, &code).await).is(SignInLocked));
    assert_eq!(acme.web.get(&sign_in.token).await.unwrap().step(), "second_factor");
    acme.web.validate(&ana.session.token).await.unwrap();
}

async fn the_step_shows_a_lock_for_as_long_as_it_lasts(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    guess(&acme, &ana.phone, 9).await;
    let before = acme.sign_in().await;
    assert_eq!(shown(before.lock()), None, "VerifyPassword, of an open budget");
    guess(&acme, &ana.phone, 1).await;
    let lock = Some((10, Some(acme.server.now() + 15 * MINUTE)));
    assert_eq!(reloaded(&acme, &before.token).await, lock, "GetSignIn");
    assert_eq!(shown(acme.sign_in().await.lock()), lock, "VerifyPassword");
    assert_eq!(shown(acme.admin.customer(&acme.customer).await.unwrap().lock), lock);
    let invitation = acme.admin.invite(&acme.customer).await.unwrap().token;
    let invited = acme.web.accept_invitation(&invitation, PASSWORD).await.unwrap();
    assert_eq!(shown(invited.lock()), lock, "AcceptInvitation");

    acme.server.pass_almost(15 * MINUTE);
    let token = acme.sign_in().await.token;
    assert_eq!(reloaded(&acme, &token).await, lock, "to the last");
    acme.server.pass_the_rest();
    assert_eq!(reloaded(&acme, &token).await, None, "it is over");
    guess(&acme, &ana.phone, 5).await;
    let token = acme.sign_in().await.token;
    assert_eq!(reloaded(&acme, &token).await, Some((15, Some(acme.server.now() + 30 * MINUTE))));
    acme.admin.unlock(&acme.customer).await.unwrap();
    assert_eq!(reloaded(&acme, &token).await, None, "it was ended");
}

async fn a_completed_sign_in_clears_the_counter(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    guess(&acme, &ana.phone, 9).await;
    acme.totp_session(&ana.phone).await;
    assert_eq!(guess(&acme, &ana.phone, 1).await, Refusal::wrong_code(9));
}

/// Or there would be twice as many guesses.
async fn codes_of_both_kinds_share_one_budget(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    guess(&acme, &ana.phone, 5).await;
    let token = acme.sign_in().await.token;
    for left in (0..5).rev() {
        let refusal = refused(acme.web.backup_code(&token, "0000-0000-0000-0000").await);
        assert_eq!(refusal, Refusal::wrong_code(left));
    }
    assert_eq!(guess(&acme, &ana.phone, 1).await, locked(&acme, 15 * MINUTE));
}

/// RFC 6238, 5.2. That a code was used already is told to nobody: Vault (CVE-2025-6015).
async fn a_used_code_is_a_wrong_one_that_charges_nothing(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    acme.totp_session(&ana.phone).await;
    let token = acme.sign_in().await.token;
    let used = ana.phone.code(acme.server.now());
    for _ in 0..12 {
        assert_eq!(refused(acme.web.totp(&token, &used).await), Refusal::wrong_code(10));
    }
    acme.next_code();
    acme.web.totp(&token, &ana.phone.code(acme.server.now())).await.unwrap();
}

async fn a_used_code_after_a_lock_leaves_as_many_as_there_are(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let used = &ana.backup_codes[0];
    let token = acme.sign_in().await.token;
    acme.web.backup_code(&token, used).await.unwrap();
    guess(&acme, &ana.phone, 10).await;
    acme.server.pass(15 * MINUTE);
    let token = acme.sign_in().await.token;
    assert_eq!(refused(acme.web.backup_code(&token, used).await), Refusal::wrong_code(5));
    assert_eq!(guess(&acme, &ana.phone, 1).await, Refusal::wrong_code(4));
}

/// RFC 6238, 5.2: one success for each step, wherever (C3).
async fn the_code_of_the_enrollment_does_not_sign_in(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let sign_in = acme.sign_in().await;
    let phone = acme.enable(&sign_in).await;
    let verified_with = phone.code(acme.server.now());
    let other = acme.sign_in().await;
    assert_eq!(other.step(), "second_factor", "it is in force already");
    let refusal = refused(acme.web.totp(&other.token, &verified_with).await);
    assert_eq!(refusal, Refusal::wrong_code(10));
    acme.next_code();
    acme.totp_session(&phone).await;
}

/// RFC 6238, 5.2 and 6: no more than clocks need.
async fn one_step_either_side_is_accepted_and_no_other(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let step = Duration::from_secs(30);
    acme.server.pass(4 * step);
    let token = acme.sign_in().await.token;
    let now = acme.server.now();
    for far in [now - 2 * step, now + 2 * step] {
        assert!(acme.web.totp(&token, &ana.phone.code(far)).await.is_err());
    }
    for near in [now - step, now, now + step] {
        let token = acme.sign_in().await.token;
        acme.web.totp(&token, &ana.phone.code(near)).await.unwrap();
    }
}

/// Accepted steps rise strictly (C14): a code looked over the shoulder is of no use after the
/// next.
async fn an_earlier_step_than_the_last_one_is_refused(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    acme.next_code();
    let (step, now) = (Duration::from_secs(30), acme.server.now());
    let token = acme.sign_in().await.token;
    acme.web.totp(&token, &ana.phone.code(now + step)).await.unwrap();
    let token = acme.sign_in().await.token;
    for used in [now - step, now, now + step] {
        let refusal = refused(acme.web.totp(&token, &ana.phone.code(used)).await);
        assert_eq!(refusal, Refusal::wrong_code(10), "all of them count as used");
    }
}

/// OWASP ASVS 6.5.5, the strict form.
async fn without_skew_only_the_present_step_is_accepted(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let mfa = Some(v1::MfaPolicy { totp_skew_steps: Some(0), ..Default::default() });
    acme.update(v1::Portal { mfa, ..Default::default() }, &["mfa.totp_skew_steps"]).await;
    acme.server.pass(Duration::from_mins(1));
    let (step, now) = (Duration::from_secs(30), acme.server.now());
    let token = acme.sign_in().await.token;
    for (late, left) in [(now - step, 9), (now + step, 8)] {
        let refusal = refused(acme.web.totp(&token, &ana.phone.code(late)).await);
        assert_eq!(refusal, Refusal::wrong_code(left));
    }
    acme.web.totp(&token, &ana.phone.code(now)).await.unwrap();
}

async fn a_code_of_another_length_is_refused_before_it_is_charged(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let token = acme.sign_in().await.token;
    for code in ["", "12345", "1234567", "12345678", "123456789", "12345a", "-12345"] {
        let refusal = refused(acme.web.totp(&token, code).await);
        assert_eq!(refusal, Refusal::invalid(&["totp_code"]), "{code}");
    }
    for code in ["", "0000-0000-0000-000", "0000-0000-0000-00000", "UUUU-0000-0000-0000"] {
        let refusal = refused(acme.web.backup_code(&token, code).await);
        assert_eq!(refusal, Refusal::invalid(&["backup_code"]), "{code}");
    }
    // A code of one kind is no code of the other.
    let shown = ana.phone.code(acme.server.now());
    let refusal = refused(acme.web.backup_code(&token, &shown).await);
    assert_eq!(refusal, Refusal::invalid(&["backup_code"]));
    let refusal = refused(acme.web.totp(&token, &ana.backup_codes[0]).await);
    assert_eq!(refusal, Refusal::invalid(&["totp_code"]));
    assert_eq!(guess(&acme, &ana.phone, 1).await, Refusal::wrong_code(9));
}

async fn a_code_is_read_however_an_app_shows_it(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let full_width = |code: &str| {
        let wide = |digit: char| char::from_u32(u32::from(digit) + 0xfee0).unwrap();
        code.chars().map(wide).collect::<String>()
    };
    let spellings: [&dyn Fn(&str) -> String; 4] = [
        &|code| format!("{} {}", &code[..3], &code[3..]),
        &|code| format!("\t{code}\n"),
        &|code| format!("{}\u{a0}{}\u{2009}{}", &code[..2], &code[2..4], &code[4..]),
        &full_width,
    ];
    for spelling in spellings {
        let shown = ana.phone.code(acme.server.now());
        let token = acme.sign_in().await.token;
        acme.web.totp(&token, &spelling(&shown)).await.unwrap();
        // And it is the same code when it has been used: Vault (CVE-2025-6015) looked for the used
        // one before it took the spaces away.
        let token = acme.sign_in().await.token;
        for again in [shown.clone(), spelling(&shown), format!(" {shown}"), full_width(&shown)] {
            let refusal = refused(acme.web.totp(&token, &again).await);
            assert_eq!(refusal, Refusal::wrong_code(10), "{again:?}");
        }
        acme.next_code();
    }
}

async fn a_code_of_another_customer_is_a_wrong_one(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ben = acme.with_customer("ben@example.com").await;
    let (anas, bens) = (acme.enroll().await, ben.enroll().await);
    let token = acme.sign_in().await.token;
    let now = acme.server.now();
    let code = bens.phone.code(now);
    if code == anas.phone.code(now) {
        // Once in a million runs.
        return;
    }
    assert_eq!(refused(acme.web.totp(&token, &code).await), Refusal::wrong_code(9));
    ben.totp_session(&bens.phone).await;
}

async fn codes_wait_for_a_second_while_as_many_as_are_allowed_are_judged(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let phone = acme.enroll().await.phone;
    let token = acme.sign_in().await.token;
    acme.server.keep_judging(&acme.customer).await;
    let refusal = refused(acme.web.totp(&token, &phone.code(acme.server.now())).await);
    let second = Duration::from_secs(1);
    assert_eq!(refusal, Refusal::of(Throttled).wait(acme.server.now(), second));
}

/// A crash between the charge and the verdict must give nobody a guess, nor a lock that only who
/// is kept out by it can see.
async fn guesses_whose_judges_are_gone_are_wrong_ones_and_their_lock_is_shown(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let phone = acme.enroll().await.phone;
    let token = acme.sign_in().await.token;
    acme.server.keep_judging(&acme.customer).await;
    acme.server.pass(Duration::from_secs(30));
    let until = acme.server.now() + 15 * MINUTE;
    let refusal = refused(acme.web.totp(&token, &phone.code(acme.server.now())).await);
    assert_eq!(refusal, locked(&acme, 15 * MINUTE));
    assert_eq!(reloaded(&acme, &token).await, Some((10, Some(until))));
    let customer = acme.admin.customer(&acme.customer).await.unwrap();
    assert_eq!(shown(customer.lock), Some((10, Some(until))));
}
