//! Where a customer is signed in.

use axum::extract::{Form, State};
use axum::response::Response;
use gatehouse_api::v1::{
    ListOwnSessionsRequest, OtherSessions, Session, SignOutRequest, sign_out_request,
};
use maud::{Markup, html};
use serde::Deserialize;

use crate::page::{facts, post, quiet_button};
use crate::portal::home::proven_by;
use crate::portal::refused::Refused;
use crate::portal::visitor::SignedIn;
use crate::portal::{Portal, inside};
use crate::time;
use crate::web::see_other;

const PAGE: &str = "/account/sessions";

/// All of them: gatehouse keeps at most 20 of a customer, and a page of its list holds 50.
pub async fn show(State(portal): State<Portal>, customer: SignedIn) -> Result<Markup, Refused> {
    let session_token = customer.token;
    let request = ListOwnSessionsRequest { session_token, ..ListOwnSessionsRequest::default() };
    let sessions = portal.auth().list_own_sessions(request).await?.into_inner().sessions;
    let others = sessions.iter().any(|session| !session.current);
    let body = html! {
        ul class="list" { @for session in &sessions { (entry(session)) } }
        @if others {
            (post("/account/sessions/sign-out-others", &quiet_button("Sign out all others")))
        }
    };
    Ok(inside("/account", "Sessions", &body))
}

fn entry(session: &Session) -> Markup {
    let client = session.client.clone().unwrap_or_default();
    let at = |time| time::read(time).map(time::moment).unwrap_or_default();
    html! {
        li class="card" {
            @if session.current { p { span class="badge good" { "This session" } } }
            (facts(&[
                ("Device", html! { (client.user_agent) }),
                ("Address", html! { (client.ip_address) }),
                ("Signed in", at(session.create_time)),
                ("Last used", at(session.last_used_time)),
                ("Proven by", html! { (proven_by(session)) }),
            ]))
            @if !session.current {
                (post("/account/sessions/sign-out", &html! {
                    input type="hidden" name="session" value=(session.name);
                    (quiet_button("Sign out"))
                }))
            }
        }
    }
}

/// One of them.
#[derive(Deserialize)]
pub struct One {
    session: String,
}

/// Ends one. gatehouse sees to it that it is the customer's own.
pub async fn sign_out(
    State(portal): State<Portal>,
    customer: SignedIn,
    Form(One { session }): Form<One>,
) -> Result<Response, Refused> {
    end(&portal, customer, sign_out_request::Target::Session(session)).await
}

/// Ends all but the one that asks.
pub async fn sign_out_others(
    State(portal): State<Portal>,
    customer: SignedIn,
) -> Result<Response, Refused> {
    end(&portal, customer, sign_out_request::Target::OtherSessions(OtherSessions {})).await
}

async fn end(
    portal: &Portal,
    customer: SignedIn,
    target: sign_out_request::Target,
) -> Result<Response, Refused> {
    let request = SignOutRequest {
        session_token: customer.token,
        target: Some(target),
        client: Some(customer.device.0),
    };
    match portal.auth().sign_out(request).await.map_err(Refused::from) {
        Ok(_) => Ok(see_other(PAGE)),
        // A name that is none: the list has those that are.
        Err(refused) if refused.refusal.field("session").is_some() => Ok(see_other(PAGE)),
        Err(refused) => Err(refused),
    }
}
