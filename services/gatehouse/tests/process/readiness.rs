//! Whether a server says that it serves, and what it refuses while it does not.

use gatehouse_api::v1::ErrorReason;
use tonic::Streaming;
use tonic_health::pb::health_check_response::ServingStatus::{self, NotServing, Serving};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::support::{Acme, PASSWORD, PATIENCE, Server, Site, refused};

/// Every change of a server's health, the first being what it is.
struct Health(Streaming<HealthCheckResponse>);

impl Health {
    async fn of(server: &Server) -> Self {
        let mut client = HealthClient::new(server.channel());
        let mut health =
            Self(client.watch(HealthCheckRequest::default()).await.unwrap().into_inner());
        assert_eq!(health.next().await, Serving);
        health
    }

    async fn next(&mut self) -> ServingStatus {
        let next = tokio::time::timeout(PATIENCE, self.0.message()).await;
        next.expect("its health changes").unwrap().unwrap().status()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_not_ready_while_its_database_is_away() {
    let site = Site::postgres().await;
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let mut health = Health::of(&server).await;
    site.allow_connections(false);
    assert_eq!(health.next().await, NotServing);
    let refusal = refused(acme.web(&server).start().await);
    assert_eq!(refusal.reason, ErrorReason::StoreUnavailable.as_str_name());
    site.allow_connections(true);
    assert_eq!(health.next().await, Serving);
    acme.web(&server).sign_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_not_ready_while_its_database_takes_no_changes() {
    let site = Site::postgres().await;
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let web = acme.web(&server);
    let ana = web.enroll(&web.sign_in().await.token).await;
    let mut health = Health::of(&server).await;
    site.set_for_new_connections("default_transaction_read_only", "on");
    assert_eq!(health.next().await, NotServing);
    // Who is signed in stays so; nothing else goes on.
    web.validate(&ana.session).await.unwrap();
    let started = web.start().await.unwrap();
    let refusal = refused(web.password(&started.token, PASSWORD).await);
    assert_eq!(refusal.reason, ErrorReason::StoreUnavailable.as_str_name());

    site.set_for_new_connections("default_transaction_read_only", "off");
    assert_eq!(health.next().await, Serving);
    web.password(&started.token, PASSWORD).await.unwrap();
}

/// Lets PostgreSQL tell another time than this machine's.
pub struct OtherClock<'a>(&'a Site);

impl<'a> OtherClock<'a> {
    pub fn of(site: &'a Site) -> Self {
        site.sql(
            "CREATE TABLE other_clock (ahead interval NOT NULL);
             INSERT INTO other_clock VALUES ('0 s');
             CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
               AS 'SELECT pg_catalog.clock_timestamp() + ahead FROM other_clock'",
        );
        // A schema that is named comes before the built-in one only if that is named, too.
        site.set_for_new_connections("search_path", "public, pg_catalog");
        Self(site)
    }

    pub fn set_ahead(&self, interval: &str) {
        self.0.sql(&format!("UPDATE other_clock SET ahead = '{interval}'"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_judged_while_the_clocks_disagree() {
    let site = Site::postgres().await;
    let clock = OtherClock::of(&site);
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let web = acme.web(&server);
    let ana = web.enroll(&web.sign_in().await.token).await;
    let proven = web.sign_in().await.token;
    let started = web.start().await.unwrap();
    let mut health = Health::of(&server).await;
    for ahead in ["3 s", "-1 h"] {
        clock.set_ahead(ahead);
        assert_eq!(health.next().await, NotServing, "{ahead}");
        let refusals = [
            refused(web.start().await),
            refused(web.password(&started.token, "wrong horse battery").await),
            refused(web.totp(&proven, &ana.phone.wrong_code()).await),
            // By one clock it may be idle that by the other is in use, or the other way round.
            refused(web.validate(&ana.session).await),
        ];
        for refusal in refusals {
            assert_eq!(refusal.reason, ErrorReason::StoreUnavailable.as_str_name(), "{ahead}");
        }
        clock.set_ahead("1 s");
        assert_eq!(health.next().await, Serving, "{ahead}");
        web.validate(&ana.session).await.unwrap();
    }
    let refusal = refused(web.totp(&proven, &ana.phone.wrong_code()).await);
    assert_eq!(refusal.metadata["attempts_remaining"], "9", "none was charged before");
    web.totp(&proven, &ana.phone.second_code()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_clock_is_wrong_from_the_start_says_so() {
    let site = Site::postgres().await;
    OtherClock::of(&site).set_ahead("1 h");
    let server = site.serve(&[]);
    let log = server.process.log();
    assert!(log.contains("clock is 3600.0 s behind the database's"), "{log}");
}
