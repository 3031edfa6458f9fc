//! Envoy, as it asks.

use std::collections::{BTreeMap, HashMap};

use gatehouse::config::Settings;
use gatehouse_api::envoy::config::core::v3::HeaderValueOption;
use gatehouse_api::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use gatehouse_api::envoy::service::auth::v3::attribute_context::{self, HttpRequest};
use gatehouse_api::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use gatehouse_api::envoy::service::auth::v3::check_response::HttpResponse;
use gatehouse_api::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use prost::Message;
use serde_json::Value;

use super::{Answer, Keyed, TestServer};

/// Calls by one key.
#[derive(Clone)]
pub struct Envoy(AuthorizationClient<Keyed>);

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The upstream gets it, with these headers in place of others of their names, and without
    /// those.
    Pass { set: BTreeMap<String, String>, removed: Vec<String> },
    /// Its client is answered by HTTP.
    Deny { status: i32, headers: BTreeMap<String, String>, body: Value },
}

impl TestServer {
    /// A replica that Envoy may ask.
    pub async fn with_envoy(&self) -> Self {
        let settings = Settings { envoy_authorization: true, ..self.settings.clone() };
        self.replica_with(settings).await
    }

    /// Envoy, with this key.
    pub fn envoy_with(&self, key: &str) -> Envoy {
        Envoy(AuthorizationClient::new(self.keyed(key)))
    }
}

impl Envoy {
    /// Asks about a request with these headers, on a route that asks for this.
    pub async fn check(&self, headers: &[(&str, &str)], route: &[(&str, &str)]) -> Answer<Told> {
        self.ask(question(headers, route)).await
    }

    /// The same about a request with this token.
    pub async fn bearer(&self, token: &str, route: &[(&str, &str)]) -> Answer<Told> {
        self.check(&[("authorization", &format!("Bearer {token}"))], route).await
    }

    /// Asks what Envoy would not.
    pub async fn ask(&self, request: CheckRequest) -> Answer<Told> {
        Ok(self.0.clone().check(request).await?.into_inner().into())
    }
}

impl From<CheckResponse> for Told {
    fn from(answer: CheckResponse) -> Self {
        let code = answer.status.expect("a status").code;
        match answer.http_response.expect("what to do") {
            HttpResponse::OkResponse(ok) => {
                assert_eq!(code, 0);
                Self::Pass { set: replaced(ok.headers), removed: ok.headers_to_remove }
            }
            HttpResponse::DeniedResponse(denied) => {
                assert_ne!(code, 0);
                let status = denied.status.expect("a status").code;
                let body = denied.body.parse().expect("JSON");
                Self::Deny { status, headers: replaced(denied.headers), body }
            }
        }
    }
}

impl Told {
    /// As it is encoded.
    pub fn decode(encoded: &[u8]) -> Self {
        CheckResponse::decode(encoded).expect("an answer").into()
    }

    /// The status and the reason of a denial.
    pub fn denied(&self) -> (i32, &str) {
        match self {
            Self::Deny { status, body, .. } => (*status, body["reason"].as_str().unwrap()),
            Self::Pass { .. } => panic!("it passed: {self:?}"),
        }
    }

    /// A header of a denial.
    pub fn header(&self, name: &str) -> Option<&str> {
        match self {
            Self::Deny { headers, .. } => headers.get(name).map(String::as_str),
            Self::Pass { .. } => panic!("it passed: {self:?}"),
        }
    }

    /// A header that the upstream gets in place of all others.
    pub fn set(&self, name: &str) -> Option<&str> {
        match self {
            Self::Pass { set, .. } => set.get(name).map(String::as_str),
            Self::Deny { .. } => panic!("it did not pass: {self:?}"),
        }
    }

    /// Headers that the upstream does not get.
    pub fn removed(&self) -> &[String] {
        match self {
            Self::Pass { removed, .. } => removed,
            Self::Deny { .. } => panic!("it did not pass: {self:?}"),
        }
    }
}

/// What Envoy asks about a request with these headers, on a route that asks for this.
pub fn question(headers: &[(&str, &str)], route: &[(&str, &str)]) -> CheckRequest {
    let http = Some(HttpRequest { headers: map(headers), header_map: None });
    let request = Some(attribute_context::Request { http });
    let attributes = AttributeContext { request, context_extensions: map(route) };
    CheckRequest { attributes: Some(attributes) }
}

fn map(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn replaced(headers: Vec<HeaderValueOption>) -> BTreeMap<String, String> {
    let pair = |option: HeaderValueOption| {
        assert!(option.append_action() == HeaderAppendAction::OverwriteIfExistsOrAdd);
        let header = option.header.expect("a header");
        (header.key, header.value)
    };
    headers.into_iter().map(pair).collect()
}
