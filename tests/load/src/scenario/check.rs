//! `envoy.service.auth.v3.Authorization/Check`, which an Envoy asks for every request of a site.

use gatehouse_api::envoy::service::auth::v3::attribute_context::{self, HttpRequest};
use gatehouse_api::envoy::service::auth::v3::check_response::HttpResponse;
use gatehouse_api::envoy::service::auth::v3::{AttributeContext, CheckRequest, OkHttpResponse};

use super::validate::Sessions;
use super::{Must as _, check, client};
use crate::client::Envoy;
use crate::drive::Scenario;
use crate::measure::Failure;
use crate::population::Population;

const ASSURANCE: &str = "ASSURANCE_MULTI_FACTOR";

/// Checks of requests with a session's cookie, one after the other.
pub struct Check {
    clients: Vec<Envoy>,
    sessions: Sessions<CheckRequest>,
}

impl Check {
    /// Of `count` sessions, spread evenly over those of `members` members.
    pub fn new(clients: Vec<Envoy>, population: Population, members: u64, count: u64) -> Self {
        Self { clients, sessions: Sessions::new(population, members, count, question) }
    }
}

/// What Envoy asks where it is set up as deploy/envoy says.
fn question(token: &str) -> CheckRequest {
    let cookie = format!("theme=dark; __Host-session={token}");
    let headers = [("cookie".to_owned(), cookie)].into();
    let http = Some(HttpRequest { headers, header_map: None });
    let request = Some(attribute_context::Request { http });
    let context_extensions = [("min_assurance".to_owned(), ASSURANCE.to_owned())].into();
    CheckRequest { attributes: Some(AttributeContext { request, context_extensions }) }
}

impl Scenario for Check {
    async fn call(&self, caller: usize, _turn: u64) -> Result<&'static str, Failure> {
        let mut envoy = client(&self.clients, caller)?;
        let known = self.sessions.next()?;
        let answer = envoy.check(known.request.clone()).await?.into_inner();
        let Some(HttpResponse::OkResponse(passed)) = answer.http_response else {
            return Err(Failure::WrongAnswer("that it passes"));
        };
        let customer = header(&passed, "x-gatehouse-customer").must("a customer")?;
        check(customer == known.customer, "of the same customer")?;
        let assurance = header(&passed, "x-gatehouse-assurance").must("an assurance")?;
        check(assurance == ASSURANCE, "a multi-factor session")?;
        Ok("check")
    }
}

fn header<'a>(passed: &'a OkHttpResponse, name: &str) -> Option<&'a str> {
    let headers = passed.headers.iter().filter_map(|option| option.header.as_ref());
    headers.filter(|header| header.key == name).map(|header| header.value.as_str()).next()
}
