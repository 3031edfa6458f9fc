//! A page for each step.

use gatehouse_api::v1::{
    CustomerLock, EnrollStep, SamlStep, SecondFactorStep, SecondFactorType, SignIn, TotpParameters,
    sign_in,
};
use maud::{Markup, html};

use super::{Shown, Trouble};
use crate::page::{Field, alert, button, notice, post, quiet_button, username};
use crate::portal::enrollment::{self, Place};
use crate::portal::outside;
use crate::time;

/// The page of whatever comes next.
pub fn of(step: &SignIn, shown: &Shown, trouble: Option<&Trouble>) -> Markup {
    match &step.next {
        Some(sign_in::Next::Password(_)) => password(&step.email, trouble),
        Some(sign_in::Next::SecondFactor(factor)) => second_factor(factor, shown, trouble),
        Some(sign_in::Next::Enroll(enroll)) => self::enroll(enroll, shown, trouble),
        Some(sign_in::Next::BackupCodes(_)) => backup_codes(),
        Some(sign_in::Next::Saml(saml)) => self::saml(saml),
        // A session is never read again, and a step that a newer gatehouse knows has no page yet.
        Some(sign_in::Next::Session(_)) | None => outside(
            "This portal is out of date",
            &html! {
                (alert(&html! { "Signing in takes a step that this portal does not know." }))
                (cancel("Start again"))
            },
        ),
    }
}

/// The beginning.
pub fn email(value: &str, error: &str, why: &Markup) -> Markup {
    let field = Field { value, error, ..Field::email() };
    outside(
        "Sign in",
        &html! {
            (why)
            (post("/sign-in", &html! { (field.render()) (button("Next")) }))
            a href="/forgot-password" { "Forgot password?" }
        },
    )
}

fn password(email: &str, trouble: Option<&Trouble>) -> Markup {
    let field = Field { first: true, ..Field::current_password() };
    outside(
        "Enter your password",
        &html! {
            (Trouble::alert(trouble))
            (post("/sign-in/password", &html! {
                p { "For " strong { (email) } }
                (username(email))
                (field.render())
                (button("Sign in"))
            }))
            a href="/forgot-password" { "Forgot password?" }
            (cancel("Use another account"))
        },
    )
}

fn cancel(name: &str) -> Markup {
    post("/sign-in/cancel", &quiet_button(name))
}

fn second_factor(step: &SecondFactorStep, shown: &Shown, trouble: Option<&Trouble>) -> Markup {
    let backup_codes = step.accepted.contains(&SecondFactorType::BackupCode.into());
    let locked = step.lock.is_some();
    let trouble = match &step.lock {
        Some(lock) => alert(&locked_out(lock)),
        None => Trouble::alert(trouble),
    };
    if shown.backup_code() && backup_codes {
        let field = backup_code_field();
        let body = html! {
            (trouble)
            (post("/sign-in/backup-code", &verify(&field, locked)))
            a href="/sign-in" { "Use the authenticator app instead" }
            (cancel("Use another account"))
        };
        return outside("Enter a backup code", &body);
    }
    let hint = digits(step.totp.as_ref());
    let body = html! {
        (trouble)
        (post("/sign-in/code", &verify(&code_field(&hint), locked)))
        @if backup_codes {
            a href="/sign-in?with=backup-code" { "Use a backup code instead" }
        } @else {
            p class="muted" { "No phone and no backup code? An administrator can reset your multi-factor authentication." }
        }
        (cancel("Use another account"))
    };
    outside("Enter the code", &body)
}

/// Nothing to fill in while it would be for nothing: a script opens it when the wait is over.
fn verify(field: &Field, locked: bool) -> Markup {
    html! {
        fieldset disabled[locked] data-waits[locked] {
            (field.render())
            (button("Verify"))
        }
    }
}

fn locked_out(lock: &CustomerLock) -> Markup {
    html! {
        "Too many wrong codes. "
        @match time::read(lock.until_time) {
            Some(until) => { "You can try again at " (time::countdown(until, time::now())) "." }
            None => { "Only an administrator can unlock your account." }
        }
    }
}

/// The field for one of the five.
pub fn backup_code_field() -> Field<'static> {
    Field {
        name: "code",
        label: "Backup code",
        hint: "Each works once. Capitals, spaces and dashes do not matter.",
        first: true,
        ..Field::default()
    }
}

/// What to say about a code.
pub fn digits(totp: Option<&TotpParameters>) -> String {
    format!("The {} digits that the app shows now.", totp.map_or(6, |totp| totp.digits))
}

/// The field for a code of an authenticator app. Codes are typed and pasted with spaces, which gatehouse
/// reads over: no pattern and no length here.
pub fn code_field(hint: &str) -> Field<'_> {
    Field {
        name: "code",
        label: "Code from your authenticator app",
        autocomplete: "one-time-code",
        hint,
        first: true,
        numeric: true,
        ..Field::default()
    }
}

fn enroll(step: &EnrollStep, shown: &Shown, trouble: Option<&Trouble>) -> Markup {
    if let Some(pending) = &step.pending {
        return enrollment::pending(Place::SignIn, pending, shown.code(), trouble);
    }
    let body = html! {
        (Trouble::alert(trouble))
        @if step.optional {
            (notice(&html! { "This portal does not require it any more." }))
        } @else {
            p { "This portal requires a second proof beside the password. Choose how to give it:" }
        }
        (enrollment::cards(Place::SignIn, &step.available))
        @if step.optional {
            (post("/sign-in/finish", &quiet_button("Continue to Sign In")))
        }
        (cancel("Use another account"))
    };
    outside("Set up multi-factor authentication", &body)
}

fn backup_codes() -> Markup {
    outside(
        "Multi-factor authentication is on",
        &html! {
            p { "Backup codes let you in when your phone is not with you. They are shown once: new ones replace any that you have." }
            (post("/sign-in/backup-codes", &quiet_button("Show new backup codes")))
            (post("/sign-in/finish", &button("Continue to Sign In")))
            (cancel("Use another account"))
        },
    )
}

fn saml(step: &SamlStep) -> Markup {
    outside(
        "Sign in with your company",
        &html! {
            p { "This portal signs in through your company's identity provider." }
            a class="button" href=(step.sso_url) rel="noreferrer" { "Continue" }
            (cancel("Use another account"))
        },
    )
}
