//! Makes customers by the thousand, as a server would have made them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use gatehouse::app::App;
use gatehouse::usecase::sealed;
use gatehouse_domain::api_key::{
    AdminGrant, AdminRole, ApiKey, Grant, PortalAccess, PortalGrant, PortalScope,
};
use gatehouse_domain::audit::{Caller, Event, EventType, Resource};
use gatehouse_domain::customer::Customer;
use gatehouse_domain::enrollment::{Factor, Owner};
use gatehouse_domain::id::{ApiKeyId, AuditEventId, FactorId, SessionId, SignInId};
use gatehouse_domain::lockout::CodeBudget;
use gatehouse_domain::password::{Password, PasswordHash};
use gatehouse_domain::portal::{MfaPolicy, Portal, PortalSettings, SessionPolicy};
use gatehouse_domain::session::{Limits, Session};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::totp::{TimeStep, TotpParameters};
use gatehouse_domain::vault::{DigestKind, Token};
use gatehouse_persistence::{SEEDED_AT_ONCE, SeededCustomer};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use crate::population::{Group, PASSWORD, Population};

/// Statements' worth of customers that are committed together.
const STATEMENTS_A_COMMIT: usize = 5;
/// Between two sign-ins of seeded customers.
const PACE: Duration = Duration::from_millis(1);
/// The longest there are: a database that was seeded once serves for weeks.
const LIFETIME: Duration = Duration::from_hours(30 * 24);
const REAUTHENTICATION_WINDOW: Duration = Duration::from_hours(1);

/// How many customers of each kind.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// With a factor and a session.
    pub members: u64,
    /// With a password alone.
    pub newcomers: u64,
    /// With a password and a session.
    pub owners: u64,
}

impl Counts {
    /// Of one kind.
    pub const fn of(&self, group: Group) -> u64 {
        match group {
            Group::Members => self.members,
            Group::Newcomers => self.newcomers,
            Group::Owners => self.owners,
        }
    }
}

/// What a folder was seeded with, and how far runs have come in it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Seeded {
    /// What tokens and secrets follow from.
    pub seed: u64,
    /// How many there are.
    pub counts: Counts,
    /// Turns that members have had: the next run goes on with others, whose codes are fresh.
    pub member_turns: u64,
    /// Newcomers who have come.
    pub newcomer_turns: u64,
}

impl Seeded {
    /// Just now.
    pub const fn new(seed: u64, counts: Counts) -> Self {
        Self { seed, counts, member_turns: 0, newcomer_turns: 0 }
    }

    /// Leaves it in the folder.
    pub fn save(&self, folder: &Path) -> Result<()> {
        Ok(fs::write(folder.join("seeded.json"), serde_json::to_string(self)?)?)
    }

    /// Reads it there.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("seeded.json");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{}: nothing was seeded here", path.display()))?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// Fills the empty database of `app`; gives how long that took.
///
/// # Errors
/// If the database holds anything that is not this tool's: a portal of another name, or
/// customers that are there already.
pub async fn fill(app: &App, population: Population, counts: &Counts) -> Result<Duration> {
    let begun = Instant::now();
    require_empty(app).await?;
    let now = app.clock.now();
    make_portals(app, population, now).await?;
    let hash = hash(app, population).await?;
    for group in Group::ALL {
        let seeder = Seeder { app, population, group, now, hash: &hash, count: counts.of(group) };
        seeder.run().await?;
    }
    Ok(begun.elapsed())
}

/// Customers that are not this tool's are nobody's to add to: their portal's key would
/// follow from a seed that anybody can try.
async fn require_empty(app: &App) -> Result<()> {
    let portals = app.store.read().portals(&PortalScope::All, None, 1).await?;
    if let Some(portal) = portals.first() {
        bail!("refused: the database is in use, it has the portal {}", portal.id);
    }
    ensure!(
        !app.store.read().has_owner_key(app.clock.now()).await?,
        "refused: the database is in use, it has an OWNER key"
    );
    Ok(())
}

async fn make_portals(app: &App, population: Population, now: Timestamp) -> Result<()> {
    let tx = app.store.begin().await?;
    for group in Group::ALL {
        let session =
            SessionPolicy::new(Some(LIFETIME), Some(LIFETIME), Some(REAUTHENTICATION_WINDOW))?;
        let enforced = group == Group::Newcomers;
        let settings = PortalSettings {
            mfa: MfaPolicy { enforced, ..MfaPolicy::default() },
            session,
            ..PortalSettings::new("Load".to_owned())
        };
        let id = group.portal()?;
        let portal =
            Portal { id: id.clone(), settings, created_at: now, updated_at: now, revision: 1 };
        tx.insert_portal(&portal).await?;
        let grant = Grant::Portal(PortalGrant { portal: id, access: PortalAccess::Full });
        let key = api_key(app, grant, now);
        tx.insert_api_key(&key, &digest(app, DigestKind::ApiKey, &population.portal_key(group)))
            .await?;
    }
    let grant = Grant::Admin(AdminGrant { role: AdminRole::Owner, scope: PortalScope::All });
    let owner = digest(app, DigestKind::ApiKey, &population.owner_key());
    tx.insert_api_key(&api_key(app, grant, now), &owner).await?;
    Ok(tx.commit().await?)
}

fn api_key(app: &App, grant: Grant, now: Timestamp) -> ApiKey {
    ApiKey {
        id: ApiKeyId::generate(now, &mut app.entropy.rng()),
        display_name: "load".to_owned(),
        grant,
        created_at: now,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    }
}

fn digest(app: &App, kind: DigestKind, token: &Token) -> gatehouse_domain::vault::Digest {
    app.vault().digest(kind, token.expose().as_bytes())
}

/// One for all: hashing a password for each of a million would take hours.
async fn hash(app: &App, population: Population) -> Result<PasswordHash> {
    let slot = app.hasher.reserve(&Group::Members.portal()?).await?;
    Ok(slot.hash(Password::parse(PASSWORD)?, population.salt()).await?)
}

/// Makes the customers of one group.
struct Seeder<'a> {
    app: &'a App,
    population: Population,
    group: Group,
    now: Timestamp,
    hash: &'a PasswordHash,
    count: u64,
}

impl Seeder<'_> {
    async fn run(&self) -> Result<()> {
        // Ids need no secrecy, and the system's generator takes a call for each.
        let mut rng = StdRng::seed_from_u64(self.population.seed ^ self.group as u64);
        let (statement, commit) = (SEEDED_AT_ONCE as u64, STATEMENTS_A_COMMIT as u64);
        for first in (0..self.count).step_by(SEEDED_AT_ONCE * STATEMENTS_A_COMMIT) {
            let tx = self.app.store.begin().await?;
            let end = self.count.min(first + statement * commit);
            for start in (first..end).step_by(SEEDED_AT_ONCE) {
                let numbers = start..end.min(start + statement);
                let made: Result<Vec<_>> =
                    numbers.map(|number| self.customer(number, &mut rng)).collect();
                tx.insert_seeded(made?, self.app.vault().chain()).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    fn customer(&self, number: u64, rng: &mut StdRng) -> Result<SeededCustomer> {
        let key = Population::customer(self.group, number)?;
        let behind = u32::try_from(self.count - number).unwrap_or(u32::MAX);
        let at = self.now - PACE.saturating_mul(behind);
        let customer = Customer {
            key: key.clone(),
            email: Population::parsed_email(number)?,
            display_name: format!("Customer {number}"),
            suspended_at: None,
            generation: 0,
            has_password: true,
            password_revision: 0,
            codes: CodeBudget::default(),
            last_sign_in_at: (self.group != Group::Newcomers).then_some(at),
            created_at: at,
            updated_at: at,
            revision: 1,
        };
        let has_factor = self.group == Group::Members;
        let session = (self.group != Group::Newcomers).then(|| -> Result<_> {
            Ok(Session {
                id: SessionId::generate(at, rng),
                customer: key.clone(),
                created_at: at,
                last_used_at: self.now,
                authenticated_at: self.now,
                second_factor_at: has_factor.then_some(at),
                limits: Limits { idle: LIFETIME, absolute: LIFETIME },
                client: Population::client(number)?,
                ended: None,
            })
        });
        let session = session.transpose()?;
        let event = session.as_ref().map(|session| self.event(session, rng));
        let factor = has_factor.then(|| {
            let factor = Factor {
                id: FactorId::generate(at, rng),
                customer: key.clone(),
                parameters: TotpParameters::default(),
                accepted_step: TimeStep::from_number(0),
                enabled_at: at,
                last_used_at: None,
                enabled_by: Owner::SignIn(SignInId::generate(at, rng)),
            };
            let secret = self.population.totp_secret(self.group, number);
            let sealed = sealed::seal_factor(self.app, &factor, &secret);
            (factor, sealed)
        });
        let session = session.map(|session| {
            let token = self.population.session_token(self.group, number);
            (session, digest(self.app, DigestKind::Session, &token))
        });
        let password = sealed::seal_password(self.app, &key, self.hash);
        Ok(SeededCustomer { customer, password, factor, session, event })
    }

    /// What the sign-in of a session recorded.
    fn event(&self, session: &Session, rng: &mut StdRng) -> Event {
        let factor = if self.group == Group::Members { "totp" } else { "none" };
        Event {
            id: AuditEventId::generate(session.created_at, rng),
            at: session.created_at,
            kind: EventType::SignInSucceeded,
            resource: Resource {
                portal: Some(session.customer.portal.clone()),
                customer: Some(session.customer.customer.clone()),
                session: Some(session.id),
            },
            caller: Caller { request_id: session.id.to_string(), ..Caller::default() },
            client: session.client.clone(),
            reason: None,
            attributes: vec![("factor", factor.to_owned())],
        }
    }
}
