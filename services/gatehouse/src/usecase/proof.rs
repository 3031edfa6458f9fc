//! Proofs: what customers present, charged before it is judged.

pub mod password;
pub mod second_factor;

mod budget;
mod guess;

use gatehouse_domain::audit::Event;

use super::{record, refused};
use crate::app::App;
use crate::error::AppError;

pub(in crate::usecase) use budget::Budget;
pub(in crate::usecase) use guess::{Charged, Guess, email_budget};

/// Records in a transaction of its own that a proof was refused with `error`.
pub(in crate::usecase) async fn record_refusal(
    app: &App,
    event: Event,
    error: AppError,
) -> Result<AppError, AppError> {
    record(app, &refused(event, &error)).await?;
    Ok(error)
}
