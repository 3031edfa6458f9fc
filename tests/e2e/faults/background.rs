//! What a server does without being asked: it fails, too, and is done all the same the
//! next time, once.

use std::time::Duration;

use gatehouse::app::App;
use gatehouse::error::AppError;
use gatehouse::usecase::audit::retention::Retention;
use gatehouse::usecase::{Call, api_keys, audit, housekeeping, tries};
use gatehouse_api::v1;
use gatehouse_domain::audit::{Expected, Summary};
use gatehouse_persistence::Fault;

use gatehouse_tests::{Acme, Database, TestServer, refused};

/// Longer than an invitation lives, and than anybody's clock may be ahead.
const LONG: Duration = Duration::from_hours(48);

/// Two tests of every rule, each over a server that does nothing by itself.
macro_rules! by_every_statement {
    ($($rule:ident),* $(,)?) => {
        mod sqlite {
            use super::Database;
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(super::acme(Database::Sqlite).await).await;
            })*
        }
        mod postgres {
            use super::Database;
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(super::acme(Database::Postgres).await).await;
            })*
        }
    };
}

by_every_statement! {
    every_event_is_numbered_once,
    every_counted_try_is_written_once,
    what_has_expired_is_removed_and_nothing_else,
    what_is_old_is_removed_and_leaves_a_whole_trail,
    an_owner_key_is_made_with_its_event,
}

async fn acme(database: Database) -> Acme {
    Acme::new(TestServer::without_background(database).await).await
}

/// Makes the `n`-th statement of `work` fail, for every `n`; what holds then is up to
/// `prepare`, which comes before, and `check`, which comes after.
async fn fail<T>(
    acme: &Acme,
    prepare: impl AsyncFn(),
    work: impl AsyncFn() -> Result<T, AppError>,
    check: impl AsyncFn(Option<T>),
) {
    for fault in [Fault::Refused, Fault::AnswerLost] {
        for n in 1.. {
            prepare().await;
            let faults = acme.server.faults();
            faults.arm(n, fault);
            let worked = work().await;
            let met = faults.disarm();
            let done = match worked {
                Ok(done) => Some(done),
                Err(AppError::StoreUnavailable(_)) if met => None,
                Err(error) => panic!("statement {n} {fault:?}: {error}"),
            };
            check(done).await;
            if !met {
                break;
            }
        }
    }
}

async fn events(acme: &Acme) -> Vec<v1::AuditEvent> {
    let request = v1::ListAuditEventsRequest { page_size: 1_000, ..Default::default() };
    acme.admin.client().list_audit_events(request).await.unwrap().into_inner().audit_events
}

async fn every_event_is_numbered_once(acme: Acme) {
    let app = acme.server.app();
    let number = async || audit::number_batch(&app, acme.server.now()).await;
    let prepare = async || {
        let nobody = format!("{}/customers/nobody", acme.portal);
        refused(acme.admin.reset_mfa(&nobody).await);
    };
    let check = async |_: Option<usize>| {
        while number().await.unwrap() > 0 {}
        let summary = whole(&app).await;
        assert_eq!(summary.end.number, i64::try_from(events(&acme).await.len()).unwrap());
    };
    fail(&acme, prepare, number, check).await;
}

/// What the trail comes to, of which nothing is wrong.
async fn whole(app: &App) -> Summary {
    let (vault, expected) = (app.vault(), Expected::default());
    let verified = audit::verify(&app.store, &vault, expected, |found| panic!("{found}"));
    verified.await.unwrap().summary
}

async fn what_is_old_is_removed_and_leaves_a_whole_trail(acme: Acme) {
    let app = acme.server.app();
    let retention = Retention { keep: LONG, unkeyed_until: 0 };
    let remove = async || audit::retention::remove_batch(&app, retention, acme.server.now()).await;
    let prepare = async || {
        let nobody = format!("{}/customers/nobody", acme.portal);
        refused(acme.admin.reset_mfa(&nobody).await);
        acme.server.pass(LONG * 2);
        refused(acme.admin.reset_mfa(&nobody).await);
        while audit::number_batch(&app, acme.server.now()).await.unwrap() > 0 {}
    };
    let check = async |_: Option<usize>| {
        remove().await.unwrap();
        let summary = whole(&app).await;
        assert_eq!(summary.events, 1);
        assert_eq!(summary.first, Some(summary.end.number));
    };
    fail(&acme, prepare, remove, check).await;
}

async fn every_counted_try_is_written_once(acme: Acme) {
    const TRIES: u64 = 15;
    let app = acme.server.app();
    let write = async || tries::write_batch(&app, acme.server.now()).await;
    let times = std::cell::Cell::new(0);
    let prepare = async || {
        acme.server.pass(Duration::from_mins(1));
        let unknown = format!("ghv_{}", "A".repeat(43));
        for _ in 0..TRIES {
            refused(acme.web.accept_invitation(&unknown, "correct horse battery").await);
        }
        times.set(times.get() + 1);
    };
    let check = async |_: Option<usize>| {
        while write().await.unwrap() > 0 {}
        let told: u64 = events(&acme)
            .await
            .iter()
            .map(|event| match event.r#type.as_str() {
                "invitation.failed" => 1,
                "sign_in.refused" => event.attributes["count"].parse().unwrap(),
                _ => 0,
            })
            .sum();
        assert_eq!(told, times.get() * TRIES);
    };
    fail(&acme, prepare, write, check).await;
}

async fn what_has_expired_is_removed_and_nothing_else(acme: Acme) {
    let app = acme.server.app();
    let remove = async || housekeeping::remove_batch(&app, acme.server.now()).await;
    let prepare = async || {
        acme.admin.invite(&acme.customer).await.unwrap();
        acme.server.pass(LONG);
    };
    let check = async |removed: Option<usize>| {
        let left = remove().await.unwrap();
        let all = removed.map_or_else(|| left.max(1), |removed| removed + left);
        assert_eq!((all, remove().await.unwrap()), (1, 0));
        acme.admin.customer(&acme.customer).await.unwrap();
    };
    fail(&acme, prepare, remove, check).await;
}

async fn an_owner_key_is_made_with_its_event(acme: Acme) {
    let app = acme.server.app();
    let make = async || {
        let call = Call::of_server(acme.server.now());
        api_keys::create_owner(&app, &call, "another owner".to_owned()).await
    };
    let check = async |made: Option<(_, gatehouse_domain::vault::Token)>| {
        if let Some((_, token)) = made {
            acme.server.admin_with(token.expose()).portal(&acme.portal).await.unwrap();
        }
        let request = v1::ListApiKeysRequest { page_size: 1_000, ..Default::default() };
        let keys = acme.admin.client().list_api_keys(request).await.unwrap().into_inner();
        let events = events(&acme).await;
        let told = events.iter().filter(|event| event.r#type == "api_key.created").count();
        assert_eq!(keys.api_keys.len(), told);
    };
    fail(&acme, async || {}, make, check).await;
}
