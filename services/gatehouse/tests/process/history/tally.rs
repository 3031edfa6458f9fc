//! The audit trail against what callers were told: an answer that was lost is a success
//! all the same, and there it is seen.

use std::collections::BTreeMap;

use super::check::{Note, Rule};
use super::{Act, Call, RightCode};

/// What events are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `sign_in.succeeded` with a code of the authenticator.
    Totp,
    /// `sign_in.succeeded` with a backup code.
    BackupCode,
    /// `mfa.enabled`
    Enrollment,
}

/// How many events of a kind there are of a customer.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    pub customer: usize,
    pub kind: Kind,
    pub events: usize,
}

/// What is used up for an event of that kind.
fn cause(act: &Act, kind: Kind) -> Option<(u64, u64)> {
    match (*act, kind) {
        (Act::VerifySecondFactor { code: RightCode::Totp { factor, step }, .. }, Kind::Totp) => {
            Some((factor, step))
        }
        (
            Act::VerifySecondFactor { code: RightCode::Backup { set, slot }, .. },
            Kind::BackupCode,
        ) => Some((set, slot as u64)),
        (Act::EnableMfa { enrollment, .. }, Kind::Enrollment) => Some((enrollment, 0)),
        // The code was verified when the factor was set up, and the trail says so again.
        (Act::FinishSignIn { factor: Some(_), sign_in, .. }, Kind::Totp) => Some((sign_in, 0)),
        _ => None,
    }
}

/// As many events as causes that were acknowledged at least, and no more than those and
/// the unknown ones: each causes one.
pub fn check(calls: &[&Call], tally: &Tally, note: &mut Note<'_>) {
    let mut causes: BTreeMap<_, bool> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.may_have_happened()) {
        if let Some(cause) = cause(&call.act, tally.kind) {
            *causes.entry(cause).or_default() |= call.succeeded();
        }
    }
    let known = causes.values().filter(|known| **known).count();
    if !(known..=causes.len()).contains(&tally.events) {
        let expected = format!("{known} to {}", causes.len());
        note(Rule::Miscounted, format!("{tally:?}, of which there are {expected} causes"));
    }
}
