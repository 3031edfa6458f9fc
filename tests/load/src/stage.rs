//! A seeded database, the server over it, and its callers.

use std::env;
use std::ffi::OsString;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gatehouse_api::v1::{ValidateSessionRequest, ValidateSessionResponse};

use crate::client::{self, Portal};
use crate::database::{Database, Kind};
use crate::drive::{Load, Scenario, drive};
use crate::measure::Measured;
use crate::options::{Numbers, Program};
use crate::population::{Group, Population};
use crate::process;
use crate::scenario::sign_in::{Members, SignIn};
use crate::scenario::validate::Validate;
use crate::server::Server;

/// Under which name CPU time is counted.
pub const SERVER_CPU: &str = "server";
/// Of PostgreSQL.
pub const DATABASE_CPU: &str = "database";

/// Where something is measured.
pub struct Stage {
    /// The database.
    pub database: Database,
    /// The server.
    pub server: Server,
    /// Who is in it.
    pub population: Population,
    /// How many there are.
    pub counts: crate::seed::Counts,
    /// How long it took to make them.
    pub seed_time: Duration,
}

impl Stage {
    /// Makes a database, fills it, and starts the server.
    pub async fn set(kind: Kind, numbers: &Numbers, program: &Program) -> Result<Self> {
        let program = command(program)?;
        let population = Population { seed: numbers.seed };
        let counts = numbers.counts();
        let database = Database::create(kind)?;
        let seed_time = database.fill(population, &counts).await?;
        let server = Server::start(&program, &database.place)?;
        Ok(Self { database, server, population, counts, seed_time })
    }

    /// Clients of a portal, one for each caller.
    pub fn portals(&self, group: Group, callers: usize) -> Result<Vec<Portal>> {
        client::portals(self.server.address, &self.population.portal_key(group), callers)
    }

    /// Sign-ins of all members.
    pub fn sign_in(&self, callers: usize) -> Result<SignIn> {
        let members = Members::new(self.population, self.counts.members);
        Ok(SignIn::new(self.portals(Group::Members, callers)?, members))
    }

    /// Checks of `count` members' sessions.
    pub fn validate(&self, callers: usize, count: u64, passive: bool) -> Result<Validate> {
        let clients = self.portals(Group::Members, callers)?;
        Ok(Validate::new(clients, self.population, self.counts.members, count, passive))
    }

    /// What the server answers about the session of the first member.
    pub async fn example(&self) -> Result<ValidateSessionResponse> {
        let mut clients = self.portals(Group::Members, 1)?;
        let client = clients.first_mut().context("a client")?;
        let token = self.population.session_token(Group::Members, 0);
        let session_token = token.expose().to_owned();
        let request = ValidateSessionRequest { session_token, ..Default::default() };
        Ok(client.validate_session(request).await?.into_inner())
    }

    /// Lets callers call, and looks at what the server and PostgreSQL use for it.
    pub async fn drive(
        &self,
        scenario: &std::sync::Arc<impl Scenario>,
        load: &Load,
    ) -> Result<Measured> {
        let server = || process::cpu(self.server.pid());
        let database = || Ok(self.database.cpu()?.unwrap_or_default());
        match self.database.kind {
            Kind::Sqlite => drive(scenario, load, &[(SERVER_CPU, &server)]).await,
            Kind::Postgres => {
                drive(scenario, load, &[(SERVER_CPU, &server), (DATABASE_CPU, &database)]).await
            }
        }
    }
}

/// The program that is measured, and what comes before its own arguments.
fn command(program: &Program) -> Result<Vec<OsString>> {
    let own = env::current_exe()?;
    if program.built_in {
        return Ok(vec![own.into(), "gatehouse".into()]);
    }
    let beside = || own.with_file_name("gatehouse");
    let path = program.gatehouse.clone().unwrap_or_else(beside);
    ensure!(path.exists(), "{} is not built", path.display());
    Ok(vec![path.into()])
}
