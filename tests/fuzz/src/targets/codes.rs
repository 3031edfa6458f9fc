//! However a customer types a code, it is that code, and no other.

use gatehouse_domain::backup_code::BackupCode;
use gatehouse_domain::id::{BackupCodeSetId, CustomerKey};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::totp::{TotpCode, TotpFactor, TotpParameters, TotpSecret, TotpVerdict};
use rand::SeedableRng;
use rand::rngs::StdRng;
use totp_rs::{Algorithm, Builder, Secret};

use crate::input::{self, Input};

const SECRET: [u8; 20] = [7; 20];
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub fn check(bytes: &[u8]) {
    if let Some(text) = input::text(bytes) {
        a_parsed_code_is_whole(text);
        a_backup_code_prints_to_itself(text);
    }
    let mut input = Input::new(bytes);
    if input.flag() {
        a_dressed_code_is_accepted(&mut input);
    } else {
        a_dressed_backup_code_matches(&mut input);
    }
}

fn a_parsed_code_is_whole(text: &str) {
    if let Ok(code) = TotpCode::parse(text) {
        assert!((6..=8).contains(&code.digits()) && text.len() <= 64);
        let spaced = text.chars().flat_map(|c| [c, ' ']).collect::<String>();
        let again = TotpCode::parse(&spaced);
        // Typed with spaces it may be too long, or no longer compose to the same.
        assert!(again.is_ok_and(|again| again.digits() == code.digits()) || !is_plain(&spaced));
        assert_eq!(format!("{code:?}"), "TotpCode(redacted)");
    }
}

fn is_plain(text: &str) -> bool {
    text.is_ascii() && text.len() <= 64
}

fn a_backup_code_prints_to_itself(text: &str) {
    if let Ok(code) = BackupCode::parse(text) {
        let printed = code.to_text();
        assert_eq!(printed.len(), 19);
        assert!(text.len() <= 128);
        let again = BackupCode::parse(&printed).expect("its own text");
        assert_eq!(*again.to_text(), *printed);
        assert_eq!(digest(&code), digest(&again));
        assert_eq!(format!("{code:?}"), "BackupCode(redacted)");
    }
}

/// Digits of another width and white space change nothing; another digit changes all.
fn a_dressed_code_is_accepted(input: &mut Input<'_>) {
    let code = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_secret(Secret::from(&SECRET[..]))
        .build_noncompliant()
        .generate(NOW.as_seconds().unsigned_abs())
        .to_string();
    let verdict = |text: &str| {
        let factor = TotpFactor::new(TotpSecret::from_bytes(&SECRET), TotpParameters::default());
        TotpCode::parse(text).map(|code| factor.verify(&code, NOW, 0, None))
    };
    let mut dressed = String::new();
    for digit in code.bytes().map(|digit| u32::from(digit - b'0')) {
        // ASCII, full width, mathematical bold.
        let zero = *input.pick(&[0x30, 0xff10, 0x1d7ce]);
        dressed.extend(char::from_u32(zero + digit));
        let space = *input.pick(&["", " ", "\t", "\u{a0}", "\u{2009}", "\u{3000}", "\n"]);
        dressed.push_str(space);
    }
    assert!(matches!(verdict(&dressed), Ok(TotpVerdict::Accepted { .. })), "{dressed:?}");

    let other = input::changed(code.as_bytes(), input);
    if let Ok(other) = String::from_utf8(other)
        && other.trim() != code
        && other.bytes().all(|c| c.is_ascii_digit())
    {
        assert!(!matches!(verdict(&other), Ok(TotpVerdict::Accepted { .. })), "{other:?}");
    }
}

/// Case, dashes, white space and letters that look like digits change nothing.
fn a_dressed_backup_code_matches(input: &mut Input<'_>) {
    let code = &BackupCode::generate_set(&mut StdRng::from_seed(input.array()))[0];
    let mut dressed = String::new();
    for symbol in code.to_text().chars().filter(|c| *c != '-') {
        let look_alikes: &[char] = match symbol {
            '0' => &['0', 'O', 'o', '\u{ff10}'],
            '1' => &['1', 'I', 'i', 'L', 'l'],
            _ => &[symbol, symbol.to_ascii_lowercase()],
        };
        dressed.push(*input.pick(look_alikes));
        let dash = *input.pick(&["", "-", " ", "\u{2013}", "\u{2212}", "\u{ad}", "\t"]);
        dressed.push_str(dash);
    }
    let typed = BackupCode::parse(&dressed).expect("the same code");
    assert_eq!(digest(&typed), digest(code), "{dressed:?}");
    let (key, set) = place();
    assert!(typed.matches(&key, set, &digest(code)));
}

fn digest(code: &BackupCode) -> [u8; 32] {
    let (key, set) = place();
    code.digest(&key, set)
}

fn place() -> (CustomerKey, BackupCodeSetId) {
    let key = CustomerKey::new("acme".parse().unwrap(), "ana".parse().unwrap());
    (key, "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap())
}
