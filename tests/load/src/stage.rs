//! A seeded database, the server over it, and its callers.

use std::env;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gatehouse_api::v1::{ValidateSessionRequest, ValidateSessionResponse};

use crate::client::{self, Admin, Portal};
use crate::database::{Database, Kind};
use crate::drive::{Load, Scenario, drive};
use crate::limit::Limit;
use crate::measure::Measured;
use crate::options::Program;
use crate::place::Place;
use crate::population::{Group, Population};
use crate::process;
use crate::scenario::account::Account;
use crate::scenario::check::Check;
use crate::scenario::enroll::{Enroll, Newcomers};
use crate::scenario::mix::Mix;
use crate::scenario::sign_in::{Members, SignIn};
use crate::scenario::validate::Validate;
use crate::seed::{Counts, Seeded};
use crate::server::Server;

/// Under which name CPU time is counted.
pub const SERVER_CPU: &str = "server";
/// Of PostgreSQL.
const DATABASE_CPU: &str = "database";

/// Where something is measured.
pub struct Stage {
    /// The server, which ends before its database.
    pub server: Server,
    /// The database.
    pub database: Database,
    /// Who is in it.
    pub population: Population,
    /// How many there are.
    pub counts: Counts,
    /// How long it took to make them.
    pub seed_time: Duration,
    /// Of the database without any of them.
    pub empty_bytes: u64,
    members: Arc<Members>,
    newcomers: Arc<Newcomers>,
}

impl Stage {
    /// Makes a database, fills it, and starts the server.
    pub async fn set(kind: Kind, seed: u64, counts: Counts, program: &Program) -> Result<Self> {
        let database = Database::create(kind)?;
        drop(database.place.open().await?);
        let empty_bytes = database.bytes()?;
        let seed_time = database.fill(Population { seed }, &counts).await?;
        let stage = Self::over(database, &Seeded::new(seed, counts), program)?;
        Ok(Self { seed_time, empty_bytes, ..stage })
    }

    /// Starts the server over a database that has been filled, and perhaps used.
    pub fn over(database: Database, seeded: &Seeded, program: &Program) -> Result<Self> {
        let Seeded { seed, counts, member_turns, newcomer_turns } = *seeded;
        let population = Population { seed };
        let server = Server::start(&command(program)?, &database.place, None)?;
        let members = Arc::new(Members::new(population, counts.members, member_turns));
        let newcomers = Arc::new(Newcomers::new(counts.newcomers, newcomer_turns));
        Ok(Self {
            server,
            database,
            population,
            counts,
            seed_time: Duration::ZERO,
            empty_bytes: 0,
            members,
            newcomers,
        })
    }

    /// One more server over the same database, whose spans go to `endpoint`.
    pub fn traced(&self, program: &Program, endpoint: &str) -> Result<Server> {
        Server::start(&command(program)?, &self.database.place, Some(endpoint))
    }

    /// How it is left behind.
    pub fn seeded(&self) -> Seeded {
        Seeded {
            member_turns: self.members.turns(),
            newcomer_turns: self.newcomers.turns(),
            ..Seeded::new(self.population.seed, self.counts)
        }
    }

    /// Clients of a portal, one for each caller.
    fn portals(&self, group: Group, callers: usize) -> Result<Vec<Portal>> {
        client::portals(self.server.address, &self.population.portal_key(group), callers)
    }

    /// A client of an administrator.
    pub fn admin(&self) -> Result<Admin> {
        client::admin(self.server.address, &self.population.owner_key())
    }

    /// Sign-ins of all members.
    pub fn sign_in(&self, callers: usize) -> Result<SignIn> {
        let clients = self.portals(Group::Members, callers)?;
        Ok(SignIn::new(clients, Arc::clone(&self.members)))
    }

    /// Checks of `count` members' sessions.
    pub fn validate(&self, callers: usize, count: u64, passive: bool) -> Result<Validate> {
        let clients = self.portals(Group::Members, callers)?;
        Ok(Validate::new(clients, self.population, self.counts.members, count, passive))
    }

    /// The same as an Envoy asks for it.
    pub fn check(&self, callers: usize, count: u64) -> Result<Check> {
        let key = self.population.portal_key(Group::Members);
        let clients = client::envoys(self.server.address, &key, callers)?;
        Ok(Check::new(clients, self.population, self.counts.members, count))
    }

    /// Enrollments of the newcomers who are left.
    pub fn enroll(&self, callers: usize) -> Result<Enroll> {
        let clients = self.portals(Group::Newcomers, callers)?;
        Ok(Enroll::new(clients, Arc::clone(&self.newcomers)))
    }

    /// Set-ups in My Account.
    pub fn account(&self, callers: usize) -> Result<Account> {
        let owners = self.counts.owners;
        ensure!(callers as u64 <= owners, "more callers than owners of sessions: {owners}");
        let clients = self.portals(Group::Owners, callers)?;
        Ok(Account::new(clients, self.population, owners))
    }

    /// Sign-ins, session checks and enrollments.
    pub fn mix(&self, callers: usize) -> Result<Mix> {
        let clients = self.portals(Group::Members, callers)?;
        Ok(Mix::new(clients, self.sign_in(callers)?, self.enroll(callers)?))
    }

    /// A statement of the same database, by itself.
    pub fn statement(&self, statement: &str) -> Result<Limit> {
        let Place { folder, database_url } = &self.database.place;
        let folder = folder.to_str().context("the name of the folder")?;
        let seed = self.population.seed.to_string();
        let mut arguments = vec!["database", statement, folder, &seed];
        arguments.extend(database_url.as_deref());
        Ok(Limit::start(&arguments, "")?.0)
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
    pub async fn drive(&self, scenario: &Arc<impl Scenario>, load: &Load) -> Result<Measured> {
        let server = || process::cpu(self.server.pid());
        let database = || Ok(self.database.cpu()?.unwrap_or_default());
        if self.database.cpu()?.is_some() {
            drive(scenario, load, &[(SERVER_CPU, &server), (DATABASE_CPU, &database)]).await
        } else {
            drive(scenario, load, &[(SERVER_CPU, &server)]).await
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
    Ok(vec![path.canonicalize()?.into()])
}
