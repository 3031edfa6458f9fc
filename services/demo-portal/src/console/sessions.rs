//! Who is signed in.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use gatehouse_api::v1::{Assurance, ListSessionsRequest, RevokeSessionsRequest, Session};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::errors::Errors;
use super::notice::{self, Done};
use super::parts::{self, ROWS};
use super::refused::Refused;
use super::resource::{self, customer_id, customer_path, path_with, session_id};
use super::{Console, frame};
use crate::page::{post, quiet_button};
use crate::web::see_other;

const PATH: &str = "/sessions";

/// Which page of them.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Paging {
    page_token: String,
}

/// Whose sessions a table shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Everybody's.
    Portal,
    /// Those of the customer whose page it is on.
    Customer,
}

/// All of the portal's.
pub async fn page(
    State(console): State<Console>,
    Query(paging): Query<Paging>,
    Query(query): Query<notice::Query>,
) -> Result<Response, Refused> {
    let request = ListSessionsRequest {
        parent: resource::customer(console.portal, "-"),
        page_size: ROWS,
        page_token: paging.page_token.clone(),
    };
    let found = console.admin.clone().list_sessions(request).await?.into_inner();
    let first = if paging.page_token.is_empty() { "" } else { PATH };
    let next = match found.next_page_token {
        token if token.is_empty() => String::new(),
        page_token => path_with(PATH, &Paging { page_token }),
    };
    let body = html! {
        (query.show(&console))
        div class="wide" { (table(&found.sessions, Of::Portal)) }
        (parts::paging(first, &next))
    };
    Ok(Errors::default().answer(frame(PATH).page("Sessions", &body)))
}

/// Ends one, from the list of all.
pub async fn end_from_list(
    State(console): State<Console>,
    Path((customer, session)): Path<(String, String)>,
) -> Result<Response, Refused> {
    end(&console, resource::session(console.portal, &customer, &session)).await?;
    Ok(see_other(&Done::SessionEnded.told_at(PATH)))
}

/// Ends one, from the customer's page.
pub async fn end_from_customer(
    State(console): State<Console>,
    Path((customer, session)): Path<(String, String)>,
) -> Result<Response, Refused> {
    end(&console, resource::session(console.portal, &customer, &session)).await?;
    Ok(see_other(&Done::SessionEnded.told_at(&customer_path(&customer))))
}

/// Ends all of a customer's.
pub async fn end_all_of_customer(
    State(console): State<Console>,
    Path(customer): Path<String>,
) -> Result<Response, Refused> {
    end(&console, resource::customer(console.portal, &customer)).await?;
    Ok(see_other(&Done::SessionsEnded.told_at(&customer_path(&customer))))
}

async fn end(console: &Console, name: String) -> Result<(), Refused> {
    console.admin.clone().revoke_sessions(RevokeSessionsRequest { name }).await?;
    Ok(())
}

/// A table of sessions.
pub fn table(sessions: &[Session], of: Of) -> Markup {
    html! {
        @if sessions.is_empty() { p { "Nobody is signed in." } }
        @else {
            div class="table" {
                table aria-label="Sessions" {
                    thead {
                        tr {
                            @if of == Of::Portal { th scope="col" { "Customer" } }
                            th scope="col" { "Proven by" }
                            th scope="col" { "Device" }
                            th scope="col" { "Last used" }
                            th scope="col" { "End" }
                        }
                    }
                    tbody { @for session in sessions { (row(session, of)) } }
                }
            }
        }
    }
}

fn row(session: &Session, of: Of) -> Markup {
    let customer = customer_id(&session.name).unwrap_or_default();
    let id = session_id(&session.name).unwrap_or_default();
    let client = session.client.clone().unwrap_or_default();
    let end = match of {
        Of::Portal => format!("/sessions/{customer}/{id}/end"),
        Of::Customer => format!("/customers/{customer}/sessions/{id}/end"),
    };
    html! {
        tr {
            @if of == Of::Portal {
                th scope="row" { a href=(customer_path(customer)) { (session.email) } }
            }
            td data-label="Proven by" { (proven_by(session.assurance())) }
            td data-label="Device" {
                (client.user_agent)
                br;
                span class="hint" { (client.ip_address) }
            }
            td data-label="Last used" {
                (parts::moment_or(session.last_used_time, ""))
                br;
                span class="hint" { "Began " (parts::moment_or(session.create_time, "")) }
            }
            td { (post(&end, &quiet_button("End"))) }
        }
    }
}

fn proven_by(assurance: Assurance) -> Markup {
    html! {
        @match assurance {
            Assurance::MultiFactor => { span class="badge good" { "Multi-factor" } }
            Assurance::Password => { span class="badge" { "Password" } }
            Assurance::Unspecified => {}
        }
    }
}
