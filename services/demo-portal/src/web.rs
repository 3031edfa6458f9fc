//! What both sites have in common below their pages: security headers, protection against requests
//! that other sites forge, cookies, files.

use std::future::ready;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::Markup;
use tower_http::csrf::CsrfLayer;
use tower_http::set_header::SetResponseHeaderLayer;

mod cookie;
mod device;

pub use cookie::{clear, secret_cookie};
pub use device::Device;

/// Everything comes from here: a page that somebody managed to write into runs nothing, and posts
/// nowhere.
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

/// A site: its pages, with what surrounds each of them. `forged` is the page for a request that came
/// from elsewhere: cookies are SameSite=Lax, and this is the second lock.
pub fn site<S: Clone + Send + Sync + 'static>(pages: Router<S>, forged: Markup) -> Router<S> {
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
    let csrf = CsrfLayer::new().with_rejection_response(move |_| {
        (axum::http::StatusCode::FORBIDDEN, forged.clone()).into_response()
    });
    let site = pages.merge(files).layer(csrf);
    HEADERS.into_iter().fold(site, |site, (name, value)| {
        let value = HeaderValue::from_static(value);
        site.layer(SetResponseHeaderLayer::overriding(name, value))
    })
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], text)
}

/// Go there, with GET: a page that is loaded again posts nothing twice.
pub fn see_other(path: &str) -> Response {
    Redirect::to(path).into_response()
}
