//! ImportCustomers takes messages that no other method does, and tonic bounds them for
//! a service as a whole.

use std::task::{Context, Poll};

use gatehouse_api::v1::admin_service_server::SERVICE_NAME;
use http::Request;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

/// Two of one service: the second for imports alone.
#[derive(Clone)]
pub(super) struct LargeImports<S> {
    usual: S,
    import: S,
}

impl<S> LargeImports<S> {
    pub(super) const fn new(usual: S, import: S) -> Self {
        Self { usual, import }
    }
}

impl<S: NamedService> NamedService for LargeImports<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for LargeImports<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // Neither keeps anybody waiting: which one is asked shows in the request.
        match self.usual.poll_ready(cx) {
            Poll::Ready(Ok(())) => self.import.poll_ready(cx),
            other => other,
        }
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        if is_import(request.uri().path()) {
            self.import.call(request)
        } else {
            self.usual.call(request)
        }
    }
}

fn is_import(path: &str) -> bool {
    path.strip_prefix('/').and_then(|path| path.strip_prefix(SERVICE_NAME))
        == Some("/ImportCustomers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_told_by_their_whole_path() {
        assert!(is_import("/gatehouse.v1.AdminService/ImportCustomers"));
        for path in [
            "",
            "/gatehouse.v1.AdminService/CreateCustomer",
            "/gatehouse.v1.AdminService/ImportCustomers/",
            "/gatehouse.v1.PortalAuthService/ImportCustomers",
        ] {
            assert!(!is_import(path), "{path}");
        }
    }
}
