//! Whether a request is a call of gRPC at all. tonic does not ask.

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tonic::body::Body;

use super::{Request, Response};

/// HTTP's refusal of a request that is no call: "gRPC over HTTP2", `Method` and
/// `Content-Type`.
pub(super) fn refusal(request: &Request) -> Option<Response> {
    let refuse = |status| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response
    };
    if request.method() != Method::POST {
        let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Some(response);
    }
    (!is_protobuf(request.headers())).then(|| refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

/// Whether the content is said, once, to be what is decoded here.
fn is_protobuf(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (all.next(), all.next()) else { return false };
    let kind = only.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    ["application/grpc", "application/grpc+proto"].iter().any(|of| kind.eq_ignore_ascii_case(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_protobuf_and_nothing_else() {
        let taken = |kinds: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for kind in kinds {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            is_protobuf(&headers)
        };
        let grpc = "application/grpc";
        for kind in [grpc, "application/grpc+proto", "Application/gRPC; charset=utf-8"] {
            assert!(taken(&[kind]), "{kind}");
        }
        for kind in ["", "text/plain", "application/grpc-web", "application/grpc+json"] {
            assert!(!taken(&[kind]), "{kind}");
        }
        assert!(!taken(&[]));
        assert!(!taken(&[grpc, grpc]));
    }
}
