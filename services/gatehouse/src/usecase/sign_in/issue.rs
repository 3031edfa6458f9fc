//! The one place where a session is made.

use gatehouse_domain::audit::{EventType, Resource};
use gatehouse_domain::customer::Customer;
use gatehouse_domain::id::SessionId;
use gatehouse_domain::lockout::CodeBudget;
use gatehouse_domain::session::{Limits, Session};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{DigestKind, Token, TokenKind};
use gatehouse_persistence::Tx;

use super::under_way::UnderWay;
use super::view::IssuedSession;
use crate::app::App;
use crate::error::AppError;
use crate::usecase::account::Account;
use crate::usecase::proof::Guess;
use crate::usecase::sessions::SessionView;
use crate::usecase::{Call, about_customer};

/// How the customer was proven.
pub(super) struct Proof {
    /// The last time.
    pub at: Timestamp,
    /// The kind of second factor, if one was given: the audit's word for it.
    pub second_factor: Option<&'static str>,
    /// The code budget after it.
    pub codes: CodeBudget,
}

/// Makes the session of a sign-in that `tx` has locked and finished. The caller
/// has checked the policy on what `tx` has locked.
pub(super) async fn issue(
    app: &App,
    call: &Call,
    tx: &Tx,
    held: &UnderWay,
    proof: Proof,
) -> Result<IssuedSession, AppError> {
    let UnderWay { sign_in, account, .. } = held;
    let Account { portal, customer: seen, .. } = account;
    if seen.suspended_at.is_some() {
        return Err(AppError::CustomerSuspended);
    }
    let rng = &mut app.entropy.rng();
    let token = Token::generate(TokenKind::Session, rng);
    let session = Session {
        id: SessionId::generate(call.now, rng),
        customer: seen.key.clone(),
        created_at: call.now,
        last_used_at: call.now,
        authenticated_at: proof.at,
        second_factor_at: proof.second_factor.map(|_| proof.at),
        limits: Limits::from(&portal.settings.session),
        client: sign_in.client.clone(),
        ended: None,
    };
    let digest = app.vault().digest(DigestKind::Session, token.expose().as_bytes());
    tx.insert_session(&session, &digest).await?;

    let after = Customer { codes: proof.codes, last_sign_in_at: Some(call.now), ..seen.clone() };
    // Guarded by the generation that the policy was checked for.
    tx.update_customer(seen, &after).await?;
    let guess = Guess { portal: &portal.id, email: &seen.email, client: &sign_in.client };
    guess.remember_source(app, tx, call.now).await?;

    let resource = Resource { session: Some(session.id), ..about_customer(&seen.key) };
    let mut event = call.event(app, EventType::SignInSucceeded, resource);
    event.client = sign_in.client.clone();
    event.attributes = vec![("factor", proof.second_factor.unwrap_or("none").to_owned())];
    tx.record(&event).await?;

    let codes = tx.backup_codes(&seen.key).await?;
    let announced = portal.settings.announced_enforcement(call.now);
    Ok(IssuedSession {
        token,
        session: SessionView::of(session, portal),
        backup_codes_remaining: codes.map_or(0, |codes| codes.remaining),
        enroll_by: announced.filter(|_| account.factor.is_none()),
    })
}
