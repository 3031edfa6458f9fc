use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::audit::Caller;
use crate::client::ClientContext;
use crate::id::AuditEventId;

/// The beginning of a minute.
const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const THROTTLED: &str = "ERROR_REASON_THROTTLED";
const REJECTED: &str = "ERROR_REASON_CREDENTIALS_REJECTED";

/// That a password of this customer, or of nobody, was refused.
fn refused(portal: &str, customer: Option<&str>, reason: &'static str, at: Timestamp) -> Event {
    let customer = customer.map(|id| id.parse().unwrap());
    Event {
        id: AuditEventId::from_uuid(uuid::Uuid::nil()),
        at,
        kind: EventType::SignInFailed,
        resource: Resource { portal: Some(portal.parse().unwrap()), customer, session: None },
        caller: Caller::default(),
        client: ClientContext::default(),
        reason: Some(reason),
        attributes: vec![("step", "password".to_owned()), ("proof", "password".to_owned())],
    }
}

/// How `tally` tells of it; counted where it is.
fn tell(tally: &mut Tally, event: &Event) -> Telling {
    let telling = tally.admit(event);
    if telling != Telling::Alone {
        tally.count(event, telling);
    }
    telling
}

/// How many of `tries` by each of `customers` have an event.
fn told<'a>(
    tally: &mut Tally,
    customers: impl IntoIterator<Item = Option<&'a str>>,
    tries: usize,
    at: Timestamp,
) -> usize {
    let events = customers.into_iter().map(|customer| refused("acme", customer, REJECTED, at));
    let events = events.flat_map(|event| std::iter::repeat_n(event, tries));
    events.filter(|event| tell(tally, event) == Telling::Alone).count()
}

fn customers_of(counted: &Counted) -> usize {
    match counted.kind {
        Kind::Proof { customers, .. } => customers,
        Kind::Call { .. } => panic!("of calls: {counted:?}"),
    }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

#[test]
fn the_first_ten_of_a_customer_are_told_and_the_others_counted_under_their_name() {
    let mut tally = Tally::default();
    assert_eq!(told(&mut tally, [Some("ana")], 1_000, START), 10);
    let counted = tally.take(10, START);
    let [ana] = counted.as_slice() else { panic!("{counted:?}") };
    assert_eq!(ana.resource.customer.as_ref().unwrap().as_str(), "ana");
    let proof = "password".to_owned();
    let kind = Kind::Proof { kind: EventType::SignInFailed, proof, customers: 1 };
    assert_eq!((ana.count, &ana.kind, ana.reason), (990, &kind, Some(REJECTED)));
    assert_eq!(tally.take(10, START), []);
}

#[test]
fn customers_of_a_portal_have_fifty_together_and_none_is_hidden_by_what_is_nobodys() {
    let mut tally = Tally::default();
    assert_eq!(told(&mut tally, [None], 1_000_000, START), 10);
    let ids: Vec<_> = (0..100).map(|n| format!("c{n}")).collect();
    assert_eq!(told(&mut tally, ids.iter().map(|id| Some(id.as_str())), 1, START), 50);
    // Who had no event of their own is counted with the others.
    let mut counted = tally.take(10, START);
    counted.sort_by_key(|counted| counted.count);
    let [customers, nobody] = counted.as_slice() else { panic!("{counted:?}") };
    assert_eq!((customers.count, customers_of(customers)), (50, 50));
    assert_eq!((nobody.count, customers_of(nobody)), (999_990, 0));
    assert!(counted.iter().all(|counted| counted.resource.customer.is_none()));
}

#[test]
fn every_minute_begins_anew_and_a_call_of_the_last_one_does_not_begin_it_again() {
    let mut tally = Tally::default();
    assert_eq!(told(&mut tally, [Some("ana")], 11, START), 10);
    let last = START + Duration::from_micros(59_999_999);
    assert_eq!(told(&mut tally, [Some("ana")], 1, last), 0);
    assert_eq!(told(&mut tally, [Some("ana")], 11, START + minutes(1)), 10);
    for at in [START, START + minutes(1), last] {
        assert_eq!(told(&mut tally, [Some("ana")], 1, at), 0, "{at:?}");
    }
    let [ana] = &tally.take(10, START)[..] else { panic!("they are of one kind") };
    assert_eq!((ana.count, ana.first, ana.last), (6, START, START + minutes(1)));
    // A clock that is set back does not wait for the time that it was.
    assert_eq!(told(&mut tally, [Some("ana")], 11, START - minutes(60)), 10);
}

#[test]
fn portals_and_reasons_are_counted_apart() {
    let mut tally = Tally::default();
    for portal in ["acme", "beta"] {
        for reason in [REJECTED, THROTTLED] {
            for _ in 0..20 {
                tell(&mut tally, &refused(portal, None, reason, START));
            }
        }
    }
    let counted = tally.take(10, START);
    let of = |counted: &Counted| (counted.resource.portal.clone().unwrap(), counted.reason);
    let counts: BTreeMap<_, _> =
        counted.iter().map(|counted| (of(counted), counted.count)).collect();
    let expected = [("acme", REJECTED, 10), ("acme", THROTTLED, 20)];
    let expected = expected.into_iter().chain([("beta", REJECTED, 10), ("beta", THROTTLED, 20)]);
    let expected = expected.map(|(portal, reason, n)| ((portal.parse().unwrap(), Some(reason)), n));
    assert_eq!(counts, expected.collect());
}

#[test]
fn what_is_of_no_portal_is_told() {
    let mut event = refused("acme", None, REJECTED, START);
    event.resource.portal = None;
    let mut tally = Tally::default();
    assert!((0..1_000).all(|_| tally.admit(&event) == Telling::Alone));
}

#[test]
fn a_flood_over_a_million_customers_takes_little_memory() {
    let mut tally = Tally::default();
    for n in 0..1_000_000 {
        let event = refused("acme", Some(&format!("c{n}")), REJECTED, START);
        tell(&mut tally, &event);
    }
    let of_portal = tally.portals.values().next().unwrap();
    assert_eq!((of_portal.told.len(), of_portal.counts.len()), (50, 1));
    let [all] = &tally.take(10, START)[..] else { panic!("they are of one kind") };
    assert_eq!((all.count, customers_of(all)), (999_950, MAX_CUSTOMERS));
    // Nothing is kept of a portal that has been quiet.
    assert_eq!((tally.take(10, START + minutes(2)), tally.portals.len()), (vec![], 0));
}

#[test]
fn counts_that_nobody_takes_come_to_no_more_than_so_many() {
    let mut tally = Tally::default();
    for n in 0..1_000 {
        told(&mut tally, [Some(format!("c{n}").as_str())], 11, START + minutes(n));
    }
    assert!(tally.portals.values().all(|of_portal| of_portal.counts.len() <= MAX_OWN + 1));
    let counted = tally.take(usize::MAX, START);
    assert_eq!(counted.iter().map(|counted| counted.count).sum::<u64>(), 1_000);
}

/// One thing that happens to a tally.
#[derive(Clone, Debug)]
enum Step {
    Refused { portal: usize, customer: Option<usize>, is_throttled: bool, tries: usize },
    Pass { seconds: u64 },
    Take { most: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let refused = (0..3_usize, proptest::option::of(0..80_usize), any::<bool>(), 1..40_usize)
        .prop_map(|(portal, customer, is_throttled, tries)| Step::Refused {
            portal,
            customer,
            is_throttled,
            tries,
        });
    prop_oneof![
        8 => refused,
        2 => (0..90_u64).prop_map(|seconds| Step::Pass { seconds }),
        1 => (0..4_usize).prop_map(|most| Step::Take { most }),
    ]
}

proptest! {
    /// Whatever comes, every try is told of or counted, once, where it belongs; and no
    /// minute has more events than it may.
    #[test]
    fn every_try_is_told_or_counted_once(steps in proptest::collection::vec(step(), 1..200)) {
        let (mut tally, mut now) = (Tally::default(), START);
        let (mut tried, mut accounted) = (BTreeMap::new(), BTreeMap::new());
        let mut told = BTreeMap::new();
        let mut account = |counted: Vec<Counted>| {
            for counted in counted {
                prop_assert!(counted.first <= counted.last && counted.count > 0);
                prop_assert!(customers_of(&counted) as u64 <= counted.count);
                let portal = counted.resource.portal.unwrap().to_string();
                *accounted.entry((portal, counted.reason)).or_insert(0) += counted.count;
            }
            Ok(())
        };
        let mut alone = BTreeMap::new();
        for step in steps {
            match step {
                Step::Pass { seconds } => now = now + Duration::from_secs(seconds),
                Step::Take { most } => {
                    let counted = tally.take(most, now);
                    prop_assert!(counted.len() <= most);
                    account(counted)?;
                }
                Step::Refused { portal, customer, is_throttled, tries } => {
                    let portal = format!("p{portal}x");
                    let reason = if is_throttled { THROTTLED } else { REJECTED };
                    let customer = customer.map(|n| format!("c{n}"));
                    let event = refused(&portal, customer.as_deref(), reason, now);
                    for _ in 0..tries {
                        *tried.entry((portal.clone(), Some(reason))).or_insert(0) += 1;
                        if tell(&mut tally, &event) == Telling::Alone {
                            *alone.entry((portal.clone(), Some(reason))).or_insert(0) += 1;
                            let minute = (portal.clone(), minute(now));
                            *told.entry((minute.clone(), None)).or_insert(0) += 1;
                            *told.entry((minute, customer.clone())).or_insert(0) += 1;
                        }
                    }
                }
            }
        }
        account(tally.take(usize::MAX, now))?;
        for (key, count) in alone {
            *accounted.entry(key).or_insert(0) += count;
        }
        prop_assert_eq!(accounted, tried);
        for ((_, customer), count) in told {
            // Those of nobody stand with the sum of all.
            let most = if customer.is_some() { OF_CUSTOMER } else { 2 * OF_NOBODY + OF_CUSTOMERS };
            prop_assert!(count <= most, "{count} of {customer:?}");
        }
    }
}
