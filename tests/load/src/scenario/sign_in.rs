//! A full sign-in: StartSignIn, VerifyPassword, VerifySecondFactor.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use anyhow::Result;
use gatehouse::clock::Clock;
use gatehouse_api::v1;
use gatehouse_api::v1::sign_in::Next;
use gatehouse_api::v1::verify_second_factor_request::Proof;

use super::{Must as _, check, client, token_at};
use crate::client::Portal;
use crate::drive::Scenario;
use crate::measure::Failure;
use crate::phone;
use crate::population::{Group, PASSWORD, Population, USER_AGENT};

/// Members sign in one after the other, each with a code of their own phone.
pub struct SignIn {
    clients: Vec<Portal>,
    members: Arc<Members>,
}

/// The members, and who can sign in next: a code is accepted once, and so a customer once
/// in 30 seconds.
pub struct Members {
    population: Population,
    clock: Clock,
    /// The time step of the last code that each has used.
    used: Vec<AtomicI64>,
    next: AtomicU64,
    /// Between two members that sign in after each other, so that they are from all of the
    /// table.
    stride: u64,
}

impl Members {
    /// The first `count` members of a population, of whom `next` have had a turn.
    pub fn new(population: Population, count: u64, next: u64) -> Self {
        let used = (0..count).map(|_| AtomicI64::new(0)).collect();
        let clock = Clock::system();
        Self { population, clock, used, next: AtomicU64::new(next), stride: stride(count) }
    }

    /// How many turns there were.
    pub fn turns(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// A member who has a code left.
    fn next(&self) -> Result<Turn, Failure> {
        let count = self.used.len() as u64;
        let now = self.clock.now().as_seconds();
        let current = now.div_euclid(phone::PERIOD_SECONDS);
        for _ in 0..count {
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let number = turn.wrapping_mul(self.stride) % count;
            let used = usize::try_from(number).ok().and_then(|index| self.used.get(index));
            let used = used.must("a member of that number")?;
            // The code of the step after is accepted already. That of the step before is not
            // tried: it may have passed when the call arrives.
            let before = used.load(Ordering::Relaxed);
            let step = current.max(before + 1);
            let relaxed = Ordering::Relaxed;
            if step <= current + 1 && used.compare_exchange(before, step, relaxed, relaxed).is_ok()
            {
                return Ok(Turn { number, before, step });
            }
        }
        Err(Failure::Exhausted)
    }

    /// The code of a turn was not used: the sign-in ended before it.
    fn give_back(&self, turn: &Turn) {
        let relaxed = Ordering::Relaxed;
        let used = usize::try_from(turn.number).ok().and_then(|index| self.used.get(index));
        if let Some(used) = used {
            // Fails where the member has had another turn since.
            let _ = used.compare_exchange(turn.step, turn.before, relaxed, relaxed);
        }
    }

    fn code(&self, turn: &Turn) -> String {
        let secret = self.population.totp_secret(Group::Members, turn.number);
        phone::code(secret.expose(), turn.step)
    }
}

/// A member with the code of a time step.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Turn {
    number: u64,
    /// The last one that was used before.
    before: i64,
    step: i64,
}

impl SignIn {
    /// By `clients`, one for each caller.
    pub const fn new(clients: Vec<Portal>, members: Arc<Members>) -> Self {
        Self { clients, members }
    }

    /// Signs the next member in; gives the number and the session's token.
    pub async fn sign_in(&self, caller: usize) -> Result<(u64, String), Failure> {
        let mut portal = client(&self.clients, caller)?;
        let turn = self.members.next()?;
        let number = turn.number;
        let proven = prove_password(&mut portal, number).await;
        let token = proven.inspect_err(|_| self.members.give_back(&turn))?;
        let code = self.members.code(&turn);
        let request = v1::VerifySecondFactorRequest {
            sign_in_token: token,
            proof: Some(Proof::TotpCode(code)),
            client: None,
        };
        let sign_in = portal.verify_second_factor(request).await?.into_inner().sign_in;
        let token = session_of(sign_in, Group::Members, number, v1::Assurance::MultiFactor)?;
        Ok((number, token))
    }
}

impl Scenario for SignIn {
    async fn call(&self, caller: usize, _turn: u64) -> Result<&'static str, Failure> {
        self.sign_in(caller).await.map(|_| "sign-in")
    }
}

/// From the start up to the second factor; gives the sign-in's token.
async fn prove_password(portal: &mut Portal, number: u64) -> Result<String, Failure> {
    let token = start(portal, number).await?;
    let request = v1::VerifyPasswordRequest {
        sign_in_token: token,
        password: PASSWORD.to_owned(),
        client: None,
    };
    let sign_in = portal.verify_password(request).await?.into_inner().sign_in;
    let is_second_factor = |next: &Next| matches!(next, Next::SecondFactor(_));
    token_at(sign_in, is_second_factor, "next is second_factor")
}

/// Begins the sign-in of a customer; gives its token.
pub(super) async fn start(portal: &mut Portal, number: u64) -> Result<String, Failure> {
    let client = v1::ClientContext {
        ip_address: Population::address(number).to_string(),
        user_agent: USER_AGENT.to_owned(),
    };
    let request = v1::StartSignInRequest { email: Population::email(number), client: Some(client) };
    let sign_in = portal.start_sign_in(request).await?.into_inner().sign_in;
    token_at(sign_in, |next| matches!(next, Next::Password(_)), "next is password")
}

/// The token of the session that a sign-in came to, which is of this customer.
pub(super) fn session_of(
    sign_in: Option<v1::SignIn>,
    group: Group,
    number: u64,
    assurance: v1::Assurance,
) -> Result<String, Failure> {
    let next = sign_in.and_then(|sign_in| sign_in.next);
    let Some(Next::Session(issued)) = next else {
        return Err(Failure::WrongAnswer("next is session"));
    };
    let session = issued.session.must("a session")?;
    let sessions = session.name.strip_prefix(&Population::name(group, number));
    check(sessions.is_some_and(|rest| rest.starts_with("/sessions/")), "of the same customer")?;
    check(session.assurance() == assurance, "of the right assurance")?;
    check(issued.token.starts_with("ghs_"), "a session token")?;
    Ok(issued.token)
}

/// About the golden section of `count`, and without a common divisor: every number comes
/// once before one comes again, and neighbors in time are none in the table.
pub fn stride(count: u64) -> u64 {
    let start: u64 = (u128::from(count) * 618 / 1_000).try_into().unwrap_or(1).max(1);
    (start..=start.saturating_add(count)).find(|stride| gcd(*stride, count) == 1).unwrap_or(1)
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_member_comes_once_before_one_comes_again() {
        for count in [1, 2, 3, 10, 1_000, 8_000, 99_991] {
            let stride = stride(count);
            let numbers: HashSet<_> = (0..count).map(|turn| turn * stride % count).collect();
            assert_eq!(numbers.len() as u64, count, "stride {stride}");
        }
    }

    #[test]
    fn a_member_has_two_codes_and_then_none_for_a_while() {
        let members = Members::new(Population { seed: 1 }, 3, 0);
        let mut turns = HashSet::new();
        for _ in 0..6 {
            let turn = members.next().unwrap();
            assert!(turns.insert((turn.number, turn.step)));
        }
        // A period may end meanwhile, and give each of them one more.
        let more = (0..4).filter(|_| members.next().is_ok()).count();
        assert!(more < 4);
    }

    #[test]
    fn a_code_that_was_not_used_comes_again() {
        let members = Members::new(Population { seed: 1 }, 1, 0);
        for _ in 0..10 {
            let turn = members.next().unwrap();
            members.give_back(&turn);
        }
    }
}
