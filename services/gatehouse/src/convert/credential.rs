//! On whose behalf a call about factors is: a sign-in's or a session's.

use gatehouse_api::v1;
use gatehouse_domain::sign_in_start::SignInToken;
use gatehouse_domain::vault::{Token, TokenKind};

use super::client_context;
use super::fields::Fields;
use crate::error::AppError;

/// The token of either.
pub enum Credential {
    /// A sign-in at `enroll` or `backup_codes`.
    SignIn(SignInToken),
    /// A session, in My Account.
    Session(Token),
}

/// The `credential` of any of the five requests that have one.
pub enum Text {
    /// `sign_in_token`
    SignIn(String),
    /// `session_token`
    Session(String),
}

macro_rules! from_requests {
    ($($request:ident,)*) => {
        $(impl From<v1::$request::Credential> for Text {
            fn from(credential: v1::$request::Credential) -> Self {
                match credential {
                    v1::$request::Credential::SignInToken(text) => Self::SignIn(text),
                    v1::$request::Credential::SessionToken(text) => Self::Session(text),
                }
            }
        })*
    };
}

from_requests! {
    start_enrollment_request,
    verify_enrollment_request,
    delete_enrollment_request,
    enable_mfa_request,
    generate_backup_codes_request,
}

impl Credential {
    /// Takes a well-formed token of either kind, and looks at the device that
    /// came along.
    pub fn parse(
        fields: &mut Fields,
        credential: Option<impl Into<Text>>,
        client: Option<v1::ClientContext>,
    ) -> Option<Self> {
        client_context::parse(fields, client);
        match credential.map(Into::into) {
            Some(Text::SignIn(text)) => {
                fields.take("sign_in_token", SignInToken::parse(&text)).map(Self::SignIn)
            }
            Some(Text::Session(text)) => {
                let token = Token::parse(TokenKind::Session, &text);
                fields.take("session_token", token).map(Self::Session)
            }
            None => fields.require("credential", None),
        }
    }

    /// The token of a sign-in, once all fields have been read.
    ///
    /// # Errors
    /// [`AppError::RequestInvalid`]; [`AppError::Unimplemented`] for a session:
    /// My Account is not built yet.
    pub fn sign_in(credential: Option<Self>, fields: Fields) -> Result<SignInToken, AppError> {
        match credential {
            None => Err(fields.into_error()),
            Some(credential) => {
                fields.finish()?;
                match credential {
                    Self::SignIn(token) => Ok(token),
                    Self::Session(_) => Err(AppError::Unimplemented),
                }
            }
        }
    }
}
