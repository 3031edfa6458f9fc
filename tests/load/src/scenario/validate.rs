//! ValidateSession, which a portal calls for every page that a customer opens.

use std::sync::atomic::{AtomicU64, Ordering};

use gatehouse_api::v1;

use super::sign_in::stride;
use super::{Must as _, check, client};
use crate::client::Portal;
use crate::drive::Scenario;
use crate::measure::Failure;
use crate::population::{Group, Population};

/// Checks of sessions, one after the other.
pub struct Validate {
    clients: Vec<Portal>,
    sessions: Sessions<v1::ValidateSessionRequest>,
}

/// Sessions of members, in turns.
pub(super) struct Sessions<R> {
    known: Vec<Known<R>>,
    next: AtomicU64,
}

/// A request that is made beforehand, and what its answer is about.
pub(super) struct Known<R> {
    pub request: R,
    pub customer: String,
}

impl<R> Sessions<R> {
    /// Of `count` sessions, spread evenly over those of `members` members, each with what
    /// `request` asks about its token.
    pub fn new(
        population: Population,
        members: u64,
        count: u64,
        request: impl Fn(&str) -> R,
    ) -> Self {
        let count = count.clamp(1, members.max(1));
        let stride = stride(count);
        let known = (0..count).map(|turn| {
            let number = turn * stride % count * (members / count);
            let token = population.session_token(Group::Members, number);
            let customer = Population::name(Group::Members, number);
            Known { request: request(token.expose()), customer }
        });
        Self { known: known.collect(), next: AtomicU64::new(0) }
    }

    pub fn next(&self) -> Result<&Known<R>, Failure> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let index = usize::try_from(turn % self.known.len() as u64).unwrap_or_default();
        self.known.get(index).must("a session to check")
    }
}

impl Validate {
    /// Of `count` sessions, spread evenly over those of `members` members; `passive` checks
    /// are no use of the session, and write nothing.
    pub fn new(
        clients: Vec<Portal>,
        population: Population,
        members: u64,
        count: u64,
        passive: bool,
    ) -> Self {
        let sessions = Sessions::new(population, members, count, |token| {
            let session_token = token.to_owned();
            let mut request =
                v1::ValidateSessionRequest { session_token, passive, ..Default::default() };
            request.set_min_assurance(v1::Assurance::MultiFactor);
            request
        });
        Self { clients, sessions }
    }

    /// Checks one by its token.
    pub(super) async fn validate(
        portal: &mut Portal,
        request: v1::ValidateSessionRequest,
        customer: &str,
    ) -> Result<(), Failure> {
        let answer = portal.validate_session(request).await?.into_inner();
        check(answer.customer == customer, "of the same customer")?;
        let session = answer.session.must("a session")?;
        check(session.assurance() == v1::Assurance::MultiFactor, "a multi-factor session")
    }
}

impl Scenario for Validate {
    async fn call(&self, caller: usize, _turn: u64) -> Result<&'static str, Failure> {
        let mut portal = client(&self.clients, caller)?;
        let known = self.sessions.next()?;
        Self::validate(&mut portal, known.request.clone(), &known.customer).await?;
        Ok("validate")
    }
}
