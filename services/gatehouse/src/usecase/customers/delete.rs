//! DeleteCustomer.

use gatehouse_domain::audit::EventType;
use gatehouse_domain::id::CustomerKey;

use super::lock;
use crate::app::App;
use crate::error::AppError;
use crate::usecase::retry::retry;
use crate::usecase::{Call, about_customer, check_etag};

/// Deletes a customer and all that belongs to them.
///
/// # Errors
/// [`AppError::ResourceNotFound`], [`AppError::EtagMismatch`].
pub async fn delete(
    app: &App,
    call: &Call,
    key: &CustomerKey,
    etag: Option<&str>,
) -> Result<(), AppError> {
    retry(app, || try_delete(app, call, key, etag)).await
}

async fn try_delete(
    app: &App,
    call: &Call,
    key: &CustomerKey,
    etag: Option<&str>,
) -> Result<(), AppError> {
    let tx = app.store.begin().await?;
    let (_, seen) = lock(&tx, key).await?;
    check_etag(etag, &seen.etag())?;
    tx.delete_customer(key).await?;
    tx.record(&call.event(app, EventType::CustomerDeleted, about_customer(key))).await?;
    Ok(tx.commit().await?)
}
