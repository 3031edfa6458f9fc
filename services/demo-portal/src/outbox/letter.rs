//! What is written to customers.

use super::Mail;
use crate::time;

/// Whose mail it is.
#[derive(Clone, Debug)]
pub struct Letterhead {
    /// The portal's name.
    pub portal: String,
    /// Where the portal is, without a slash at its end.
    pub address: String,
}

impl Letterhead {
    /// A link by which to set a password. Its token stands behind a `#`, which no browser sends: so it
    /// is in no log of a server or proxy, and in no Referer. The page reads it from there.
    pub fn invitation(&self, to: &str, token: &str) -> Mail {
        let text =
            "You have been invited. Choose a password by this link: it works once, within a day.";
        self.link(to, token, text)
    }

    /// The same for somebody who forgot it, or says so.
    pub fn forgotten(&self, to: &str, token: &str) -> Mail {
        let text = "Somebody, we hope you, asked for a link to set your password. It works once, within \
                    a day. If it was not you, there is nothing to do.";
        self.link(to, token, text)
    }

    fn link(&self, to: &str, token: &str, text: &str) -> Mail {
        Mail {
            link: Some(format!("{}/invitation#{token}", self.address)),
            ..mail(to, format!("Set your {} password", self.portal), text.to_owned())
        }
    }

    /// An administrator took the customer's factor away.
    pub fn mfa_reset(&self, to: &str) -> Mail {
        self.news(to, "Your multi-factor authentication was reset", "An administrator reset it.")
    }

    /// There is a new password.
    pub fn password_changed(&self, to: &str) -> Mail {
        self.news(to, "Your password was changed", "Every other session has ended.")
    }

    /// A factor came into force.
    pub fn mfa_on(&self, to: &str) -> Mail {
        self.news(to, "Multi-factor authentication is on", "Signing in takes a code from now on.")
    }

    /// The factor was taken out of force.
    pub fn mfa_off(&self, to: &str) -> Mail {
        self.news(to, "Multi-factor authentication is off", "Signing in takes no code any more.")
    }

    /// The backup codes are other ones.
    pub fn backup_codes(&self, to: &str) -> Mail {
        self.news(to, "New backup codes were made", "Earlier ones do not work any more.")
    }

    fn news(&self, to: &str, subject: &str, what: &str) -> Mail {
        let text = format!("{what} If this was not you, tell {} at once.", self.portal);
        mail(to, subject.to_owned(), text)
    }
}

fn mail(to: &str, subject: String, text: String) -> Mail {
    Mail { to: to.to_owned(), subject, text, link: None, sent_at: time::now() }
}
