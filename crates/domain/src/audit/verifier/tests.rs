use proptest::prelude::*;
use proptest::sample::Index;
use uuid::Uuid;

use super::*;
use crate::audit::StoredEvent;
use crate::audit::chain::tests::{event, vault};

const OLD: &str = "primary 00000001 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const ROTATED: &str = "primary 00000002 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8
other 00000001 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// One event for each of `keys`, under that key or without one.
fn chain(keys: &[Option<u32>]) -> Vec<ChainedEvent> {
    let vault = vault(ROTATED);
    let mut end = ChainEnd::START;
    let chained = (1..).zip(keys).map(|(n, key)| {
        let key = key.map(KeyId::from);
        end = end.next(key.map(|id| vault.chain_of(id).unwrap()), &event(n));
        ChainedEvent { number: end.number, digest: Some(end.digest), key, event: Some(event(n)) }
    });
    chained.collect()
}

/// So many under one key.
fn keyed(events: usize) -> Vec<ChainedEvent> {
    chain(&vec![Some(1); events])
}

fn verify(expected: Expected, trail: &[ChainedEvent]) -> (Summary, Vec<Finding>) {
    let (vault, mut findings) = (vault(ROTATED), Vec::new());
    let mut verifier = Verifier::new(&vault, ChainEnd::START, expected);
    for event in trail {
        verifier.take(event, |finding| findings.push(finding));
    }
    let summary = verifier.finish(|finding| findings.push(finding));
    (summary, findings)
}

fn findings(trail: &[ChainedEvent]) -> Vec<Finding> {
    verify(Expected::default(), trail).1
}

fn end_of(trail: &[ChainedEvent]) -> ChainEnd {
    let last = trail.last().unwrap();
    ChainEnd { number: last.number, digest: last.digest.unwrap() }
}

fn said(event: &mut ChainedEvent) -> &mut StoredEvent {
    event.event.as_mut().unwrap()
}

/// Changes one column, or what stands in the chain for the event.
fn edit(event: &mut ChainedEvent, what: usize) {
    let other = Uuid::from_u128(0xbad);
    let flip = |text: &mut Option<String>| *text = text.is_none().then(String::new);
    let row = event.event.as_mut().unwrap();
    match what {
        0 => row.id = other,
        1 => row.event_at += 1,
        2 => row.kind.push('s'),
        3 => flip(&mut row.portal_id),
        4 => flip(&mut row.customer_id),
        5 => row.session_id = Some(other),
        6 => row.api_key_id = Some(other),
        7 => row.api_key_display_name.push(' '),
        8 => row.claimed_actor.clear(),
        9 => row.caller_address.push('1'),
        10 => row.request_id.clear(),
        11 => row.client_ip.push('1'),
        12 => row.client_user_agent.push('x'),
        13 => flip(&mut row.reason),
        14 => row.attributes.push(' '),
        15 => event.digest = None,
        16 => event.digest = Some(ChainEnd::START.digest),
        17 => event.key = Some(2.into()),
        18 => event.key = Some(9.into()),
        _ => event.key = None,
    }
}

/// The number of what stands at `index`.
fn number_at(index: usize) -> i64 {
    i64::try_from(index).unwrap() + 1
}

proptest! {
    #[test]
    fn a_whole_trail_has_no_findings(keys in prop::collection::vec(1_u32..=2, 1..20)) {
        let trail = chain(&keys.into_iter().map(Some).collect::<Vec<_>>());
        let (summary, findings) = verify(Expected::default(), &trail);
        prop_assert_eq!(findings, []);
        prop_assert_eq!(summary.end, end_of(&trail));
        prop_assert_eq!((summary.events, summary.first), (trail.len() as u64, Some(1)));
    }

    #[test]
    fn an_edit_of_any_column_is_found(events in 1_usize..12, at: Index, what in 0_usize..20) {
        let mut trail = keyed(events);
        let at = at.index(events);
        edit(&mut trail[at], what);
        let found = findings(&trail);
        let number = number_at(at);
        let is_named = match &found[0] {
            Finding::Changed { number: changed, .. } => *changed == number,
            Finding::Unkeyed { first, .. } | Finding::UnknownKey { first, .. } => *first == number,
            _ => false,
        };
        // Only the digest is also what the next one follows.
        let most = if what < 15 { 1 } else { 2 };
        let is_named = is_named || found.iter().any(|finding| {
            matches!(finding, Finding::Changed { number: changed, .. } if *changed == number)
        });
        prop_assert!(is_named && found.len() <= most, "{found:?}");
    }

    #[test]
    fn a_swap_of_two_events_is_found(events in 2_usize..12, one: Index, other: Index) {
        let mut trail = keyed(events);
        let (one, other) = (one.index(events), other.index(events));
        prop_assume!(one != other);
        let (first, second) = (trail[one].event.clone(), trail[other].event.clone());
        trail[one].event = second;
        trail[other].event = first;
        prop_assert_eq!(findings(&trail).len(), 2);
    }

    #[test]
    fn a_removal_is_found_and_the_rest_is_still_verified(
        events in 3_usize..12,
        at: Index,
        edited: bool,
    ) {
        let mut trail = keyed(events);
        let at = at.index(events - 1);
        trail.remove(at);
        let number = number_at(at);
        let mut expected = vec![Finding::Missing { first: number, last: number }];
        // Behind it, where digests can be followed again.
        if edited && let Some(event) = trail.get_mut(at + 1) {
            said(event).kind.clear();
            expected.push(Finding::Changed { number: number + 2, id: said(event).id() });
        }
        prop_assert_eq!(findings(&trail), expected);
    }

    #[test]
    fn numbers_that_are_closed_over_a_removal_are_found(events in 3_usize..12, at: Index) {
        let mut trail = keyed(events);
        let at = at.index(events - 1);
        trail.remove(at);
        for event in &mut trail[at..] {
            event.number -= 1;
        }
        prop_assert!(!findings(&trail).is_empty());
    }

    #[test]
    fn a_trail_that_is_built_anew_without_the_key_is_found(events in 2_usize..12, from: Index) {
        let mut trail = keyed(events);
        let from = from.index(events);
        let mut end = if from == 0 { ChainEnd::START } else { end_of(&trail[..from]) };
        for event in &mut trail[from..] {
            said(event).claimed_actor = "nobody".to_owned();
            end = end.next(None, said(event));
            (event.digest, event.key) = (Some(end.digest), None);
        }
        let (first, last) = (number_at(from), number_at(events - 1));
        prop_assert_eq!(findings(&trail), [Finding::Unkeyed { first, last }]);
        // Also where an older version is said to have numbered before it: what that one did
        // is held by the first digest with a key.
        let unkeyed_until = first - 1;
        let found = verify(Expected { head: None, unkeyed_until }, &trail).1;
        prop_assert_eq!(found, [Finding::Unkeyed { first, last }]);
    }

    #[test]
    fn a_cut_is_found_against_a_head_that_is_known(events in 2_usize..12, left: Index) {
        let trail = keyed(events);
        let left = left.index(events);
        let expected = Expected { head: Some(end_of(&trail)), unkeyed_until: 0 };
        let (last, expected_number) = (number_at(left) - 1, number_at(events - 1));
        let cut = Finding::CutOff { last, expected: expected_number };
        prop_assert_eq!(verify(expected, &trail[..left]).1, [cut]);
        // Without one it is not: what is left is whole.
        prop_assert_eq!(findings(&trail[..left]), []);
    }
}

#[test]
fn a_head_that_is_known_holds_what_is_before_it_and_lets_the_trail_go_on() {
    let trail = keyed(5);
    for known in 1..=5 {
        let expected = Expected { head: Some(end_of(&trail[..known])), unkeyed_until: 0 };
        assert_eq!(verify(expected, &trail).1, []);
        // Built anew by somebody who has the ring, from the third on.
        let mut other = chain(&[Some(1), Some(1), Some(2), Some(2), Some(2)]);
        let found = verify(expected, &other).1;
        let number = number_at(known - 1);
        assert_eq!(found.is_empty(), known < 3, "{found:?}");
        assert!(found.is_empty() || found == [Finding::OtherHead { number }]);
        other.truncate(0);
        let cut = Finding::CutOff { last: 0, expected: number };
        assert_eq!(verify(expected, &other).1, [cut]);
    }
}

#[test]
fn events_of_earlier_versions_are_verified_by_their_rule() {
    // Servers of both versions numbered in turns.
    let mut trail = chain(&[None, None, Some(1), None, Some(1), Some(1)]);
    let found = findings(&trail);
    let runs = [Finding::Unkeyed { first: 1, last: 2 }, Finding::Unkeyed { first: 4, last: 4 }];
    assert_eq!(found, runs);
    let expected = Expected { head: None, unkeyed_until: 4 };
    let (summary, found) = verify(expected, &trail);
    assert_eq!((summary.unkeyed_until, found), (4, vec![]));

    let mut edited = trail.clone();
    said(&mut edited[0]).kind.clear();
    let changed = Finding::Changed { number: 1, id: said(&mut trail[0]).id() };
    assert_eq!(verify(expected, &edited).1, [changed]);
    // With the digests after it, up to the first that has a key.
    let mut end = ChainEnd::START;
    for event in &mut edited[..2] {
        end = end.next(None, said(event));
        event.digest = Some(end.digest);
    }
    let changed = Finding::Changed { number: 3, id: said(&mut trail[2]).id() };
    assert_eq!(verify(expected, &edited).1, [changed]);
}

#[test]
fn events_under_keys_that_are_not_there_are_told_of_together() {
    let mut trail = keyed(5);
    for event in &mut trail[1..4] {
        event.key = Some(9.into());
    }
    trail[3].key = Some(8.into());
    let run = |key: u32, first, last| Finding::UnknownKey { key: key.into(), first, last };
    assert_eq!(findings(&trail), [run(9, 2, 3), run(8, 4, 4)]);
    let vault = vault(OLD);
    let mut verifier = Verifier::new(&vault, ChainEnd::START, Expected::default());
    let mut found = Vec::new();
    for event in &chain(&[Some(1), Some(2)]) {
        verifier.take(event, |finding| found.push(finding));
    }
    verifier.finish(|finding| found.push(finding));
    assert_eq!(found, [run(2, 2, 2)]);
}

#[test]
fn what_stands_before_the_beginning_or_twice_is_out_of_place() {
    let (vault, trail) = (vault(OLD), keyed(4));
    let mut verifier = Verifier::new(&vault, end_of(&trail[..2]), Expected::default());
    let mut found = Vec::new();
    for event in [&trail[1], &trail[2], &trail[2], &trail[3]] {
        verifier.take(event, |finding| found.push(finding));
    }
    let out_of_place = [2, 3].map(|number| Finding::OutOfPlace { number });
    assert_eq!(found, out_of_place);
    assert_eq!(verifier.end(), end_of(&trail));
}

#[test]
fn a_beginning_that_retention_did_not_move_is_missed() {
    let trail = keyed(4);
    assert_eq!(findings(&trail[2..]), [Finding::Missing { first: 1, last: 2 }]);
    let vault = vault(OLD);
    let mut verifier = Verifier::new(&vault, ChainEnd::START, Expected::default());
    verifier.skip_to(end_of(&trail[..2]), |finding| panic!("{finding}"));
    for event in &trail[2..] {
        verifier.take(event, |finding| panic!("{finding}"));
    }
    let summary = verifier.finish(|finding| panic!("{finding}"));
    assert_eq!((summary.first, summary.end), (Some(3), end_of(&trail)));
}

#[test]
fn a_head_that_was_not_read_is_told_of_and_one_that_was_skipped_to_is_held_to_it() {
    let (vault, trail) = (vault(OLD), keyed(4));
    let (skipped, forged) = (end_of(&trail[..2]), end_of(&keyed(1)).digest);
    for (head, expected) in [
        (skipped, None),
        (ChainEnd { digest: forged, ..skipped }, Some(Finding::OtherHead { number: 2 })),
        (end_of(&trail[..1]), Some(Finding::HeadNotRead { number: 1 })),
    ] {
        let expected_head = Expected { head: Some(head), unkeyed_until: 0 };
        let mut verifier = Verifier::new(&vault, ChainEnd::START, expected_head);
        let mut found = Vec::new();
        verifier.skip_to(skipped, |finding| found.push(finding));
        for event in &trail[2..] {
            verifier.take(event, |finding| found.push(finding));
        }
        verifier.finish(|finding| found.push(finding));
        assert_eq!(found, Vec::from_iter(expected));
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_next_is_held_to_its_digest() {
    let mut trail = keyed(4);
    trail[1].event = None;
    assert_eq!(findings(&trail), [Finding::Unreadable { number: 2 }]);
    edit(&mut trail[2], 0);
    let found = findings(&trail);
    assert!(
        matches!(
            found[..],
            [Finding::Unreadable { number: 2 }, Finding::Changed { number: 3, .. }]
        ),
        "{found:?}"
    );
    trail.remove(0);
    let missing = Finding::Missing { first: 1, last: 1 };
    assert_eq!(findings(&trail)[..2], [missing, Finding::Unreadable { number: 2 }]);
}
