//! The audit event of a proof that was refused.

use gatehouse_domain::audit::{Event, EventType, Resource};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::sign_in::Next;

use crate::app::App;
use crate::error::AppError;
use crate::usecase::Call;

/// A proof at `step` was refused with `error`.
pub(super) fn failed(
    app: &App,
    call: &Call,
    resource: Resource,
    client: &ClientContext,
    step: Next,
    error: &AppError,
) -> Event {
    let mut event = call.event(app, EventType::SignInFailed, resource);
    event.client = client.clone();
    event.reason = Some(error.reason().as_str_name());
    event.attributes = vec![("step", step.as_str().to_owned())];
    event
}
