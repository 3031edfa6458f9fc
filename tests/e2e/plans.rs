//! How the databases go about every statement that a server sends, when there are many
//! customers: nothing takes longer the more there are, but for what is named here.

mod background;
mod exempt;
mod growth;
mod judge;

use std::collections::{BTreeMap, BTreeSet};

use gatehouse_persistence::{Sent, Store};

use self::exempt::{Exempt, ON_PURPOSE, TO_MEND};
use super::budget::record;
use gatehouse_tests::{Acme, Database, TestServer};

/// A statement of which the database would look at more rows the more there are.
struct Offender {
    database: Database,
    /// When it was sent.
    title: String,
    sql: String,
    plan: Vec<String>,
    why: String,
}

#[tokio::test]
async fn no_statement_takes_longer_the_more_customers_there_are() {
    let (sqlite, postgres) =
        tokio::join!(offenders(Database::Sqlite), offenders(Database::Postgres));
    let all: Vec<_> = ON_PURPOSE.iter().chain(&TO_MEND).collect();
    let mut needed = BTreeSet::new();
    let mut wrong = Vec::new();
    for offender in sqlite.into_iter().chain(postgres) {
        match all.iter().position(|exempt| exempt.covers(&offender.title, &offender.sql)) {
            Some(n) => drop(needed.insert(n)),
            None => wrong.push(offender.told()),
        }
    }
    let needless = all.iter().enumerate().filter(|(n, _)| !needed.contains(n));
    wrong.extend(needless.map(|(_, Exempt { when, sql, .. })| {
        format!("{when}: {sql}: it needs no exemption, mended or not sent any more")
    }));
    assert!(wrong.is_empty(), "{} are wrong\n\n{}\n", wrong.len(), wrong.join("\n\n"));
}

/// Whoever is deleted takes rows along, which no plan shows.
#[tokio::test]
async fn what_goes_with_others_is_found_by_an_index() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = TestServer::without_background(database).await;
        let app = server.app();
        let [foreign_keys, indexes] = match database {
            Database::Sqlite => judge::KEYS_ON_SQLITE,
            Database::Postgres => judge::KEYS_ON_POSTGRES,
        };
        let foreign_keys = app.store.texts(foreign_keys).await.unwrap();
        let indexes = app.store.texts(indexes).await.unwrap();
        assert!(foreign_keys.len() >= 7, "{database:?}: {foreign_keys:?}");
        for key in foreign_keys {
            let is_found =
                indexes.iter().any(|index| format!("{index},").starts_with(&format!("{key},")));
            assert!(is_found, "{database:?}: {key} has no index: {indexes:?}");
        }
    }
}

async fn offenders(database: Database) -> Vec<Offender> {
    let (statements, server) = tokio::join!(statements(database), grown(database));
    let app = server.app();
    let mut all = Vec::new();
    for (sql, (title, sent)) in statements {
        let plan = plan(&app.store, &sent).await;
        if let Some(why) = judge::judge(database, &sql, &plan) {
            all.push(Offender { database, title, sql, plan, why });
        }
    }
    all
}

impl Offender {
    fn told(&self) -> String {
        let Self { database, title, sql, plan, why } = self;
        format!("{database:?}: {title}: {why}\n{sql}\n    {}", plan.join("\n    "))
    }
}

/// Asked of the portal that has grown.
async fn plan(store: &Store, sent: &Sent) -> Vec<String> {
    let plan = store.plan(sent, |text| {
        let number = text.strip_prefix('p')?;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| growth::LARGEST.to_owned())
    });
    plan.await.unwrap()
}

/// A server with many customers.
async fn grown(database: Database) -> TestServer {
    let server = TestServer::without_background(database).await;
    for (portal, _) in growth::PORTALS {
        Acme::called(server.clone(), portal).await;
    }
    growth::fill(&server.app().store, database).await;
    server
}

/// All that are sent, each with when that was.
async fn statements(database: Database) -> BTreeMap<String, (String, Sent)> {
    let (calls, others) = tokio::join!(record::all(database), background::all(database));
    let calls = calls.into_iter().map(|recorded| (recorded.case.title(), recorded.sent));
    let others = others.into_iter().map(|(title, sent)| (title.to_owned(), sent));
    let mut all = BTreeMap::new();
    for (title, sent) in calls.chain(others) {
        for sent in sent {
            if let Some(sql) = sent.sql() {
                all.entry(sql.to_owned()).or_insert_with(|| (title.clone(), sent));
            }
        }
    }
    all
}
