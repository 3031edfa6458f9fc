//! What is asked of a session: how strong it is, and how old its last proof.

use std::time::Duration;

use gatehouse_domain::customer::BackupCodes;
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
    /// Refuses a session that is not good enough, of a customer with a factor in force
    /// since `factor_enabled_at`, if there is one.
    pub(super) async fn check(
        &self,
        app: &App,
        session: &Session,
        factor_enabled_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let has_factor = factor_enabled_at.is_some();
        let strong = self.assurance <= Some(session.assurance());
        if !strong && !has_factor {
            return Err(AppError::MfaNotEnabled);
        }
        let fresh = self
            .max_authentication_age
            .is_none_or(|age| is_fresh(session, factor_enabled_at, age, now));
        if strong && fresh {
            return Ok(());
        }
        let left = app.store.read().backup_codes(&session.customer).await?;
        Err(reauthentication_required(has_factor, left))
    }
}

/// Whether the last proof that counts was given no longer than `age` ago.
pub(super) fn is_fresh(
    session: &Session,
    factor_enabled_at: Option<Timestamp>,
    age: Duration,
    now: Timestamp,
) -> bool {
    session.proven_at(factor_enabled_at).is_some_and(|proven_at| now.since(proven_at) <= age)
}

/// Asks for a proof that counts for a customer with these backup codes left, who may have
/// a factor in force.
pub(in crate::usecase) fn reauthentication_required(
    has_factor: bool,
    left: Option<BackupCodes>,
) -> AppError {
    let accepted = match left {
        _ if !has_factor => PASSWORD,
        Some(codes) if codes.remaining > 0 => TOTP_OR_BACKUP_CODE,
        _ => TOTP,
    };
    AppError::ReauthenticationRequired { accepted }
}
