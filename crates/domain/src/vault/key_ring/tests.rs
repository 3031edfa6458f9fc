use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

const A: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const B: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA";
const C: &str = "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCA";

fn parse(text: &str) -> Result<KeyRing, KeyRingError> {
    text.parse()
}

#[test]
fn parse_and_print_are_inverse() {
    let generated = KeyRing::generate(&mut StdRng::seed_from_u64(1));
    let rotated = parse(&format!("other 0000000b {B}\nprimary fffffff0 {A}\nother 0 {C}\n"));
    assert!(rotated.is_err(), "an id has eight digits");
    let rotated = parse(&format!("other 0000000b {B}\nprimary fffffff0 {A}\n")).expect("a ring");
    for ring in [generated, rotated] {
        let again = parse(&ring.to_text()).expect("its own text");
        assert_eq!(*again.to_text(), *ring.to_text());
        assert_eq!(again.primary(), ring.primary());
    }
}

#[test]
fn the_text_says_that_it_must_be_kept_and_fits_its_room() {
    let random = &mut StdRng::seed_from_u64(1);
    let mut ring = KeyRing::generate(random);
    assert!(ring.to_text().contains("Keep it secret, and keep a copy"));
    for id in 2..10 {
        let text = ring.to_text();
        // `other` is two letters shorter than `primary`.
        assert_eq!(text.capacity(), text.len() + 2 * ring.others.len());
        ring.add(KeyId(id), random).unwrap();
    }
}

#[test]
fn comments_and_blank_lines_are_skipped() {
    let ring = parse(&format!("# a\r\n\r\n  primary 00000001 {A}  \n\t# b\nother 00000002 {B}"));
    let ids: Vec<u32> = ring.expect("a ring").key_ids().map(u32::from).collect();
    assert_eq!(ids, [1, 2]);
}

#[test]
fn errors_name_the_line_and_never_the_key() {
    let short = &A[1..];
    // 43 characters carry 258 bits; the last two must be zero.
    let noncanonical = format!("{short}B");
    for line in [
        format!("primary 00000002 {B}"),
        format!("other 00000001 {B}"),
        format!("other 00000002 {A}"),
        format!("secondary 00000002 {B}"),
        format!("Other 00000002 {B}"),
        format!("other 00000002 {B}="),
        format!("other 00000002 {B} {C}"),
        format!("other 00000002 {short}"),
        format!("other 00000002 {noncanonical}"),
        format!("other 00000002 {A}{A}"),
        format!("other 2 {B}"),
        format!("other 0000000G {B}"),
        format!("other 0000000A {B}"),
        format!("other +0000002 {B}"),
        format!("other 0000000002 {B}"),
        format!("other {B}"),
        "other 00000002".to_owned(),
        B.to_owned(),
    ] {
        let error = parse(&format!("# ring\nprimary 00000001 {A}\n{line}\n"));
        let error = error.expect_err(&line);
        assert!(matches!(error, KeyRingError::Line { line: 3, .. }), "{line}: {error}");
        let message = format!("{error} {error:?}");
        assert!(!message.contains("AAAA") && !message.contains("BBBB"), "{message}");
    }
}

#[test]
fn a_ring_has_a_primary_key() {
    for text in [String::new(), "# primary\n".to_owned(), format!("other 00000001 {A}")] {
        assert_eq!(parse(&text).expect_err("none"), KeyRingError::NoPrimary);
    }
}

#[test]
fn a_key_is_added_promoted_and_removed() {
    let random = &mut StdRng::seed_from_u64(1);
    let mut ring = KeyRing::generate(random);
    let [old, new, unknown] = [1, 2, 3].map(KeyId);
    let ids = |ring: &KeyRing| ring.key_ids().collect::<Vec<_>>();
    assert_eq!(ring.add(old, random), Err(RingChangeError::Known(old)));
    ring.add(new, random).unwrap();
    assert_eq!(ids(&ring), [old, new]);
    assert_ne!(ring.primary.secret, ring.others[0].secret);

    assert_eq!(ring.promote(old), Err(RingChangeError::Primary(old)));
    assert_eq!(ring.promote(unknown), Err(RingChangeError::Unknown(unknown)));
    ring.promote(new).unwrap();
    assert_eq!(ids(&ring), [new, old]);

    assert_eq!(ring.retire(new), Err(RingChangeError::Primary(new)));
    assert_eq!(ring.retire(unknown), Err(RingChangeError::Unknown(unknown)));
    ring.retire(old).unwrap();
    assert_eq!(ids(&ring), [new]);
}

#[test]
fn of_a_retired_key_the_chain_stays_and_nothing_else() {
    let random = &mut StdRng::seed_from_u64(1);
    let mut ring = parse(&format!("primary 00000001 {A}\nother 00000002 {B}")).unwrap();
    ring.retire(KeyId(2)).unwrap();
    let text = ring.to_text();
    let line = text.lines().last().unwrap();
    assert!(line.starts_with("chain 00000002 ") && !text.contains(B), "{line}");
    let ring = parse(&text).unwrap();
    assert_eq!(*ring.to_text(), *text);
    assert_eq!(ring.key_ids().collect::<Vec<_>>(), [KeyId(1)]);
    assert_eq!(ring.chain_secrets().map(|(id, _)| id).collect::<Vec<_>>(), [KeyId(2)]);
    // Its id is never another key's, nor does it come back.
    let mut ring = ring;
    assert_eq!(ring.add(KeyId(2), random), Err(RingChangeError::Known(KeyId(2))));
    assert_eq!(ring.promote(KeyId(2)), Err(RingChangeError::Unknown(KeyId(2))));
    assert_eq!(ring.retire(KeyId(2)), Err(RingChangeError::Unknown(KeyId(2))));
    for line in [format!("other 00000002 {C}"), format!("chain 00000002 {C}")] {
        assert!(parse(&format!("{}{line}", &*text)).is_err(), "{line}");
    }
}

#[test]
fn debug_shows_no_key() {
    let ring = parse(&format!("primary 00000001 {A}")).expect("a ring");
    assert_eq!(format!("{ring:?}"), "KeyRing { primary: KeyId(1), .. }");
}
