//! Headers that are too many, too large or not what they should be.

use gatehouse_api::v1::ErrorReason::ApiKeyInvalid;
use gatehouse_tests::Refusal;
use gatehouse_tests::frames::{
    COMPRESSION_ERROR, END_STREAM, ENHANCE_YOUR_CALM, End, Frames, PREFACE, PROTOCOL_ERROR,
    RequestHead, SETTINGS, frame_of, head_of, indexed_literal,
};

use crate::ground::{Ground, START_SIGN_IN, start_sign_in, unharmed};

/// A call with so many more headers of so many bytes.
fn padded(ground: &Ground, count: usize, bytes: usize) -> RequestHead {
    let pad = |head: RequestHead, n| head.with(&format!("x-{n}"), vec![b'a'; bytes]);
    (0..count).fold(ground.call(), pad)
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_beyond_16_kib_are_refused_and_far_beyond_end_the_connection() {
    let ground = Ground::new().await;
    let mut attacker = ground.attacker().await;
    // As HTTP/2 counts, each header is 32 bytes more.
    for (count, bytes, status) in
        [(1, 15_000, "200"), (300, 1, "200"), (1, 17_000, "431"), (1_000, 1, "431")]
    {
        let heard = attacker.ask(&padded(&ground, count, bytes), &start_sign_in()).await;
        assert_eq!(heard.status(), status, "{count} of {bytes}");
    }
    // The connection stands.
    assert!(attacker.ask(&ground.call(), &start_sign_in()).await.is_ok());
    for (count, bytes, code) in [(4, 17_000, COMPRESSION_ERROR), (5_000, 1, ENHANCE_YOUR_CALM)] {
        let mut attacker = ground.attacker().await;
        attacker.call(&padded(&ground, count, bytes), &start_sign_in()).await;
        assert_eq!(attacker.end().await, End::GoneAway(code), "{count} of {bytes}");
    }
    unharmed(&ground).await;
}

/// The limit is the server's, not what the client has agreed to.
#[tokio::test(flavor = "multi_thread")]
async fn who_never_takes_the_settings_is_held_to_them() {
    let ground = Ground::new().await;
    let mut attacker = Frames::silent(ground.program.address).await;
    let head = padded(&ground, 5_000, 1).block();
    let hello = [PREFACE, &frame_of(SETTINGS, 0, 0, &[])].concat();
    attacker.write(&[hello, head_of(1, &head, END_STREAM)].concat()).await;
    assert_eq!(attacker.end().await, End::GoneAway(ENHANCE_YOUR_CALM));
    unharmed(&ground).await;
}

/// One header of 4 KB that is named 10,000 times in a byte each: 40 MB. CVE-2016-6581.
#[tokio::test(flavor = "multi_thread")]
async fn headers_that_unfold_from_a_table_are_counted_unfolded() {
    let ground = Ground::new().await;
    let mut bomb = ground.call().block();
    indexed_literal(b"x-bomb", &[b'a'; 4_000], &mut bomb);
    let mut attacker = ground.attacker().await;
    let small = [&bomb[..], &[0xbe; 5]].concat();
    attacker.write(&head_of(1, &small, END_STREAM)).await;
    assert_eq!(attacker.answer(1).await.status(), "431");
    let large = [&bomb[..], &[0xbe; 10_000]].concat();
    let mut attacker = ground.attacker().await;
    attacker.write(&head_of(1, &large, END_STREAM)).await;
    assert_eq!(attacker.end().await, End::GoneAway(ENHANCE_YOUR_CALM));
    // A table of 64 KiB, where 4 are offered; and no encoding at all.
    for block in [&b"\x3f\xe1\xff\x03"[..], &[0xff; 20]] {
        let mut attacker = ground.attacker().await;
        attacker.write(&head_of(1, block, END_STREAM)).await;
        assert_eq!(attacker.end().await, End::GoneAway(PROTOCOL_ERROR));
    }
    unharmed(&ground).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_is_reset_or_told_by_http() {
    let ground = Ground::new().await;
    let call = || ground.call();
    let mut attacker = ground.attacker().await;
    for (what, head) in [
        ("no method", call().without(":method")),
        ("CONNECT", call().but(":method", "CONNECT")),
        ("no path", call().without(":path")),
        ("an empty path", call().but(":path", "")),
        ("a path without a slash", call().but(":path", &START_SIGN_IN[1..])),
        ("NUL in the path", call().but(":path", format!("{START_SIGN_IN}\0"))),
        ("two paths", call().with(":path", "/x")),
        ("no scheme", call().without(":scheme")),
        ("a status", call().with(":status", "200")),
        ("an authority that is none", call().but(":authority", "a b")),
        ("a header of HTTP/1", call().with("connection", "close")),
        ("another", call().with("transfer-encoding", "chunked")),
        ("te", call().but("te", "gzip")),
        ("too little content", call().with("content-length", "3000")),
        ("too much content", call().with("content-length", "3")),
        ("no length", call().with("content-length", "x")),
    ] {
        let heard = attacker.ask(&head, &start_sign_in()).await;
        assert_eq!(heard.reset, Some(PROTOCOL_ERROR), "{what}: {heard:?}");
    }
    let typed = |kind: &str| call().but("content-type", kind);
    for (status, head) in [
        ("405", call().but(":method", "GET")),
        ("405", call().but(":method", "PUT")),
        ("405", call().but(":method", "OPTIONS")),
        ("415", call().without("content-type")),
        ("415", typed("text/plain")),
        ("415", typed("application/json")),
        ("415", typed("application/grpc-web")),
        ("415", typed("application/grpc+json")),
        ("415", call().with("content-type", "application/grpc")),
    ] {
        let heard = attacker.ask(&head, &start_sign_in()).await;
        assert_eq!((heard.status(), heard.body.len()), (status, 0), "{head:?}");
    }
    for head in [
        call().without("te"),
        call().without(":authority"),
        call().but(":authority", "user@other.example:99999"),
        call().with("grpc-accept-encoding", "gzip"),
        call().with("x-any", b"\xff\xe2\x80\xae"),
        call().with("x-any-bin", "!!!"),
        call().but(":path", format!("{START_SIGN_IN}?x=y")),
        typed("application/grpc+proto"),
        typed("Application/gRPC; charset=utf-8"),
    ] {
        assert!(attacker.ask(&head, &start_sign_in()).await.is_ok(), "{head:?}");
    }
    for path in [
        "*",
        "//gatehouse.v1.PortalAuthService/StartSignIn",
        "/gatehouse.v1.PortalAuthService/%53tartSignIn",
        "/gatehouse.v1.portalauthservice/startsignin",
        "/gatehouse.v1.PortalAuthService/StartSignIn/",
    ] {
        let heard = attacker.ask(&call().but(":path", path), &start_sign_in()).await;
        assert_eq!(heard.refusal(), Refusal::unimplemented(), "{path}");
    }
    for (name, value) in [("X-Upper", &b"a"[..]), ("x-line", b"a\r\nb: c"), ("x-nul", b"\0")] {
        let mut attacker = ground.attacker().await;
        attacker.call(&call().with(name, value), &start_sign_in()).await;
        assert_eq!(attacker.end().await, End::GoneAway(PROTOCOL_ERROR), "{name}");
    }
    unharmed(&ground).await;
}

/// RFC 9113, section 8.1.1, has the stream end; h2 has the connection end, as for what cannot be
/// decoded. So whoever writes a header ends the calls of those who share the connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_no_header_ends_its_connection_and_no_other() {
    let ground = Ground::new().await;
    for value in [&b"\x1b[31m"[..], b"a\x7f", b"\x08"] {
        let mut shared = ground.attacker().await;
        // One that waits for its message.
        let other = shared.stream();
        shared.write(&head_of(other, &ground.call().block(), 0)).await;
        assert!(shared.settle().await, "nothing is wrong yet");
        shared.call(&ground.call().with("x-request-id", value), &start_sign_in()).await;
        assert_eq!(shared.end().await, End::GoneAway(PROTOCOL_ERROR), "{value:?}");
        assert_eq!(shared.heard(other).status(), "", "it is not answered any more");
    }
    unharmed(&ground).await;
}

/// With two keys a proxy and the server could each believe another.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_has_one_key() {
    let ground = Ground::new().await;
    let mut attacker = ground.attacker().await;
    for head in [
        ground.call().key(&ground.key),
        ground.call().key("ghp_other"),
        ground.call().but("authorization", b"Bearer \xff\xfe"),
        ground.call().but("authorization", format!("Bearer {0},Bearer {0}", ground.key)),
        ground.call().but("authorization", ""),
        ground.call().without("authorization"),
    ] {
        let heard = attacker.ask(&head, &start_sign_in()).await;
        assert_eq!(heard.refusal(), Refusal::of(ApiKeyInvalid), "{head:?}");
    }
    // A portal claims no actor: what it says of one is not looked at.
    let twice = ground.call().with("x-gatehouse-actor", "ana").with("x-gatehouse-actor", "eve");
    assert!(attacker.ask(&twice, &start_sign_in()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_is_1_to_8_digits_and_a_unit_and_never_longer_than_the_servers() {
    let ground = Ground::new().await;
    let mut attacker = ground.attacker().await;
    for garbage in [
        "",
        "1",
        "S",
        "-1S",
        "+1S",
        "1.5S",
        "1s",
        " 1S",
        "1S ",
        "0x1S",
        "123456789S",
        "\u{ff11}S",
        "1S,1S",
        "\u{202e}1S",
    ] {
        let heard =
            attacker.ask(&ground.call().with("grpc-timeout", garbage), &start_sign_in()).await;
        assert_eq!(heard.refusal(), Refusal::invalid(&["grpc-timeout"]), "{garbage:?}");
    }
    for good in ["99999999H", "00000009S"] {
        let head = ground.call().with("grpc-timeout", good);
        assert!(attacker.ask(&head, &start_sign_in()).await.is_ok(), "{good}");
    }
    // One that waits for its message, so that it cannot be answered first.
    let id = attacker.stream();
    let head = ground.call().with("grpc-timeout", "0n").block();
    attacker.write(&head_of(id, &head, 0)).await;
    let none = attacker.answer(id).await;
    assert_eq!(none.refusal(), Refusal::deadline_exceeded());
}
