//! The messages of the call that is made most.

use std::hint::black_box;

use gatehouse_api::v1::{
    Assurance, ClientContext, Session, ValidateSessionRequest, ValidateSessionResponse,
};
use prost::Message as _;
use prost_types::{Duration, Timestamp};

use super::{Call, call};

fn client() -> ClientContext {
    ClientContext {
        ip_address: "203.0.113.7".to_owned(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
            .to_owned(),
    }
}

pub fn decode_request() -> anyhow::Result<Call> {
    let request = ValidateSessionRequest {
        session_token: format!("ghs_{}", "A".repeat(43)),
        min_assurance: Assurance::MultiFactor.into(),
        max_authentication_age: Some(Duration { seconds: 900, nanos: 0 }),
        client: Some(client()),
        passive: false,
    };
    let bytes = request.encode_to_vec();
    ValidateSessionRequest::decode(bytes.as_slice())?;
    call(move || ValidateSessionRequest::decode(black_box(bytes.as_slice())))
}

pub fn encode_response() -> anyhow::Result<Call> {
    let at = Some(Timestamp { seconds: 1_800_000_000, nanos: 123_456_000 });
    let customer = "portals/acme/customers/0190a8b4-7c1e-7d3a-9f52-3b6c1d2e4f50".to_owned();
    let response = ValidateSessionResponse {
        session: Some(Session {
            name: format!("{customer}/sessions/0190a8b5-1234-7abc-8def-0123456789ab"),
            assurance: Assurance::MultiFactor.into(),
            create_time: at,
            last_used_time: at,
            expire_time: at,
            authentication_time: at,
            second_factor_time: at,
            client: Some(client()),
            current: false,
            email: String::new(),
        }),
        customer,
        email: "ana.diaz@example.com".to_owned(),
        display_name: "Ana D\u{ed}az".to_owned(),
    };
    call(move || black_box(&response).encode_to_vec())
}
