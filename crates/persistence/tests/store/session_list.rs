use gatehouse_domain::customer::Customer;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::{CustomerId, CustomerKey, PortalId, SessionId};
use gatehouse_domain::session::{Limits, Session, SessionEnd};
use gatehouse_persistence::{Sessions, Store};

use crate::support::TestDatabase;
use crate::support::example::{
    LIMITS, MINUTE, NOW, SECOND, ana, commit, digest, insert, key, session, session_id,
    session_number,
};

on_both_databases! {
    pages_hold_every_live_session_once_the_newest_first,
    sessions_are_of_the_portal_and_customer_asked_for,
    a_session_that_is_not_live_is_not_listed,
    a_session_comes_with_the_present_email_of_its_own_customer,
}

async fn put(store: &Store, sessions: &[Session]) {
    commit(store, async |tx| {
        for session in sessions {
            tx.insert_session(session, &digest(session_number(session.id))).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

/// The numbers of a page.
async fn page(
    store: &Store,
    (portal, customer): (&PortalId, Option<&CustomerId>),
    limits: &Limits,
    after: Option<SessionId>,
    limit: u64,
) -> Vec<u128> {
    let read = store.read();
    let found = read.live_sessions(portal, customer, limits, after, limit, NOW).await.unwrap();
    found.iter().map(|(session, _)| session_number(session.id)).collect()
}

async fn pages_hold_every_live_session_once_the_newest_first(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana(), key("acme", "bob")]).await;
    let sessions = (1..=7).map(|number| {
        let owner = if number % 2 == 0 { ana() } else { key("acme", "bob") };
        session(&owner, number, NOW)
    });
    put(&store, &sessions.collect::<Vec<_>>()).await;
    for size in [1, 2, 3, 7, 1_000] {
        let mut seen = Vec::<u128>::new();
        loop {
            let after = seen.last().map(|number| session_id(*number));
            let found = page(&store, (&ana().portal, None), &LIMITS, after, size).await;
            if found.is_empty() {
                break;
            }
            seen.extend(found);
        }
        assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1], "pages of {size}");
    }
}

async fn sessions_are_of_the_portal_and_customer_asked_for(database: TestDatabase) {
    let store = database.store().await;
    let (bob, elsewhere) = (key("acme", "bob"), key("beta", "ana"));
    insert(&store, &[ana(), bob.clone(), elsewhere.clone()]).await;
    let owners = [&ana(), &bob, &elsewhere];
    let sessions = owners.iter().zip(1..).map(|(owner, number)| session(owner, number, NOW));
    put(&store, &sessions.collect::<Vec<_>>()).await;
    let nobody = key("acme", "nobody");
    for (portal, customer, found) in [
        (&ana().portal, None, vec![2, 1]),
        (&ana().portal, Some(&ana().customer), vec![1]),
        (&ana().portal, Some(&bob.customer), vec![2]),
        (&ana().portal, Some(&nobody.customer), vec![]),
        (&elsewhere.portal, Some(&elsewhere.customer), vec![3]),
        (&elsewhere.portal, Some(&bob.customer), vec![]),
    ] {
        assert_eq!(page(&store, (portal, customer), &LIMITS, None, 9).await, found);
    }
}

async fn a_session_that_is_not_live_is_not_listed(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let tight = Limits { idle: MINUTE, ..LIMITS };
    let sessions = [
        session(&ana(), 1, NOW),
        session(&ana(), 2, NOW - LIMITS.idle),
        Session { last_used_at: NOW, ..session(&ana(), 3, NOW - LIMITS.absolute) },
        Session { limits: tight, ..session(&ana(), 4, NOW - MINUTE) },
        session(&ana(), 5, NOW),
        session(&ana(), 6, NOW - 2 * SECOND),
    ];
    put(&store, &sessions).await;
    let this = Sessions::One(session_id(5));
    let ended = commit(&store, async |tx| {
        tx.end_sessions(&ana(), this, SessionEnd::Revoked, &LIMITS, NOW).await
    });
    assert_eq!(ended.await.unwrap(), 1);
    let all = (&ana().portal, None);
    assert_eq!(page(&store, all, &LIMITS, None, 9).await, [6, 1]);
    // The portal's limits of now count as well.
    let tighter = Limits { idle: 2 * SECOND, ..LIMITS };
    assert_eq!(page(&store, all, &tighter, None, 9).await, [1]);
}

async fn a_session_comes_with_the_present_email_of_its_own_customer(database: TestDatabase) {
    let store = database.store().await;
    let (bob, elsewhere) = (key("acme", "bob"), key("beta", "ana"));
    insert(&store, &[ana(), bob.clone(), elsewhere.clone()]).await;
    let owners = [&ana(), &bob, &ana(), &elsewhere];
    let sessions = owners.iter().zip(1..).map(|(owner, number)| session(owner, number, NOW));
    put(&store, &sessions.collect::<Vec<_>>()).await;
    let renamed = async |owner: &CustomerKey, email: &str| {
        let changed = commit(&store, async |tx| {
            let seen = tx.lock_customer(owner).await?.unwrap();
            let after = Customer { email: Email::parse(email).unwrap(), ..seen.clone() };
            tx.update_customer(&seen, &after).await
        });
        changed.await.unwrap();
    };
    let emails = async |portal: &PortalId, customer: Option<&CustomerId>| {
        let read = store.read();
        let found = read.live_sessions(portal, customer, &LIMITS, None, 9, NOW).await.unwrap();
        found.into_iter().map(|(_, email)| email.to_string()).collect::<Vec<_>>()
    };
    renamed(&elsewhere, "another.ana@example.com").await;
    let (anas, bobs) = ("ana@example.com", "bob@example.com");
    assert_eq!(emails(&bob.portal, None).await, [anas, bobs, anas]);
    assert_eq!(emails(&bob.portal, Some(&bob.customer)).await, [bobs]);
    assert_eq!(emails(&elsewhere.portal, None).await, ["another.ana@example.com"]);
    renamed(&ana(), "new.ana@example.com").await;
    let anas = "new.ana@example.com";
    assert_eq!(emails(&bob.portal, None).await, [anas, bobs, anas]);
}
