use gatehouse_domain::api_key::{
    AdminGrant, AdminRole, ApiKey, Grant, PortalAccess, PortalGrant, PortalScope, USE_RESOLUTION,
};
use gatehouse_domain::id::ApiKeyId;
use gatehouse_persistence::{Store, StoreError};

use crate::support::example::{MINUTE, NOW, SECOND, api_key, api_key_by, commit, digest, uuid};
use crate::support::{TestDatabase, race};

on_both_databases! {
    an_api_key_comes_back_as_it_went_in,
    an_api_key_is_found_by_any_of_its_digests,
    a_token_is_of_one_key,
    one_of_many_revocations_ends_a_key,
    pages_hold_every_key_once_the_oldest_first,
    the_keys_of_a_portal_end_with_it,
    use_is_written_once_a_minute,
    an_owner_key_is_live_and_for_every_portal,
}

fn admin(role: AdminRole, scope: PortalScope) -> Grant {
    Grant::Admin(AdminGrant { role, scope })
}

fn owner() -> Grant {
    admin(AdminRole::Owner, PortalScope::All)
}

fn some(portals: &[&str]) -> PortalScope {
    PortalScope::Some(portals.iter().map(|id| id.parse().unwrap()).collect())
}

async fn put(store: &Store, key: &ApiKey, token: u128) -> Result<(), StoreError> {
    commit(store, async |tx| tx.insert_api_key(key, &digest(token)).await).await
}

async fn an_api_key_comes_back_as_it_went_in(database: TestDatabase) {
    let store = database.store().await;
    let portal = |access| Grant::Portal(PortalGrant { portal: "acme".parse().unwrap(), access });
    let grants = [
        admin(AdminRole::Viewer, PortalScope::All),
        admin(AdminRole::Support, some(&["acme"])),
        admin(AdminRole::Admin, some(&["acme", "beta", "0-0"])),
        owner(),
        portal(PortalAccess::Validate),
        portal(PortalAccess::Full),
    ];
    for (number, grant) in (1..).zip(grants) {
        let bare = api_key(number, grant.clone());
        let full = ApiKey {
            expires_at: Some(NOW + MINUTE),
            last_used_at: Some(NOW + SECOND),
            revoked_at: Some(NOW + 2 * SECOND),
            ..api_key(number + 100, grant)
        };
        for (key, token) in [(bare, number), (full, number + 100)] {
            put(&store, &key, token).await.unwrap();
            let by_digest = api_key_by(&store, &[digest(token)]).await.unwrap();
            assert_eq!(by_digest.as_ref(), Some(&key));
            assert_eq!(store.read().api_key(key.id).await.unwrap(), Some(key));
        }
    }
}

async fn an_api_key_is_found_by_any_of_its_digests(database: TestDatabase) {
    let store = database.store().await;
    put(&store, &api_key(1, owner()), 1).await.unwrap();
    for (digests, found) in
        [(vec![digest(2), digest(1)], true), (vec![digest(2)], false), (vec![], false)]
    {
        let result = api_key_by(&store, &digests).await.unwrap();
        assert_eq!(result.is_some(), found, "{digests:?}");
    }
    assert_eq!(store.read().api_key(api_key(2, owner()).id).await.unwrap(), None);
}

async fn a_token_is_of_one_key(database: TestDatabase) {
    let store = database.store().await;
    put(&store, &api_key(1, owner()), 1).await.unwrap();
    for (number, token) in [(2, 1), (1, 2)] {
        let again = put(&store, &api_key(number, owner()), token).await;
        assert!(matches!(again, Err(StoreError::Duplicate)), "{again:?}");
    }
}

async fn one_of_many_revocations_ends_a_key(database: TestDatabase) {
    let store = database.store().await;
    put(&store, &api_key(1, owner()), 1).await.unwrap();
    put(&store, &api_key(2, owner()), 2).await.unwrap();
    let winners = race(&store, |tx| async move {
        let revoked = tx.revoke_api_key(ApiKeyId::from_uuid(uuid(1)), NOW).await?;
        tx.commit().await?;
        Ok(revoked)
    });
    assert_eq!(winners.await, 1);
    for (number, revoked_at) in [(1, Some(NOW)), (2, None)] {
        let key = store.read().api_key(ApiKeyId::from_uuid(uuid(number))).await.unwrap();
        assert_eq!(key.unwrap().revoked_at, revoked_at);
    }
}

async fn pages_hold_every_key_once_the_oldest_first(database: TestDatabase) {
    let store = database.store().await;
    for number in [3, 1, 5, 2, 4] {
        let revoked_at = (number == 2).then_some(NOW);
        put(&store, &ApiKey { revoked_at, ..api_key(number, owner()) }, number).await.unwrap();
    }
    for size in [1, 2, 5, 1_000] {
        let mut seen = Vec::<ApiKey>::new();
        loop {
            let after = seen.last().map(|key| key.id);
            let page = store.read().api_keys(after, size).await.unwrap();
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        let seen = seen.iter().map(|key| key.id.as_uuid().as_u128());
        assert_eq!(seen.collect::<Vec<_>>(), [1, 2, 3, 4, 5], "pages of {size}");
    }
}

async fn the_keys_of_a_portal_end_with_it(database: TestDatabase) {
    let store = database.store().await;
    let portal = |id: &str| {
        Grant::Portal(PortalGrant { portal: id.parse().unwrap(), access: PortalAccess::Full })
    };
    let keys = [
        api_key(1, portal("acme")),
        ApiKey { revoked_at: Some(NOW - SECOND), ..api_key(2, portal("acme")) },
        api_key(3, portal("beta")),
        api_key(4, admin(AdminRole::Owner, some(&["acme"]))),
    ];
    for (key, token) in keys.iter().zip(1..) {
        put(&store, key, token).await.unwrap();
    }
    let acme = "acme".parse().unwrap();
    commit(&store, async |tx| tx.revoke_portal_keys(&acme, NOW).await).await.unwrap();
    let found = store.read().api_keys(None, 9).await.unwrap();
    let revoked = found.iter().map(|key| key.revoked_at).collect::<Vec<_>>();
    assert_eq!(revoked, [Some(NOW), Some(NOW - SECOND), None, None]);
}

async fn use_is_written_once_a_minute(database: TestDatabase) {
    let store = database.store().await;
    let key = api_key(1, owner());
    put(&store, &key, 1).await.unwrap();
    for (at, last_used_at) in [
        (NOW, NOW),
        (NOW + SECOND, NOW),
        (NOW + USE_RESOLUTION, NOW + USE_RESOLUTION),
        // A clock that is behind takes nothing back.
        (NOW, NOW + USE_RESOLUTION),
    ] {
        store.touch_api_key(key.id, &digest(1), at).await.unwrap();
        let found = store.read().api_key(key.id).await.unwrap().unwrap();
        assert_eq!(found.last_used_at, Some(last_used_at), "{at:?}");
    }
}

async fn an_owner_key_is_live_and_for_every_portal(database: TestDatabase) {
    let store = database.store().await;
    let expired = ApiKey { expires_at: Some(NOW), ..api_key(1, owner()) };
    let revoked = ApiKey { revoked_at: Some(NOW - SECOND), ..api_key(2, owner()) };
    let narrow = api_key(3, admin(AdminRole::Owner, some(&["acme"])));
    let weak = api_key(4, admin(AdminRole::Admin, PortalScope::All));
    for (key, token) in [expired, revoked, narrow, weak].iter().zip(1..) {
        put(&store, key, token).await.unwrap();
        assert!(!store.read().has_owner_key(NOW).await.unwrap(), "{key:?}");
    }
    let live = ApiKey { expires_at: Some(NOW + SECOND), ..api_key(5, owner()) };
    put(&store, &live, 5).await.unwrap();
    assert!(store.read().has_owner_key(NOW).await.unwrap());
    assert!(!store.read().has_owner_key(NOW + SECOND).await.unwrap());
}
