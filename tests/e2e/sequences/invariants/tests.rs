//! The checker is checked: histories that must not be, and one that may.

use super::*;

const ANA: usize = 0;
const OLD: usize = 0;
const NEW: usize = 1;

/// A history that is written by hand, a second for each entry.
struct Story {
    history: History,
    at: Duration,
}

impl Story {
    /// A customer with a password, in a portal without enforcement.
    fn begin() -> Self {
        Self { history: History::default(), at: Duration::ZERO }
            .then(Event::Policy { enforced_from: None, saml: false })
            .then(Event::PasswordSet { customer: ANA, password: 0, session: None })
    }

    fn then(mut self, event: Event) -> Self {
        self.at += Duration::from_secs(1);
        self.history.push(self.at, event);
        self
    }

    fn after(mut self, time: Duration) -> Self {
        self.at += time;
        self
    }

    fn proven(self, holder: Holder) -> Self {
        self.then(Event::PasswordTaken { customer: ANA, password: Password::Set(0), holder })
    }

    fn code(self, phone: usize, step: i64, holder: Holder) -> Self {
        let code = Code::Totp { phone, step };
        self.then(Event::CodeTaken { customer: ANA, code, holder })
    }

    fn issued(self, session: usize, holder: Holder, multi_factor: bool) -> Self {
        self.then(Event::Issued { session, customer: ANA, holder, multi_factor })
    }

    /// Sets a phone up, whose code of step 0 is used by that.
    fn set_up(self, phone: usize, holder: Holder) -> Self {
        let code = Code::Totp { phone, step: 0 };
        self.then(Event::EnrollmentStarted { phone, holder })
            .then(Event::EnrollmentVerified { phone, code, holder })
            .then(Event::Enabled { customer: ANA, phone, holder })
    }

    fn seen(self, sessions: &[SeenSession], factor_since: Option<u64>) -> Self {
        let factor_since = factor_since.map(Duration::from_secs);
        let customers = vec![SeenCustomer { factor_since }];
        self.then(Event::Seen { sessions: sessions.to_vec(), customers })
    }

    fn reset(self) -> Self {
        self.then(Event::Reset { customer: ANA, end_password: false })
    }

    /// A customer with a factor, which a sign-in has set up and a session came of.
    fn enrolled() -> Self {
        let sign_in = Holder::SignIn(0);
        Self::begin().proven(sign_in).set_up(OLD, sign_in).issued(0, sign_in, true)
    }

    #[track_caller]
    fn holds(&self) {
        assert_eq!(check(&self.history), Ok(()));
    }

    #[track_caller]
    fn breaks(&self, letter: &str, what: &str) {
        let why = check(&self.history).expect_err("it holds");
        assert!(why.starts_with(&format!("{letter}: ")) && why.contains(what), "{why}");
    }
}

const STRONG: SeenSession = SeenSession::Live { multi_factor: true };
const WEAK: SeenSession = SeenSession::Live { multi_factor: false };
const SESSION: Holder = Holder::Session(0);
const SIGN_IN: Holder = Holder::SignIn(1);
const START: Holder = Holder::Start(0);

#[test]
fn a_history_as_it_should_be_holds() {
    Story::enrolled()
        .seen(&[STRONG], Some(5))
        .proven(SIGN_IN)
        .code(OLD, 1, SIGN_IN)
        .issued(1, SIGN_IN, true)
        .set_up(NEW, Holder::Session(1))
        .seen(&[STRONG, STRONG], Some(11))
        .reset()
        .seen(&[SeenSession::Dead, SeenSession::Dead], None)
        .proven(START)
        .issued(2, START, false)
        .seen(&[SeenSession::Dead, SeenSession::Dead, WEAK], None)
        .holds();
}

#[test]
fn c1_refuses_a_session_without_the_password() {
    Story::begin().issued(0, START, false).breaks("C1", "without a password");
    let wrong = Event::PasswordTaken { customer: ANA, password: Password::Wrong, holder: START };
    Story::begin().then(wrong).issued(0, START, false).breaks("C1", "without a password");
    Story::begin().proven(START).issued(0, SIGN_IN, false).breaks("C1", "without a password");
}

#[test]
fn c1_refuses_a_session_without_the_factor_in_force() {
    let story = || Story::enrolled().proven(SIGN_IN);
    story().issued(1, SIGN_IN, false).breaks("C1", "not as strong");
    story().issued(1, SIGN_IN, true).breaks("C1", "not as strong");
    story().code(OLD, 1, SIGN_IN).issued(1, SIGN_IN, false).breaks("C1", "not as strong");
    story().code(OLD, 1, SESSION).issued(1, SIGN_IN, true).breaks("C1", "not as strong");
}

#[test]
fn c1_refuses_a_session_of_a_sign_in_that_is_over() {
    let story = || Story::begin().proven(START);
    story().after(LONGEST_SIGN_IN).issued(0, START, false).breaks("C1", "had run out");
    story().reset().issued(0, START, false).breaks("C1", "had ended");
    let again = story().issued(0, START, false).issued(1, START, false);
    again.breaks("C1", "had ended");
    let suspended = |suspended| Event::Suspended { customer: ANA, suspended };
    story().then(suspended(true)).issued(0, START, false).breaks("C1", "suspended");
    let lifted = story().then(suspended(true)).then(suspended(false));
    lifted.issued(0, START, false).breaks("C1", "had ended");
    let saml = Event::Policy { enforced_from: None, saml: true };
    story().then(saml).issued(0, START, false).breaks("C1", "SAML");
}

#[test]
fn c1_refuses_assurance_that_nothing_has_proven() {
    let story = || Story::begin().proven(START).issued(0, START, false);
    story().seen(&[STRONG], None).breaks("C1", "proved nothing");
    story().seen(&[WEAK, WEAK], None).breaks("C1", "proved nothing");
}

#[test]
fn c1_refuses_a_backup_code_that_was_used() {
    let code = Code::Backup { set: 0, slot: 3 };
    let taken = || Event::CodeTaken { customer: ANA, code, holder: SESSION };
    let story = Story::enrolled().then(Event::CodesMade { customer: ANA, set: 0 }).then(taken());
    story.holds();
    story.then(taken()).breaks("C1", "twice");
}

#[test]
fn c2_refuses_a_weak_session_under_enforcement() {
    let enforced =
        |from| Event::Policy { enforced_from: Some(Duration::from_secs(from)), saml: false };
    let story = |from| Story::begin().then(enforced(from)).proven(START).issued(0, START, false);
    story(0).breaks("C2", "weak session");
    story(5).breaks("C2", "weak session");
    story(6).holds();
}

#[test]
fn c6_refuses_a_change_that_the_old_factor_has_not_proven() {
    let proven =
        || Story::enrolled().proven(SIGN_IN).code(OLD, 1, SIGN_IN).issued(1, SIGN_IN, true);
    let session = Holder::Session(1);
    proven().set_up(NEW, session).holds();
    proven().after(WINDOW).set_up(NEW, session).breaks("C6", "without its proof");
    Story::enrolled().proven(SIGN_IN).set_up(NEW, SIGN_IN).breaks("C6", "without its proof");
    let disabled = Event::Disabled { customer: ANA, session: 1 };
    proven().after(WINDOW).then(disabled).breaks("C6", "was disabled");
    // Whoever proved the factor that was replaced has not proven this one.
    proven().set_up(NEW, session).set_up(2, SESSION).breaks("C6", "without its proof");
}

#[test]
fn c6_refuses_a_secret_that_no_code_has_proven() {
    let enabled = Event::Enabled { customer: ANA, phone: OLD, holder: SESSION };
    Story::begin().then(enabled).breaks("C6", "unproven");
    let foreign = Event::EnrollmentVerified {
        phone: OLD,
        code: Code::Totp { phone: NEW, step: 0 },
        holder: SESSION,
    };
    let enabled = Event::Enabled { customer: ANA, phone: OLD, holder: SESSION };
    Story::begin().then(foreign).then(enabled).breaks("C6", "unproven");
}

#[test]
fn c6_refuses_a_factor_that_changes_by_itself() {
    let story = Story::enrolled().seen(&[STRONG], Some(5));
    story.seen(&[STRONG], Some(6)).breaks("C6", "has changed");
    let story = Story::enrolled().seen(&[STRONG], Some(5));
    story.seen(&[STRONG], None).breaks("C6", "has changed");
}

#[test]
fn c6_refuses_what_is_not_in_force() {
    let pending = Event::EnrollmentStarted { phone: NEW, holder: SESSION };
    let story = Story::enrolled().then(pending).proven(SIGN_IN);
    story.code(NEW, 1, SIGN_IN).breaks("C6", "of nothing in force");
    for code in [Code::WrongTotp, Code::WrongBackup, Code::Backup { set: 7, slot: 0 }] {
        let taken = Event::CodeTaken { customer: ANA, code, holder: SESSION };
        Story::enrolled().then(taken).breaks("C6", "of nothing in force");
    }
}

#[test]
fn c7_refuses_a_session_that_outlives_its_end() {
    let story = || Story::enrolled().seen(&[STRONG], Some(5));
    story().reset().seen(&[STRONG], None).breaks("C7", "session 0");
    let suspended = |suspended| Event::Suspended { customer: ANA, suspended };
    let lifted = story().then(suspended(true)).then(suspended(false));
    lifted.seen(&[STRONG], Some(5)).breaks("C7", "session 0");
    let ended = Event::Ended { sessions: vec![0] };
    story().then(ended).seen(&[STRONG], Some(5)).breaks("C7", "session 0");
    let changed = |session| Event::PasswordSet { customer: ANA, password: 1, session };
    story().then(changed(None)).seen(&[STRONG], Some(5)).breaks("C7", "session 0");
    story().then(changed(Some(0))).seen(&[STRONG], Some(5)).holds();
}

#[test]
fn c14_refuses_steps_that_do_not_rise() {
    let story = || Story::enrolled().after(Duration::from_mins(1));
    story().code(OLD, 1, SESSION).code(OLD, 2, SESSION).holds();
    story().code(OLD, 2, SESSION).code(OLD, 2, SESSION).breaks("C14", "twice");
    story().code(OLD, 2, SESSION).code(OLD, 1, SESSION).breaks("C14", "after a later one");
    story().code(OLD, 0, SESSION).breaks("C14", "twice");
    story().code(OLD, 4, SESSION).breaks("C14", "from the future");
}
