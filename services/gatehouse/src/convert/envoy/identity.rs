//! Who a request is from, for the upstream.

use std::collections::HashMap;

use gatehouse_api::envoy::service::auth::v3::check_response::HttpResponse;
use gatehouse_api::envoy::service::auth::v3::{CheckResponse, OkHttpResponse};
use gatehouse_api::google::rpc;
use gatehouse_domain::id::name;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tonic::Code;

use super::{Check, presented, set};
use crate::convert::fields::timestamp;
use crate::convert::session;
use crate::usecase::sessions::ValidSession;

/// What in a name for people cannot stand in a header, and what says so. What is not
/// ASCII is encoded besides.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// Lets a request pass, as that of whom `valid` is about. Of every header that says who
/// that is the client's own are replaced, or removed where there is nothing to say.
#[must_use]
pub fn allowed(check: &Check, valid: &ValidSession) -> CheckResponse {
    let (mut headers, mut headers_to_remove) = (Vec::new(), Vec::new());
    for (name, value) in identity(valid) {
        match value {
            Some(value) => headers.push(set(name, value)),
            None => headers_to_remove.push(name.to_owned()),
        }
    }
    if !check.route.keeps_token {
        headers_to_remove.push("authorization".to_owned());
        match others(&check.headers, &check.route.cookie) {
            Some(others) => headers.push(set("cookie", others)),
            None => headers_to_remove.push("cookie".to_owned()),
        }
    }
    CheckResponse {
        status: Some(rpc::Status { code: Code::Ok.into(), message: String::new() }),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers,
            headers_to_remove,
        })),
    }
}

/// The cookies without the session's.
fn others(headers: &HashMap<String, String>, cookie: &str) -> Option<String> {
    presented::without(headers.get("cookie")?, cookie)
}

/// Every header that says who a request is from.
fn identity(valid: &ValidSession) -> [(&'static str, Option<String>); 8] {
    let ValidSession { view, email, display_name } = valid;
    let session = &view.session;
    let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let time = |at| timestamp(at).to_string();
    [
        ("x-gatehouse-portal", Some(name::portal(&session.customer.portal))),
        ("x-gatehouse-customer", Some(name::customer(&session.customer))),
        ("x-gatehouse-session", Some(session::name(view))),
        ("x-gatehouse-email", Some(encoded(email))),
        (
            "x-gatehouse-display-name",
            Some(display_name).filter(|name| !name.is_empty()).map(|name| encoded(name)),
        ),
        (
            "x-gatehouse-assurance",
            Some(session::assurance(session.assurance()).as_str_name().to_owned()),
        ),
        ("x-gatehouse-authentication-time", Some(time(session.authenticated_at))),
        ("x-gatehouse-second-factor-time", session.second_factor_at.map(time)),
    ]
}
