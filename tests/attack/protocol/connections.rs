//! Connections that take their time, or speak another language.

use gatehouse_tests::Refusal;
use gatehouse_tests::frames::{
    DATA, END_STREAM, End, Frames, INITIAL_WINDOW_SIZE, PREFACE, PROTOCOL_ERROR, REFUSED_STREAM,
    RequestHead, call_of, frame_of, head_of,
};

use crate::ground::{Ground, HEALTH, START_SIGN_IN, start_sign_in, unharmed};

/// The ids of so many streams.
fn ids(count: u32) -> Vec<u32> {
    (0..count).map(|n| 2 * n + 1).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_than_128_calls_on_a_connection_the_rest_is_refused() {
    let ground = Ground::new().await;
    let mut attacker = ground.attacker().await;
    let head = ground.call().block();
    let opened: Vec<u8> = ids(200).into_iter().flat_map(|id| head_of(id, &head, 0)).collect();
    attacker.write(&opened).await;
    assert!(attacker.settle().await);
    unharmed(&ground).await;
    for id in ids(200) {
        let expected = (id > ids(128)[127]).then_some(REFUSED_STREAM);
        assert_eq!(attacker.heard(id).reset, expected, "{id}");
    }
    // Those under way are answered, and make room.
    for id in ids(128) {
        attacker.send(DATA, END_STREAM, id, &start_sign_in()).await;
    }
    for id in ids(128) {
        assert!(attacker.answer(id).await.is_ok(), "{id}");
    }
    for _ in 0..200 {
        attacker.stream();
    }
    assert!(attacker.ask(&ground.call(), &start_sign_in()).await.is_ok());
}

/// Slowloris. The server's own limit of 10 s is tested on its clock (`layer::tests`).
#[tokio::test(flavor = "multi_thread")]
async fn half_a_message_is_waited_for_until_the_deadline() {
    let ground = Ground::new().await;
    let mut attacker = ground.attacker().await;
    let head = ground.call().with("grpc-timeout", "100m").block();
    for id in ids(100) {
        attacker.write(&head_of(id, &head, 0)).await;
        attacker.data(id, 0, &start_sign_in()[..7]).await;
    }
    unharmed(&ground).await;
    for id in ids(100) {
        let answer = attacker.answer(id).await;
        assert_eq!(answer.refusal(), Refusal::deadline_exceeded(), "{id}");
    }
    assert!(attacker.settle().await);
}

/// 128 messages of 64 KiB, of which the last byte never comes, and as many questions after the
/// server's health, which anybody may ask. A connection may fill its windows and 128 messages:
/// 9 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn half_messages_fill_no_more_than_their_connection_may() {
    let ground = Ground::new().await;
    let mut attackers = Vec::new();
    for head in [ground.call(), RequestHead::of(HEALTH)] {
        let mut attacker = ground.attacker().await;
        for id in ids(128) {
            attacker.write(&head_of(id, &head.block(), 0)).await;
            // 60,000 bytes are announced.
            attacker.data(id, 0, b"\0\0\0\xea\x60").await;
            for part in vec![b'a'; 59_000].chunks(14_750) {
                attacker.data(id, 0, part).await;
            }
        }
        ground.assert_others_are_answered().await;
        attackers.push(attacker);
    }
    ground.assert_memory_within(24);
    // Nobody asks for health at such length: it is not even waited for.
    let answer = attackers[1].answer(1).await;
    assert_eq!(answer.header("grpc-status"), Some("11"), "{answer:?}");
}

/// CVE-2019-9517: answers that are asked for and never taken.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_takes_are_not_made_without_end() {
    let ground = Ground::new().await;
    let address = ground.program.address;
    let mut attacker = Frames::with(address, &[(INITIAL_WINDOW_SIZE, 0)]).await;
    let reflection = RequestHead::of("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    // file_containing_symbol: 22 KB for 32 bytes.
    let question = b"\0\0\0\0\x1b\x22\x19gatehouse.v1.AdminService".repeat(50);
    for (n, id) in ids(128).into_iter().enumerate() {
        let call = if n % 2 == 0 {
            call_of(id, &reflection, &question)
        } else {
            call_of(id, &ground.call(), &start_sign_in())
        };
        attacker.write(&call).await;
    }
    assert!(attacker.settle().await);
    ground.assert_others_are_answered().await;
    ground.assert_memory_within(24);
    assert!(ids(128).into_iter().all(|id| attacker.heard(id).body.is_empty()));
}

/// 900 are let in (`server::connections`).
#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_cost_little_and_keep_nobody_out() {
    let ground = Ground::new().await;
    let mut idle = Vec::new();
    for n in 0..200 {
        idle.push(if n % 2 == 0 {
            Frames::silent(ground.program.address).await
        } else {
            ground.attacker().await
        });
    }
    // Those that say nothing are cut off after 5 s.
    assert!(ground.program.usage().open_files > 100);
    unharmed(&ground).await;
    drop(idle);
    // On a connection that is made now.
    assert!(ground.attacker().await.ask(&ground.call(), &start_sign_in()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_speak_http2_is_cut_off() {
    let ground = Ground::new().await;
    let tls = b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03 and so on, 200 bytes of it: ";
    let tls = [&tls[..], &[0; 200]].concat();
    let http1 = format!("POST {START_SIGN_IN} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let upgrade = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, http2-settings\r\n\
                   upgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n";
    for hello in [&tls[..], http1.as_bytes(), upgrade.as_bytes(), &[0; 64]] {
        let mut stranger = Frames::silent(ground.program.address).await;
        stranger.write(hello).await;
        let end = stranger.end().await;
        assert!(matches!(end, End::Closed | End::GoneAway(PROTOCOL_ERROR)), "{end:?}");
    }
    // A preface that is followed by no settings.
    let mut stranger = Frames::silent(ground.program.address).await;
    let ping = frame_of(gatehouse_tests::frames::PING, 0, 0, &[0; 8]);
    stranger.write(&[PREFACE, &ping].concat()).await;
    ground.assert_others_are_answered().await;
    unharmed(&ground).await;
}
