//! Proofs: what customers present, charged before it is judged.

pub mod password;
pub mod second_factor;

mod budget;
mod guess;

use gatehouse_domain::audit::Event;

use super::{refused, tries};
use crate::app::App;
use crate::error::AppError;

pub(in crate::usecase) use budget::Budget;
pub(in crate::usecase) use guess::{Charged, Guess, email_budget};

/// Tells of a proof that was refused with `error`, which changes nothing that is stored.
pub(in crate::usecase) async fn record_refusal(
    app: &App,
    event: Event,
    error: AppError,
) -> Result<AppError, AppError> {
    tries::tell(app, &refused(event, &error)).await?;
    Ok(error)
}
