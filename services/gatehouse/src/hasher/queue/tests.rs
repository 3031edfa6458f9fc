use super::*;

const HASH_TIME: Duration = Duration::from_millis(100);

fn queue(total_permits: u32, max_wait: Duration) -> Queue<&'static str> {
    Queue::new(total_permits, max_wait, HASH_TIME)
}

fn portal(id: &str) -> PortalId {
    id.parse().unwrap()
}

/// Enters until refused.
fn fill<W>(queue: &mut Queue<W>, id: &str) -> (u32, Overloaded) {
    let mut entered = 0;
    loop {
        match queue.enter(&portal(id)) {
            Ok(()) => entered += 1,
            Err(overloaded) => return (entered, overloaded),
        }
    }
}

/// Puts one into line.
fn wait(queue: &mut Queue<&'static str>, id: &'static str) -> u64 {
    queue.wait(&portal(id), id)
}

/// Whose turns come, until the passes are used up.
fn let_through(queue: &mut Queue<&'static str>) -> Vec<&'static str> {
    std::iter::from_fn(|| queue.pass().map(|(_, waiter)| waiter)).collect()
}

/// Ends one that was let through.
fn end(queue: &mut Queue<&'static str>, id: &str) {
    queue.leave(&portal(id), 1);
    queue.passed(&portal(id), HASH_TIME);
}

#[test]
fn admits_what_would_start_in_time_and_no_more() {
    // Two start at once, and one more every 50 ms for 2 s.
    let (entered, overloaded) = fill(&mut queue(2, Duration::from_secs(2)), "acme");
    assert_eq!(entered, 2 + 40);
    assert_eq!(overloaded.retry_after, Duration::from_millis(2_050));
}

#[test]
fn what_starts_at_once_is_always_admitted() {
    let (entered, overloaded) = fill(&mut queue(3, Duration::ZERO), "acme");
    assert_eq!(entered, 3);
    assert!(overloaded.retry_after > Duration::ZERO);
}

#[test]
fn a_place_given_back_is_free_again() {
    let mut queue = queue(1, Duration::ZERO);
    queue.enter(&portal("acme")).unwrap();
    assert!(queue.enter(&portal("acme")).is_err());
    queue.leave(&portal("acme"), 1);
    assert_eq!(queue.enter(&portal("acme")), Ok(()));
}

#[test]
fn a_heavy_hash_counts_for_its_memory() {
    let mut queue = queue(8, Duration::ZERO);
    queue.enter(&portal("acme")).unwrap();
    queue.grow(&portal("acme"), 6);
    assert_eq!(fill(&mut queue, "acme").0, 1);
    queue.leave(&portal("acme"), 7);
    assert_eq!(fill(&mut queue, "acme").0, 7);
}

#[test]
fn a_heavy_hash_that_runs_is_in_front_of_others_with_all_of_its_memory() {
    let mut queue = queue(8, Duration::ZERO);
    queue.enter(&portal("acme")).unwrap();
    queue.wait(&portal("acme"), "a");
    queue.pass().unwrap();
    queue.grow(&portal("acme"), 7);
    assert!(queue.enter(&portal("beta")).is_err(), "there is no permit for it");
    queue.leave(&portal("acme"), 8);
    queue.passed(&portal("acme"), Duration::ZERO);
    assert_eq!(queue.size(), (0, 0));
    assert_eq!(queue.enter(&portal("beta")), Ok(()));
}

#[test]
fn slower_hashes_make_the_queue_shorter() {
    let slow = || queue(1, Duration::from_secs(1));
    assert_eq!(fill(&mut slow(), "acme").0, 11);
    // The first counts whole.
    let mut measured = slow();
    measured.ran(HASH_TIME * 5);
    assert_eq!(fill(&mut measured, "acme").0, 3);
    // What comes then changes what is known by and by.
    let mut changed = slow();
    for time in [1, 5] {
        changed.ran(HASH_TIME * time);
    }
    assert_eq!(fill(&mut changed, "acme").0, 7);
    changed.leave(&portal("acme"), 7);
    for _ in 0..50 {
        changed.ran(HASH_TIME * 5);
    }
    assert_eq!(fill(&mut changed, "acme").0, 3);
}

#[test]
fn a_full_queue_of_one_portal_is_not_full_for_another() {
    let mut queue = queue(2, Duration::from_secs(2));
    let (flood, _) = fill(&mut queue, "flood");
    let (calm, overloaded) = fill(&mut queue, "calm");
    // They take turns: as many of each start within the 2 s, 21 of 42.
    assert_eq!((flood, calm), (42, 21));
    assert_eq!(overloaded.retry_after, Duration::from_millis(2_100));
    assert_eq!(fill(&mut queue, "third").0, 14);
    assert_eq!(fill(&mut queue, "flood").0, 0);
}

#[test]
fn what_is_past_the_queue_is_in_front_of_every_portal() {
    let mut queue = queue(2, Duration::ZERO);
    for _ in 0..2 {
        queue.enter(&portal("flood")).unwrap();
        wait(&mut queue, "flood");
    }
    assert_eq!(let_through(&mut queue), ["flood"; 2]);
    assert!(queue.enter(&portal("calm")).is_err());
    end(&mut queue, "flood");
    assert_eq!(queue.enter(&portal("calm")), Ok(()));
}

#[test]
fn a_queue_whose_places_come_back_slowly_is_shorter() {
    // Hashes are quick, and all the same six places come back in 3 s.
    let mut slow = queue(2, Duration::from_secs(2));
    for _ in 0..50 {
        slow.passed(&portal("acme"), Duration::from_secs(3));
        slow.free_passes -= 1;
    }
    assert_eq!(fill(&mut slow, "acme").0, 2 + 4);
}

#[test]
fn portals_take_turns_and_each_keeps_its_order() {
    let mut queue = queue(1, Duration::from_secs(2));
    assert_eq!(queue.free_passes(), 4);
    for (id, count) in [("a", 7), ("b", 3), ("c", 1)] {
        for _ in 0..count {
            queue.enter(&portal(id)).unwrap();
            wait(&mut queue, id);
        }
    }
    let mut order = let_through(&mut queue);
    assert_eq!(order.len(), 4);
    for n in 0..11 {
        end(&mut queue, order[n]);
        order.extend(let_through(&mut queue));
    }
    assert_eq!(order.concat(), "abcababaaaa");
    assert_eq!((queue.size(), queue.taken(), queue.free_passes()), ((0, 0), 0, 4));
}

#[test]
fn what_nobody_waits_for_is_forgotten() {
    let mut queue = queue(1, Duration::from_secs(9));
    for _ in 0..10_000 {
        let ticket = wait(&mut queue, "gone");
        queue.forget(&portal("gone"), ticket);
    }
    assert_eq!((queue.size(), queue.turns.len()), ((0, 0), 0));
    let first = wait(&mut queue, "a");
    wait(&mut queue, "b");
    wait(&mut queue, "a");
    queue.forget(&portal("a"), first);
    assert_eq!(let_through(&mut queue), ["a", "b"]);
    // Too late: it is not in line.
    queue.forget(&portal("a"), first);
    queue.passed(&portal("a"), HASH_TIME);
    queue.passed(&portal("b"), HASH_TIME);
    assert_eq!((queue.size(), queue.free_passes()), ((0, 0), 4));
}

/// Lets hashes arrive and run for `ticks`, of which each is as long as a hash, on two permits.
/// Gives how many of each portal were done, and the longest wait of one that was.
fn run(ticks: u32, arrivals: &[(&'static str, u32)]) -> Vec<(u32, u32)> {
    let mut queue: Queue<(usize, u32)> = Queue::new(2, Duration::from_secs(2), HASH_TIME);
    let mut past = VecDeque::new();
    let mut done = vec![(0, 0); arrivals.len()];
    for now in 0..ticks {
        for (who, &(id, in_eight)) in arrivals.iter().enumerate() {
            // So many in every eight ticks.
            for _ in 0..(now + 1) * in_eight / 8 - now * in_eight / 8 {
                if queue.enter(&portal(id)).is_ok() {
                    queue.wait(&portal(id), (who, now));
                }
            }
        }
        past.extend(std::iter::from_fn(|| queue.pass()).map(|passed| (now, passed)));
        for (passed, (portal, (who, since))) in past.drain(..past.len().min(2)) {
            done[who].0 += 1;
            done[who].1 = done[who].1.max(now - since);
            queue.leave(&portal, 1);
            queue.passed(&portal, HASH_TIME * (now - passed + 1));
        }
    }
    done
}

#[test]
fn a_flooding_portal_leaves_the_others_all_of_what_is_theirs() {
    // Two hashes a tick are all there is; the others ask for one of them.
    let others = [("a", 4), ("b", 2), ("c", 2)];
    let alone = run(800, &others);
    let beside = run(800, &[others.as_slice(), &[("flood", 800)]].concat());
    for (alone, beside) in alone.iter().zip(&beside) {
        assert!(beside.0 + 1 >= alone.0, "{beside:?} of {alone:?}");
        // What is past the queue, and a turn of each.
        assert!(beside.1 <= 5, "{beside:?}");
    }
    // And it has the rest.
    assert!(beside[3].0 >= 790, "{beside:?}");
}

#[test]
fn goodput_does_not_sink_with_the_load() {
    let peak = run(400, &[("acme", 16)])[0];
    let ten_times = run(400, &[("acme", 160)])[0];
    assert_eq!((peak.0, ten_times.0), (800, 800));
    // 2 s are 20 ticks.
    assert!(ten_times.1 <= 21, "{ten_times:?}");
}
