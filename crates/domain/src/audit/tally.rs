//! Refused proofs and calls that come faster than the trail tells of each: counted, so that
//! nobody fills a disk with them.
//!
//! What is refused costs an attacker nothing, and came as an event each would be millions of
//! rows a day. So in each minute the first few have an event of their own, and the others are
//! counted, to be told of together: proofs by portal, calls by key. Every server has a tally of
//! its own: no row is hot.

mod calls;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Caller, Event, EventType, Resource};
use crate::id::{ApiKeyId, CustomerId, PortalId};
use crate::time::Timestamp;

use calls::OfKey;

/// Refused proofs of one customer in a minute that have an event each: the passwords that
/// somebody types who has forgotten theirs, and what a guesser begins with.
pub const OF_CUSTOMER: u32 = 10;
/// The same of all customers of a portal: five who are guessed at as fast as it goes, or 50
/// who mistype once.
pub const OF_CUSTOMERS: u32 = 50;
/// The same of what is nobody's, such as an unknown address, in a portal. Apart from those of
/// customers: who tries addresses that are not there hides nothing.
pub const OF_NOBODY: u32 = 10;
/// Refused calls of a key in a minute that have an event each: a list that somebody goes
/// through with a key that may not.
pub const OF_KEY: u32 = 30;
/// Customers that one count tells apart; past these it says that there were so many.
pub const MAX_CUSTOMERS: usize = 1_000;
/// Counts of a portal with a customer of their own, until they are taken.
const MAX_OWN: usize = 100;

const MINUTE: i64 = 60;

/// How a refusal is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// By its own event.
    Alone,
    /// Counted among those of its customer, who has had [`OF_CUSTOMER`] events.
    WithCustomers,
    /// Counted among those of its portal.
    WithPortals,
    /// A call, counted among those of its key.
    WithKeys,
}

/// What came beyond the rate, until it is taken.
///
/// Of portals and keys that have been refused nothing lately, and of addresses that belong to
/// nobody, nothing is kept.
#[derive(Debug, Default)]
pub struct Tally {
    portals: HashMap<PortalId, OfPortal>,
    keys: HashMap<ApiKeyId, OfKey>,
}

/// Minutes since 1970.
#[derive(Debug, Default)]
struct Minute(i64);

#[derive(Debug, Default)]
struct OfPortal {
    minute: Minute,
    /// Events of each customer in that minute.
    told: HashMap<CustomerId, u32>,
    told_of_customers: u32,
    told_of_nobody: u32,
    counts: HashMap<What, Count>,
}

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct What {
    /// Unset: several customers, or nobody.
    customer: Option<CustomerId>,
    is_nobodys: bool,
    kind: EventType,
    proof: String,
    reason: Option<&'static str>,
}

#[derive(Debug)]
struct Count {
    tries: u64,
    first: Timestamp,
    last: Timestamp,
    /// Hashes: which they were is not told.
    customers: HashSet<u64>,
}

/// Refusals of one kind that were counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The customer of all of them, or the portal.
    pub resource: Resource,
    /// The key of all of them, where they are calls.
    pub caller: Caller,
    /// What was refused.
    pub kind: Kind,
    /// Why they were refused.
    pub reason: Option<&'static str>,
    /// How many.
    pub count: u64,
    /// When the first came.
    pub first: Timestamp,
    /// When the last came.
    pub last: Timestamp,
}

/// What was refused and counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Proofs, those of customers apart from those of nobody.
    Proof {
        /// What each of their events would have been.
        kind: EventType,
        /// What was presented, as [`EventType::SignInFailed`] has it; empty where that type says
        /// nothing of it.
        proof: String,
        /// How many customers they were of, up to [`MAX_CUSTOMERS`]; none for nobody.
        customers: usize,
    },
    /// Calls.
    Call {
        /// As [`EventType::CallRefused`] has it; empty for several.
        method: String,
    },
}

impl Tally {
    /// How to tell of `event`, which is of a refused proof or call. Takes the event's place
    /// within the rate; what is to be counted is so by [`Self::count`], once it is sure that it
    /// was refused.
    pub fn admit(&mut self, event: &Event) -> Telling {
        if event.kind == EventType::CallRefused {
            let Some(key) = &event.caller.api_key else { return Telling::Alone };
            return self.keys.entry(key.0).or_default().admit(event.at);
        }
        let Some(portal) = &event.resource.portal else { return Telling::Alone };
        let of_portal = self.of_portal(portal);
        of_portal.begin(event.at);
        of_portal.admit(event.resource.customer.as_ref())
    }

    /// Counts `event`, as [`Self::admit`] said.
    pub fn count(&mut self, event: &Event, telling: Telling) {
        if telling == Telling::WithKeys {
            let Some((key, display_name)) = &event.caller.api_key else { return };
            return self.keys.entry(*key).or_default().count(event, display_name);
        }
        let Resource { portal: Some(portal), customer, .. } = &event.resource else { return };
        let counts = &mut self.of_portal(portal).counts;
        let mut what = What {
            customer: customer.clone().filter(|_| telling == Telling::WithCustomers),
            is_nobodys: customer.is_none(),
            kind: event.kind,
            proof: attribute(event, "proof"),
            reason: event.reason,
        };
        if counts.len() >= MAX_OWN && !counts.contains_key(&what) {
            what.customer = None;
        }
        let count = counts.entry(what).or_insert_with(|| Count::new(event.at));
        count.add(event.at);
        if let Some(customer) = customer
            && count.customers.len() < MAX_CUSTOMERS
        {
            count.customers.insert(hash(customer));
        }
    }

    /// Takes at most `most` of the counts, and forgets what is of no use at `now`.
    pub fn take(&mut self, most: usize, now: Timestamp) -> Vec<Counted> {
        let mut taken = Vec::new();
        for (portal, of_portal) in &mut self.portals {
            let counts = of_portal.counts.extract_if(|_, _| true).take(most - taken.len());
            taken.extend(counts.map(|(what, count)| counted(portal, what, &count)));
        }
        for (key, of_key) in &mut self.keys {
            of_key.take(*key, most - taken.len(), &mut taken);
        }
        self.portals.retain(|_, of| !of.counts.is_empty() || of.minute.is_of(now));
        self.keys.retain(|_, of| of.is_of_use(now));
        taken
    }

    fn of_portal(&mut self, portal: &PortalId) -> &mut OfPortal {
        self.portals.entry(portal.clone()).or_default()
    }
}

impl Minute {
    /// A call that began in the minute before may come after one of this minute; both are of
    /// one minute then.
    fn is_of(&self, at: Timestamp) -> bool {
        let minute = minute(at);
        minute == self.0 || minute == self.0.saturating_sub(1)
    }

    /// Goes on to the minute of `at`; gives whether that is another one.
    fn begin(&mut self, at: Timestamp) -> bool {
        let is_another = !self.is_of(at);
        if is_another {
            self.0 = minute(at);
        }
        is_another
    }
}

impl OfPortal {
    fn begin(&mut self, at: Timestamp) {
        if self.minute.begin(at) {
            self.told.clear();
            (self.told_of_customers, self.told_of_nobody) = (0, 0);
        }
    }

    fn admit(&mut self, customer: Option<&CustomerId>) -> Telling {
        let Some(customer) = customer else {
            let is_beyond = self.told_of_nobody >= OF_NOBODY;
            self.told_of_nobody += u32::from(!is_beyond);
            return if is_beyond { Telling::WithPortals } else { Telling::Alone };
        };
        let told = self.told.get(customer).copied().unwrap_or_default();
        if told >= OF_CUSTOMER {
            return Telling::WithCustomers;
        }
        if self.told_of_customers >= OF_CUSTOMERS {
            return Telling::WithPortals;
        }
        self.told.insert(customer.clone(), told + 1);
        self.told_of_customers += 1;
        Telling::Alone
    }
}

impl Count {
    fn new(at: Timestamp) -> Self {
        Self { tries: 0, first: at, last: at, customers: HashSet::new() }
    }

    fn add(&mut self, at: Timestamp) {
        self.tries += 1;
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }
}

fn counted(portal: &PortalId, what: What, count: &Count) -> Counted {
    let What { customer, kind, proof, reason, .. } = what;
    let Count { tries, first, last, customers } = count;
    let resource = Resource { portal: Some(portal.clone()), customer, session: None };
    let kind = Kind::Proof { kind, proof, customers: customers.len() };
    let (count, first, last) = (*tries, *first, *last);
    Counted { resource, caller: Caller::default(), kind, reason, count, first, last }
}

/// What an event says under a key, if anything.
fn attribute(event: &Event, key: &str) -> String {
    let found = event.attributes.iter().find(|(known, _)| *known == key);
    found.map(|(_, text)| text.clone()).unwrap_or_default()
}

fn minute(at: Timestamp) -> i64 {
    at.as_seconds().div_euclid(MINUTE)
}

fn hash(customer: &CustomerId) -> u64 {
    let mut hasher = DefaultHasher::new();
    customer.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
