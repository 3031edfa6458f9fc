use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

use super::*;

fn key(portal: &str, customer: &str) -> CustomerKey {
    CustomerKey::new(portal.parse().unwrap(), customer.parse().unwrap())
}

fn set(number: u128) -> BackupCodeSetId {
    BackupCodeSetId::from_uuid(Uuid::from_u128(number))
}

fn read(text: &str) -> Option<[u8; BYTES]> {
    BackupCode::parse(text).ok().map(|code| code.0)
}

#[test]
fn the_codes_of_a_set_differ() {
    let mut rng = StdRng::seed_from_u64(1);
    let codes = BackupCode::generate_set(&mut rng).map(|code| code.0);
    for (position, code) in codes.iter().enumerate() {
        assert!(!codes[..position].contains(code));
    }
}

#[test]
fn a_code_is_four_groups_of_four() {
    assert_eq!(BackupCode([0; BYTES]).to_text().as_str(), "0000-0000-0000-0000");
    assert_eq!(BackupCode([0xff; BYTES]).to_text().as_str(), "ZZZZ-ZZZZ-ZZZZ-ZZZZ");
    let counting = [0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf];
    assert_eq!(BackupCode(counting).to_text().as_str(), "0123-4567-89AB-CDEF");
}

#[test]
fn ways_to_type_a_code_are_one() {
    let code = read("0123-4567-89AB-CDE1").unwrap();
    for text in [
        "0123456789ABCDE1",
        "0123-4567-89ab-cde1",
        " 0123 4567\t89AB CDE1\r\n",
        "O123-4567-89AB-CDEI",
        "o123-4567-89ab-cdei",
        "0L23-4567-89AB-CDEl",
        "0123\u{2013}4567\u{2014}89AB\u{2212}CDE1", // en dash, em dash, minus
        "0123\u{2011}4567\u{ad}89AB\u{ff0d}CDE1",   // non-breaking, soft, full-width hyphen
        "\u{ff10}123-4567-89\u{ff21}\u{ff42}-CDE1", // full-width 0, A, b
        "--0-1-2-3-4-5-6-7-8-9-A-B-C-D-E-1--",
    ] {
        assert_eq!(read(text), Some(code), "{text:?}");
    }
}

#[test]
fn refuses_what_is_not_a_code() {
    for text in [
        "",
        "----",
        "123456",
        "0123-4567-89AB-CDE",
        "0123-4567-89AB-CDEFG",
        "0123-4567-89AB-CDEU",
        "0123-4567-89AB-CDE!",
        "0123_4567_89AB_CDEF",
        "0123-4567-89AB-CDE\u{e9}",
        "0123-4567-89AB-CDEF\0",
    ] {
        assert_eq!(read(text), None, "{text:?}");
    }
}

#[test]
fn length_is_bounded_as_given() {
    assert!(BackupCode::parse(&format!("{:>128}", "0123456789ABCDEF")).is_ok());
    assert!(BackupCode::parse(&format!("{:>129}", "0123456789ABCDEF")).is_err());
}

#[test]
fn a_digest_matches_its_own_code_customer_and_set_alone() {
    let code = BackupCode([7; BYTES]);
    let mine = key("acme", "c1");
    let digest = code.digest(&mine, set(1));
    assert!(code.matches(&mine, set(1), &digest));
    assert!(!BackupCode([8; BYTES]).matches(&mine, set(1), &digest));
    assert!(!code.matches(&mine, set(2), &digest));
    assert!(!code.matches(&key("acme", "c2"), set(1), &digest));
    assert!(!code.matches(&key("beta", "c1"), set(1), &digest));
    // The same letters, divided elsewhere.
    assert!(!code.matches(&key("acm", "ec1"), set(1), &digest));
    for damaged in [&digest[..31], &[], &[digest.as_slice(), &[0]].concat()] {
        assert!(!code.matches(&mine, set(1), damaged));
    }
}

/// Computed apart from this code. Digests are stored: another one would make
/// every code out there worthless.
#[test]
fn a_digest_never_changes() {
    let digest = BackupCode([7; BYTES]).digest(&key("acme", "c1"), set(1));
    assert_eq!(
        data_encoding::HEXLOWER.encode(&digest),
        "12b678d0c181180425883ea27ecce88180af7fbda4d6ca376d236de4282266ad"
    );
}

#[test]
fn debug_does_not_show_it() {
    assert_eq!(format!("{:?}", BackupCode([7; BYTES])), "BackupCode(redacted)");
}

/// How a person may type `symbol`.
fn typed(symbol: char) -> impl Strategy<Value = String> {
    let mut ways = vec![symbol, symbol.to_ascii_lowercase()];
    ways.extend(
        match symbol {
            '0' => "Oo",
            '1' => "IiLl",
            _ => "",
        }
        .chars(),
    );
    // The full-width form of an ASCII character.
    ways.extend(char::from_u32(u32::from(symbol) + 0xfee0));
    (prop::sample::select(ways), "[ \t\u{3000}\u{2010}-\u{2015}-]{0,1}")
        .prop_map(|(symbol, after)| format!("{symbol}{after}"))
}

proptest! {
    #[test]
    fn parsing_gives_back_what_was_printed_however_typed(
        (bytes, text) in any::<[u8; BYTES]>().prop_flat_map(|bytes| {
            let text = BackupCode(bytes).to_text();
            let symbols = text.chars().filter(|c| *c != '-').map(typed).collect::<Vec<_>>();
            (Just(bytes), symbols.prop_map(|typed| typed.concat()))
        }),
    ) {
        prop_assert_eq!(read(&BackupCode(bytes).to_text()), Some(bytes));
        prop_assert_eq!(read(&text), Some(bytes), "{:?}", text);
    }
}
