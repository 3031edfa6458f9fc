//! Refusals of calls with a live key, for the audit trail: one place for all
//! methods, which sees what the caller is answered with.

use std::sync::Arc;

use gatehouse_api::v1::ErrorReason;
use tonic::Status;

use super::Caller;
use super::layer::Response;
use super::rules::changes_something;
use crate::app::App;
use crate::error::REASON_HEADER;
use crate::usecase::{Call, audit};

/// Records it where `response` is a refusal that the trail tells of. Without its event, or its
/// place among those that are counted, no refusal leaves: the call is answered with why.
pub(super) async fn record(
    app: &Arc<App>,
    caller: &Caller,
    path: &str,
    response: Response,
) -> Response {
    let Some(reason) = reason(&response).filter(|reason| is_told(*reason, caller, path)) else {
        return response;
    };
    let method = path.rsplit('/').next().unwrap_or_default().to_owned();
    let call = Call { now: app.clock.now(), caller: caller.audited() };
    let portal = caller.asked_portal().cloned();
    let task = {
        let app = Arc::clone(app);
        async move {
            let reason = reason.as_str_name();
            audit::record_refusal(&app, &call, portal.as_ref(), &method, reason).await
        }
    };
    match app.tasks.run(caller.portal_id().cloned(), task).await {
        Ok(()) => response,
        Err(error) => Status::from(error).into_http(),
    }
}

/// Why a call was refused before it answered anything; what tonic refuses by
/// itself has no reason yet.
fn reason(response: &Response) -> Option<ErrorReason> {
    let reason = response.headers().get(REASON_HEADER)?.to_str().ok()?;
    ErrorReason::from_str_name(reason)
}

fn is_told(reason: ErrorReason, caller: &Caller, path: &str) -> bool {
    match reason {
        ErrorReason::ApiKeyScope => true,
        // About the form of the call or the state of the server, not about the change.
        ErrorReason::RequestInvalid
        | ErrorReason::Overloaded
        | ErrorReason::StoreUnavailable
        | ErrorReason::Internal => false,
        _ => changes_something(path) && !caller.is_preview(),
    }
}
