//! What is asked of a session: how strong it is, and how old its last proof.

use std::time::Duration;

use gatehouse_domain::customer::BackupCodes;
use gatehouse_domain::enrollment::Factor;
use gatehouse_domain::session::{Assurance, Session};
use gatehouse_domain::time::Timestamp;

use crate::app::App;
use crate::error::AppError;

const PASSWORD: &[&str] = &["password"];
const TOTP: &[&str] = &["totp_code"];
const TOTP_OR_BACKUP_CODE: &[&str] = &["totp_code", "backup_code"];

/// What a service asks of a session.
#[derive(Clone, Copy, Debug)]
pub struct Requirements {
    /// At least this much.
    pub assurance: Option<Assurance>,
    /// A proof no older than this.
    pub max_authentication_age: Option<Duration>,
    /// Only look: not a use.
    pub passive: bool,
}

impl Requirements {
    /// Refuses a session that is not good enough.
    pub(super) async fn check(
        &self,
        app: &App,
        session: &Session,
        now: Timestamp,
    ) -> Result<(), AppError> {
        if self.assurance.is_none() && self.max_authentication_age.is_none() {
            return Ok(());
        }
        let factor = app.store.read().factor(&session.customer).await?;
        let factor = factor.as_ref();
        let strong = self.assurance <= Some(session.assurance());
        if !strong && factor.is_none() {
            return Err(AppError::MfaNotEnabled);
        }
        let fresh =
            self.max_authentication_age.is_none_or(|age| is_fresh(session, factor, age, now));
        if strong && fresh {
            return Ok(());
        }
        let left = app.store.read().backup_codes(&session.customer).await?;
        Err(reauthentication_required(factor, left))
    }
}

/// Whether the last proof that counts was given no longer than `age` ago.
pub(super) fn is_fresh(
    session: &Session,
    factor: Option<&Factor>,
    age: Duration,
    now: Timestamp,
) -> bool {
    session.proven_at(factor).is_some_and(|proven_at| now.since(proven_at) <= age)
}

/// Asks for a proof that counts for a customer with `factor` in force and these
/// backup codes left.
pub(in crate::usecase) fn reauthentication_required(
    factor: Option<&Factor>,
    left: Option<BackupCodes>,
) -> AppError {
    let accepted = match factor {
        None => PASSWORD,
        Some(_) if left.is_some_and(|codes| codes.remaining > 0) => TOTP_OR_BACKUP_CODE,
        Some(_) => TOTP,
    };
    AppError::ReauthenticationRequired { accepted }
}
