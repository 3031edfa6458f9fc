//! Refused calls beyond the rate of their key.

use std::collections::HashMap;

use super::{Count, Counted, Kind, Minute, OF_KEY, Telling, attribute};
use crate::audit::{Caller, Event, Resource};
use crate::id::{ApiKeyId, PortalId};
use crate::time::Timestamp;

/// Counts of a key with a portal and a method of their own, until they are taken.
pub(super) const MAX_OWN: usize = 20;

#[derive(Debug, Default)]
pub(super) struct OfKey {
    minute: Minute,
    told: u32,
    display_name: String,
    counts: HashMap<What, Count>,
}

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct What {
    portal: Option<PortalId>,
    method: String,
    reason: Option<&'static str>,
}

impl OfKey {
    pub(super) fn admit(&mut self, at: Timestamp) -> Telling {
        if self.minute.begin(at) {
            self.told = 0;
        }
        let is_beyond = self.told >= OF_KEY;
        self.told += u32::from(!is_beyond);
        if is_beyond { Telling::WithKeys } else { Telling::Alone }
    }

    pub(super) fn count(&mut self, event: &Event, display_name: &str) {
        display_name.clone_into(&mut self.display_name);
        let portal = event.resource.portal.clone();
        let mut what = What { portal, method: attribute(event, "method"), reason: event.reason };
        if self.counts.len() >= MAX_OWN && !self.counts.contains_key(&what) {
            what = What { portal: None, method: String::new(), reason: event.reason };
        }
        self.counts.entry(what).or_insert_with(|| Count::new(event.at)).add(event.at);
    }

    /// Adds at most `most` of its counts, which are those of `key`, to `taken`.
    pub(super) fn take(&mut self, key: ApiKeyId, most: usize, taken: &mut Vec<Counted>) {
        let api_key = Some((key, self.display_name.clone()));
        let caller = Caller { api_key, ..Caller::default() };
        let counts = self.counts.extract_if(|_, _| true).take(most);
        taken.extend(counts.map(|(what, count)| {
            let What { portal, method, reason } = what;
            let Count { tries: count, first, last, .. } = count;
            let resource = Resource { portal, ..Resource::default() };
            let (caller, kind) = (caller.clone(), Kind::Call { method });
            Counted { resource, caller, kind, reason, count, first, last }
        }));
    }

    /// Whether something of it is to be taken, or its minute goes on.
    pub(super) fn is_of_use(&self, now: Timestamp) -> bool {
        !self.counts.is_empty() || self.minute.is_of(now)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::audit::EventType;
    use crate::audit::tally::Tally;
    use crate::client::ClientContext;
    use crate::id::AuditEventId;

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const SCOPE: &str = "ERROR_REASON_API_KEY_SCOPE";

    /// That a call with the `key` was refused.
    fn refused(key: u128, portal: Option<&str>, method: &str, at: Timestamp) -> Event {
        let api_key = Some((ApiKeyId::from_uuid(Uuid::from_u128(key)), format!("key {key}")));
        Event {
            id: AuditEventId::from_uuid(Uuid::nil()),
            at,
            kind: EventType::CallRefused,
            resource: Resource {
                portal: portal.map(|id| id.parse().unwrap()),
                ..Default::default()
            },
            caller: Caller { api_key, request_id: "one's own".to_owned(), ..Caller::default() },
            client: ClientContext::default(),
            reason: Some(SCOPE),
            attributes: vec![("method", method.to_owned())],
        }
    }

    /// How many of so many such calls have an event; the others are counted.
    fn told(tally: &mut Tally, event: &Event, calls: usize) -> u32 {
        let mut tell = || {
            let telling = tally.admit(event);
            if telling != Telling::Alone {
                tally.count(event, telling);
            }
            telling
        };
        (0..calls).map(|_| u32::from(tell() == Telling::Alone)).sum()
    }

    fn method(counted: &Counted) -> &str {
        match &counted.kind {
            Kind::Call { method } => method,
            Kind::Proof { .. } => panic!("of proofs: {counted:?}"),
        }
    }

    #[test]
    fn each_key_has_so_many_events_a_minute_with_a_portal_or_without() {
        let mut tally = Tally::default();
        for key in [1, 2] {
            assert_eq!(told(&mut tally, &refused(key, None, "Check", START), 1_000), OF_KEY);
            let of_portal = refused(key, Some("acme"), "Check", START);
            assert_eq!(told(&mut tally, &of_portal, 5), 0);
        }
        let later = START + Duration::from_mins(1);
        assert_eq!(told(&mut tally, &refused(1, None, "Check", later), 1_000), OF_KEY);
        let mut counts = BTreeMap::new();
        for counted in tally.take(usize::MAX, later) {
            assert_eq!((method(&counted), counted.caller.request_id.as_str()), ("Check", ""));
            assert_eq!((counted.reason, counted.first), (Some(SCOPE), START));
            let (_, name) = counted.caller.api_key.unwrap();
            counts.insert((name, counted.resource.portal.is_some()), counted.count);
        }
        let told = u64::from(OF_KEY);
        let name = |key| format!("key {key}");
        let expected = [
            ((name(1), false), 2 * (1_000 - told)),
            ((name(1), true), 5),
            ((name(2), false), 1_000 - told),
            ((name(2), true), 5),
        ];
        assert_eq!(counts, expected.into());
        assert!(!tally.keys.is_empty(), "the minute goes on");
        assert_eq!(tally.take(1, later + Duration::from_mins(2)), []);
        assert!(tally.keys.is_empty());
    }

    #[test]
    fn a_flood_over_all_portals_and_methods_takes_little_memory_and_loses_none() {
        let mut tally = Tally::default();
        for n in 0..10_000 {
            let (portal, name) = (format!("p{n}x"), format!("Method{}", n % 50));
            told(&mut tally, &refused(1, Some(&portal), &name, START), 1);
        }
        let counted: Vec<_> = std::iter::repeat_with(|| tally.take(7, START))
            .take_while(|counted| !counted.is_empty())
            .flatten()
            .collect();
        assert_eq!(counted.len(), MAX_OWN + 1);
        let tries: u64 = counted.iter().map(|counted| counted.count).sum();
        assert_eq!(tries, 10_000 - u64::from(OF_KEY));
        let several: Vec<_> = counted.iter().filter(|counted| method(counted).is_empty()).collect();
        let [several] = several.as_slice() else { panic!("{several:?}") };
        assert_eq!(several.resource.portal, None);
    }

    #[test]
    fn what_no_key_asked_for_is_told() {
        let mut event = refused(1, None, "Check", START);
        event.caller.api_key = None;
        assert_eq!(told(&mut Tally::default(), &event, 1_000), 1_000);
    }
}
