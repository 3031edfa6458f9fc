//! Collisions with other transactions, made by a trigger: on PostgreSQL alone, which is
//! what reports them.

use gatehouse_persistence::StoreError;

use crate::support::TestDatabase;
use crate::support::example::{NOW, ana, commit, digest, insert};

/// The next `times` sources that are remembered collide, with this SQLSTATE.
async fn collide(database: &TestDatabase, state: &str, times: u32) {
    let sql = format!(
        "CREATE SEQUENCE collision;
         CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN
              IF nextval('collision') <= {times} THEN RAISE SQLSTATE '{state}'; END IF;
              RETURN NEW;
            END $$;
         CREATE TRIGGER collision BEFORE INSERT ON key_canary
           FOR EACH ROW EXECUTE FUNCTION collide();
         CREATE TRIGGER collision BEFORE INSERT ON known_source
           FOR EACH ROW EXECUTE FUNCTION collide()"
    );
    database.execute(&sql).await;
}

#[tokio::test]
async fn a_statement_that_is_a_transaction_by_itself_is_tried_five_times() {
    for state in ["40001", "40P01"] {
        let database = TestDatabase::postgres().await;
        let store = database.store().await;
        collide(&database, state, 4).await;
        assert!(store.insert_key_canary(1.into(), vec![1]).await.unwrap());
        database.execute("ALTER SEQUENCE collision MINVALUE 0 RESTART WITH 0").await;
        let refused = store.insert_key_canary(2.into(), vec![1]).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        assert!(store.insert_key_canary(2.into(), vec![1]).await.unwrap());
    }
}

#[tokio::test]
async fn a_statement_of_a_transaction_is_tried_by_whoever_began_it() {
    let database = TestDatabase::postgres().await;
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    collide(&database, "40001", 1).await;
    let remember =
        async || commit(&store, async |tx| tx.remember_source(&digest(1), NOW).await).await;
    assert!(matches!(remember().await, Err(StoreError::Conflict(_))));
    remember().await.unwrap();
}
