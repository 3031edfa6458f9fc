//! What was done, told on the page that follows. The address says it by a word of a fixed set: text from
//! an address on a page of ours could say anything in our name.

use maud::{Markup, html};
use serde::Deserialize;

use super::Console;
use crate::page;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// A customer was added and invited.
    Added,
    /// A customer was invited.
    Invited,
    /// A customer's MFA was reset.
    Reset,
    /// The same, and the password went too.
    ResetWithPassword,
    /// A lock was ended.
    Unlocked,
    /// A customer was suspended.
    Suspended,
    /// A suspension was ended.
    Reinstated,
    /// One session was ended.
    SessionEnded,
    /// All sessions of a customer were.
    SessionsEnded,
    /// Settings were saved.
    Saved,
    /// Settings were as they should be.
    Unchanged,
}

/// The part of an address that says what was done.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    done: String,
}

impl Done {
    const ALL: [Self; 11] = [
        Self::Added,
        Self::Invited,
        Self::Reset,
        Self::ResetWithPassword,
        Self::Unlocked,
        Self::Suspended,
        Self::Reinstated,
        Self::SessionEnded,
        Self::SessionsEnded,
        Self::Saved,
        Self::Unchanged,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Invited => "invited",
            Self::Reset => "reset",
            Self::ResetWithPassword => "reset-with-password",
            Self::Unlocked => "unlocked",
            Self::Suspended => "suspended",
            Self::Reinstated => "reinstated",
            Self::SessionEnded => "session-ended",
            Self::SessionsEnded => "sessions-ended",
            Self::Saved => "saved",
            Self::Unchanged => "unchanged",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Added => "Added. A mail with an invitation was sent.",
            Self::Invited => "A mail with an invitation was sent.",
            Self::Reset => "Portal MFA was reset. A mail tells the customer.",
            Self::ResetWithPassword => {
                "Portal MFA was reset and the password ended. A mail tells the customer, who needs an \
                 invitation to sign in again: send one when you know who asks for it."
            }
            Self::Unlocked => "Unlocked.",
            Self::Suspended => "Suspended. Every session has ended.",
            Self::Reinstated => "Reinstated.",
            Self::SessionEnded => "The session has ended.",
            Self::SessionsEnded => "All sessions have ended.",
            Self::Saved => "Saved.",
            Self::Unchanged => "There was nothing to change.",
        }
    }

    const fn sends_mail(self) -> bool {
        matches!(self, Self::Added | Self::Invited | Self::Reset | Self::ResetWithPassword)
    }

    /// The page to go to, which tells of it.
    pub fn told_at(self, path: &str) -> String {
        format!("{path}?done={}", self.word())
    }
}

impl Query {
    fn done(&self) -> Option<Done> {
        Done::ALL.into_iter().find(|done| done.word() == self.done)
    }

    /// The notice, where there is one.
    pub fn show(&self, console: &Console) -> Markup {
        let Some(done) = self.done() else { return Markup::default() };
        page::notice(&html! {
            (done.text())
            @if done.sends_mail() {
                " (This demonstration keeps mail in " a href={ (console.letters.address) "/outbox" } { "its outbox" } ".)"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_is_found_by_its_word() {
        for done in Done::ALL {
            let query = Query { done: done.word().to_owned() };
            assert_eq!(query.done(), Some(done));
        }
        let query = Query { done: "Your account was stolen, call 555".to_owned() };
        assert_eq!(query.done(), None);
        assert_eq!(Done::Reset.told_at("/customers/ana"), "/customers/ana?done=reset");
    }
}
