//! Backup codes: shown once, to copy, to download, or to write down.

use axum::extract::{Form, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gatehouse_api::v1::{ClientContext, GenerateBackupCodesRequest};
use maud::{Markup, html};
use serde::Deserialize;

use super::account::Then;
use super::enrollment::{Holder, Place};
use super::refused::Refused;
use super::visitor::InSignIn;
use super::{Portal, inside, outside};
use crate::page::{actions, button, link_button_first, post};
use crate::web::Device;

/// Where they are downloaded.
pub const DOWNLOAD: &str = "/backup-codes.txt";

/// Makes new codes in a sign-in that has just enabled MFA.
pub async fn of_sign_in(
    State(portal): State<Portal>,
    InSignIn(token): InSignIn,
    Device(client): Device,
) -> Result<Response, Refused> {
    generate(&portal, &Holder::SignIn(token), client).await
}

/// Makes new codes and shows them. The answer to a POST, for once, is a page: nothing could show them
/// again.
///
/// # Errors
/// As GenerateBackupCodes.
pub async fn generate(
    portal: &Portal,
    holder: &Holder,
    client: ClientContext,
) -> Result<Response, Refused> {
    let request =
        GenerateBackupCodesRequest { credential: Some(holder.into()), client: Some(client) };
    let made = portal.auth().generate_backup_codes(request).await;
    let made = made.map_err(|status| holder.refused(status, Then::BackupCodes))?.into_inner();
    Ok(page(holder.place(), &made.codes).into_response())
}

fn page(place: Place, codes: &[String]) -> Markup {
    let body = html! {
        p { "Each of these codes lets you in once when your phone is not with you. They will not be shown again: keep them where you keep what matters." }
        ol class="codes card" id="codes" {
            @for code in codes { li { (code) } }
        }
        (actions(&html! {
            button type="button" class="quiet" data-copy="codes" hidden { "Copy" }
            form method="post" action=(DOWNLOAD) data-stays {
                @for code in codes { input type="hidden" name="code" value=(code); }
                button type="submit" class="quiet" { "Download" }
            }
        }))
        p class="hint" id="codes-copied" role="status" {}
        @match place {
            Place::SignIn => (post("/sign-in/finish", &button("Continue to Sign In"))),
            Place::Account => (link_button_first("/account/mfa", "Done")),
        }
    };
    match place {
        Place::SignIn => outside("Save your backup codes", &body),
        Place::Account => inside("/account", "Save your backup codes", &body),
    }
}

/// What the page had.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Codes(Vec<(String, String)>);

/// Gives the codes of the page back as a file: the browser has them, and nobody else keeps them.
pub async fn download(Form(Codes(fields)): Form<Codes>) -> Response {
    let codes: Vec<String> = fields.into_iter().map(|(_, code)| code).collect();
    // A file of the portal's name holds codes, and not whatever somebody made this browser send.
    if codes.len() != 5 || !codes.iter().all(|code| is_code(code)) {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"acme-billing-backup-codes.txt\""),
    ];
    let text = format!("{} backup codes. Each works once.\n\n{}\n", super::NAME, codes.join("\n"));
    (headers, text).into_response()
}

fn is_code(code: &str) -> bool {
    code.len() <= 32 && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_are_written_into_the_file() {
        assert!(is_code("ABCD-EFGH-JKMN-PQRS"));
        for other in ["<script>", "two words", "\r\n", &"A".repeat(33)] {
            assert!(!is_code(other), "{other:?}");
        }
    }
}
