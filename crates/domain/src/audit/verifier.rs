//! Going through the trail from one event to the next, and what is wrong with it.

use crate::id::AuditEventId;
use crate::vault::{KeyId, Vault};

use super::chain::{ChainDigest, ChainEnd, ChainedEvent};

/// What a trail is held to, beyond what stands in it: what its operator knows from elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    /// A head that the trail once had: it must still be on the way to the present one.
    pub head: Option<ChainEnd>,
    /// Up to which number events may have digests without a key, as versions made them that
    /// had no other.
    pub unkeyed_until: i64,
}

/// Something that nobody but a server's operator should be able to do has been done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// Its columns or its digest.
    #[error(
        "the event {number} (auditEvents/{id}) is not what was numbered: it, or the digest of the \
         one before it, was changed"
    )]
    Changed {
        /// Its number.
        number: i64,
        /// Its id, as it stands there.
        id: AuditEventId,
    },
    /// Its columns are of other types than servers write.
    #[error(
        "the event {number} is not what was numbered: a column of it was changed to what no \
         server writes"
    )]
    Unreadable {
        /// Its number.
        number: i64,
    },
    /// In the middle, or at the beginning, where retention has not removed them.
    #[error("the events {first} to {last} are missing")]
    Missing {
        /// The first of them.
        first: i64,
        /// The last of them.
        last: i64,
    },
    /// It stands before where the trail begins, or twice.
    #[error("the event {number} stands where there is none")]
    OutOfPlace {
        /// Its number.
        number: i64,
    },
    /// Anybody can make such digests.
    #[error(
        "the events {first} to {last} have digests without a key, which anybody can make: if a \
         version before keyed digests numbered up to there, say so with --unkeyed-until {last}"
    )]
    Unkeyed {
        /// The first of them.
        first: i64,
        /// The last of them.
        last: i64,
    },
    /// They cannot be checked.
    #[error("the events {first} to {last} name the key {key}, which the key ring does not have")]
    UnknownKey {
        /// The key.
        key: KeyId,
        /// The first of them.
        first: i64,
        /// The last of them.
        last: i64,
    },
    /// The trail was built anew, or is another one.
    #[error("the event {number} has another digest than is expected: the trail was built anew")]
    OtherHead {
        /// The number of the head that is expected.
        number: i64,
    },
    /// What was read leaves it out.
    #[error("the event {number} is not in what was read: nothing was held to the expected head")]
    HeadNotRead {
        /// The number of the head that is expected.
        number: i64,
    },
    /// At its end.
    #[error(
        "the trail ends with the event {last}, and {expected} is expected: its end was cut off"
    )]
    CutOff {
        /// The last event that there is.
        last: i64,
        /// The number of the head that is expected.
        expected: i64,
    },
    /// No server has removed what is noted as removed.
    #[error("the events up to {number} are noted as removed by retention, and no server noted it")]
    ForgedStart {
        /// The last event that is noted as removed.
        number: i64,
    },
    /// They had a number once, or were passed over.
    #[error("{count} events that should have a number have none: they were taken out of the chain")]
    Unnumbered {
        /// How many.
        count: u64,
    },
}

/// What a trail came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many events were read.
    pub events: u64,
    /// The number of the first of them.
    pub first: Option<i64>,
    /// The number of the last one whose digest has no key; 0 for none.
    pub unkeyed_until: i64,
    /// Where it ends.
    pub end: ChainEnd,
}

/// Takes the events of a trail in the order of their numbers.
pub struct Verifier<'v> {
    vault: &'v Vault,
    expected: Expected,
    summary: Summary,
    /// What holds for the last events alike, and may for the next.
    run: Option<Finding>,
    /// Whether the head that is expected has been held to what stands there.
    is_head_met: bool,
}

impl<'v> Verifier<'v> {
    /// Of a trail that begins after `start`, to which the caller has held a head that is no
    /// later.
    #[must_use]
    pub fn new(vault: &'v Vault, start: ChainEnd, expected: Expected) -> Self {
        let summary = Summary { events: 0, first: None, unkeyed_until: 0, end: start };
        let is_head_met = expected.head.is_some_and(|head| head.number <= start.number);
        Self { vault, expected, summary, run: None, is_head_met }
    }

    /// Up to where it has come.
    #[must_use]
    pub const fn end(&self) -> ChainEnd {
        self.summary.end
    }

    /// Goes on after `end`: what is before it is not there to be read.
    pub fn skip_to(&mut self, end: ChainEnd, mut found: impl FnMut(Finding)) {
        self.summary.end = end;
        self.check_head(end.number, Some(end.digest), &mut found);
    }

    /// Takes the next event, and says what is wrong.
    pub fn take(&mut self, event: &ChainedEvent, mut found: impl FnMut(Finding)) {
        let (number, end) = (event.number, self.summary.end);
        self.summary.events += 1;
        if number <= end.number {
            found(Finding::OutOfPlace { number });
            return;
        }
        self.summary.first.get_or_insert(number);
        let is_next = number == end.number.saturating_add(1);
        if !is_next {
            found(Finding::Missing { first: end.number.saturating_add(1), last: number - 1 });
        }
        if let Some(stored) = &event.event {
            let is_known = self.check_key(event, &mut found);
            // After those that are missing nothing tells what it followed.
            if is_next && is_known && event.follows(&end, self.vault).is_none() {
                found(Finding::Changed { number, id: stored.id() });
            }
        } else {
            found(Finding::Unreadable { number });
        }
        // What comes next is held to what stands here: a change is told of once.
        let digest = event.digest.unwrap_or(ChainEnd::START.digest);
        self.summary.end = ChainEnd { number, digest };
        self.check_head(number, event.digest, &mut found);
    }

    /// Whether the ring has the key that the event names, if it names one.
    fn check_key(&mut self, event: &ChainedEvent, found: &mut impl FnMut(Finding)) -> bool {
        let number = event.number;
        match event.key {
            None => {
                self.summary.unkeyed_until = number;
                if event.lacks_key(self.expected.unkeyed_until) {
                    self.extend(Finding::Unkeyed { first: number, last: number }, found);
                }
                true
            }
            Some(key) if self.vault.chain_of(key).is_none() => {
                self.extend(Finding::UnknownKey { key, first: number, last: number }, found);
                false
            }
            Some(_) => true,
        }
    }

    /// Tells of a run of events once it is over.
    fn extend(&mut self, next: Finding, found: &mut impl FnMut(Finding)) {
        match (&mut self.run, &next) {
            (Some(Finding::Unkeyed { last, .. }), Finding::Unkeyed { last: number, .. })
                if *number == last.saturating_add(1) =>
            {
                *last = *number;
            }
            (
                Some(Finding::UnknownKey { key, last, .. }),
                Finding::UnknownKey { key: same, last: number, .. },
            ) if key == same && *number == last.saturating_add(1) => {
                *last = *number;
            }
            _ => {
                if let Some(over) = self.run.replace(next) {
                    found(over);
                }
            }
        }
    }

    fn check_head(
        &mut self,
        number: i64,
        digest: Option<ChainDigest>,
        found: &mut impl FnMut(Finding),
    ) {
        if let Some(head) = self.expected.head.filter(|head| head.number == number) {
            self.is_head_met = true;
            if Some(head.digest) != digest {
                found(Finding::OtherHead { number });
            }
        }
    }

    /// There are no more events.
    pub fn finish(mut self, mut found: impl FnMut(Finding)) -> Summary {
        if let Some(run) = self.run.take() {
            found(run);
        }
        let last = self.summary.end.number;
        if let Some(head) = self.expected.head {
            if head.number > last {
                found(Finding::CutOff { last, expected: head.number });
            } else if !self.is_head_met {
                found(Finding::HeadNotRead { number: head.number });
            }
        }
        self.summary
    }
}

#[cfg(test)]
mod tests;
