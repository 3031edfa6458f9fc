//! What a portal does all day: customers sign in, and then open pages, each of which checks
//! their session. Some sign in for the first time.

use std::sync::{Mutex, PoisonError};

use gatehouse_api::v1;

use super::enroll::Enroll;
use super::sign_in::SignIn;
use super::validate::Validate;
use super::{Must as _, client};
use crate::client::Portal;
use crate::drive::Scenario;
use crate::measure::Failure;
use crate::population::{Group, Population};

/// Pages that a customer opens after a sign-in.
const PAGES: u64 = 20;
/// One in so many sign-ins is a newcomer's.
const NEWCOMERS: u64 = 10;

/// Customers that come and go.
pub struct Mix {
    clients: Vec<Portal>,
    sign_in: SignIn,
    enroll: Enroll,
    /// Whose pages each caller opens: the name, and the session's token.
    visits: Vec<Mutex<Option<(String, String)>>>,
}

impl Mix {
    /// By `clients` of the members' portal, one for each caller.
    pub fn new(clients: Vec<Portal>, sign_in: SignIn, enroll: Enroll) -> Self {
        let visits = clients.iter().map(|_| Mutex::new(None)).collect();
        Self { clients, sign_in, enroll, visits }
    }

    async fn come(&self, caller: usize, visit: u64) -> Result<&'static str, Failure> {
        // Callers do not enroll all at once.
        if (visit + caller as u64) % NEWCOMERS == NEWCOMERS - 1 {
            return self.enroll.call(caller, visit).await;
        }
        let (number, token) = self.sign_in.sign_in(caller).await?;
        let name = Population::name(Group::Members, number);
        let slot = self.visits.get(caller).must("a place for this caller")?;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((name, token));
        Ok("sign-in")
    }
}

impl Scenario for Mix {
    async fn call(&self, caller: usize, turn: u64) -> Result<&'static str, Failure> {
        // Callers are at different places of their visits from the start.
        let turn = turn + caller as u64 * 7;
        let slot = self.visits.get(caller).must("a place for this caller")?;
        let visit = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match visit {
            Some((customer, session_token)) if !turn.is_multiple_of(PAGES + 1) => {
                let mut portal = client(&self.clients, caller)?;
                let request = v1::ValidateSessionRequest { session_token, ..Default::default() };
                Validate::validate(&mut portal, request, &customer).await?;
                Ok("page")
            }
            _ => self.come(caller, turn / (PAGES + 1)).await,
        }
    }
}
