//! The invariants of SECURITY.md that a sequence of calls can break, each by its
//! letter, over a [`History`].

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::call::{Code, Holder, Password};
use super::history::{Entry, Event, History, SeenCustomer, SeenSession};
use super::model::STEP;

/// Holds, or why not.
pub type Verdict = Result<(), String>;

const WINDOW: Duration = Duration::from_mins(5);
const LONGEST_SIGN_IN: Duration = Duration::from_mins(15);

/// Holds a history to every one of them.
pub fn check(history: &History) -> Verdict {
    c1_no_session_without_proof(history)?;
    c1_no_assurance_without_proof(history)?;
    c1_no_backup_code_twice(history)?;
    c2_enforced_means_multi_factor(history)?;
    c6_the_secret_in_force_changes_only_with_proof(history)?;
    c6_only_the_secret_in_force_opens(history)?;
    c7_what_was_ended_stays_dead(history)?;
    c14_accepted_steps_rise(history)
}

fn hold(letter: &str, holds: bool, what: &str, entry: &Entry) -> Verdict {
    if holds { Ok(()) } else { Err(format!("{letter}: {what}: {entry:?}")) }
}

/// Entries with their numbers.
fn numbered(history: &History) -> impl Iterator<Item = (usize, &Entry)> {
    history.entries().iter().enumerate()
}

/// C1: a session comes from a live sign-in whose password was proven, and with a
/// factor in force from that factor as well.
fn c1_no_session_without_proof(history: &History) -> Verdict {
    for (number, entry) in numbered(history) {
        let Event::Issued { customer, holder, multi_factor, .. } = entry.event else { continue };
        let facts = history.before(number);
        hold("C1", !facts.saml, "a session on a SAML portal", entry)?;
        let suspended = facts.customer(customer).suspended;
        hold("C1", !suspended, "a session of a suspended customer", entry)?;

        let proven = numbered(history).take(number).filter_map(|(number, entry)| {
            let Event::PasswordTaken { customer: whose, password, holder: by } = entry.event else {
                return None;
            };
            let right = history.before(number).customer(whose).password.map(Password::Set);
            (by == holder && whose == customer && right == Some(password)).then_some(number)
        });
        let proven = proven.last();
        let Some(proven) = proven else {
            return hold("C1", false, "a session without a password", entry);
        };
        let since = &history.entries()[proven..number];
        let young = entry.at < since[0].at + LONGEST_SIGN_IN;
        hold("C1", young, "a session of a sign-in that had run out", entry)?;
        let ended = since.iter().any(|entry| match entry.event {
            Event::PasswordSet { customer: whose, .. }
            | Event::Suspended { customer: whose, .. }
            | Event::Reset { customer: whose, .. } => whose == customer,
            Event::Issued { holder: by, .. } => by == holder,
            _ => false,
        });
        hold("C1", !ended, "a session of a sign-in that had ended", entry)?;

        let phone = facts.customer(customer).phone;
        let proof = since.iter().any(|entry| match entry.event {
            Event::CodeTaken { holder: by, .. } => by == holder,
            Event::Enabled { holder: by, phone: enabled, .. } => {
                by == holder && Some(enabled) == phone
            }
            _ => false,
        });
        let what = "a session that is not as strong as what is in force and was proven";
        let strong = phone.is_some();
        hold("C1", multi_factor == strong && proof == strong, what, entry)?;
    }
    Ok(())
}

/// C1: a session is multi-factor only by a second factor, given at its sign-in or
/// in it.
fn c1_no_assurance_without_proof(history: &History) -> Verdict {
    for (number, entry) in numbered(history) {
        let Event::Seen { sessions, .. } = &entry.event else { continue };
        let before = &history.entries()[..number];
        for (session, seen) in sessions.iter().enumerate() {
            let own = Holder::Session(session);
            let issued = before.iter().any(|entry| {
                matches!(entry.event, Event::Issued { session: issued, .. } if issued == session)
            });
            let proof = before.iter().any(|entry| match entry.event {
                Event::Issued { session: issued, multi_factor, .. } => {
                    issued == session && multi_factor
                }
                Event::CodeTaken { holder, .. } | Event::Enabled { holder, .. } => holder == own,
                _ => false,
            });
            let holds = match *seen {
                SeenSession::Dead => true,
                SeenSession::Live { multi_factor } => issued && (proof || !multi_factor),
            };
            hold("C1", holds, &format!("session {session} proved nothing"), entry)?;
        }
    }
    Ok(())
}

/// C2: enforced at the commit of a session means multi-factor.
fn c2_enforced_means_multi_factor(history: &History) -> Verdict {
    for (number, entry) in numbered(history) {
        if let Event::Issued { multi_factor, .. } = entry.event {
            let enforced = history.before(number).enforced(entry.at);
            hold("C2", multi_factor || !enforced, "a weak session under enforcement", entry)?;
        }
    }
    Ok(())
}

/// C1: the second factor that is proven is an unused one. Time steps: C14.
fn c1_no_backup_code_twice(history: &History) -> Verdict {
    let mut used = Vec::new();
    for entry in history.entries() {
        if let Event::CodeTaken { code: code @ Code::Backup { .. }, .. } = entry.event {
            hold("C1", !used.contains(&code), "a backup code was taken twice", entry)?;
            used.push(code);
        }
    }
    Ok(())
}

/// C6: the factor in force changes only with a proof by the one before, by a
/// reset, or where there was none; and not without being changed.
fn c6_the_secret_in_force_changes_only_with_proof(history: &History) -> Verdict {
    let mut last_seen: Option<(usize, &[SeenCustomer])> = None;
    for (number, entry) in numbered(history) {
        match &entry.event {
            &Event::Enabled { customer, phone, holder } => {
                let verified = history.entries()[..number].iter().any(|entry| match entry.event {
                    Event::EnrollmentVerified { phone: of, code, holder: by } => {
                        let is_own = matches!(code, Code::Totp { phone, .. } if phone == of);
                        of == phone && by == holder && is_own
                    }
                    _ => false,
                });
                hold("C6", verified, "an unproven secret was enabled", entry)?;
                let proven = has_proven_old_factor(history, number, customer, holder);
                hold("C6", proven, "a factor was replaced without its proof", entry)?;
            }
            &Event::Disabled { customer, session } => {
                let holder = Holder::Session(session);
                let proven = has_proven_old_factor(history, number, customer, holder);
                hold("C6", proven, "a factor was disabled without its proof", entry)?;
            }
            Event::Seen { customers, .. } => {
                if let Some((from, before)) = last_seen {
                    let between = &history.entries()[from..number];
                    for (customer, (seen, before)) in customers.iter().zip(before).enumerate() {
                        let changed = between.iter().any(|entry| changes(&entry.event, customer));
                        let what = format!("the factor of customer {customer} has changed");
                        hold("C6", changed || seen == before, &what, entry)?;
                    }
                }
                last_seen = Some((number, customers));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether an event changes what is in force for a customer.
fn changes(event: &Event, customer: usize) -> bool {
    match *event {
        Event::Enabled { customer: whose, .. }
        | Event::Disabled { customer: whose, .. }
        | Event::Reset { customer: whose, .. } => whose == customer,
        _ => false,
    }
}

/// Whether `holder` has proven the factor that is in force just before the entry
/// `number`, within the window before it; true as well where there is none.
fn has_proven_old_factor(
    history: &History,
    number: usize,
    customer: usize,
    holder: Holder,
) -> bool {
    let Some(old) = history.before(number).customer(customer).phone else { return true };
    let entries = history.entries();
    // A session has proven what its sign-in has.
    let origin = entries.iter().find_map(|entry| match entry.event {
        Event::Issued { session, holder: from, .. } if holder == Holder::Session(session) => {
            Some(from)
        }
        _ => None,
    });
    let enabled =
        |entry: &Entry| matches!(entry.event, Event::Enabled { phone, .. } if phone == old);
    let Some(since) = entries[..number].iter().rposition(enabled) else { return false };
    entries[since..number].iter().any(|entry| {
        let (Event::CodeTaken { holder: by, .. } | Event::Enabled { holder: by, .. }) = entry.event
        else {
            return false;
        };
        let is_recent = entries[number].at <= entry.at + WINDOW;
        is_recent && matches!(holder, Holder::Session(_)) && (by == holder || Some(by) == origin)
    })
}

/// C6: only the secret in force, or a backup code of the set in force, opens
/// anything; a pending secret never does.
fn c6_only_the_secret_in_force_opens(history: &History) -> Verdict {
    for (number, entry) in numbered(history) {
        let Event::CodeTaken { customer, code, .. } = entry.event else { continue };
        let facts = history.before(number).customer(customer);
        let in_force = match code {
            Code::Totp { phone, .. } => facts.phone == Some(phone),
            Code::Backup { set, .. } => facts.set == Some(set),
            Code::WrongTotp | Code::WrongBackup => false,
        };
        hold("C6", in_force, "a code that is of nothing in force was taken", entry)?;
    }
    Ok(())
}

/// C7: no session outlives a reset, a suspension, a revocation or a change of
/// password.
fn c7_what_was_ended_stays_dead(history: &History) -> Verdict {
    let mut owners = Vec::new();
    let mut dead = BTreeSet::new();
    for entry in history.entries() {
        let mut end = |whose: usize, but: Option<usize>| {
            let all = owners.iter().enumerate();
            dead.extend(
                all.filter(|(id, owner)| **owner == whose && Some(*id) != but).map(|(id, _)| id),
            );
        };
        match &entry.event {
            &Event::Issued { customer, .. } => owners.push(customer),
            &Event::Reset { customer, .. } | &Event::Suspended { customer, suspended: true } => {
                end(customer, None);
            }
            &Event::PasswordSet { customer, session, .. } => end(customer, session),
            Event::Ended { sessions } => dead.extend(sessions),
            Event::Seen { sessions, .. } => {
                for (session, seen) in sessions.iter().enumerate() {
                    let holds = *seen == SeenSession::Dead || !dead.contains(&session);
                    hold("C7", holds, &format!("session {session} was ended and lives"), entry)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// C14: the accepted steps of a phone rise strictly, and are never later than the
/// next one. That the server forgets an old one is no reason to take it twice.
fn c14_accepted_steps_rise(history: &History) -> Verdict {
    let mut last = BTreeMap::new();
    for entry in history.entries() {
        let (Event::CodeTaken { code, .. } | Event::EnrollmentVerified { code, .. }) = entry.event
        else {
            continue;
        };
        let Code::Totp { phone, step } = code else { continue };
        let now = (entry.at.as_secs() / STEP.as_secs()).cast_signed();
        hold("C14", step <= now + 1, "a code from the future was taken", entry)?;
        let rises = last.insert(phone, step).is_none_or(|before| before < step);
        hold("C14", rises, "a code was taken twice, or after a later one", entry)?;
    }
    Ok(())
}
