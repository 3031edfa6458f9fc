//! What is counted: a file for each group. Each is given what production gives it.

mod names;
mod proofs;
mod state;
mod vault;

use std::convert::Infallible;
use std::hint::black_box;

use rand::rand_core::{TryCryptoRng, TryRng};

/// One call of what is counted.
pub type Call = Box<dyn FnMut()>;

/// Something whose instructions are counted.
pub struct Path {
    pub name: &'static str,
    /// How often it is called for one count.
    pub calls: u64,
    /// How many percent a count may be off the table.
    pub tolerance: u64,
    /// Makes what it needs, which is not counted.
    pub prepare: fn() -> anyhow::Result<Call>,
}

/// Everything that is counted.
pub static ALL: &[Path] = &[
    path("vault.digest", 200, vault::digest),
    path("vault.digests.two_keys", 200, vault::digests_two_keys),
    path("vault.seal.row", 200, vault::seal_row),
    path("vault.open.row", 200, vault::open_row),
    path("vault.seal.sign_in_start", 100, vault::seal_sign_in_start),
    path("vault.open.sign_in_start", 100, vault::open_sign_in_start),
    path("vault.seal.page_token", 200, vault::seal_page_token),
    path("vault.open.page_token", 200, vault::open_page_token),
    path("token.generate", 500, vault::generate_token),
    path("token.parse", 500, vault::parse_token),
    path("email.parse.ascii", 200, names::email_ascii),
    path("email.parse.international", 200, names::email_international),
    path("name.parse.customer", 500, names::parse_customer),
    path("name.parse.session", 500, names::parse_session),
    path("name.print.session", 500, names::print_session),
    path("password.argon2id.64_kib", 20, proofs::argon2id),
    path("password.parse", 200, proofs::parse_password),
    path("password.policy", 5, proofs::password_policy),
    path("totp.parse", 500, proofs::parse_totp),
    path("totp.verify.right", 100, proofs::totp_right),
    path("totp.verify.wrong", 100, proofs::totp_wrong),
    path("totp.uri", 200, proofs::totp_uri),
    path("totp.qr", 2, proofs::totp_qr),
    path("backup_code.parse", 500, proofs::parse_backup_code),
    path("backup_code.match.five", 100, proofs::match_backup_code),
    small("state.throttles", 1_000, state::throttles),
    small("state.code_budget", 1_000, state::code_budget),
    small("state.session", 1_000, state::session),
    small("state.sign_in", 1_000, state::sign_in),
    path("audit.chain", 200, state::audit_chain),
];

/// Ten counts of one build, on two cores with more and less other work, were the same to the last
/// instruction; but those of `password.policy`, whose hash maps are seeded anew each time, were up to
/// 0.6 % apart. The rest of what is tolerated is for changes elsewhere, which move code about.
const fn path(name: &'static str, calls: u64, prepare: fn() -> anyhow::Result<Call>) -> Path {
    Path { name, calls, tolerance: 2, prepare }
}

/// So few instructions that another way to inline them is some percent.
const fn small(name: &'static str, calls: u64, prepare: fn() -> anyhow::Result<Call>) -> Path {
    Path { name, calls, tolerance: 5, prepare }
}

/// A call whose result is made and dropped as if somebody used it.
#[expect(clippy::unnecessary_wraps, reason = "what comes before it may fail")]
fn call<T>(mut work: impl FnMut() -> T + 'static) -> anyhow::Result<Call> {
    Ok(Box::new(move || drop(black_box(work()))))
}

/// Randomness that costs nothing: the operating system makes it in production, beyond what is counted.
struct Numbers(u8);

impl TryRng for Numbers {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0 = self.0.wrapping_add(1);
        Ok(self.0.into())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.try_next_u32().map(Into::into)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0 = self.0.wrapping_add(1);
        bytes.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Numbers {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everything_has_a_name_of_its_own_and_can_be_called_again() {
        let mut names = BTreeSet::new();
        for path in ALL {
            assert!(names.insert(path.name), "{}", path.name);
            let mut call = (path.prepare)().unwrap();
            call();
            call();
        }
    }
}
