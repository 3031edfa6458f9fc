//! The audit trail.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{self, Stream};
use gatehouse_api::v1;
use gatehouse_domain::id::name;
use tonic::{Request, Status};
use tracing::{Instrument, Span};

use super::AdminRpc;
use crate::app::App;
use crate::convert::fields::Fields;
use crate::convert::resume::ResumeTokens;
use crate::convert::{audit as convert, page};
use crate::error::{AppError, with_request_id};
use crate::rpc::receive;
use crate::trail::Trail;
use crate::usecase::audit;
use crate::usecase::audit::watch::{Progress, Watch};

/// What is sent to one who watches.
pub(super) type Watched =
    Pin<Box<dyn Stream<Item = Result<v1::WatchAuditEventsResponse, Status>> + Send>>;

impl AdminRpc {
    pub(super) async fn list_audit_events(
        &self,
        request: Request<v1::ListAuditEventsRequest>,
    ) -> Result<v1::ListAuditEventsResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let resource = convert::resource(message.filter.as_ref())?;
        if let Some(portal) = &resource.portal {
            context.caller.require_portal(portal)?;
        }
        let mut fields = Fields::default();
        let v1::ListAuditEventsRequest { filter, start_time, end_time, page_size, page_token } =
            message;
        let scope = &context.caller.admin()?.scope;
        let filter = convert::filter(&mut fields, filter, resource, scope);
        let filter = convert::within(&mut fields, filter, start_time.as_ref(), end_time.as_ref());
        let list = page::List::new("ListAuditEvents", &filter);
        let page =
            list.page(&self.app, &mut fields, page_size, &page_token, name::parse_audit_event);
        fields.finish()?;

        let found = audit::list(&self.app, &filter, page.after, page.limit()).await?;
        let (found, next_page_token) =
            page.cut(&self.app, found, |last| name::audit_event(last.id));
        let audit_events = found.iter().map(convert::message).collect::<Result<_, _>>()?;
        Ok(v1::ListAuditEventsResponse { audit_events, next_page_token })
    }

    pub(super) async fn watch_audit_events(
        &self,
        request: Request<v1::WatchAuditEventsRequest>,
    ) -> Result<Watched, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let resource = convert::resource(message.filter.as_ref())?;
        if let Some(portal) = &resource.portal {
            context.caller.require_portal(portal)?;
        }
        let place = Trail::enter(&self.app, context.caller.key_id())?;
        let mut fields = Fields::default();
        let scope = &context.caller.admin()?.scope;
        let filter = convert::filter(&mut fields, message.filter, resource, scope);
        let tokens = ResumeTokens::of(&filter);
        let from = tokens.open(&self.app, &mut fields, &message.resume_token);
        fields.finish()?;

        let request_id = context.call.caller.request_id.clone();
        let watch = Watch::begin(place, &self.app, context.caller, filter, from).await?;
        Ok(Watching { app: Arc::clone(&self.app), watch, tokens, request_id }.into_stream())
    }
}

/// A watch, and how it is told of.
struct Watching {
    app: Arc<App>,
    watch: Watch,
    tokens: ResumeTokens,
    request_id: String,
}

impl Watching {
    fn into_stream(self) -> Watched {
        let span = Span::current();
        Box::pin(stream::unfold(Some(self), move |this| Self::next(this).instrument(span.clone())))
    }

    /// The next message, or the error that is the last.
    async fn next(
        this: Option<Self>,
    ) -> Option<(Result<v1::WatchAuditEventsResponse, Status>, Option<Self>)> {
        let mut this = this?;
        match this.message().await {
            Ok(message) => Some((Ok(message), Some(this))),
            Err(error) => {
                let is_internal = matches!(error, AppError::Internal(_));
                let status = Status::from(error);
                // Of answers that fail at once the layer around all calls does that.
                let status =
                    if is_internal { with_request_id(&status, &this.request_id) } else { status };
                Some((Err(status), None))
            }
        }
    }

    async fn message(&mut self) -> Result<v1::WatchAuditEventsResponse, AppError> {
        let Progress { events, position } = self.watch.next().await?;
        let audit_events = events.iter().map(convert::message).collect::<Result<_, _>>()?;
        let resume_token = self.tokens.seal(&self.app, position);
        Ok(v1::WatchAuditEventsResponse { audit_events, resume_token })
    }
}
