use std::sync::Arc;
use std::time::Duration;

use gatehouse_domain::api_key::PortalScope;
use gatehouse_domain::enrollment::Owner;
use gatehouse_domain::id::InvitationId;
use gatehouse_domain::invitation::Invitation;
use gatehouse_domain::portal::{
    LockoutPolicy, MfaPolicy, Portal, PortalSettings, SamlConfig, SessionPolicy,
};
use gatehouse_persistence::{Store, StoreError};

use crate::support::TestDatabase;
use crate::support::example::{
    MINUTE, NOW, ana, backup_code_set, commit, digest, enrollment, factor, insert, key, portal,
    session, sign_in, sign_in_id, uuid,
};

on_both_databases! {
    a_portal_comes_back_as_it_went_in,
    a_portal_id_is_taken_once,
    an_update_of_a_stale_portal_changes_nothing,
    pages_hold_the_portals_of_a_scope_once,
    a_portal_takes_all_of_its_customers_along,
    a_customer_takes_all_of_theirs_along,
}

/// With every setting set.
fn configured() -> Portal {
    Portal {
        settings: PortalSettings {
            display_name: "Acme Ünïcode".to_owned(),
            mfa: MfaPolicy {
                enforced: true,
                enforced_from: Some(NOW + MINUTE),
                issuer: Some("Acme".to_owned()),
                totp_skew_steps: Some(0),
            },
            saml: Some(SamlConfig {
                idp_entity_id: "https://idp.example/metadata".to_owned(),
                sso_url: "https://idp.example/sso".to_owned(),
                idp_certificate: "a certificate".to_owned(),
            }),
            password_min_length: Some(64),
            lockout: LockoutPolicy::new(Some(20), Some(Duration::from_hours(24))).unwrap(),
            session: SessionPolicy::new(
                Some(MINUTE),
                Some(Duration::from_hours(30 * 24)),
                Some(MINUTE),
            )
            .unwrap(),
        },
        updated_at: NOW + MINUTE,
        revision: 7,
        ..portal("configured")
    }
}

async fn a_portal_comes_back_as_it_went_in(database: TestDatabase) {
    let store = database.store().await;
    for portal in [portal("bare"), configured()] {
        commit(&store, async |tx| tx.insert_portal(&portal).await).await.unwrap();
        assert_eq!(store.read().portal(&portal.id).await.unwrap().as_ref(), Some(&portal));
        let tx = store.begin().await.unwrap();
        assert_eq!(tx.lock_portal_shared(&portal.id).await.unwrap().as_ref(), Some(&portal));
        assert_eq!(tx.lock_portal(&portal.id).await.unwrap(), Some(portal));
    }
    assert_eq!(store.read().portal(&ana().portal).await.unwrap(), None);
}

async fn a_portal_id_is_taken_once(database: TestDatabase) {
    let store = database.store().await;
    commit(&store, async |tx| tx.insert_portal(&portal("acme")).await).await.unwrap();
    let again = commit(&store, async |tx| tx.insert_portal(&portal("acme")).await).await;
    assert!(matches!(again, Err(StoreError::Duplicate)), "{again:?}");
}

async fn an_update_of_a_stale_portal_changes_nothing(database: TestDatabase) {
    let store = database.store().await;
    let seen = portal("configured");
    commit(&store, async |tx| tx.insert_portal(&seen).await).await.unwrap();
    let changed = Portal { revision: seen.revision + 1, ..configured() };
    let update = async |portal: &Portal| {
        commit(&store, async |tx| tx.update_portal(portal).await).await.unwrap()
    };
    assert!(update(&changed).await);
    let late = Portal { revision: seen.revision + 1, ..seen.clone() };
    assert!(!update(&late).await);
    assert_eq!(store.read().portal(&seen.id).await.unwrap(), Some(changed));
}

async fn pages_hold_the_portals_of_a_scope_once(database: TestDatabase) {
    let store = database.store().await;
    let ids = ["acme", "beta", "delta", "gamma", "omega"];
    commit(&store, async |tx| {
        for id in ids {
            tx.insert_portal(&portal(id)).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let some = ["omega", "beta", "nowhere"].map(|id| id.parse().unwrap()).to_vec();
    for (scope, expected) in
        [(PortalScope::All, &ids[..]), (PortalScope::Some(some), &["beta", "omega"])]
    {
        for size in [1, 2, 5, 1_000] {
            let mut seen = Vec::<Portal>::new();
            loop {
                let after = seen.last().map(|portal| &portal.id);
                let page = store.read().portals(&scope, after, size).await.unwrap();
                if page.is_empty() {
                    break;
                }
                seen.extend(page);
            }
            let seen = seen.iter().map(|portal| portal.id.as_str());
            assert_eq!(seen.collect::<Vec<_>>(), expected, "{scope:?}, pages of {size}");
        }
    }
}

/// Something in every table of a customer's.
async fn fill(store: &Arc<Store>) {
    insert(store, &[ana(), key("acme", "bob"), key("beta", "ana")]).await;
    let invitation = Invitation::new(InvitationId::from_uuid(uuid(1)), ana(), NOW);
    commit(store, async |tx| {
        tx.put_factor(&factor(&ana()), vec![1]).await?;
        tx.put_enrollment(&enrollment(1, Owner::SignIn(sign_in_id(1))), vec![1], NOW).await?;
        tx.put_backup_codes(&ana(), backup_code_set(1), vec![vec![1]], NOW).await?;
        tx.insert_sign_in(&sign_in(&ana(), 1, NOW), &digest(1), None).await?;
        tx.insert_session(&session(&ana(), 1, NOW), &digest(2)).await?;
        tx.insert_invitation(&invitation, &digest(3)).await
    })
    .await
    .unwrap();
}

const TABLES: [&str; 6] =
    ["factor", "enrollment", "backup_code", "sign_in", "session", "invitation"];

async fn a_portal_takes_all_of_its_customers_along(database: TestDatabase) {
    let store = database.store().await;
    fill(&store).await;
    let portal = ana().portal;
    assert_eq!(store.read().count_customers(&portal).await.unwrap(), 2);
    for rows in [1, 0] {
        for table in TABLES {
            let count = database.count(&format!("{table} WHERE portal_id = 'acme'")).await;
            assert_eq!(count, rows, "{table}");
        }
        commit(&store, async |tx| tx.delete_portal(&portal).await).await.unwrap();
    }
    assert_eq!(store.read().portal(&portal).await.unwrap(), None);
    assert_eq!(store.read().count_customers(&portal).await.unwrap(), 0);
    assert!(store.read().customer(&key("beta", "ana")).await.unwrap().is_some());
}

async fn a_customer_takes_all_of_theirs_along(database: TestDatabase) {
    let store = database.store().await;
    fill(&store).await;
    for rows in [1, 0] {
        for table in TABLES {
            let count = database.count(&format!("{table} WHERE portal_id = 'acme'")).await;
            assert_eq!(count, rows, "{table}");
        }
        commit(&store, async |tx| tx.delete_customer(&ana()).await).await.unwrap();
    }
    assert_eq!(store.read().customer(&ana()).await.unwrap(), None);
    for other in [key("acme", "bob"), key("beta", "ana")] {
        assert!(store.read().customer(&other).await.unwrap().is_some());
    }
}
