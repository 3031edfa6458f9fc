//! The form of settings.

use gatehouse_api::v1::Portal;
use maud::{Markup, html};

use super::PATH;
use super::typed::Typed;
use crate::console::errors::Errors;
use crate::page::{Check, Field, button, post};

/// The form, for a portal as it is, with what was typed.
pub fn form(portal: &Portal, typed: &Typed, errors: &Errors) -> Markup {
    post(
        PATH,
        &html! {
            input type="hidden" name="etag" value=(typed.etag);
            (mfa(portal, typed, errors))
            (saml(portal, typed, errors))
            (rest(portal, typed, errors))
            (button("Save"))
        },
    )
}

fn mfa(portal: &Portal, typed: &Typed, errors: &Errors) -> Markup {
    let uses_saml = portal.saml.is_some();
    let enforced = Check {
        name: "enforced",
        label: "Enforce Multi-Factor Authentication (MFA) for portal users",
        hint: if uses_saml { "SAML is configured. Remove it to enforce MFA." } else { "" },
        error: errors.of("enforced"),
        ticked: typed.enforced.is_some(),
        disabled: uses_saml,
        switch: true,
    };
    let from = Field {
        name: "enforced_from_time",
        label: "From (UTC)",
        kind: "datetime-local",
        value: &typed.enforced_from_time,
        hint: "Until then customers sign in without MFA and are told the date. Empty: at once.",
        error: errors.of("enforced_from_time"),
        optional: true,
        disabled: uses_saml,
        ..Field::default()
    };
    let issuer = Field {
        name: "issuer",
        label: "Issuer",
        value: &typed.issuer,
        hint: "The name that authenticator apps show. Empty: the portal's.",
        error: errors.of("issuer"),
        optional: true,
        ..Field::default()
    };
    html! {
        fieldset {
            legend { "Enable multi-factor authentication (MFA)" }
            (enforced.render())
            (from.render())
            (issuer.render())
        }
    }
}

fn saml(portal: &Portal, typed: &Typed, errors: &Errors) -> Markup {
    let enforced = portal.mfa.as_ref().is_some_and(|mfa| mfa.enforced);
    let entity_id = Field {
        name: "idp_entity_id",
        label: "Entity ID",
        value: &typed.idp_entity_id,
        error: errors.of("idp_entity_id"),
        optional: true,
        disabled: enforced,
        ..Field::default()
    };
    let sso_url = Field {
        name: "sso_url",
        label: "Sign-in URL",
        value: &typed.sso_url,
        error: errors.of("sso_url"),
        ..entity_id
    };
    let certificate = Field {
        name: "idp_certificate",
        label: "Certificate (PEM)",
        value: &typed.idp_certificate,
        error: errors.of("idp_certificate"),
        lines: true,
        ..entity_id
    };
    html! {
        fieldset {
            legend { "SAML" }
            @if enforced {
                p class="hint" { "MFA is enforced. Switch it off to configure SAML." }
            } @else if portal.saml.is_some() {
                p class="hint" { "Customers sign in at this provider. Empty all three to remove it." }
            } @else {
                p class="hint" { "Sends customers to your identity provider to sign in." }
            }
            (entity_id.render())
            (sso_url.render())
            (certificate.render())
        }
    }
}

fn rest(portal: &Portal, typed: &Typed, errors: &Errors) -> Markup {
    let length = portal.password.unwrap_or_default().effective_min_length;
    let length = format!("8 to 64 characters; {length} now. Empty: gatehouse's default.");
    let min_length = Field {
        name: "min_length",
        label: "Least length",
        value: &typed.min_length,
        hint: &length,
        error: errors.of("min_length"),
        optional: true,
        numeric: true,
        ..Field::default()
    };
    let max_failures = Field {
        name: "max_failures",
        label: "Wrong codes before a lock",
        value: &typed.max_failures,
        hint: "3 to 20 in a row. Empty: 10.",
        error: errors.of("max_failures"),
        ..min_length
    };
    html! {
        fieldset {
            legend { "Password" }
            (min_length.render())
        }
        fieldset {
            legend { "Lockout" }
            (max_failures.render())
        }
    }
}
