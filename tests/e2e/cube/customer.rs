//! Customers, brought into a state by calls before the policy is switched.

use super::State;
use gatehouse_tests::{Acme, Authenticator, SignInExt};

/// A customer with a session, of a portal that does not enforce MFA yet.
pub struct Before {
    acme: Acme,
    state: State,
    session: Held,
}

/// A customer in a state.
pub struct Customer {
    pub acme: Acme,
    pub state: State,
    pub session: Held,
    pub sign_in: Held,
}

/// A session or a sign-in, and the phone that was set up by it.
pub struct Held {
    pub token: String,
    pub phone: Option<Authenticator>,
}

impl Before {
    pub async fn new(acme: Acme, state: State) -> Self {
        let token = acme.password_session().await.token;
        let account = acme.web.account(&token);
        let phone = match state {
            State::NoFactor | State::JustEnabled | State::Suspended => None,
            State::Pending => Some(account.scan().await.unwrap()),
            State::Verified => {
                let phone = account.scan().await.unwrap();
                let code = phone.code(acme.server.now());
                account.verify_enrollment(&code).await.unwrap();
                Some(phone)
            }
            State::InForce | State::Locked => {
                let phone = acme.enable_in(&account).await;
                account.backup_codes().await.unwrap();
                Some(phone)
            }
        };
        Self { acme, state, session: Held { token, phone } }
    }

    /// Signs in as far as it goes while the portal enforces MFA.
    pub async fn sign_in(self) -> Customer {
        let Self { acme, state, session } = self;
        let sign_in = acme.sign_in().await;
        let web = &acme.web;
        let phone = match state {
            State::NoFactor | State::Suspended => None,
            State::Pending => Some(acme.start_enrollment(&sign_in).await),
            State::Verified => {
                let phone = acme.start_enrollment(&sign_in).await;
                let code = phone.code(acme.server.now());
                web.verify_enrollment(&sign_in.token, &code).await.unwrap();
                Some(phone)
            }
            State::JustEnabled => Some(acme.enable(&sign_in).await),
            State::InForce | State::Locked => session.phone.clone(),
        };
        if state == State::Locked {
            for code in phone.as_ref().unwrap().wrong_codes(acme.server.now()).take(3) {
                assert!(web.totp(&sign_in.token, &code).await.is_err());
            }
        }
        assert_eq!(web.get(&sign_in.token).await.unwrap().step(), step(state));
        Customer { acme, state, session, sign_in: Held { token: sign_in.token, phone } }
    }
}

/// Where the sign-in is while MFA is enforced.
const fn step(state: State) -> &'static str {
    match state {
        State::NoFactor | State::Pending | State::Verified | State::Suspended => "enroll",
        State::InForce | State::Locked => "second_factor",
        State::JustEnabled => "backup_codes",
    }
}

impl Customer {
    pub async fn suspend_if_so(&self) {
        if self.state == State::Suspended {
            self.acme.admin.suspend(&self.acme.customer, true).await.unwrap();
        }
    }
}
