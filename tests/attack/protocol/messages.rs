//! Messages that are broken, packed, or hold what nobody knows.

use gatehouse_api::v1;
use gatehouse_tests::frames::{RequestHead, framed, message};
use gatehouse_tests::{EMAIL, Refusal};
use prost::Message;

use crate::ground::{Ground, start_sign_in, unharmed};

const VERIFY_SECOND_FACTOR: &str = "/gatehouse.v1.PortalAuthService/VerifySecondFactor";
const VALIDATE_SESSION: &str = "/gatehouse.v1.PortalAuthService/ValidateSession";

/// None of them is announced by any caller, and no encoding is offered: nothing is unpacked, so
/// that nothing can unfold ("zip bomb").
#[tokio::test(flavor = "multi_thread")]
async fn packed_messages_are_not_unpacked() {
    let ground = Ground::new().await;
    let mut attacker = ground.attacker().await;
    // 1 GiB of nothing, by its own account.
    let bomb = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xec\xc1\x01\x01\0\0\0\x80\x90\xfe\xaf\xee\x08";
    let packed = [&b"\x01\0\0\0"[..], &[u8::try_from(bomb.len()).unwrap()], bomb].concat();
    for encoding in
        ["gzip", "deflate", "zstd", "br", "snappy", "", "gzip,identity", "GZIP", "\u{202e}"]
    {
        let head = ground.call().with("grpc-encoding", encoding);
        let answer = attacker.ask(&head, &packed).await;
        assert_eq!(answer.refusal(), Refusal::unimplemented(), "{encoding:?}");
        assert_eq!(answer.header("grpc-accept-encoding"), Some("identity"), "{encoding:?}");
    }
    for head in [ground.call(), ground.call().with("grpc-encoding", "identity")] {
        let answer = attacker.ask(&head, &packed).await;
        assert_eq!(answer.refusal(), Refusal::invalid(&["StartSignInRequest"]));
    }
    let head = ground.call().with("grpc-encoding", "identity");
    assert!(attacker.ask(&head, &start_sign_in()).await.is_ok());
    unharmed(&ground).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_one_protobuf_message_is_named_and_nothing_more() {
    let ground = Ground::new().await;
    let good = start_sign_in();
    let fields = &good[5..];
    let mut attacker = ground.attacker().await;
    for (what, body) in [
        ("nothing", Vec::new()),
        ("half a prefix", b"\0\0\0".to_vec()),
        ("less than announced", good[..good.len() - 1].to_vec()),
        ("4 GiB announced", b"\0\xff\xff\xff\xff".to_vec()),
        ("64 KiB + 1 announced", b"\0\0\x01\0\x01".to_vec()),
        ("a flag that is none", [b"\xff", &good[1..]].concat()),
        ("a byte behind it", [&good[..], b"\0"].concat()),
        ("a huge one behind it", [&good[..], b"\0\xff\xff\xff\xff"].concat()),
        ("a group for a text", framed(b"\x0b\x0c")),
        ("the end of a group", framed(b"\xfc\x3f")),
        ("half a group", framed(b"\xfb\x3f")),
        ("groups in groups", framed(&b"\xfb\x3f".repeat(30_000))),
        ("a wire type that is none", framed(b"\x0e")),
        ("a number for a text", framed(b"\x08\x01")),
        ("the tag 0", framed(b"\x00\x01")),
        ("a number of 20 bytes", framed(&[0x80; 20])),
        ("text that is not UTF-8", framed(b"\x0a\x02\xff\xfe")),
        ("text longer than the message", framed(b"\x0a\xff\xff\xff\xff\x0fa")),
    ] {
        let answer = attacker.ask(&ground.call(), &body).await;
        assert!(!answer.is_ok(), "{what} was taken");
        assert_eq!(answer.refusal(), Refusal::invalid(&["StartSignInRequest"]), "{what}");
    }
    // What protobuf allows: the last value of a field counts, what is unknown is passed over. Of
    // more messages than one the first counts.
    let eve = v1::StartSignInRequest { email: "eve@example.com".to_owned(), client: None };
    for (what, body) in [
        ("two messages", good.repeat(2)),
        ("twice", framed(&[&eve.encode_to_vec(), fields].concat())),
        ("unknown", framed(&[fields, b"\xfa\x3f\x03abc"].concat())),
        ("an unknown group", framed(&[fields, b"\xfb\x3f\xfc\x3f"].concat())),
    ] {
        assert!(attacker.ask(&ground.call(), &body).await.is_ok(), "{what}");
    }
    unharmed(&ground).await;
}

/// Of 64 KiB, each of one byte: what is parsed is not much larger than what was sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_many_small_parts_takes_little_memory() {
    let ground = Ground::new().await;
    let mut attacker = ground.attacker().await;
    let admin = RequestHead::of("/gatehouse.v1.AdminService/ListAuditEvents")
        .key(ground.program.owner_key());
    // filter.types, 30,000 empty ones.
    let filter = b"\x0a\0".repeat(30_000);
    let mut field = vec![0x22];
    prost::encoding::encode_varint(filter.len() as u64, &mut field);
    let body = framed(&[field, filter].concat());
    for _ in 0..100 {
        let answer = attacker.ask(&admin, &body).await;
        assert!(answer.header("grpc-status").is_some_and(|status| status != "13"), "{answer:?}");
    }
    unharmed(&ground).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_enum_values_and_absent_oneofs_are_named() {
    let ground = Ground::new().await;
    let mut attacker = ground.attacker().await;
    for value in [4, 77, -1, i32::MIN] {
        let request = v1::ValidateSessionRequest {
            session_token: ground.session.clone(),
            min_assurance: value,
            ..Default::default()
        };
        let head = RequestHead::of(VALIDATE_SESSION).key(&ground.key);
        let answer = attacker.ask(&head, &message(&request)).await;
        assert_eq!(answer.refusal(), Refusal::invalid(&["min_assurance"]), "{value}");
    }
    let request = v1::VerifySecondFactorRequest {
        sign_in_token: format!("ghi_{}", "A".repeat(43)),
        proof: None,
        client: None,
    };
    let head = RequestHead::of(VERIFY_SECOND_FACTOR).key(&ground.key);
    let answer = attacker.ask(&head, &message(&request)).await;
    assert_eq!(answer.refusal(), Refusal::invalid(&["proof"]));
    assert!(ground.web.start(EMAIL).await.is_ok());
}
