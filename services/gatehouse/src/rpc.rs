//! The gRPC services: decode, call a use case, encode. No logic.

/// The methods of a service as tonic wants them: those that the type has under
/// the same names, and whatever does not fit.
macro_rules! grpc_service {
    (
        $service:ident for $type:ident;
        methods { $($method:ident: $request:ident -> $response:ident,)* }
        other { $($other:tt)* }
    ) => {
        #[tonic::async_trait]
        impl $service for $type {
            $(async fn $method(
                &self,
                request: Request<v1::$request>,
            ) -> Result<Response<v1::$response>, Status> {
                Self::$method(self, request).await.map(Response::new).map_err(Status::from)
            })*

            $($other)*
        }
    };
}

mod admin;
mod envoy;
mod portal_auth;

use std::sync::Arc;

use gatehouse_domain::portal::Portal;
use tonic::Request;

pub use admin::AdminRpc;
pub use envoy::AuthorizationRpc;
pub use portal_auth::PortalAuthRpc;

use crate::app::App;
use crate::caller::Caller;
use crate::error::AppError;
use crate::usecase::Call;

/// One call of a handler: who calls, when, and what works for it.
struct Context {
    app: Arc<App>,
    call: Call,
    caller: Caller,
}

/// Takes an authorized request apart.
///
/// # Errors
/// [`AppError::StoreUnavailable`] while nobody knows by what time to judge it.
fn receive<T>(app: &Arc<App>, request: Request<T>) -> Result<(Context, T), AppError> {
    let caller = Caller::of(&request)?;
    // Anew: what came before the message may have taken its time.
    let now = app.database_watch.agreed_now(&app.clock)?;
    let call = Call { now, caller: caller.audited() };
    Ok((Context { app: Arc::clone(app), call, caller }, request.into_inner()))
}

impl Context {
    /// The portal of a portal's key.
    fn portal(&self) -> Result<Arc<Portal>, AppError> {
        self.caller.portal().cloned()
    }

    /// Runs a use case that changes something, in a task of its own: a client
    /// that goes away does not stop it half way.
    async fn detach<T, W>(self, use_case: impl FnOnce(Arc<App>, Call) -> W) -> Result<T, AppError>
    where
        W: Future<Output = Result<T, AppError>> + Send + 'static,
        T: Send + 'static,
    {
        let app = Arc::clone(&self.app);
        let portal = self.caller.portal_id().cloned();
        app.tasks.run(portal, use_case(self.app, self.call)).await
    }
}
