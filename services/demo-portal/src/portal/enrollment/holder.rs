//! Who sets a factor up.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use gatehouse_api::v1::{
    delete_enrollment_request, enable_mfa_request, generate_backup_codes_request,
    start_enrollment_request, verify_enrollment_request,
};
use tonic::Status;

use crate::portal::Portal;
use crate::portal::account::Then;
use crate::portal::refused::Refused;
use crate::portal::visitor::{InSignIn, SignedIn};

/// Where a factor is set up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a sign-in of a portal that enforces MFA.
    SignIn,
    /// In My Account.
    Account,
}

impl Place {
    /// Below this are the steps.
    pub const fn path(self) -> &'static str {
        match self {
            Self::SignIn => "/sign-in/enrollment",
            Self::Account => "/account/mfa/enrollment",
        }
    }

    /// Here is shown where it stands.
    pub const fn page(self) -> &'static str {
        match self {
            Self::SignIn => "/sign-in",
            Self::Account => self.path(),
        }
    }
}

/// On whose behalf: what a request's `credential` says.
pub enum Holder {
    /// The token of a sign-in.
    SignIn(String),
    /// A customer with a session.
    Session(Box<SignedIn>),
}

impl Holder {
    /// Where they are.
    pub const fn place(&self) -> Place {
        match self {
            Self::SignIn(_) => Place::SignIn,
            Self::Session(_) => Place::Account,
        }
    }

    /// What was refused to them; a session goes on with `then`.
    pub fn refused(&self, status: Status, then: Then) -> Refused {
        Refused::from(status).then(matches!(self, Self::Session(_)).then_some(then))
    }
}

impl FromRequestParts<Portal> for Holder {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Response> {
        match parts.extensions.get() {
            Some(Place::SignIn) => {
                let InSignIn(token) = InSignIn::from_request_parts(parts, portal).await?;
                Ok(Self::SignIn(token))
            }
            Some(Place::Account) => {
                let customer = SignedIn::from_request_parts(parts, portal).await?;
                Ok(Self::Session(Box::new(customer)))
            }
            None => Err(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        }
    }
}

/// Generated code has a type of its own for each request's `credential`.
macro_rules! credential_of {
    ($($request:ident),*) => {$(
        impl From<&Holder> for $request::Credential {
            fn from(holder: &Holder) -> Self {
                match holder {
                    Holder::SignIn(token) => Self::SignInToken(token.clone()),
                    Holder::Session(customer) => Self::SessionToken(customer.token.clone()),
                }
            }
        }
    )*};
}

credential_of!(
    start_enrollment_request,
    verify_enrollment_request,
    delete_enrollment_request,
    enable_mfa_request,
    generate_backup_codes_request
);
