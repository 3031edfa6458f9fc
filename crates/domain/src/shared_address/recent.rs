//! From where the last customers of a portal signed in.

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::id::CustomerId;

/// Customers that are remembered: some 5 KiB of a portal.
const CUSTOMERS: usize = 64;

/// The last 64 customers of a portal who signed in, each with the source that they came
/// from last.
#[derive(Clone, Debug, Default)]
pub struct RecentSources(VecDeque<(CustomerId, IpAddr)>);

impl RecentSources {
    /// Notes that `customer` has signed in from `source`.
    pub fn note(&mut self, customer: &CustomerId, source: IpAddr) {
        if let Some(at) = self.0.iter().position(|(known, _)| known == customer) {
            self.0.remove(at);
        } else if self.0.len() == CUSTOMERS {
            self.0.pop_front();
        }
        self.0.push_back((customer.clone(), source));
    }

    /// How many customers are remembered, and how many of them came from the source that
    /// most of them came from: see [`super::looks_shared`].
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let mut sources: Vec<_> = self.0.iter().map(|(_, source)| *source).collect();
        sources.sort_unstable();
        let most = sources.chunk_by(|one, other| one == other).map(<[_]>::len).max();
        (self.0.len() as u64, most.unwrap_or_default() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(sources: &mut RecentSources, customer: usize, source: [u8; 4]) {
        sources.note(&format!("c{customer}").parse().unwrap(), source.into());
    }

    #[test]
    fn each_customer_counts_once_by_the_last_source() {
        let mut sources = RecentSources::default();
        assert_eq!(sources.counts(), (0, 0));
        for _ in 0..3 {
            note(&mut sources, 1, [203, 0, 113, 7]);
        }
        assert_eq!(sources.counts(), (1, 1));
        note(&mut sources, 2, [203, 0, 113, 7]);
        note(&mut sources, 3, [203, 0, 113, 8]);
        assert_eq!(sources.counts(), (3, 2));
        note(&mut sources, 1, [203, 0, 113, 8]);
        assert_eq!(sources.counts(), (3, 2));
    }

    #[test]
    fn those_who_came_last_are_remembered_however_many_come() {
        let mut sources = RecentSources::default();
        for customer in 0..1_000 {
            note(&mut sources, customer, [10, 0, 0, 1]);
        }
        assert_eq!(sources.counts(), (64, 64));
        for customer in 0..63 {
            note(&mut sources, customer, [10, 0, 1, u8::try_from(customer).unwrap()]);
        }
        assert_eq!(sources.counts(), (64, 1));
        // Who came before all of them is the only one left of the first.
        note(&mut sources, 999, [10, 0, 1, 0]);
        assert_eq!(sources.counts(), (64, 2));
    }
}
