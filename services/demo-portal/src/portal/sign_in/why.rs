//! Why somebody is at the beginning of a sign-in who did not ask for it.

use maud::{Markup, html};

use crate::page::{alert, notice};

/// `why` of the page's address, in words. It comes from a link, so only what is known here is shown.
pub fn words(why: Option<&str>) -> Markup {
    let text = match why {
        Some("signed-out") => return notice(&html! { "You are signed out." }),
        Some("idle") => "Your session ended because it was not used for a while.",
        Some("expired") => "Your session has reached its end.",
        Some("revoked") => "Your session was ended by an administrator.",
        Some("suspended") => "Your session ended because this account is suspended.",
        Some("password-changed") => "Your session ended because the password was changed.",
        Some("mfa-reset") => {
            "Your session ended because an administrator reset your multi-factor authentication."
        }
        Some("replaced") => "Your session ended because there were too many newer ones.",
        Some("unknown") => "Your session has ended.",
        Some("sign-in-over") => "This sign-in is over. Please start again.",
        _ => return html! {},
    };
    alert(&html! { (text) })
}
