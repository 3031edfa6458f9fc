//! StartSignIn and GetSignIn.

use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::SignInId;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::sign_in_start::{SignInStart, SignInToken};
use zeroize::Zeroizing;

use super::under_way::{UnderWay, open_start};
use super::view::{NextView, SignInView, saml_view, view};
use crate::app::App;
use crate::error::AppError;
use crate::usecase::Call;

/// Begins a sign-in. It writes nothing and looks nobody up: the token is the
/// sealed state, so the call cannot tell whether an address exists.
#[must_use]
pub fn start(
    app: &App,
    call: &Call,
    portal: &Portal,
    email_as_typed: String,
    client: ClientContext,
) -> SignInView {
    let rng = &mut app.entropy.rng();
    let id = SignInId::generate(call.now, rng);
    let start = SignInStart { id, email_as_typed, client, started_at: call.now };
    let token = app.vault().seal_sign_in_start(rng, &portal.id, &start);
    start_view(portal, start, token)
}

/// Where a sign-in stands.
///
/// # Errors
/// [`AppError::SignInInvalid`].
pub async fn get(
    app: &App,
    call: &Call,
    portal: &Portal,
    token: SignInToken,
) -> Result<SignInView, AppError> {
    match token {
        SignInToken::Start(text) => {
            let start = open_start(app, &portal.id, &text, call.now).await?;
            Ok(start_view(portal, start, text))
        }
        token @ SignInToken::Proven(_) => {
            let held = UnderWay::read(app, portal, &token, call.now).await?;
            view(app, &held, call.now).await
        }
    }
}

fn start_view(portal: &Portal, start: SignInStart, token: Zeroizing<String>) -> SignInView {
    let saml = portal.settings.saml.is_some();
    SignInView {
        token,
        expires_at: start.expires_at(),
        email: start.email_as_typed,
        next: if saml { saml_view(portal) } else { NextView::Password },
    }
}
