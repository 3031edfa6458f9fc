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
#[derive(Default, Deserialize)]
#[serde(default)]
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
    let Typed { email, password } = typed;
    if !console.administrator.is(&email, &password) {
        return (StatusCode::UNPROCESSABLE_ENTITY, form(&email, true)).into_response();
    }
    let Ok(session) = console.administrator.sign_in() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let cookie = secret_cookie(COOKIE, session.expose().to_owned());
    (CookieJar::new().add(cookie), web::see_other("/customers")).into_response()
}

/// Signs out: the cookie goes, and whoever may have copied it is out as well.
pub async fn sign_out(State(console): State<Console>) -> Response {
    console.administrator.sign_out();
    (CookieJar::new().add(clear(COOKIE)), web::see_other("/sign-in")).into_response()
}

fn form(email: &str, refused: bool) -> Markup {
    let email = Field { value: email, first: !refused, ..Field::email() };
    let password = Field { first: refused, ..Field::current_password() };
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
