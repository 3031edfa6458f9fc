//! The pages of setting up.

use gatehouse_api::v1::enrollment::Kind;
use gatehouse_api::v1::{Enrollment, EnrollmentState, FactorType, TotpEnrollment};
use maud::{Markup, PreEscaped, html};

use super::Place;
use crate::page::{actions, button, link_button, link_button_first, post};
use crate::portal::sign_in::{Trouble, code_field, digits};
use crate::portal::{inside, outside};

/// A page at its place.
fn page(place: Place, title: &str, body: &Markup) -> Markup {
    match place {
        Place::SignIn => outside(title, body),
        Place::Account => inside("/account", title, body),
    }
}

/// What can be set up, each on a card.
pub fn cards(place: Place, available: &[i32]) -> Markup {
    html! {
        div class="cards" {
            @if available.contains(&FactorType::Totp.into()) {
                section class="card" {
                    h2 { "OTP Authenticator" }
                    p { "An app on your phone shows a new code every half minute, also without a network. Any app for one-time passwords will do." }
                    (post(place.path(), &button("Set up Now")))
                }
            }
        }
    }
}

/// Where an enrollment stands.
pub fn pending(
    place: Place,
    pending: &Enrollment,
    code: bool,
    trouble: Option<&Trouble>,
) -> Markup {
    let Some(Kind::Totp(totp)) = &pending.kind else {
        let body = html! { p { "This portal does not know what is being set up." } };
        return page(place, "This portal is out of date", &body);
    };
    match pending.state() {
        EnrollmentState::Verified => verified(place),
        _ if code || trouble.is_some() => self::code(place, totp, trouble),
        _ => scan(place, totp),
    }
}

fn scan(place: Place, totp: &TotpEnrollment) -> Markup {
    let body = html! {
        p { "Open your authenticator app and scan this code:" }
        @if totp.qr_svg.is_empty() {
            p class="warning" { "There is no QR code for so long a name: please enter the key." }
        } @else {
            // From gatehouse, over its own connection: the one thing on these pages that is not escaped.
            figure class="qr" role="img" aria-label="QR code to scan with your authenticator app" {
                (PreEscaped(&totp.qr_svg))
            }
        }
        p { "Or enter this alphanumeric key by hand:" }
        p { code class="secret" id="secret" { (grouped(&totp.secret)) } }
        button type="button" class="quiet" data-copy="secret" hidden { "Copy" }
        p class="hint" id="secret-copied" role="status" {}
        (actions(&html! { (link_button_first(&format!("{}?step=code", place.page()), "Next")) }))
    };
    page(place, "Scan the QR code", &body)
}

/// In groups of four, as people read it to themselves. Apps ignore the spaces.
fn grouped(secret: &str) -> String {
    let characters: Vec<char> = secret.chars().collect();
    characters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

fn code(place: Place, totp: &TotpEnrollment, trouble: Option<&Trouble>) -> Markup {
    let action = format!("{}/verify", place.path());
    let hint = digits(totp.parameters.as_ref());
    let body = html! {
        (Trouble::alert(trouble))
        (post(&action, &html! { (code_field(&hint).render()) (button("Verify")) }))
        a href=(place.page()) { "Back to the QR code" }
    };
    page(place, "Enter the code", &body)
}

fn verified(place: Place) -> Markup {
    let below = |step| format!("{}/{step}", place.path());
    let body = html! {
        p { "The code was right. From Enable MFA on, signing in takes a code of this app." }
        (post(&below("enable"), &button("Enable MFA")))
        (actions(&html! {
            (link_button(&below("change"), "Change Configuration"))
            (link_button(&below("delete"), "Delete Configuration"))
        }))
    };
    page(place, "Your authenticator is configured", &body)
}

/// Before what is set up gives way to something else.
pub fn ask_change(place: Place) -> Markup {
    let body = html! {
        p { "There will be a new QR code to scan. What you have set up now will not work any more." }
        (post(place.path(), &button("Change")))
        (actions(&link_button(place.page(), "Cancel")))
    };
    page(place, "Change configuration?", &body)
}

/// Before what is set up goes.
pub fn ask_delete(place: Place) -> Markup {
    let body = html! {
        p { "What you have set up is removed. It was not in force yet." }
        (post(&format!("{}/delete", place.path()), &html! {
            button type="submit" class="danger" { "Delete" }
        }))
        (actions(&link_button(place.page(), "Cancel")))
    };
    page(place, "Delete configuration?", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_groups_of_four() {
        assert_eq!(grouped("ABCDEFGHIJ"), "ABCD EFGH IJ");
        assert_eq!(grouped(""), "");
    }
}
