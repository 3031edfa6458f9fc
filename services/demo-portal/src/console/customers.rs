//! The portal's customers.

use axum::extract::{Query, State};
use axum::response::Response;
use gatehouse_api::v1::{Customer, ListCustomersRequest, MfaState};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::errors::Errors;
use super::parts::{self, ROWS};
use super::refused::Refused;
use super::resource::{customer_id, customer_path, path_with};
use super::{Console, frame};
use crate::page::{Field, Select, heading_with, link_button_first, quiet_button};

const PATH: &str = "/customers";

/// Which customers, as the address says it. What is empty does not filter.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Filter {
    #[serde(skip_serializing_if = "String::is_empty")]
    email: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    mfa: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    locked: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    suspended: String,
    /// From gatehouse, which sealed it: it is no secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    page_token: String,
}

impl Filter {
    fn request(&self, portal: &str) -> ListCustomersRequest {
        let mfa_state = match self.mfa.as_str() {
            "enabled" => MfaState::Enabled,
            "not-enabled" => MfaState::Disabled,
            _ => MfaState::Unspecified,
        };
        ListCustomersRequest {
            parent: portal.to_owned(),
            page_size: ROWS,
            page_token: self.page_token.clone(),
            email: self.email.clone(),
            mfa_state: mfa_state.into(),
            suspended: yes_or_no(&self.suspended),
            locked: yes_or_no(&self.locked),
        }
    }

    /// The same customers, from a page on.
    fn path(&self, page_token: String) -> String {
        path_with(PATH, &Self { page_token, ..self.clone() })
    }
}

fn yes_or_no(word: &str) -> Option<bool> {
    match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// The list.
pub async fn page(
    State(console): State<Console>,
    Query(filter): Query<Filter>,
) -> Result<Response, Refused> {
    let mut errors = Errors::default();
    let list = match list(&console, &filter).await {
        Ok(list) => list,
        Err(status) => {
            errors = Errors::of_form(status, &["email"])?;
            Markup::default()
        }
    };
    Ok(errors.answer(frame(PATH).bare_page("Customers", &body(&filter, &errors, &list))))
}

/// The page's body as it stands at first, for the settings to slide over.
pub async fn first_body(console: &Console) -> Result<Markup, Refused> {
    let filter = Filter::default();
    let list = list(console, &filter).await?;
    Ok(body(&filter, &Errors::default(), &list))
}

async fn list(console: &Console, filter: &Filter) -> Result<Markup, tonic::Status> {
    let request = filter.request(console.portal);
    let found = console.admin.clone().list_customers(request).await?.into_inner();
    let first =
        if filter.page_token.is_empty() { String::new() } else { filter.path(String::new()) };
    let next = match found.next_page_token {
        token if token.is_empty() => String::new(),
        token => filter.path(token),
    };
    Ok(html! {
        (table(&found.customers))
        (parts::paging(&first, &next))
    })
}

fn body(filter: &Filter, errors: &Errors, list: &Markup) -> Markup {
    let add = link_button_first("/new-customer", "Add customer");
    html! {
        (heading_with("Customers", &add))
        div class="wide" { (filter_form(filter, errors)) }
        (list)
    }
}

fn filter_form(filter: &Filter, errors: &Errors) -> Markup {
    let email = Field {
        name: "email",
        label: "Email address",
        value: &filter.email,
        error: errors.of("email"),
        optional: true,
        ..Field::default()
    };
    let mfa = Select {
        name: "mfa",
        label: "MFA",
        options: &[("", "Any"), ("enabled", "Enabled"), ("not-enabled", "Not enabled")],
        chosen: &filter.mfa,
    };
    let any = [("", "Any"), ("yes", "Yes"), ("no", "No")];
    let locked = Select { name: "locked", label: "Locked", options: &any, chosen: &filter.locked };
    let suspended =
        Select { name: "suspended", label: "Suspended", options: &any, chosen: &filter.suspended };
    html! {
        form class="filters" action=(PATH) role="search" {
            (email.render())
            (mfa.render())
            (locked.render())
            (suspended.render())
            (quiet_button("Filter"))
        }
    }
}

fn table(customers: &[Customer]) -> Markup {
    html! {
        @if customers.is_empty() { p { "There are no such customers." } }
        @else {
            div class="table" {
                table aria-label="Customers" {
                    thead {
                        tr {
                            th scope="col" { "Email address" }
                            th scope="col" { "Name" }
                            th scope="col" { "MFA" }
                            th scope="col" { "State" }
                            th scope="col" { "Last sign-in" }
                        }
                    }
                    tbody { @for customer in customers { (row(customer)) } }
                }
            }
        }
    }
}

fn row(customer: &Customer) -> Markup {
    let path = customer_path(customer_id(&customer.name).unwrap_or_default());
    html! {
        tr {
            th scope="row" { a href=(path) { (customer.email) } }
            td data-label="Name" { (customer.display_name) }
            td data-label="MFA" { (parts::mfa_badge(customer)) }
            td data-label="State" { (parts::state_badges(customer)) }
            td data-label="Last sign-in" { (parts::moment_or(customer.last_sign_in_time, "Never")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_left_alone_does_not_filter() {
        let request = Filter::default().request("portals/acme");
        assert!(request.mfa_state() == MfaState::Unspecified && request.email.is_empty());
        assert_eq!((request.suspended, request.locked), (None, None));
    }

    #[test]
    fn the_next_page_is_of_the_same_customers() {
        let filter =
            Filter { mfa: "not-enabled".into(), locked: "yes".into(), ..Filter::default() };
        let request = filter.request("portals/acme");
        assert!(request.mfa_state() == MfaState::Disabled && request.locked == Some(true));
        let path = filter.path("t=1".into());
        assert_eq!(path, "/customers?mfa=not-enabled&locked=yes&page_token=t%3D1");
    }
}
