//! Refused proofs that come faster than the trail tells of each: counted, so that nobody
//! fills a disk with them.
//!
//! What is refused costs an attacker nothing, and came as an event each would be millions of
//! rows a day. So in each minute the first few have an event of their own, and the others are
//! counted, to be told of together. Every server has a tally of its own: no row is hot.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Event, EventType, Resource};
use crate::id::{CustomerId, PortalId};
use crate::time::Timestamp;

/// Refused proofs of one customer in a minute that have an event each: the passwords that
/// somebody types who has forgotten theirs, and what a guesser begins with.
pub const OF_CUSTOMER: u32 = 10;
/// The same of all customers of a portal: five who are guessed at as fast as it goes, or 50
/// who mistype once.
pub const OF_CUSTOMERS: u32 = 50;
/// The same of what is nobody's, such as an unknown address, in a portal. Apart from those of
/// customers: who tries addresses that are not there hides nothing.
pub const OF_NOBODY: u32 = 10;
/// Customers that one count tells apart; past these it says that there were so many.
pub const MAX_CUSTOMERS: usize = 1_000;
/// Counts of a portal with a customer of their own, until they are taken.
const MAX_OWN: usize = 100;

const MINUTE: i64 = 60;

/// How a refused proof is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// By its own event.
    Alone,
    /// Counted among those of its customer, who has had [`OF_CUSTOMER`] events.
    WithCustomers,
    /// Counted among those of its portal.
    WithPortals,
}

/// What came beyond the rate, until it is taken.
///
/// Of portals that have refused nothing lately, and of addresses that belong to nobody,
/// nothing is kept.
#[derive(Debug, Default)]
pub struct Tally(HashMap<PortalId, OfPortal>);

#[derive(Debug, Default)]
struct OfPortal {
    /// Minutes since 1970.
    minute: i64,
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

/// Refused proofs of one kind that were counted, those of customers apart from those of nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The customer of all of them, or the portal.
    pub resource: Resource,
    /// What each of their events would have been.
    pub kind: EventType,
    /// What was presented, as [`EventType::SignInFailed`] has it; empty where that type says
    /// nothing of it.
    pub proof: String,
    /// Why they were refused.
    pub reason: Option<&'static str>,
    /// How many.
    pub count: u64,
    /// When the first came.
    pub first: Timestamp,
    /// When the last came.
    pub last: Timestamp,
    /// How many customers they were of, up to [`MAX_CUSTOMERS`]; none for nobody.
    pub customers: usize,
}

impl Tally {
    /// How to tell of `event`, which is of a refused proof. Takes the event's place within
    /// the rate; what is to be counted is so by [`Self::count`], once it is sure that it was
    /// refused.
    pub fn admit(&mut self, event: &Event) -> Telling {
        let Some(portal) = &event.resource.portal else { return Telling::Alone };
        let of_portal = self.of_portal(portal);
        of_portal.begin(minute(event.at));
        of_portal.admit(event.resource.customer.as_ref())
    }

    /// Counts `event`, as [`Self::admit`] said.
    pub fn count(&mut self, event: &Event, telling: Telling) {
        let Resource { portal: Some(portal), customer, .. } = &event.resource else { return };
        let counts = &mut self.of_portal(portal).counts;
        let proof = event.attributes.iter().find(|(key, _)| *key == "proof");
        let mut what = What {
            customer: customer.clone().filter(|_| telling == Telling::WithCustomers),
            is_nobodys: customer.is_none(),
            kind: event.kind,
            proof: proof.map(|(_, proof)| proof.clone()).unwrap_or_default(),
            reason: event.reason,
        };
        if counts.len() >= MAX_OWN && !counts.contains_key(&what) {
            what.customer = None;
        }
        let count = counts.entry(what).or_insert_with(|| Count::new(event.at));
        count.tries += 1;
        count.first = count.first.min(event.at);
        count.last = count.last.max(event.at);
        if let Some(customer) = customer
            && count.customers.len() < MAX_CUSTOMERS
        {
            count.customers.insert(hash(customer));
        }
    }

    /// Takes at most `most` of the counts, and forgets what is of no use at `now`.
    pub fn take(&mut self, most: usize, now: Timestamp) -> Vec<Counted> {
        let mut taken = Vec::new();
        for (portal, of_portal) in &mut self.0 {
            let left = most - taken.len();
            let whats: Vec<_> = of_portal.counts.keys().take(left).cloned().collect();
            for what in whats {
                let count = of_portal.counts.remove(&what);
                taken.extend(count.map(|count| counted(portal, what, &count)));
            }
        }
        let minute = minute(now);
        self.0.retain(|_, of_portal| !of_portal.counts.is_empty() || of_portal.is_of(minute));
        taken
    }

    fn of_portal(&mut self, portal: &PortalId) -> &mut OfPortal {
        self.0.entry(portal.clone()).or_default()
    }
}

impl OfPortal {
    /// A call that began in the minute before may come after one of this minute; both are of
    /// one minute then.
    fn is_of(&self, minute: i64) -> bool {
        minute == self.minute || minute == self.minute.saturating_sub(1)
    }

    fn begin(&mut self, minute: i64) {
        if !self.is_of(minute) {
            self.minute = minute;
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
}

fn counted(portal: &PortalId, what: What, count: &Count) -> Counted {
    let What { customer, kind, proof, reason, .. } = what;
    let Count { tries, first, last, customers } = count;
    let resource = Resource { portal: Some(portal.clone()), customer, session: None };
    let (count, first, last, customers) = (*tries, *first, *last, customers.len());
    Counted { resource, kind, proof, reason, count, first, last, customers }
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
