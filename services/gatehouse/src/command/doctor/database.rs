//! The database: whether it can be used, and goes by the same time.

use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{DatabaseLocation, Engine, SchemaState, Store, StoreError};

use super::{Finding, line_of, unknown};
use crate::clock::Clock;
use crate::config::Settings;
use crate::database_watch::MAX_CLOCK_OFFSET;
use crate::usecase::keys::GONE_AFTER;

/// The oldest PostgreSQL that gatehouse was tried with (docs/operations.md).
const TRIED_POSTGRES: i32 = 15;
/// Of the connections that there are: with more a restart under load may find none.
const MOST_PERCENT: i64 = 80;

/// What was found, and the database, if all tables are there that its rows are read of.
pub(super) struct Examined {
    pub(super) findings: Vec<Finding>,
    pub(super) store: Option<Store>,
}

pub(super) async fn examine(settings: &Settings, clock: &Clock) -> Examined {
    let mut findings = Vec::from_iter(way(&settings.database));
    let store = match open(settings, &mut findings).await {
        Some(store) if examine_schema(&store, &mut findings).await => Some(store),
        _ => None,
    };
    if let Some(store) = &store {
        findings.extend(connections(settings, store, clock.now()).await);
        findings.extend(condition(store, clock).await);
        findings.extend(trail(store, clock.now()).await);
    }
    Examined { findings, store }
}

/// Whether others can read, or change, what goes to the database.
fn way(location: &DatabaseLocation) -> Option<Finding> {
    location.may_be_in_clear().then(|| {
        Finding::warning(
            "database",
            format!(
                "the way to {location} may be without TLS: whoever is between can read and change all \
                 that goes there"
            ),
            "add ?sslmode=verify-full&sslrootcert=FILE to database_url, FILE being the CA of \
             PostgreSQL's certificate (docs/operations.md)",
        )
    })
}

async fn open(settings: &Settings, findings: &mut Vec<Finding>) -> Option<Store> {
    const CHECK: &str = "database";
    let location = &settings.database;
    if let DatabaseLocation::Sqlite(path) = location
        && !path.exists()
    {
        findings.push(Finding::warning(
            CHECK,
            format!("{location} is not there: the first start makes it, empty"),
            "name the right one with database_url, if this server has been used before",
        ));
        return None;
    }
    let opened = async {
        let store = Store::connect_to_look(location.clone()).await?;
        let engine = store.read().engine().await?;
        Ok::<_, StoreError>((store, engine))
    };
    match opened.await {
        Ok((store, engine)) => {
            findings.push(of_engine(location, &engine));
            Some(store)
        }
        Err(error) => {
            let cure = match location {
                DatabaseLocation::Sqlite(_) => {
                    "look whether it is gatehouse's, and whose it is; else put back a backup \
                     (docs/operations.md)"
                }
                DatabaseLocation::Postgres(_) => {
                    "look whether PostgreSQL runs and lets this machine in, and whether \
                     database_url has the right host, user, password and database"
                }
            };
            let found = format!("{location} cannot be used: {}", line_of(&error));
            findings.push(Finding::error(CHECK, found, cure));
            None
        }
    }
}

fn of_engine(location: &DatabaseLocation, engine: &Engine) -> Finding {
    const CHECK: &str = "database";
    match engine {
        Engine::Sqlite { version, is_wal: true } => {
            Finding::ok(CHECK, format!("{location}, by SQLite {version}"))
        }
        Engine::Sqlite { .. } => Finding::warning(
            CHECK,
            format!("{location} has no write-ahead log: reads would wait for writes"),
            "start a server: it gives it one; if not, move it to a disk of this machine",
        ),
        Engine::Postgres { version, major, .. } if *major < TRIED_POSTGRES => Finding::warning(
            CHECK,
            format!("{location}, by PostgreSQL {version}, with which gatehouse was never tried"),
            format!("upgrade PostgreSQL to {TRIED_POSTGRES} or later"),
        ),
        Engine::Postgres { version, .. } => {
            Finding::ok(CHECK, format!("{location}, by PostgreSQL {version}"))
        }
    }
}

/// Whether rows can be read: every step has been taken that this program knows.
async fn examine_schema(store: &Store, findings: &mut Vec<Finding>) -> bool {
    const CHECK: &str = "schema";
    let (finding, is_whole) = match store.schema_state().await {
        Ok(SchemaState::UpToDate) => (Finding::ok(CHECK, "up to date"), true),
        Ok(SchemaState::Ahead) => {
            (Finding::ok(CHECK, "ahead, and this program can run on it"), true)
        }
        Ok(SchemaState::Behind(steps)) => (
            Finding::warning(
                CHECK,
                format!("it lacks {}, and nothing in it was looked at", steps.join(", ")),
                "`gatehouse migrate`, or a start of this version, takes these steps; then run \
                 this again",
            ),
            false,
        ),
        Err(error @ StoreError::SchemaTooNew) => {
            let cure = "install the version that the other servers have (docs/operations.md)";
            (Finding::error(CHECK, line_of(&error), cure), false)
        }
        Err(error) => (unknown(CHECK, &error), false),
    };
    findings.push(finding);
    is_whole
}

/// Whether PostgreSQL has enough connections for every server that runs.
async fn connections(settings: &Settings, store: &Store, now: Timestamp) -> Option<Finding> {
    const CHECK: &str = "connections";
    let asked = async {
        let servers = store.read().servers(now - GONE_AFTER).await?.len();
        Ok::<_, StoreError>((servers, store.read().engine().await?))
    };
    let (servers, engine) = match asked.await {
        Ok(asked) => asked,
        Err(error) => return Some(unknown(CHECK, &error)),
    };
    let Engine::Postgres { most_connections, others_connections, .. } = engine else {
        return None;
    };
    // Each has one more, by which it watches the database.
    let each = i64::from(settings.database_connections) + 1;
    let needed = each.saturating_mul(i64::try_from(servers.max(1)).unwrap_or(i64::MAX));
    let found = format!(
        "{needed} of the {most_connections} that are to be had, for {} of {each} each; others \
         have {others_connections}",
        if servers > 1 { format!("{servers} servers") } else { "one server".to_owned() },
    );
    let cure = "lower database_connections, or raise max_connections of PostgreSQL, or the limit \
                of the database or the role";
    Some(if needed > most_connections {
        Finding::error(CHECK, found, cure)
    } else if needed.saturating_mul(100) > most_connections.saturating_mul(MOST_PERCENT) {
        Finding::warning(CHECK, found, cure)
    } else {
        Finding::ok(CHECK, found)
    })
}

/// Whether it takes changes, and tells the same time.
async fn condition(store: &Store, clock: &Clock) -> Vec<Finding> {
    const CHECK: &str = "clock";
    let before = clock.now();
    let condition = match store.condition().await {
        Ok(condition) => condition,
        Err(error) => return vec![unknown(CHECK, &error)],
    };
    let after = clock.now();
    let mut findings = Vec::new();
    if condition.is_read_only {
        findings.push(Finding::error(
            "database",
            "it takes no changes: sessions are validated, and nobody can sign in",
            "name the primary in database_url; or end default_transaction_read_only, and the \
             connections that began with it",
        ));
    }
    findings.push(condition.now.map_or_else(
        || Finding::ok(CHECK, "the database's is this machine's"),
        |theirs| of_clocks(before, theirs, after),
    ));
    findings
}

/// What time the database tells, which was asked for between `before` and `after`.
fn of_clocks(before: Timestamp, theirs: Timestamp, after: Timestamp) -> Finding {
    const CHECK: &str = "clock";
    // Within what it took to ask nobody knows.
    let (ahead, behind) = (before.since(theirs), theirs.since(after));
    let found = format!(
        "this machine's is {:.1} s {} the database's; past {} s every call is refused",
        ahead.max(behind).as_secs_f64(),
        if ahead > behind { "ahead of" } else { "behind" },
        MAX_CLOCK_OFFSET.as_secs(),
    );
    let cure = "run NTP on this machine and on the database's";
    if ahead.max(behind) > MAX_CLOCK_OFFSET {
        Finding::error(CHECK, found, cure)
    } else if ahead.max(behind) > MAX_CLOCK_OFFSET / 2 {
        Finding::warning(CHECK, found, cure)
    } else {
        Finding::ok(CHECK, found)
    }
}

/// Whether this machine's clock shows a time that the database knows to be past.
async fn trail(store: &Store, now: Timestamp) -> Option<Finding> {
    const CHECK: &str = "clock";
    match store.read().last_event_at(None).await {
        Ok(Some(last)) if last > now + MAX_CLOCK_OFFSET => Some(Finding::error(
            CHECK,
            format!(
                "it is {now}, and the newest audit event is of {last}: codes of that time are used up"
            ),
            "set the clock, by NTP; if it is right, wait until that time has passed",
        )),
        Ok(_) => None,
        Err(error) => Some(unknown(CHECK, &error)),
    }
}

/// Whether anybody can administer.
pub(super) async fn owner(store: &Store, now: Timestamp) -> Finding {
    const CHECK: &str = "owner key";
    match store.read().has_owner_key(now).await {
        Ok(true) => Finding::ok(CHECK, "there is one that is live"),
        Ok(false) => Finding::warning(
            CHECK,
            "there is none that is live: nobody can administer all portals",
            "`gatehouse create-owner-key`",
        ),
        Err(error) => unknown(CHECK, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn clocks_are_compared_but_for_what_asking_took() {
        let at = |millis: i64| Timestamp::from_micros(millis * 1_000);
        let past = "the database's; past 2 s every call is refused";
        for (theirs, level, found) in [
            (0, Level::Ok, "0.0 s behind"),
            (70, Level::Ok, "0.0 s behind"),
            (140, Level::Ok, "0.0 s behind"),
            (1_140, Level::Ok, "1.0 s behind"),
            (1_141, Level::Warning, "1.0 s behind"),
            (2_140, Level::Warning, "2.0 s behind"),
            (2_141, Level::Error, "2.0 s behind"),
            (-1_000, Level::Ok, "1.0 s ahead of"),
            (-1_500, Level::Warning, "1.5 s ahead of"),
            (-3_600_000, Level::Error, "3600.0 s ahead of"),
        ] {
            let finding = of_clocks(at(0), at(theirs), at(140));
            assert_eq!(finding.found, format!("this machine's is {found} {past}"));
            assert_eq!(finding.level, level, "{theirs}");
        }
    }

    #[test]
    fn a_postgres_of_before_those_that_were_tried_is_told_of() {
        let location = DatabaseLocation::Postgres("postgres://db/gatehouse".to_owned());
        for (major, level) in [(13, Level::Warning), (14, Level::Warning), (15, Level::Ok)] {
            let version = format!("{major}.1");
            let engine =
                Engine::Postgres { version, major, most_connections: 97, others_connections: 0 };
            assert_eq!(of_engine(&location, &engine).level, level, "{major}");
        }
    }
}
