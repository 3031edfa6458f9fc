//! What happened in the portal, newest first.

use axum::extract::{Query, State};
use axum::response::Response;
use gatehouse_api::v1::{ListAuditEventsRequest, ListCustomersRequest};
use maud::{Markup, html};

use super::errors::Errors;
use super::parts;
use super::refused::Refused;
use super::{Console, frame};
use crate::page::{Field, Select, quiet_button};

mod filter;
mod table;
mod words;

pub use filter::Filter;
pub use table::{Subjects, table};

const PATH: &str = "/audit";

/// The first words of types, and what they are called.
const TYPES: [(&str, &str); 11] = [
    ("", "Any"),
    ("sign_in", "Sign-in"),
    ("mfa", "MFA"),
    ("backup_codes", "Backup codes"),
    ("password", "Password"),
    ("session", "Session"),
    ("customer", "Customer"),
    ("invitation", "Invitation"),
    ("portal", "Portal"),
    ("api_key", "API key"),
    ("call", "Refused call"),
];

/// The trail.
pub async fn page(
    State(console): State<Console>,
    Query(filter): Query<Filter>,
) -> Result<Response, Refused> {
    let (list, errors) = match list(&console, &filter).await? {
        Ok(list) => (list, Errors::default()),
        Err(errors) => (Markup::default(), errors),
    };
    let body = html! {
        div class="wide" { (form(&filter, &errors)) }
        (list)
    };
    Ok(errors.answer(frame(PATH).page("Audit trail", &body)))
}

async fn list(console: &Console, filter: &Filter) -> Result<Result<Markup, Errors>, Refused> {
    let Some(resource) = resource(console, &filter.customer).await? else {
        return Ok(Err(Errors::one("customer", "No customer has this address.")));
    };
    let request = match filter.request(resource) {
        Ok(request) => request,
        Err(errors) => return Ok(Err(errors)),
    };
    match events(console, filter, request).await {
        Ok(list) => Ok(Ok(list)),
        Err(status) => Errors::of_form(status, &["start_time", "end_time"]).map(Err),
    }
}

async fn events(
    console: &Console,
    filter: &Filter,
    request: ListAuditEventsRequest,
) -> Result<Markup, tonic::Status> {
    let found = console.admin.clone().list_audit_events(request).await?.into_inner();
    let first = if filter.is_at_first_page() { String::new() } else { filter.path(String::new()) };
    let next = match found.next_page_token {
        token if token.is_empty() => String::new(),
        token => filter.path(token),
    };
    Ok(html! {
        (table(&found.audit_events, Subjects::All))
        (parts::paging(&first, &next))
    })
}

/// What the events are to be about: the customer with this address, or the portal. None where nobody has
/// the address.
async fn resource(console: &Console, email: &str) -> Result<Option<String>, Refused> {
    if email.trim().is_empty() {
        return Ok(Some(console.portal.to_owned()));
    }
    let request = ListCustomersRequest {
        parent: console.portal.to_owned(),
        email: email.to_owned(),
        ..ListCustomersRequest::default()
    };
    match console.admin.clone().list_customers(request).await {
        Ok(found) => Ok(found.into_inner().customers.pop().map(|customer| customer.name)),
        // What is no address is nobody's.
        Err(status) => Errors::of_form(status, &["email"]).map(|_| None),
    }
}

fn form(filter: &Filter, errors: &Errors) -> Markup {
    let customer = Field {
        name: "customer",
        label: "Customer",
        value: &filter.customer,
        error: errors.of("customer"),
        optional: true,
        ..Field::default()
    };
    let kind = Select { name: "type", label: "Type", options: &TYPES, chosen: &filter.kind };
    let from = Field {
        name: "start_time",
        label: "From (UTC)",
        kind: "datetime-local",
        value: &filter.start_time,
        error: errors.of("start_time"),
        optional: true,
        ..Field::default()
    };
    let to = Field {
        name: "end_time",
        label: "To (UTC)",
        value: &filter.end_time,
        error: errors.of("end_time"),
        ..from
    };
    html! {
        form class="filters" action=(PATH) role="search" {
            (customer.render())
            (kind.render())
            (from.render())
            (to.render())
            (quiet_button("Filter"))
        }
    }
}
