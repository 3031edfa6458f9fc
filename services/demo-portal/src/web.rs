//! What both sites have in common below their pages: security headers, protection against requests
//! that other sites forge, cookies, files.

use std::future::ready;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{map_request, map_response};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};
use tower_http::csrf::CsrfLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

mod cookie;
mod device;

pub use cookie::{clear, secret_cookie};
pub use device::Device;

/// Everything comes from here: a page that somebody managed to write into runs nothing, and sends what is
/// typed there to nobody else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// On every answer. `no-referrer` would take the Origin from forms, by which forged ones are known.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The longest form here has a certificate in it.
const BODY_BYTES: usize = 64 * 1024;

/// A page takes gatehouse a few answers, none longer than five seconds; who sends a form more slowly than
/// this is up to no good.
const REQUEST: Duration = Duration::from_secs(20);

/// A site: its pages, with what surrounds each of them. `page` makes one of a title and what stands below
/// it, for what never reaches a handler. A proxy in front still has to bound how slowly headers come,
/// and a site that is reached by TLS wants Strict-Transport-Security: forged requests from the same
/// name without TLS are not told apart otherwise.
pub fn site<S>(pages: Router<S>, page: fn(&str, &Markup) -> Markup) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let files = Router::new()
        .route("/style.css", get(|| ready(file("text/css", include_str!("../assets/style.css")))))
        .route(
            "/enhance.js",
            get(|| ready(file("text/javascript", include_str!("../assets/enhance.js")))),
        )
        .route(
            "/icon.svg",
            get(|| ready(file("image/svg+xml", include_str!("../assets/icon.svg")))),
        );
    // Cookies are SameSite=Lax; this is the second lock.
    let csrf = CsrfLayer::new().with_rejection_response(move |_| {
        let title = "This request came from another site";
        let body = html! {
            p { "For your safety it was not carried out." }
            a href="/" { "Go to the home page" }
        };
        (StatusCode::FORBIDDEN, page(title, &body)).into_response()
    });
    let site = pages
        .merge(files)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST))
        .layer(csrf)
        .layer(map_request(own_host))
        .layer(map_response(move |response| ready(framed(response, page))));
    HEADERS.into_iter().fold(site, |site, (name, value)| {
        let value = HeaderValue::from_static(value);
        site.layer(SetResponseHeaderLayer::overriding(name, value))
    })
}

/// Whoever makes a name of their own lead here would be the same origin to the browser (DNS rebinding).
async fn own_host(request: Request) -> Result<Request, StatusCode> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    match authority.as_ref().map(Authority::host) {
        Some("localhost" | "127.0.0.1") => Ok(request),
        _ => Err(StatusCode::MISDIRECTED_REQUEST),
    }
}

/// What axum refuses itself, such as a form without a field, is a page as well.
fn framed(response: Response, page: fn(&str, &Markup) -> Markup) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page || !response.status().is_client_error() {
        return response;
    }
    let body = html! {
        p { "The browser sent something that this page does not understand." }
        a href="/" { "Go to the home page" }
    };
    (response.status(), page("That did not work", &body)).into_response()
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], text)
}

/// Go there, with GET: a page that is loaded again posts nothing twice.
pub fn see_other(path: &str) -> Response {
    Redirect::to(path).into_response()
}
