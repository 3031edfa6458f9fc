//! What servers and operators do besides calls, and what that sends.

use std::time::Duration;

use gatehouse::usecase::audit::export::{Selection, export};
use gatehouse::usecase::audit::retention::{self, Retention};
use gatehouse::usecase::{Call, api_keys, audit, housekeeping, keys, posture, restore};
use gatehouse_domain::audit::Expected;
use gatehouse_persistence::Sent;

use crate::faults::situation::{enrolled, signed_in, throttle};
use gatehouse_tests::{Acme, Database, TestServer, refused};

/// Longer than anything is kept that is of no use any more.
const LONG: Duration = Duration::from_hours(40 * 24);

/// Everything of it once, and where there is something to do.
pub async fn all(database: Database) -> Vec<(&'static str, Vec<Sent>)> {
    let acme = Acme::new(TestServer::without_background(database).await).await;
    let (app, server) = (acme.server.app(), acme.server.clone());
    enrolled(&acme).await;
    let mut all = Vec::new();

    all.push(("watching the database", {
        server.faults().record();
        app.look_at_database().await.unwrap();
        server.faults().take_record()
    }));
    all.push(("numbering", {
        refused(acme.admin.reset_mfa(&format!("{}/customers/nobody", acme.portal)).await);
        server.faults().record();
        assert!(audit::number_batch(&app, server.now()).await.unwrap() > 0);
        server.faults().take_record()
    }));
    all.push(("checking the chain", {
        server.faults().record();
        let (vault, expected) = (app.vault(), Expected::default());
        let verified = audit::verify(&app.store, &vault, expected, |found| panic!("{found}"));
        assert!(verified.await.unwrap().summary.events > 0);
        let selection = Selection { from: 2, to: Some(3), portal: None };
        export(&app.store, &selection, &mut Vec::new()).await.unwrap();
        server.faults().take_record()
    }));
    all.push(("rotating keys", {
        server.faults().record();
        let old = app.vault().primary();
        let new = keys::add(&app, server.now()).await.unwrap();
        keys::share(&app, &mut None, server.now()).await.unwrap();
        keys::promote(&app, new, server.now()).await.unwrap();
        keys::list(&app, server.now()).await.unwrap();
        keys::retire(&app, old, server.now()).await.unwrap_err();
        server.faults().take_record()
    }));
    all.push(("resealing", {
        server.faults().record();
        let mut walk = keys::Walk::default();
        while keys::reseal_batch(&app, &mut walk, server.now()).await.unwrap() > 0 {}
        server.faults().take_record()
    }));
    all.push(("housekeeping", {
        acme.sign_in().await;
        signed_in(&acme.with_customer("ben@example.com").await).await.scan().await.unwrap();
        acme.admin.invite(&acme.customer).await.unwrap();
        throttle(&acme).await;
        server.pass(LONG);
        server.faults().record();
        assert!(housekeeping::remove_batch(&app, server.now()).await.unwrap() > 6);
        server.faults().take_record()
    }));
    all.push(("removing old events", {
        while audit::number_batch(&app, server.now()).await.unwrap() > 0 {}
        let retention = Retention { keep: LONG, unkeyed_until: 0 };
        server.faults().record();
        assert!(retention::remove_batch(&app, retention, server.now() + LONG).await.unwrap() > 0);
        server.faults().take_record()
    }));
    all.push(("counting portals", {
        app.metrics.note_served();
        server.faults().record();
        assert!(posture::count(&app, &mut None, server.now()).await.unwrap() > 0);
        server.faults().take_record()
    }));
    all.push(("making an owner", {
        server.faults().record();
        let call = Call::of_server(server.now());
        api_keys::create_owner(&app, &call, "another".to_owned()).await.unwrap();
        server.faults().take_record()
    }));
    all.push(("restoring a backup", {
        server.faults().record();
        restore::begin_epoch(&app, &Call::of_server(server.now()), false).await.unwrap();
        server.faults().take_record()
    }));
    all
}
