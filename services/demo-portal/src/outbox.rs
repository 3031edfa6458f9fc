//! The mail that a real portal would send. gatehouse sends none: what happened it tells, and whom to
//! tell of it is the portal's to know.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

mod letter;

pub use letter::Letterhead;

/// Older mail goes: this is a demonstration.
const KEPT: usize = 50;

/// One mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// Where its one link leads.
    pub link: Option<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// All mail of both sites, the newest first.
#[derive(Clone, Default)]
pub struct Outbox(Arc<Mutex<VecDeque<Mail>>>);

impl Outbox {
    /// Sends one.
    pub fn send(&self, mail: Mail) {
        let mut mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mails.push_front(mail);
        mails.truncate(KEPT);
    }

    /// What was sent.
    pub fn sent(&self) -> Vec<Mail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
