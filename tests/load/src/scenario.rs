//! What callers do, each answer checked.

pub mod account;
pub mod administer;
pub mod check;
pub mod enroll;
pub mod mix;
pub mod sign_in;
pub mod validate;

use gatehouse_api::v1::SignIn;
use gatehouse_api::v1::sign_in::Next;

use crate::measure::Failure;

/// The client of a caller, for one more call. Cheap: clones share a connection.
fn client<C: Clone>(clients: &[C], caller: usize) -> Result<C, Failure> {
    clients
        .get(caller % clients.len().max(1))
        .cloned()
        .ok_or(Failure::WrongAnswer("no client for this caller"))
}

/// What must be there, or the answer is not the right one.
trait Must<T> {
    fn must(self, expected: &'static str) -> Result<T, Failure>;
}

impl<T> Must<T> for Option<T> {
    fn must(self, expected: &'static str) -> Result<T, Failure> {
        self.ok_or(Failure::WrongAnswer(expected))
    }
}

/// Refuses an answer that is not as it should be.
fn check(is_right: bool, expected: &'static str) -> Result<(), Failure> {
    if is_right { Ok(()) } else { Err(Failure::WrongAnswer(expected)) }
}

/// The token of a sign-in that is at the step that `is_expected` knows.
fn token_at(
    sign_in: Option<SignIn>,
    is_expected: impl Fn(&Next) -> bool,
    expected: &'static str,
) -> Result<String, Failure> {
    let sign_in = sign_in.must(expected)?;
    check(sign_in.next.as_ref().is_some_and(is_expected), expected)?;
    Ok(sign_in.token)
}
