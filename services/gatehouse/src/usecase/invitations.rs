//! Invitations. An administrator makes them for anybody, customers ask for them.

mod request;

use gatehouse_domain::audit::EventType;
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::{CustomerKey, InvitationId};
use gatehouse_domain::invitation::Invitation;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{DigestKind, Token, TokenKind};
use gatehouse_persistence::Tx;

pub use request::request;

use super::retry::retry;
use super::{Call, about_customer, customers};
use crate::app::App;
use crate::error::AppError;

/// An invitation, with the only copy of its token.
pub struct IssuedInvitation {
    /// What is presented to accept it.
    pub token: Token,
    /// When it ends unused.
    pub expires_at: Timestamp,
    /// Where to send it.
    pub email: Email,
}

/// Who asked for an invitation.
#[derive(Clone, Copy, Debug)]
pub enum Requester<'a> {
    /// An administrator.
    Administrator,
    /// The customer, from this device.
    Customer(&'a ClientContext),
}

/// Makes an invitation for an administrator, beside earlier ones.
///
/// # Errors
/// [`AppError::ResourceNotFound`].
pub async fn create(
    app: &App,
    call: &Call,
    key: &CustomerKey,
) -> Result<IssuedInvitation, AppError> {
    retry(app, || try_create(app, call, key)).await
}

async fn try_create(
    app: &App,
    call: &Call,
    key: &CustomerKey,
) -> Result<IssuedInvitation, AppError> {
    let tx = app.store.begin().await?;
    let (_, customer) = customers::lock(&tx, key).await?;
    let issued = issue(app, call, &tx, &customer, Requester::Administrator).await?;
    tx.commit().await?;
    Ok(issued)
}

/// Makes an invitation of a customer whom `tx` has locked.
pub(super) async fn issue(
    app: &App,
    call: &Call,
    tx: &Tx,
    customer: &Customer,
    requester: Requester<'_>,
) -> Result<IssuedInvitation, AppError> {
    let rng = &mut app.entropy.rng();
    let id = InvitationId::generate(call.now, rng);
    let token = Token::generate(TokenKind::Invitation, rng);
    let invitation = Invitation::new(id, customer.key.clone(), call.now);
    let digest = app.vault().digest(DigestKind::Invitation, token.expose().as_bytes());
    tx.insert_invitation(&invitation, &digest).await?;

    let mut event = call.event(app, EventType::InvitationCreated, about_customer(&customer.key));
    let requested_by = match requester {
        Requester::Administrator => "administrator",
        Requester::Customer(client) => {
            event.client = client.clone();
            "customer"
        }
    };
    event.attributes = vec![("requested_by", requested_by.to_owned())];
    tx.record(&event).await?;
    let expires_at = invitation.expires_at;
    Ok(IssuedInvitation { token, expires_at, email: customer.email.clone() })
}
