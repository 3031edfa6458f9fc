//! The connection that every caller of a test uses.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::body::Body;
use tonic::transport::{Channel, Error};
use tower::Service;

use super::ENDLESS;
use super::taint::{self, Taint};

/// A connection. Where secrets are watched for, it notes those that go over it.
#[derive(Clone)]
pub struct Wire(Channel);

impl Wire {
    pub(super) fn new(channel: Channel) -> Self {
        Self(channel)
    }
}

impl Service<Request<Body>> for Wire {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match taint::watched() {
            // Those of other services go on without an end.
            Some(taint) if request.uri().path().starts_with("/gatehouse.v1.") => {
                // The one that is ready is the one to call.
                let next = self.0.clone();
                let ready = std::mem::replace(&mut self.0, next);
                Box::pin(watch(taint, ready, request))
            }
            _ => Box::pin(self.0.call(request)),
        }
    }
}

async fn watch(
    taint: &'static Taint,
    mut channel: Channel,
    request: Request<Body>,
) -> Result<Response<Body>, Error> {
    let path = request.uri().path().to_owned();
    let (head, body) = request.into_parts();
    let body = taint::collect(body).await;
    taint.asked(&path, &head.headers, &body.bytes);
    let answer = channel.call(Request::from_parts(head, body.into())).await?;
    let (head, body) = answer.into_parts();
    if path == ENDLESS {
        let body = taint.watch(path, &head.headers, body);
        return Ok(Response::from_parts(head, body));
    }
    let body = taint::collect(body).await;
    taint.answered(&path, [&head.headers, &body.trailers], &body.bytes);
    Ok(Response::from_parts(head, body.into()))
}
