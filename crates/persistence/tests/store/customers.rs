use gatehouse_domain::customer::{BackupCodes, Customer, CustomerView};
use gatehouse_domain::email::Email;
use gatehouse_domain::lockout::CodeBudget;
use gatehouse_persistence::StoreError;

use crate::support::TestDatabase;
use crate::support::example::{
    MINUTE, NOW, SECOND, ana, backup_code_set, commit, customer, factor, insert, key, portal,
};

on_both_databases! {
    a_customer_comes_back_as_it_went_in,
    a_password_is_there_or_not,
    ids_and_emails_are_taken_once_in_each_portal,
    a_customer_needs_a_portal,
    an_update_of_a_stale_customer_is_a_conflict,
    a_charge_of_codes_writes_nothing_else_and_nothing_of_a_stale_customer,
    an_update_to_a_taken_email_is_a_duplicate,
    a_view_shows_factor_and_backup_codes,
}

fn changed(seen: &Customer) -> Customer {
    Customer {
        key: seen.key.clone(),
        email: Email::parse("ANA.new@example.com").unwrap(),
        display_name: "Ana ⚜".to_owned(),
        suspended_at: Some(NOW + MINUTE),
        generation: seen.generation + 1,
        has_password: seen.has_password,
        password_revision: seen.password_revision,
        codes: CodeBudget {
            charges: 12,
            failures: 10,
            charged_at: Some(NOW + SECOND),
            locked_until: Some(NOW + 15 * MINUTE),
        },
        last_sign_in_at: Some(NOW + 2 * SECOND),
        created_at: seen.created_at,
        updated_at: NOW + 3 * SECOND,
        revision: seen.revision + 1,
    }
}

async fn a_customer_comes_back_as_it_went_in(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let bare = customer(&ana());
    let full = Customer { key: key("acme", "full"), ..changed(&bare) };
    commit(&store, async |tx| tx.insert_customer(&full, None).await).await.unwrap();
    for customer in [bare.clone(), full] {
        assert_eq!(store.read().customer(&customer.key).await.unwrap(), Some(customer));
    }

    let changed = Customer { email: bare.email.clone(), ..changed(&bare) };
    commit(&store, async |tx| tx.update_customer(&bare, &changed).await).await.unwrap();
    assert_eq!(store.read().customer(&ana()).await.unwrap(), Some(changed));
    assert_eq!(store.read().customer(&key("beta", "ana")).await.unwrap(), None);
}

async fn a_password_is_there_or_not(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[key("beta", "ana")]).await;
    let with = Customer { has_password: true, ..customer(&ana()) };
    commit(&store, async |tx| {
        tx.insert_portal(&portal("acme")).await?;
        tx.insert_customer(&with, Some(b"one".to_vec())).await
    })
    .await
    .unwrap();
    let found = store.read().customer_by_email(&ana().portal, &with.email).await.unwrap();
    assert_eq!(found, Some((with.clone(), Some(b"one".to_vec()))));

    // Hashed anew it is the same password; set or voided, it is another.
    for (password, anew, revision) in
        [(Some(b"1".to_vec()), true, 1), (Some(b"two".to_vec()), false, 2), (None, false, 3)]
    {
        commit(&store, async |tx| match password.clone() {
            Some(hash) if anew => tx.rehash_password(&ana(), hash).await,
            password => tx.set_password(&ana(), password).await,
        })
        .await
        .unwrap();
        let expected = Customer {
            has_password: password.is_some(),
            password_revision: revision,
            ..with.clone()
        };
        let found = store.read().customer_by_email(&ana().portal, &with.email).await.unwrap();
        assert_eq!(found, Some((expected.clone(), password)));
        let tx = store.begin().await.unwrap();
        assert_eq!(tx.lock_customer(&ana()).await.unwrap(), Some(expected));
    }
    let other = key("beta", "ana");
    let found = store.read().customer_by_email(&other.portal, &with.email).await.unwrap();
    assert_eq!(found, Some((customer(&other), None)));
}

async fn ids_and_emails_are_taken_once_in_each_portal(database: TestDatabase) {
    let store = database.store().await;
    // The same id and email in two portals are two customers.
    insert(&store, &[ana(), key("beta", "ana")]).await;
    let same_id =
        Customer { email: Email::parse("other@example.com").unwrap(), ..customer(&ana()) };
    let same_email = Customer { key: key("acme", "other"), ..customer(&ana()) };
    for customer in [same_id, same_email] {
        let result = commit(&store, async |tx| tx.insert_customer(&customer, None).await).await;
        assert!(matches!(result, Err(StoreError::Duplicate)), "{result:?}");
    }
    assert_eq!(database.count("customer").await, 2);
}

/// Its portal may have been deleted by a transaction that committed first.
async fn a_customer_needs_a_portal(database: TestDatabase) {
    let store = database.store().await;
    let result = commit(&store, async |tx| tx.insert_customer(&customer(&ana()), None).await).await;
    assert!(matches!(result, Err(StoreError::Conflict(_))), "{result:?}");
}

async fn an_update_of_a_stale_customer_is_a_conflict(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let now = customer(&ana());
    let budget = |charges, failures| CodeBudget { charges, failures, ..CodeBudget::default() };
    let stale = [
        Customer { generation: now.generation - 1, ..now.clone() },
        Customer { generation: now.generation + 1, ..now.clone() },
        Customer { codes: budget(1, 0), ..now.clone() },
        Customer { codes: budget(0, 1), ..now.clone() },
        Customer { key: key("acme", "nobody"), ..now.clone() },
        Customer { key: key("beta", "ana"), ..now.clone() },
    ];
    for seen in stale {
        let changed = changed(&seen);
        let result = commit(&store, async |tx| tx.update_customer(&seen, &changed).await).await;
        assert!(matches!(result, Err(StoreError::Conflict(_))), "{seen:?}: {result:?}");
    }
    assert_eq!(store.read().customer(&ana()).await.unwrap(), Some(now));
}

async fn a_charge_of_codes_writes_nothing_else_and_nothing_of_a_stale_customer(
    database: TestDatabase,
) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let seen = customer(&ana());
    // What raises no generation may have changed since.
    let renamed = Customer { display_name: "Ana".to_owned(), ..seen.clone() };
    commit(&store, async |tx| tx.update_customer(&seen, &renamed).await).await.unwrap();

    let charged = CodeBudget { charges: 1, charged_at: Some(NOW), ..CodeBudget::default() };
    assert!(store.charge_codes(&seen, charged).await.unwrap());
    let expected = Customer { codes: charged, ..renamed };
    assert_eq!(store.read().customer(&ana()).await.unwrap(), Some(expected.clone()));

    for stale in [
        seen.clone(),
        Customer { generation: seen.generation + 1, ..expected.clone() },
        Customer { key: key("acme", "nobody"), ..expected.clone() },
    ] {
        let more = CodeBudget { charges: 2, ..charged };
        assert!(!store.charge_codes(&stale, more).await.unwrap(), "{stale:?}");
    }
    assert_eq!(store.read().customer(&ana()).await.unwrap(), Some(expected));
}

async fn an_update_to_a_taken_email_is_a_duplicate(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana(), key("acme", "bob")]).await;
    let seen = customer(&ana());
    let changed = Customer { email: customer(&key("acme", "bob")).email, ..seen.clone() };
    let result = commit(&store, async |tx| tx.update_customer(&seen, &changed).await).await;
    assert!(matches!(result, Err(StoreError::Duplicate)), "{result:?}");
}

async fn a_view_shows_factor_and_backup_codes(database: TestDatabase) {
    let store = database.store().await;
    let namesake = key("beta", "ana");
    insert(&store, &[ana(), namesake.clone()]).await;
    let mut view = CustomerView { customer: customer(&ana()), factor: None, backup_codes: None };
    assert_eq!(store.read().customer_view(&ana()).await.unwrap(), Some(view.clone()));

    commit(&store, async |tx| {
        tx.put_factor(&factor(&ana()), vec![1]).await?;
        let digests = (0..5).map(|slot| vec![slot]).collect();
        tx.put_backup_codes(&ana(), backup_code_set(1), digests, NOW).await?;
        tx.consume_backup_code(&ana(), backup_code_set(1), 4, NOW + SECOND).await
    })
    .await
    .unwrap();
    view.factor = Some(factor(&ana()));
    view.backup_codes = Some(BackupCodes { remaining: 4, created_at: NOW });
    assert_eq!(store.read().customer_view(&ana()).await.unwrap(), Some(view));
    let view = store.read().customer_view(&namesake).await.unwrap().unwrap();
    assert_eq!((view.factor, view.backup_codes), (None, None));
}
