//! How the administrator gets in, and out.

use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use maud::{Markup, html};
use serde::Deserialize;

use super::administrator::COOKIE;
use super::{Console, outer_frame};
use crate::page::{Field, alert, button, post};
use crate::web::{self, clear, secret_cookie};

/// What is typed.
#[derive(Deserialize)]
pub struct Typed {
    email: String,
    password: String,
}

/// The form.
pub async fn page() -> Markup {
    form("", false)
}

/// Signs in.
pub async fn sign_in(State(console): State<Console>, Form(typed): Form<Typed>) -> Response {
    match console.administrator.sign_in(&typed.email, &typed.password) {
        Some(session) => {
            let cookie = secret_cookie(COOKIE, session.expose().to_owned());
            (CookieJar::new().add(cookie), web::see_other("/customers")).into_response()
        }
        None => (StatusCode::UNPROCESSABLE_ENTITY, form(&typed.email, true)).into_response(),
    }
}

/// Signs out.
pub async fn sign_out() -> Response {
    (CookieJar::new().add(clear(COOKIE)), web::see_other("/sign-in")).into_response()
}

fn form(email: &str, refused: bool) -> Markup {
    let email = Field {
        name: "email",
        label: "Email address",
        kind: "email",
        autocomplete: "username",
        value: email,
        first: !refused,
        ..Field::default()
    };
    let password = Field {
        name: "password",
        label: "Password",
        kind: "password",
        autocomplete: "current-password",
        first: refused,
        ..Field::default()
    };
    let body = html! {
        // Which of the two is wrong is nobody's business.
        @if refused { (alert(&html! { "The email address or the password is not right." })) }
        (post("/sign-in", &html! {
            (email.render())
            (password.render())
            (button("Sign in"))
        }))
    };
    outer_frame().page("Administrator's console", &body)
}
