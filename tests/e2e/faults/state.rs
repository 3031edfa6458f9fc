//! All that a call may change, told so that two runs of a case can be compared: times
//! from the call on, and without names and secrets.

use std::collections::BTreeMap;
use std::fmt::Write;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason;
use gatehouse_api::v1::api_key::Grant;
use gatehouse_domain::enrollment::Enrollment;
use gatehouse_domain::time::Timestamp;
use prost::Message;
use prost_types::Timestamp as Time;
use tonic::Status;

use super::case::{Case, Place, Prepared};
use gatehouse_tests::{Acme, Answer, Refusal, SignInExt, setup, time, timestamp};

/// What is charged, as it is called here.
pub const ADDRESS: &str = "tries of address";
pub const ADDRESS_AND_SOURCE: &str = "tries of address_and_source";
pub const CODES: &str = "codes charged";
pub const ENROLLMENT: &str = "codes charged to the enrollment";
/// The live sessions.
pub const SESSIONS: &str = "sessions";
/// The audit trail since the call.
pub const EVENTS: &str = "events";

/// What counts tries of passwords or of invitations, or forgets them.
const COUNTING_TRIES: [&str; 5] = [
    "VerifyPassword",
    "ReauthenticateSession",
    "ChangePassword",
    "RequestInvitation",
    "UnlockCustomer",
];

/// What makes API keys, or ends them.
const CHANGING_KEYS: [&str; 3] = ["CreateApiKey", "RevokeApiKey", "DeletePortal"];

/// What is there, by what it is.
#[derive(Clone, PartialEq, Eq)]
pub struct State(BTreeMap<String, String>);

/// What looks.
pub struct Camera<'a> {
    pub case: &'a Case,
    pub acme: &'a Acme,
    pub prepared: &'a Prepared,
    /// When the call was made.
    pub at: Timestamp,
}

impl State {
    /// Where it is not as `other`.
    pub fn difference(&self, other: &Self) -> String {
        let mut told = String::new();
        for key in self.0.keys().chain(other.0.keys().filter(|key| !self.0.contains_key(*key))) {
            let (own, others) = (self.0.get(key), other.0.get(key));
            if own != others {
                let _ = write!(told, "\n    {key}: {own:?} and not {others:?}");
            }
        }
        told
    }

    pub fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    fn number(&self, key: &str) -> u32 {
        self.get(key).parse().unwrap_or_else(|_| panic!("{key} is no number: {}", self.get(key)))
    }

    /// With one more charge to each of `budgets`.
    pub fn charged(mut self, budgets: &[&str]) -> Self {
        for &budget in budgets {
            let charged = self.number(budget) + 1;
            self.0.insert(budget.to_owned(), charged.to_string());
        }
        self
    }

    fn put(&mut self, key: &str, value: &impl ToString) {
        self.0.insert(key.to_owned(), value.to_string());
    }
}

impl Camera<'_> {
    pub async fn take(&self) -> State {
        let Self { case, acme, prepared, .. } = self;
        let mut state = State(BTreeMap::new());
        self.take_customer(&mut state).await;
        self.take_sessions(&mut state).await;
        state.put(EVENTS, &self.events().await.join("\n"));
        // Which locks what is removed with the rows that end.
        if COUNTING_TRIES.contains(&case.method) && !case.counts_rows {
            for (what, count) in acme.server.kept_tries(&acme.portal, &acme.email).await {
                state.put(&format!("tries of {what}"), &count);
            }
        }
        if let Some(token) = &prepared.sign_in {
            let shown = match acme.web.get(token).await {
                Ok(sign_in) => step(&sign_in),
                Err(status) => self.told(&status),
            };
            state.put("sign-in", &shown);
        }
        if let Some(token) = &prepared.session {
            let shown = match acme.web.account(token).mfa().await {
                Ok(mfa) => being_set(&mfa),
                Err(status) => self.told(&status),
            };
            state.put("session", &shown);
        }
        if case.method == "VerifyEnrollment" {
            self.take_enrollment(&mut state).await;
        }
        if let Some(name) = &prepared.portal {
            state.put("other portal", &self.portal(name).await);
        }
        if case.place == Place::Alone {
            self.take_portal(&mut state).await;
        }
        if case.counts_rows {
            state.put("rows that end", &acme.server.remove_all_that_ends().await);
        }
        state
    }

    async fn take_customer(&self, state: &mut State) {
        let Self { acme, .. } = self;
        let shown = match acme.admin.customer(&acme.customer).await {
            Err(status) => self.told(&status),
            Ok(customer) => {
                let v1::Customer { email, display_name, suspended, has_password, .. } = &customer;
                let email = email.replace(&acme.email, "(theirs)");
                format!(
                    "{email} {display_name:?} suspended {suspended} password {has_password} lock {} \
                     last sign-in {} updated {}",
                    customer.lock.is_some(),
                    self.since(customer.last_sign_in_time),
                    self.since(customer.update_time),
                ) + &self.mfa(&customer.mfa.unwrap_or_default())
            }
        };
        state.put("customer", &shown);
        let kept = acme.server.kept_customer(&acme.customer).await;
        let Some(kept) = kept else { return };
        state.put(CODES, &kept.codes.charges);
        state.put("codes judged wrong", &kept.codes.failures);
        let locked_until = kept.codes.locked_until.map(timestamp);
        state.put("codes locked until", &self.since(locked_until));
        state.put("generation", &kept.generation);
        state.put("password's revision", &kept.password_revision);
        state.put("revision", &kept.revision);
    }

    fn mfa(&self, mfa: &v1::Mfa) -> String {
        let factors = mfa.factors.iter().map(|factor| {
            let used = self.since(factor.last_used_time);
            format!("factor of {} used {used}", self.since(factor.create_time))
        });
        let factors: Vec<_> = factors.collect();
        let codes = mfa.backup_codes_remaining;
        let made = self.since(mfa.backup_codes_create_time);
        format!(" {factors:?} backup codes {codes} of {made}")
    }

    async fn take_sessions(&self, state: &mut State) {
        let Self { acme, .. } = self;
        let all = format!("{}/customers/-", acme.portal);
        let parent = if self.case.place == Place::Alone { &all } else { &acme.customer };
        let sessions = acme.admin.sessions(parent).await.unwrap();
        let mut sessions: Vec<_> = sessions
            .iter()
            .map(|session| {
                format!(
                    "{} of {} used {} proven {} second factor {}",
                    session.assurance().as_str_name(),
                    self.since(session.create_time),
                    self.since(session.last_used_time),
                    self.since(session.authentication_time),
                    self.since(session.second_factor_time),
                )
            })
            .collect();
        sessions.sort();
        state.put(SESSIONS, &sessions.join("\n"));
    }

    async fn take_enrollment(&self, state: &mut State) {
        let Self { acme, prepared, .. } = self;
        let Some(token) = prepared.sign_in.as_ref().or(prepared.session.as_ref()) else { return };
        let kept = acme.server.kept_enrollment(&acme.portal, token).await;
        let Some(Enrollment { state: stands, charges, failures, .. }) = kept else { return };
        let stands = format!("{stands:?}");
        state.put("enrollment", &stands.split(' ').next().unwrap_or_default());
        state.put(ENROLLMENT, &charges);
        state.put("codes of the enrollment judged wrong", &failures);
    }

    /// The events that the call left, without what names things.
    async fn events(&self) -> Vec<String> {
        let request = v1::ListAuditEventsRequest {
            start_time: Some(timestamp(self.at)),
            ..Default::default()
        };
        let answer = self.acme.admin.client().list_audit_events(request).await.unwrap();
        let events = answer.into_inner().audit_events.into_iter().map(|event| {
            let reason = match event.reason() {
                ErrorReason::Unspecified => "",
                reason => reason.as_str_name(),
            };
            let mut attributes: BTreeMap<_, _> = event.attributes.into_iter().collect();
            attributes.retain(|key, _| !["key", "portals"].contains(&key.as_str()));
            format!("{} {reason} {attributes:?}", event.r#type)
        });
        let mut events: Vec<_> = events.collect();
        events.sort();
        events
    }

    async fn take_portal(&self, state: &mut State) {
        let Self { acme, .. } = self;
        state.put("portal", &self.portal(&acme.portal).await);
        let request =
            v1::ListCustomersRequest { parent: acme.portal.clone(), ..Default::default() };
        let customers = acme.admin.client().list_customers(request).await.unwrap().into_inner();
        let mut customers: Vec<_> =
            customers.customers.into_iter().map(|customer| customer.email).collect();
        customers.sort();
        state.put("customers", &customers.join(" "));
        if CHANGING_KEYS.contains(&self.case.method) {
            self.take_keys(state).await;
        }
    }

    async fn take_keys(&self, state: &mut State) {
        let Self { acme, .. } = self;
        let request = v1::ListApiKeysRequest { page_size: 1_000, ..Default::default() };
        let answer = acme.admin.client().list_api_keys(request).await.unwrap().into_inner();
        assert!(answer.next_page_token.is_empty(), "there are too many keys to look at");
        let keys = answer.api_keys.iter().filter(|key| {
            let made = time(key.create_time) >= self.at;
            made || matches!(&key.grant, Some(Grant::Portal(grant)) if grant.portal == acme.portal)
        });
        let mut keys: Vec<_> =
            keys.map(|key| format!("revoked {}", self.since(key.revoke_time))).collect();
        keys.sort();
        state.put("keys", &keys.join("\n"));
    }

    async fn portal(&self, name: &str) -> String {
        match self.acme.admin.portal(name).await {
            Err(status) => self.told(&status),
            Ok(portal) => {
                let updated = self.since(portal.update_time);
                let (name, etag) = (String::new(), String::new());
                let (create_time, update_time) = (None, None);
                let shown = v1::Portal { name, etag, create_time, update_time, ..portal };
                let enforced = shown.mfa.as_ref().is_some_and(|mfa| mfa.enforced);
                // All of it, though not to be read.
                let encoded = shown.encode_to_vec();
                format!("enforced {enforced} updated {updated} {encoded:?}")
            }
        }
    }

    /// Why it is not there.
    fn told(&self, status: &Status) -> String {
        let refusal = format!("{:?}", Refusal::read(status));
        refusal.replace(&self.acme.customer, "(theirs)").replace(&self.acme.portal, "(theirs)")
    }

    /// From the call on, in microseconds.
    fn since(&self, at: Option<Time>) -> String {
        at.map_or_else(
            || "never".to_owned(),
            |at| (time(Some(at)).as_micros() - self.at.as_micros()).to_string(),
        )
    }
}

/// The step that a sign-in is at, and what it is setting up.
fn step(sign_in: &v1::SignIn) -> String {
    let step = sign_in.step();
    if step != "enroll" {
        return step.to_owned();
    }
    let pending = sign_in.pending().map(|(state, _)| state.as_str_name());
    format!("enroll {pending:?} optional {}", sign_in.enroll().optional)
}

/// A customer's MFA, as a session shows it.
fn being_set(mfa: &v1::Mfa) -> String {
    let pending = setup(mfa).map(|(state, _)| state.as_str_name());
    format!("{} {pending:?}", mfa.state().as_str_name())
}

/// What an answer comes to.
pub fn verdict<T>(answer: &Answer<T>) -> super::case::Verdict {
    answer.as_ref().err().map(|status| Refusal::read(status).reason())
}
