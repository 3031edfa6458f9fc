//! Secrets of a run, and where they must not be.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use memchr::memmem;

use crate::support::{Ended, Site};

/// What must not be found.
#[derive(Default)]
pub struct Taint {
    /// What a secret is, and its bytes.
    secrets: Vec<(&'static str, Vec<u8>)>,
    totp_codes: Vec<String>,
}

impl Taint {
    pub fn passwords(&mut self, passwords: &[&str]) {
        self.secrets.extend(passwords.iter().map(|text| ("password", text.as_bytes().to_vec())));
    }

    pub fn tokens(&mut self, tokens: &[&str]) {
        for token in tokens {
            self.secrets.push(("token", token.as_bytes().to_vec()));
            let bytes = BASE64URL_NOPAD.decode(&token.as_bytes()[4..]).unwrap();
            self.secrets.push(("bytes of a token", bytes));
        }
    }

    pub fn backup_codes(&mut self, codes: &[String]) {
        for code in codes {
            self.secrets.push(("backup code", code.as_bytes().to_vec()));
            self.secrets.push(("backup code without dashes", code.replace('-', "").into()));
        }
    }

    pub fn totp_secret(&mut self, base32: &str) {
        let bytes = BASE32_NOPAD.decode(base32.as_bytes()).unwrap();
        self.secrets.push(("TOTP secret in base32", base32.as_bytes().to_vec()));
        self.secrets.push(("TOTP secret", bytes));
    }

    pub fn totp_codes(&mut self, codes: &[&str]) {
        self.totp_codes.extend(codes.iter().map(|&code| code.to_owned()));
    }

    /// Holds the output of the server that has `ended` and all that it stored to
    /// have none of it.
    pub fn assert_absent(&self, site: &Site, ended: &Ended) {
        let dump = site.dump();
        let contents = dump.iter().map(|(name, content)| (name.as_str(), content.as_slice()));
        let outputs = [("stdout", ended.stdout.as_bytes()), ("stderr", ended.stderr.as_bytes())];
        for (place, content) in contents.chain(outputs) {
            for (what, secret) in &self.secrets {
                assert!(!holds(content, secret), "a {what} is in {place}");
            }
        }
        // Six digits: in a dump they would be found by chance.
        for code in &self.totp_codes {
            for output in [&ended.stdout, &ended.stderr] {
                assert!(!says_number(output, code), "a TOTP code is in the output");
            }
        }
    }
}

/// Whether `secret` is there in any form that storing or logging bytes gives.
fn holds(content: &[u8], secret: &[u8]) -> bool {
    let list = format!("{secret:?}");
    let list = list.trim_matches(['[', ']']);
    let (lower, upper) = (HEXLOWER.encode(secret), HEXUPPER.encode(secret));
    [secret, list.as_bytes(), lower.as_bytes(), upper.as_bytes()]
        .iter()
        .any(|form| memmem::find(content, form).is_some())
}

/// Whether `number` stands in `output` by itself: not within a longer one, and not
/// as the fraction of a second, of which a log has many.
fn says_number(output: &str, number: &str) -> bool {
    output.match_indices(number).any(|(at, _)| {
        let before = output[..at].chars().next_back();
        let after = output[at + number.len()..].chars().next();
        let part_of_word = |c: char| c.is_ascii_alphanumeric();
        !before.is_some_and(|c| c == '.' || part_of_word(c)) && !after.is_some_and(part_of_word)
    })
}
