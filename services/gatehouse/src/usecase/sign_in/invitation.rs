//! AcceptInvitation: a new password, and a sign-in that goes on from there.

use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::SignInId;
use gatehouse_domain::invitation::Invitation;
use gatehouse_domain::password::Password;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::vault::{DigestKind, Token};
use gatehouse_persistence::{SealedPassword, Sessions, Tx};

use super::proceed::{Stage, proceed};
use super::view::SignInView;
use crate::app::App;
use crate::error::AppError;
use crate::usecase::account::{Account, require_passwords};
use crate::usecase::proof::record_refusal;
use crate::usecase::retry::retry;
use crate::usecase::tries::{self, Changed, Place};
use crate::usecase::{Call, about_customer, about_portal, passwords, refused};

/// Sets the password that an invitation is for and goes on as a sign-in whose
/// password has been proven: a factor in force is still asked for. Uses the
/// invitation up, and ends the customer's other ones, sessions and sign-ins.
///
/// # Errors
/// [`AppError::PortalUsesSaml`] before anything else;
/// [`AppError::InvitationInvalid`], [`AppError::CustomerSuspended`];
/// [`AppError::PasswordPolicy`] and [`AppError::Overloaded`], which use nothing up.
pub async fn accept_invitation(
    app: &App,
    call: &Call,
    portal: &Portal,
    token: &Token,
    new_password: Password,
    client: ClientContext,
) -> Result<SignInView, AppError> {
    require_passwords(portal)?;
    let digests = app.vault().digests(DigestKind::Invitation, token.expose().as_bytes());
    let Some(invitation) = app.store.read().invitation(&portal.id, &digests, call.now).await?
    else {
        return Err(unknown(app, call, portal, client).await?);
    };
    let Some(customer) = app.store.read().customer(&invitation.customer).await? else {
        return Err(unknown(app, call, portal, client).await?);
    };
    let acceptance = Acceptance { app, call, invitation, client, place: Place::default() };
    if customer.suspended_at.is_some() {
        let event = acceptance.failed();
        return Err(record_refusal(app, event, AppError::CustomerSuspended).await?);
    }
    let password = passwords::NewPassword { password: new_password, field: "new_password" };
    let hash =
        passwords::hash_new(app, call, portal, &customer.key, &customer.email, password).await?;
    let stage = retry(app, || acceptance.accept(&hash)).await??;
    stage.view(app, call).await
}

/// Records that nobody's invitation was presented.
async fn unknown(
    app: &App,
    call: &Call,
    portal: &Portal,
    client: ClientContext,
) -> Result<AppError, AppError> {
    let event = call.event(app, EventType::InvitationFailed, about_portal(&portal.id));
    record_refusal(app, Event { client, ..event }, AppError::InvitationInvalid).await
}

struct Acceptance<'a> {
    app: &'a App,
    call: &'a Call,
    invitation: Invitation,
    client: ClientContext,
    place: Place,
}

impl Acceptance<'_> {
    /// What refuses an invitation is a value: an error would roll back its event.
    async fn accept(&self, hash: &SealedPassword) -> Result<Result<Stage, AppError>, AppError> {
        let Self { app, call, invitation, .. } = self;
        let tx = app.store.begin().await?;
        let Some(account) = Account::lock(&tx, &invitation.customer).await? else {
            // Deleted meanwhile.
            return self.refuse(tx, AppError::InvitationInvalid).await.map(Err);
        };
        let refusal = if let Err(refusal) = account.require_passwords() {
            Some(refusal)
        } else if account.customer.suspended_at.is_some() {
            Some(AppError::CustomerSuspended)
        } else if tx.consume_invitation(invitation.id, call.now).await? {
            None
        } else {
            // Another call was first, or it has been ended.
            Some(AppError::InvitationInvalid)
        };
        if let Some(refusal) = refusal {
            return self.refuse(tx, refusal).await.map(Err);
        }
        let account = self.set_password(&tx, account, hash).await?;
        let id = SignInId::generate(call.now, &mut app.entropy.rng());
        let stage = proceed(app, call, &tx, account, id, self.client.clone()).await?;
        let stage = stage.map_err(|_| AppError::Internal("a random id came twice".into()))?;
        tx.commit().await?;
        Ok(Ok(stage))
    }

    /// Ends `tx` with nothing but what tells of it.
    async fn refuse(&self, tx: Tx, refusal: AppError) -> Result<AppError, AppError> {
        let event = refused(self.failed(), &refusal);
        tries::commit(self.app, tx, &event, Changed::Nothing, &self.place).await?;
        Ok(refusal)
    }

    async fn set_password(
        &self,
        tx: &Tx,
        mut account: Account,
        hash: &SealedPassword,
    ) -> Result<Account, AppError> {
        let Self { app, call, .. } = self;
        let (customer, ended) =
            passwords::set(tx, call, &account, hash.clone(), Sessions::All).await?;
        account.customer = customer;
        let event = call.event(app, EventType::PasswordChanged, about_customer(account.key()));
        let attributes =
            vec![("by", "invitation".to_owned()), ("sessions_ended", ended.to_string())];
        tx.record(&Event { client: self.client.clone(), attributes, ..event }).await?;
        Ok(account)
    }

    /// That the invitation was refused.
    fn failed(&self) -> Event {
        let Self { app, call, invitation, client, .. } = self;
        let resource = about_customer(&invitation.customer);
        Event { client: client.clone(), ..call.event(app, EventType::InvitationFailed, resource) }
    }
}
