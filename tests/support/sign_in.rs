//! Reading a sign-in.

use gatehouse_api::v1;
use gatehouse_api::v1::sign_in::Next;

/// What a portal's pages do with a sign-in.
pub trait SignInExt {
    /// The arm of `next`, by its name in the contract.
    fn step(&self) -> &'static str;
    /// The session that it came to.
    fn issued(self) -> v1::IssuedSession;
    /// The page for `enroll`.
    fn enroll(&self) -> &v1::EnrollStep;
    /// What is being set up, and how it stands.
    fn pending(&self) -> Option<(v1::EnrollmentState, &v1::TotpEnrollment)>;
    /// What is accepted as a second factor.
    fn accepted(&self) -> Vec<v1::SecondFactorType>;
    /// What keeps the customer out at `second_factor`.
    fn lock(&self) -> Option<v1::CustomerLock>;
}

impl SignInExt for v1::SignIn {
    fn step(&self) -> &'static str {
        match self.next.as_ref().expect("next is set") {
            Next::Password(_) => "password",
            Next::SecondFactor(_) => "second_factor",
            Next::Enroll(_) => "enroll",
            Next::BackupCodes(_) => "backup_codes",
            Next::Saml(_) => "saml",
            Next::Session(_) => "session",
        }
    }

    fn issued(self) -> v1::IssuedSession {
        let step = self.step();
        let Some(Next::Session(issued)) = self.next else { panic!("next is {step}") };
        issued
    }

    fn enroll(&self) -> &v1::EnrollStep {
        let Some(Next::Enroll(enroll)) = &self.next else { panic!("next is {}", self.step()) };
        enroll
    }

    fn pending(&self) -> Option<(v1::EnrollmentState, &v1::TotpEnrollment)> {
        let pending = self.enroll().pending.as_ref()?;
        let v1::enrollment::Kind::Totp(totp) = pending.kind.as_ref().expect("kind is set");
        Some((pending.state(), totp))
    }

    fn accepted(&self) -> Vec<v1::SecondFactorType> {
        match &self.next {
            Some(Next::SecondFactor(page)) => page.accepted().collect(),
            _ => panic!("next is {}", self.step()),
        }
    }

    fn lock(&self) -> Option<v1::CustomerLock> {
        match &self.next {
            Some(Next::SecondFactor(page)) => page.lock,
            _ => panic!("next is {}", self.step()),
        }
    }
}
