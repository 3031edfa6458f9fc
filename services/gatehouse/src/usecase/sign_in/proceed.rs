//! What follows a password that has just been proven or set.

use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::SignInId;
use gatehouse_domain::sign_in::{Next, SignIn, after_password};
use gatehouse_domain::vault::{DigestKind, Token, TokenKind};
use gatehouse_persistence::Tx;

use super::issue::{Proof, issue};
use super::under_way::UnderWay;
use super::view::{IssuedSession, SignInView, view};
use crate::app::App;
use crate::error::AppError;
use crate::usecase::Call;
use crate::usecase::account::Account;

/// Where the sign-in goes on.
pub(super) struct Stage {
    held: UnderWay,
    /// Its session, where no more was asked for.
    issued: Option<IssuedSession>,
}

/// Goes on in `tx` with a proven password, under the policy that is locked with
/// `account`: makes the sign-in, and its session where no more is asked for. Gives the
/// account back where there was a sign-in of this id: its start is used up.
pub(super) async fn proceed(
    app: &App,
    call: &Call,
    tx: &Tx,
    account: Account,
    id: SignInId,
    client: ClientContext,
) -> Result<Result<Stage, Account>, AppError> {
    let next = after_password(&account.portal.settings, account.factor_id(), call.now);
    let sign_in = SignIn::proven(id, account.key().clone(), client, next, call.now);
    let token = Token::generate(TokenKind::SignIn, &mut app.entropy.rng());
    let digest = app.vault().digest(DigestKind::SignIn, token.expose().as_bytes());
    let ended_at = (next == Next::Session).then_some(call.now);
    if !tx.insert_sign_in(&sign_in, &digest, ended_at).await? {
        return Ok(Err(account));
    }
    let held = UnderWay { sign_in, account, next, token };
    if next == Next::Session {
        let codes = held.account.customer.codes;
        let proof = Proof { at: call.now, second_factor: None, codes };
        let issued = issue(app, call, tx, &held, proof).await?;
        return Ok(Ok(Stage { held, issued: Some(issued) }));
    }
    let attributes = vec![("next", next.as_str().to_owned())];
    tx.record(&Event { attributes, ..held.event(app, call, EventType::PasswordVerified) }).await?;
    Ok(Ok(Stage { held, issued: None }))
}

impl Stage {
    /// How it stands, once its transaction has been committed.
    pub async fn view(self, app: &App, call: &Call) -> Result<SignInView, AppError> {
        match self.issued {
            Some(issued) => Ok(SignInView::finished(&self.held, issued)),
            None => view(app, &self.held, call.now).await,
        }
    }
}
