use std::time::Duration;

use gatehouse_domain::api_key::PortalScope;
use gatehouse_domain::customer::{BackupCodes, Customer, CustomerView};
use gatehouse_domain::enrollment::Factor;
use gatehouse_domain::id::{CustomerKey, FactorId};
use gatehouse_domain::lockout::{CodeBudget, MAX_CONSECUTIVE_FAILURES};
use gatehouse_domain::portal::{PortalSettings, SessionPolicy};
use gatehouse_domain::session::Session;
use gatehouse_persistence::{CustomerFilter, PortalCounts, Store};

use crate::support::TestDatabase;
use crate::support::example::{
    LIMITS, MINUTE, NOW, SECOND, ana, backup_code_set, commit, customer, digest, factor, insert,
    key, portal, session, uuid,
};

on_both_databases! {
    every_filter_pages_through_exactly_what_it_asks_for,
    a_page_of_a_thousand_shows_everybody_whole,
    an_email_finds_its_customer_in_every_portal_asked_for,
    a_lock_is_over_at_its_end,
    a_portal_counts_its_own,
}

const ANYBODY: CustomerFilter = CustomerFilter {
    portals: PortalScope::All,
    email: None,
    has_factor: None,
    suspended: None,
    locked: None,
};

fn scope(portals: &[&str]) -> PortalScope {
    PortalScope::Some(portals.iter().map(|id| id.parse().unwrap()).collect())
}

/// 1,200 customers, whose number says what there is about them. Ids are the
/// same in all portals.
fn everybody() -> Vec<CustomerView> {
    let portals = [("acme", 1_050), ("beta", 100), ("beta-2", 50)];
    let keys = portals.into_iter().flat_map(|(portal, count)| {
        (0..count).map(move |number| (number, key(portal, &format!("c-{number:04}"))))
    });
    keys.map(|(number, key)| view(number, &key)).collect()
}

fn view(number: u32, key: &CustomerKey) -> CustomerView {
    let every = |divisor| number.is_multiple_of(divisor);
    let has_factor = every(2) ^ (key.portal.as_str() == "beta");
    let failures = if every(7) { MAX_CONSECUTIVE_FAILURES } else { u32::from(every(5)) };
    let codes = CodeBudget {
        failures,
        charges: failures,
        charged_at: None,
        locked_until: every(5).then_some(NOW + SECOND),
    };
    let customer = Customer { suspended_at: every(3).then_some(NOW), codes, ..customer(key) };
    let factor = Factor { id: FactorId::from_uuid(uuid(number.into())), ..factor(key) };
    CustomerView {
        customer,
        factor: has_factor.then_some(factor),
        backup_codes: (has_factor && every(4))
            .then_some(BackupCodes { remaining: number % 5 + 1, created_at: NOW }),
    }
}

async fn insert_views(store: &Store, views: &[CustomerView]) {
    commit(store, async |tx| {
        for id in ["acme", "beta", "beta-2"] {
            tx.insert_portal(&portal(id)).await?;
        }
        for CustomerView { customer, factor, backup_codes } in views {
            tx.insert_customer(customer, None).await?;
            if let Some(factor) = factor {
                tx.put_factor(factor, vec![1]).await?;
            }
            if let Some(BackupCodes { remaining, created_at }) = backup_codes {
                let digests = (0..*remaining).map(|_| vec![1]).collect();
                tx.put_backup_codes(&customer.key, backup_code_set(1), digests, *created_at)
                    .await?;
            }
        }
        Ok(())
    })
    .await
    .unwrap();
}

/// What `filter` means.
fn is_meant(filter: &CustomerFilter, view: &CustomerView) -> bool {
    let CustomerFilter { portals, email, has_factor, suspended, locked } = filter;
    let customer = &view.customer;
    portals.contains(&customer.key.portal)
        && email.as_ref().is_none_or(|email| *email == customer.email)
        && has_factor.is_none_or(|has| has == view.factor.is_some())
        && suspended.is_none_or(|is| is == customer.suspended_at.is_some())
        && locked.is_none_or(|is| is == customer.codes.lock(NOW).is_some())
}

/// All pages, each of which but the last is full.
async fn pages(store: &Store, filter: &CustomerFilter, size: u64) -> Vec<CustomerView> {
    let mut all = Vec::<CustomerView>::new();
    loop {
        let after = all.last().map(|view| view.customer.key.clone());
        let page = store.read().customers(filter, after.as_ref(), size, NOW).await.unwrap();
        let is_last = (page.len() as u64) < size;
        all.extend(page);
        if is_last {
            return all;
        }
    }
}

async fn every_filter_pages_through_exactly_what_it_asks_for(database: TestDatabase) {
    let store = database.store().await;
    let everybody = everybody();
    insert_views(&store, &everybody).await;
    let choices = [None, Some(true), Some(false)];
    for portals in [PortalScope::All, scope(&["beta"]), scope(&["acme", "beta-2"])] {
        for has_factor in choices {
            for suspended in choices {
                for locked in choices {
                    let portals = portals.clone();
                    let filter =
                        CustomerFilter { portals, has_factor, suspended, locked, ..ANYBODY };
                    let meant = everybody.iter().filter(|view| is_meant(&filter, view));
                    let found = pages(&store, &filter, 150).await;
                    assert!(found.iter().eq(meant), "{filter:?}");
                }
            }
        }
    }
}

async fn a_page_of_a_thousand_shows_everybody_whole(database: TestDatabase) {
    let store = database.store().await;
    let everybody = everybody();
    insert_views(&store, &everybody).await;
    for size in [1_000, 1_200, 97] {
        assert!(pages(&store, &ANYBODY, size).await == everybody, "{size}");
    }
    let nobody = CustomerFilter { portals: scope(&["gamma"]), ..ANYBODY };
    assert_eq!(pages(&store, &nobody, 1_000).await, []);
}

async fn an_email_finds_its_customer_in_every_portal_asked_for(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana(), key("acme", "bob"), key("beta", "ana")]).await;
    let email = Some(customer(&ana()).email);
    for (portals, found) in [
        (PortalScope::All, vec![ana(), key("beta", "ana")]),
        (scope(&["beta"]), vec![key("beta", "ana")]),
        (scope(&["gamma"]), vec![]),
    ] {
        let filter = CustomerFilter { portals, email: email.clone(), ..ANYBODY };
        let views = pages(&store, &filter, 10).await;
        let keys = views.into_iter().map(|view| view.customer.key).collect::<Vec<_>>();
        assert_eq!(keys, found);
    }
}

async fn a_lock_is_over_at_its_end(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let end = NOW + MINUTE;
    let seen = customer(&ana());
    let codes = CodeBudget { charges: 1, failures: 1, charged_at: None, locked_until: Some(end) };
    let locked = Customer { codes, ..seen.clone() };
    commit(&store, async |tx| tx.update_customer(&seen, &locked).await).await.unwrap();
    for (at, is_locked) in [(end - SECOND, true), (end, false)] {
        for wanted in [true, false] {
            let filter = CustomerFilter { locked: Some(wanted), ..ANYBODY };
            let found = store.read().customers(&filter, None, 10, at).await.unwrap();
            assert_eq!(found.len(), usize::from(wanted == is_locked), "{at:?}");
        }
    }
}

async fn a_portal_counts_its_own(database: TestDatabase) {
    let store = database.store().await;
    let (bob, elsewhere) = (key("acme", "bob"), key("beta", "ana"));
    insert(&store, &[ana(), bob.clone(), elsewhere.clone()]).await;
    let sessions = [
        session(&ana(), 1, NOW),
        session(&bob, 2, NOW - 2 * MINUTE),
        session(&bob, 3, NOW - LIMITS.idle),
        Session { second_factor_at: Some(NOW), ..session(&bob, 4, NOW) },
        session(&elsewhere, 5, NOW),
    ];
    commit(&store, async |tx| {
        for (session, token) in sessions.iter().zip(1..) {
            tx.insert_session(session, &digest(token)).await?;
        }
        tx.put_factor(&factor(&bob), vec![1]).await
    })
    .await
    .unwrap();

    let counts = async |id: &str, idle: Option<Duration>| {
        let session = SessionPolicy::new(idle, None, None).unwrap();
        let settings = PortalSettings { session, ..portal(id).settings };
        store.read().portal_counts(&id.parse().unwrap(), &settings, NOW).await.unwrap()
    };
    let acme = PortalCounts { customers: 2, customers_with_factor: 1, password_sessions: 2 };
    assert_eq!(counts("acme", None).await, acme);
    // A tightened policy holds for live sessions too.
    let tight = PortalCounts { password_sessions: 1, ..acme };
    assert_eq!(counts("acme", Some(2 * MINUTE)).await, tight);
    let beta = PortalCounts { customers: 1, customers_with_factor: 0, password_sessions: 1 };
    assert_eq!(counts("beta", None).await, beta);
    assert_eq!(counts("gamma", None).await, PortalCounts::default());
}
