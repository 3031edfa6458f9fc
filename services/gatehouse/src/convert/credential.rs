//! On whose behalf a call about factors is: a sign-in's or a session's.

use gatehouse_api::v1;
use gatehouse_domain::sign_in_start::SignInToken;
use gatehouse_domain::vault::{Token, TokenKind};

use super::fields::Fields;
use super::{client_context, mfa, sign_in};
use crate::usecase::holder::{Credential, HolderView};

/// The `credential` of any of the five requests that have one.
pub enum Text {
    /// `sign_in_token`
    SignIn(String),
    /// `session_token`
    Session(String),
}

/// The `credential` of each request, and the `result` of each answer: what the
/// credential was for.
macro_rules! messages {
    ($($request:ident -> $response:ident,)*) => {
        $(impl From<v1::$request::Credential> for Text {
            fn from(credential: v1::$request::Credential) -> Self {
                match credential {
                    v1::$request::Credential::SignInToken(text) => Self::SignIn(text),
                    v1::$request::Credential::SessionToken(text) => Self::Session(text),
                }
            }
        }

        impl From<&HolderView> for v1::$response::Result {
            fn from(view: &HolderView) -> Self {
                match view {
                    HolderView::SignIn(view) => Self::SignIn(sign_in::message(view)),
                    HolderView::Mfa(view) => Self::Mfa(mfa::own(view)),
                }
            }
        })*
    };
}

messages! {
    start_enrollment_request -> start_enrollment_response,
    verify_enrollment_request -> verify_enrollment_response,
    delete_enrollment_request -> delete_enrollment_response,
    enable_mfa_request -> enable_mfa_response,
    generate_backup_codes_request -> generate_backup_codes_response,
}

/// Takes a well-formed token of either kind, with the device that came along.
pub fn parse(
    fields: &mut Fields,
    credential: Option<impl Into<Text>>,
    client: Option<v1::ClientContext>,
) -> Option<Credential> {
    let client = client_context::parse(fields, client);
    match credential.map(Into::into) {
        Some(Text::SignIn(text)) => {
            fields.take("sign_in_token", SignInToken::parse(&text)).map(Credential::SignIn)
        }
        Some(Text::Session(text)) => {
            let token = session_token(fields, &text);
            token.zip(client).map(|(token, client)| Credential::Session(token, client))
        }
        None => fields.require("credential", None),
    }
}

/// The token of a session.
pub fn session_token(fields: &mut Fields, text: &str) -> Option<Token> {
    fields.take("session_token", Token::parse(TokenKind::Session, text))
}
