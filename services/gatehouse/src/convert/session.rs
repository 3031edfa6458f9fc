//! session.proto

use gatehouse_api::v1;
use gatehouse_domain::field::Malformed;
use gatehouse_domain::id::{SessionId, name};
use gatehouse_domain::session::Assurance;

use super::client_context;
use super::fields::timestamp;
use crate::usecase::sessions::{CustomerSession, SessionView};

/// The message.
#[must_use]
pub fn message(view: &SessionView) -> v1::Session {
    let SessionView { session, expires_at } = view;
    v1::Session {
        name: name(view),
        assurance: assurance(session.assurance()).into(),
        create_time: Some(timestamp(session.created_at)),
        last_used_time: Some(timestamp(session.last_used_at)),
        expire_time: Some(timestamp(*expires_at)),
        authentication_time: Some(timestamp(session.authenticated_at)),
        second_factor_time: session.second_factor_at.map(timestamp),
        client: Some(client_context::message(&session.client)),
        current: false,
        email: String::new(),
    }
}

/// The message to an administrator, which says whose session it is.
#[must_use]
pub fn of_customer(CustomerSession { view, email }: &CustomerSession) -> v1::Session {
    v1::Session { email: email.to_string(), ..message(view) }
}

/// The name by which a list of sessions goes on after one.
#[must_use]
pub fn name(view: &SessionView) -> String {
    name::session(&view.session.customer, view.session.id)
}

/// The inverse of [`name`].
///
/// # Errors
/// Anything else.
pub fn parse_last(name: &str) -> Result<SessionId, Malformed> {
    name::parse_session(name).map(|(_, id)| id)
}

/// The contract's word.
pub(super) const fn assurance(assurance: Assurance) -> v1::Assurance {
    match assurance {
        Assurance::Password => v1::Assurance::Password,
        Assurance::MultiFactor => v1::Assurance::MultiFactor,
    }
}

/// What a caller asks for; unspecified asks for nothing.
///
/// # Errors
/// A value that this server does not know: guessing could ask for too little.
pub fn parse_assurance(value: i32) -> Result<Option<Assurance>, &'static str> {
    match v1::Assurance::try_from(value) {
        Ok(v1::Assurance::Unspecified) => Ok(None),
        Ok(v1::Assurance::Password) => Ok(Some(Assurance::Password)),
        Ok(v1::Assurance::MultiFactor) => Ok(Some(Assurance::MultiFactor)),
        Err(_) => Err("must be ASSURANCE_PASSWORD or ASSURANCE_MULTI_FACTOR"),
    }
}
