//! A sign-in as its answers show it.

use gatehouse_domain::enrollment::{Enrollment, Owner, State};
use gatehouse_domain::lockout::Lock;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::sign_in::Next;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::totp::{TotpParameters, TotpSecret, otpauth_uri, qr_svg};
use gatehouse_domain::vault::Token;
use zeroize::Zeroizing;

use super::under_way::UnderWay;
use crate::app::App;
use crate::error::AppError;
use crate::usecase::account::Account;
use crate::usecase::sealed;
use crate::usecase::sessions::SessionView;

/// Where a sign-in stands.
pub struct SignInView {
    /// The latest token.
    pub token: Zeroizing<String>,
    /// When it ends unfinished.
    pub expires_at: Timestamp,
    /// As typed; the customer's own once the password has been proven.
    pub email: String,
    /// What it asks for.
    pub next: NextView,
}

/// What a sign-in asks for, with what the page for it has to show.
pub enum NextView {
    /// The password.
    Password,
    /// A second factor.
    SecondFactor(SecondFactorView),
    /// Setting up a factor.
    Enroll {
        /// What this sign-in has started.
        pending: Option<EnrollmentView>,
        /// MFA is not enforced any more.
        optional: bool,
    },
    /// Backup codes.
    BackupCodes,
    /// Going elsewhere.
    Saml {
        /// Where to.
        sso_url: String,
    },
    /// Nothing: it is over.
    Session(IssuedSession),
}

/// What a second factor may be.
pub struct SecondFactorView {
    /// A backup code is left.
    pub backup_code: bool,
    /// Of the authenticator.
    pub parameters: TotpParameters,
    /// Why none is accepted at this moment.
    pub lock: Option<Lock>,
}

/// A factor being set up, as its owner sees it.
pub struct EnrollmentView {
    /// Where it stands.
    pub enrollment: Enrollment,
    /// Only while it is pending.
    pub setup: Option<TotpSetup>,
}

/// What an authenticator app needs, in the three forms that it takes.
pub struct TotpSetup {
    /// Base32, to be typed.
    pub secret: Zeroizing<String>,
    /// To be opened on the phone itself.
    pub uri: Zeroizing<String>,
    /// To be scanned.
    pub qr_svg: Zeroizing<String>,
}

/// A new session and the only copy of its token.
pub struct IssuedSession {
    /// The token.
    pub token: Token,
    /// The session.
    pub session: SessionView,
    /// How many are left.
    pub backup_codes_remaining: u32,
    /// From when a factor will have to be set up.
    pub enroll_by: Option<Timestamp>,
}

/// The view of a sign-in whose password has been proven.
pub(in crate::usecase) async fn view(
    app: &App,
    held: &UnderWay,
    now: Timestamp,
) -> Result<SignInView, AppError> {
    let account = &held.account;
    let next = match held.next {
        Next::Password => NextView::Password,
        Next::SecondFactor => NextView::SecondFactor(second_factor_view(app, account, now).await?),
        Next::Enroll { optional } => {
            let owner = Owner::SignIn(held.sign_in.id);
            NextView::Enroll { pending: enrollment_view(app, account, owner, now).await?, optional }
        }
        // `SignIn::next` has no `Session`: only the step that issues one shows it.
        Next::BackupCodes | Next::Session => NextView::BackupCodes,
        Next::Saml => saml_view(&account.portal),
    };
    Ok(SignInView::of(held, next))
}

async fn second_factor_view(
    app: &App,
    account: &Account,
    now: Timestamp,
) -> Result<SecondFactorView, AppError> {
    let codes = app.store.read().backup_codes(account.key()).await?;
    Ok(SecondFactorView {
        backup_code: codes.is_some_and(|codes| codes.remaining > 0),
        parameters: account.factor().map(|factor| factor.parameters).unwrap_or_default(),
        lock: account.customer.codes.lock(now),
    })
}

pub(super) fn saml_view(portal: &Portal) -> NextView {
    let sso_url = portal.settings.saml.as_ref().map(|saml| saml.sso_url.clone());
    NextView::Saml { sso_url: sso_url.unwrap_or_default() }
}

/// What `owner` is setting up for the customer of `account`.
pub(in crate::usecase) async fn enrollment_view(
    app: &App,
    account: &Account,
    owner: Owner,
    now: Timestamp,
) -> Result<Option<EnrollmentView>, AppError> {
    let Some((enrollment, sealed)) = app.store.read().enrollment(owner, now).await? else {
        return Ok(None);
    };
    let setup = match enrollment.state {
        State::Pending => {
            let secret = sealed::open_enrollment(app, &enrollment, &sealed)?;
            Some(setup(&account.portal, account.email(), &secret, enrollment.parameters))
        }
        State::Verified { .. } => None,
    };
    Ok(Some(EnrollmentView { enrollment, setup }))
}

fn setup(
    portal: &Portal,
    email: &str,
    secret: &TotpSecret,
    parameters: TotpParameters,
) -> TotpSetup {
    let uri = otpauth_uri(&portal.issuer(), email, secret, &parameters);
    TotpSetup { secret: secret.to_base32(), qr_svg: qr_svg(&uri), uri }
}

impl SignInView {
    fn of(held: &UnderWay, next: NextView) -> Self {
        Self {
            token: Zeroizing::new(held.token.expose().to_owned()),
            expires_at: held.sign_in.expires_at,
            email: held.account.email().to_owned(),
            next,
        }
    }

    /// A sign-in that is over, with its session.
    pub(super) fn finished(held: &UnderWay, issued: IssuedSession) -> Self {
        Self::of(held, NextView::Session(issued))
    }
}
