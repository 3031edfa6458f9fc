//! Single statements through the server's own pool: the look-up of a session by the digest
//! of its token, and one guarded UPDATE with its commit.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use gatehouse::app::App;
use gatehouse_domain::id::{PortalId, SessionId};
use gatehouse_domain::vault::{Digest, DigestKind};

use crate::drive::Scenario;
use crate::measure::Failure;
use crate::place::Place;
use crate::population::{Group, Population};

/// Sessions that are looked up, or written: no two callers wait for one row.
const SESSIONS: u64 = 1_000;

/// Which statement.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Statement {
    /// A point select.
    Select,
    /// An UPDATE by primary key with a guard, committed by itself.
    Update,
}

struct Statements {
    app: App,
    statement: Statement,
    portal: PortalId,
    sessions: Vec<(SessionId, Vec<Digest>)>,
}

/// Runs `statement` over and over.
pub async fn obey(place: &Place, population: Population, statement: Statement) -> Result<()> {
    let app = place.open().await?;
    let portal = Group::Members.portal()?;
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        let token = population.session_token(Group::Members, number);
        let digests = app.vault().digests(DigestKind::Session, token.expose().as_bytes());
        match app.store.read().session(&portal, &digests).await? {
            Some(session) => sessions.push((session.id, digests)),
            None => break,
        }
    }
    sessions.first().context("no seeded sessions")?;
    super::obey(&Arc::new(Statements { app, statement, portal, sessions })).await
}

impl Scenario for Statements {
    async fn call(&self, caller: usize, turn: u64) -> Result<&'static str, Failure> {
        let turn = usize::try_from(turn).unwrap_or_default();
        // Callers begin apart from each other, and stay so as far as they are as fast.
        let index = caller.wrapping_mul(17).wrapping_add(turn) % self.sessions.len();
        let (id, digests) =
            self.sessions.get(index).ok_or(Failure::WrongAnswer("a seeded session"))?;
        match self.statement {
            Statement::Select => {
                let found = self.app.store.read().session(&self.portal, digests).await;
                let is_right = found.is_ok_and(|found| found.is_some_and(|row| row.id == *id));
                if is_right { Ok("select") } else { Err(Failure::WrongAnswer("the session")) }
            }
            Statement::Update => {
                let now = self.app.clock.now();
                let written = self.app.store.touch_session(*id, now).await;
                written.map_err(|_| Failure::WrongAnswer("an UPDATE"))?;
                Ok("update")
            }
        }
    }
}
