//! The hasher alone: the one of the server, with the parameters and permits that the server
//! has by default, and nothing around it.

use std::sync::Arc;

use anyhow::Result;
use gatehouse::entropy::Entropy;
use gatehouse::hasher::Hasher;
use gatehouse_domain::id::PortalId;
use gatehouse_domain::password::{Password, StoredHash};

use crate::drive::Scenario;
use crate::measure::Failure;
use crate::place;
use crate::population::{Group, PASSWORD};

struct Hashing {
    hasher: Hasher,
    portal: PortalId,
    stored: String,
}

/// Verifies one password over and over.
pub async fn obey() -> Result<()> {
    let hasher = Hasher::new(&place::hasher())?;
    let portal = Group::Members.portal()?;
    let slot = hasher.reserve(&portal).await?;
    let stored = slot.hash(Password::parse(PASSWORD)?, Entropy.salt()).await?.to_phc().to_string();
    super::obey(&Arc::new(Hashing { hasher, portal, stored })).await
}

impl Scenario for Hashing {
    async fn call(&self, _caller: usize, _turn: u64) -> Result<&'static str, Failure> {
        let turn = self.hasher.reserve(&self.portal).await;
        let slot = turn.map_err(|overloaded| Failure::Busy(overloaded.retry_after))?;
        let password = Password::parse(PASSWORD);
        let password = password.map_err(|_| Failure::WrongAnswer("a password"))?;
        let stored: StoredHash =
            self.stored.parse().map_err(|_| Failure::WrongAnswer("a stored hash"))?;
        let verdict = slot.verify(password, Some(stored), Entropy.salt()).await;
        match verdict {
            Ok(verdict) if verdict.matches => Ok("hash"),
            _ => Err(Failure::WrongAnswer("the right password")),
        }
    }
}
