//! Frames without end. Each ends its connection or costs next to nothing, and others go on.

use gatehouse_tests::frames::{
    ACK, CANCEL, CONTINUATION, DATA, END_STREAM, ENHANCE_YOUR_CALM, End, FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR, HEADERS, INITIAL_WINDOW_SIZE, PING, PREFACE, PRIORITY, PROTOCOL_ERROR,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, frame_of, head_of, settings, write_until_stuck,
};
use tokio::net::TcpStream;

use crate::ground::{Ground, unharmed};

/// The ids of so many streams.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|n| 2 * n + 1)
}

/// How the server ends a connection on which this is said.
async fn end_of(ground: &Ground, flood: &[u8]) -> End {
    let mut attacker = ground.attacker().await;
    attacker.write(flood).await;
    let end = attacker.end().await;
    unharmed(ground).await;
    end
}

/// Whether a connection stands on which this is said, and what it was answered with by number.
async fn stands(ground: &Ground, flood: &[u8], answers: u8) -> (bool, usize) {
    let mut attacker = ground.attacker().await;
    let before = attacker.count(answers);
    attacker.write(flood).await;
    let stands = attacker.settle().await;
    // While it lasts.
    unharmed(ground).await;
    (stands, attacker.count(answers) - before)
}

/// CVE-2023-44487.
#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_reset_as_they_open_end_the_connection() {
    let ground = Ground::new().await;
    let head = ground.call().block();
    let reset = |stream| {
        [head_of(stream, &head, 0), frame_of(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())].concat()
    };
    let flood: Vec<u8> = streams(10_000).flat_map(reset).collect();
    assert_eq!(end_of(&ground, &flood).await, End::GoneAway(ENHANCE_YOUR_CALM));
}

/// CVE-2025-8671, "MadeYouReset".
#[tokio::test(flavor = "multi_thread")]
async fn streams_that_the_server_has_to_reset_end_the_connection() {
    let ground = Ground::new().await;
    let head = ground.call().block();
    let too_much = 0x7fff_ffff_u32.to_be_bytes();
    let on_itself = |stream: u32| [&stream.to_be_bytes()[..], &[0]].concat();
    for provoke in [
        &(|stream| frame_of(WINDOW_UPDATE, 0, stream, &too_much)) as &dyn Fn(u32) -> Vec<u8>,
        &|stream| frame_of(PRIORITY, 0, stream, &on_itself(stream)),
    ] {
        let flood: Vec<u8> = streams(1_000)
            .flat_map(|stream| [head_of(stream, &head, 0), provoke(stream)].concat())
            .collect();
        assert_eq!(end_of(&ground, &flood).await, End::GoneAway(ENHANCE_YOUR_CALM));
    }
    for provoke in [
        frame_of(WINDOW_UPDATE, 0, 1, &[0; 4]),
        [frame_of(DATA, END_STREAM, 1, &[]), frame_of(DATA, 0, 1, &[0])].concat(),
    ] {
        let flood = [head_of(1, &head, 0), provoke].concat();
        assert_eq!(end_of(&ground, &flood).await, End::GoneAway(PROTOCOL_ERROR));
    }
}

/// CVE-2024-27316 and RUSTSEC-2024-0332.
#[tokio::test(flavor = "multi_thread")]
async fn headers_that_do_not_end_end_the_connection() {
    let ground = Ground::new().await;
    let head = frame_of(HEADERS, 0, 1, &ground.call().block());
    let field = b"\0\x01x\x01y";
    for part in [&[][..], field, &field.repeat(3_000)] {
        let flood = [head.clone(), frame_of(CONTINUATION, 0, 1, part).repeat(1_000)].concat();
        assert_eq!(end_of(&ground, &flood).await, End::GoneAway(ENHANCE_YOUR_CALM));
    }
}

/// CVE-2019-9518.
#[tokio::test(flavor = "multi_thread")]
async fn messages_in_empty_parts_end_the_connection() {
    let ground = Ground::new().await;
    let head = head_of(1, &ground.call().block(), 0);
    let flood = [head, frame_of(DATA, 0, 1, &[]).repeat(20_000)].concat();
    assert_eq!(end_of(&ground, &flood).await, End::GoneAway(ENHANCE_YOUR_CALM));
}

/// CVE-2019-9512 and CVE-2019-9515.
#[tokio::test(flavor = "multi_thread")]
async fn pings_and_settings_are_answered_one_for_one() {
    let ground = Ground::new().await;
    let pings = frame_of(PING, 0, 0, b"12345678").repeat(20_000);
    // And the one that asks whether the connection stands.
    assert_eq!(stands(&ground, &pings, PING).await, (true, 20_001));
    let changes = settings(&[(INITIAL_WINDOW_SIZE, 1)]);
    let changes = frame_of(SETTINGS, 0, 0, &changes).repeat(20_000);
    assert_eq!(stands(&ground, &changes, SETTINGS).await, (true, 20_000));
    let unasked = frame_of(SETTINGS, ACK, 0, &[]);
    assert_eq!(end_of(&ground, &unasked).await, End::GoneAway(PROTOCOL_ERROR));
}

/// The same from a client that takes no answer: CVE-2019-9517 is of this kind.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_no_answers_is_read_no_more() {
    let ground = Ground::new().await;
    let mut deaf = TcpStream::connect(ground.program.address).await.unwrap();
    let hello = [PREFACE, &frame_of(SETTINGS, 0, 0, &[])].concat();
    assert_eq!(write_until_stuck(&mut deaf, &hello).await, hello.len());
    let pings = frame_of(PING, 0, 0, b"12345678").repeat(2_000_000);
    let taken = write_until_stuck(&mut deaf, &pings).await;
    assert!(taken < pings.len(), "34 MB were read and nothing was heard");
    unharmed(&ground).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_priorities_and_frames_that_nobody_knows_cost_nothing() {
    let ground = Ground::new().await;
    let window = frame_of(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()).repeat(20_000);
    let priority = |stream| frame_of(PRIORITY, 0, stream, &[0, 0, 0, 0, 7]);
    let priorities: Vec<u8> = streams(20_000).flat_map(priority).collect();
    let unknown = frame_of(0xfa, 0, 7, b"what").repeat(20_000);
    for flood in [window, priorities, unknown] {
        assert_eq!(stands(&ground, &flood, RST_STREAM).await, (true, 0));
    }
    for (increment, code) in [(0, PROTOCOL_ERROR), (0x7fff_ffff_u32, FLOW_CONTROL_ERROR)] {
        let wrong = frame_of(WINDOW_UPDATE, 0, 0, &increment.to_be_bytes()).repeat(2);
        assert_eq!(end_of(&ground, &wrong).await, End::GoneAway(code));
    }
    let large = frame_of(DATA, 0, 1, &vec![0; 16 * 1024 + 1]);
    assert_eq!(end_of(&ground, &large).await, End::GoneAway(FRAME_SIZE_ERROR));
}

/// h2 warns of each answer to a ping that it never sent, and of what else a client does wrong:
/// anybody could fill a disk with the log.
#[tokio::test(flavor = "multi_thread")]
async fn frames_write_nothing_to_the_log() {
    let ground = Ground::new().await;
    let pongs = frame_of(PING, ACK, 0, b"12345678").repeat(20_000);
    assert_eq!(stands(&ground, &pongs, PING).await, (true, 1));
    let head = ground.call().block();
    let reset = |stream| {
        [head_of(stream, &head, 0), frame_of(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())].concat()
    };
    let flood: Vec<u8> = streams(100).flat_map(reset).collect();
    end_of(&ground, &flood).await;
    let log = String::from_utf8(ground.program.end()).unwrap();
    let begun = log.lines().take_while(|line| line.contains(" gatehouse::command: ")).count();
    assert_eq!((begun, log.lines().count()), (2, 2), "{}", &log[..log.len().min(2_000)]);
}
