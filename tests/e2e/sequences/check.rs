//! What the server shows after every transition, beside what the model says.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

use gatehouse_api::v1;

use super::call::Mfa;
use super::history::{Event, SeenCustomer, SeenSession};
use super::model::Model;
use super::system::System;
use gatehouse_tests::{Refusal, time};

/// What is shown of a live session.
#[derive(Debug, PartialEq, Eq)]
struct Session {
    multi_factor: bool,
    last_used_at: Duration,
    authenticated_at: Duration,
    second_factor_at: Option<Duration>,
}

/// What is shown of a customer.
#[derive(Debug, PartialEq, Eq)]
struct Customer {
    mfa: Mfa,
    factor_since: Option<Duration>,
    has_password: bool,
    suspended: bool,
    /// Wrong codes, and how much longer none is looked at.
    lock: Option<(i32, Duration)>,
}

/// Looks at every session there ever was and at every customer, notes it, and
/// says how it differs from `model`. It looks through another replica, and uses
/// nothing.
pub async fn look(system: &mut System<'_>, model: &Model) -> Result<(), String> {
    let (mut sessions, mut customers) = (Vec::new(), Vec::new());
    let mut same = Ok(());
    for session in 0..system.sessions.len() {
        let (seen, compared) = look_at_session(system, model, session).await;
        sessions.push(seen);
        same = same.and(compared);
    }
    let listed = system.list_customers().await;
    for customer in 0..system.customers.len() {
        let (seen, compared) = look_at_customer(system, model, customer, &listed).await;
        customers.push(seen);
        same = same.and(compared);
    }
    system.history.push(system.now(), Event::Seen { sessions, customers });
    same
}

async fn look_at_session(
    system: &System<'_>,
    model: &Model,
    session: usize,
) -> (SeenSession, Result<(), String>) {
    let request = v1::ValidateSessionRequest { passive: true, ..Default::default() };
    let token = &system.sessions[session].token;
    let answer = system.replica.validate_with(token, request).await;
    let shown = match answer {
        Ok(answer) => {
            let shown = answer.session.unwrap();
            let since = |at| system.since_origin(time(Some(at)));
            Ok(Session {
                multi_factor: shown.assurance() == v1::Assurance::MultiFactor,
                last_used_at: since(shown.last_used_time.unwrap()),
                authenticated_at: since(shown.authentication_time.unwrap()),
                second_factor_at: shown.second_factor_time.map(since),
            })
        }
        Err(status) => Err(Refusal::read(&status)),
    };
    let seen = match &shown {
        Ok(Session { multi_factor, .. }) => SeenSession::Live { multi_factor: *multi_factor },
        Err(_) => SeenSession::Dead,
    };
    let Some(known) = model.sessions.get(session) else {
        return (seen, Err(format!("session {session} should not be there")));
    };
    let expected = match model.live(session) {
        Ok(()) => Ok(Session {
            multi_factor: known.second_factor_at.is_some(),
            last_used_at: known.last_used_at,
            authenticated_at: known.authenticated_at,
            second_factor_at: known.second_factor_at,
        }),
        Err(refused) => Err(refused.whole(system.server_now(), &system.portal)),
    };
    (seen, compare(&format!("session {session}"), &shown, &expected))
}

async fn look_at_customer(
    system: &System<'_>,
    model: &Model,
    customer: usize,
    listed: &HashMap<String, v1::Customer>,
) -> (SeenCustomer, Result<(), String>) {
    let name = &system.customers[customer];
    let message = system.replica_admin.customer(name).await.unwrap();
    let mfa = message.mfa.as_ref().unwrap();
    let factor_since = system.factor_since(mfa);
    let until = |lock: &v1::CustomerLock| system.since_origin(time(lock.until_time));
    let shown = Customer {
        mfa: system.read_mfa(mfa),
        factor_since,
        has_password: message.has_password,
        suspended: message.suspended,
        lock: message
            .lock
            .as_ref()
            .map(|lock| (lock.failures, until(lock).saturating_sub(system.now()))),
    };
    let known = &model.customers[customer];
    let expected = Customer {
        mfa: model.mfa_of(customer),
        factor_since: known.factor.map(|factor| factor.enabled_at),
        has_password: known.password.is_some(),
        suspended: known.suspended,
        lock: model.locked_for(customer).map(|left| (known.wrong_codes.cast_signed(), left)),
    };
    let same = if listed.get(name) == Some(&message) {
        compare(&format!("customer {customer}"), &shown, &expected)
    } else {
        Err(format!("customer {customer} is listed otherwise than alone"))
    };
    (SeenCustomer { factor_since }, same)
}

fn compare<T: Debug + PartialEq>(what: &str, shown: &T, expected: &T) -> Result<(), String> {
    if shown == expected {
        Ok(())
    } else {
        Err(format!("{what}\n  should be  {expected:?}\n  but is     {shown:?}"))
    }
}
