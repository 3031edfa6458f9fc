//! The outbox: what a real portal would have mailed. Only a demonstration shows it to everybody.

use axum::extract::State;
use maud::{Markup, html};

use super::{Portal, outside};
use crate::page::facts;
use crate::time;

/// All of it.
pub async fn show(State(portal): State<Portal>) -> Markup {
    let mails = portal.outbox.sent();
    let body = html! {
        p class="muted" { "What this portal would have mailed, the newest first." }
        @if mails.is_empty() { p { "Nothing yet." } }
        @for mail in &mails {
            article class="card" {
                h2 { (mail.subject) }
                (facts(&[("To", html! { (mail.to) }), ("Sent", time::moment(mail.sent_at))]))
                p { (mail.text) }
                @if let Some(link) = &mail.link { a href=(link) { "Set your password" } }
            }
        }
    };
    outside("Outbox", &body)
}
