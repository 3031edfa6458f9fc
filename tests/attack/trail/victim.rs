//! A trail, and what is done to it.

use std::sync::Arc;
use std::time::Duration;

use gatehouse::app::App;
use gatehouse::usecase::audit::{self, VerifyError, retention};
use gatehouse_domain::audit::{ChainEnd, Expected, Finding, Summary};
use gatehouse_tests::{Acme, TestServer, refused};

use super::KEEP;

/// A trail whose events all have their numbers.
pub(super) struct Trail {
    pub(super) acme: Acme,
    pub(super) app: Arc<App>,
}

impl Trail {
    pub(super) async fn new(server: TestServer) -> Self {
        let acme = Acme::new(server).await;
        let trail = Self { app: acme.server.app(), acme };
        trail.add(4).await;
        trail
    }

    /// Adds so many events, each of a call that is refused.
    pub(super) async fn add(&self, events: usize) {
        for _ in 0..events {
            let nobody = format!("{}/customers/nobody", self.acme.portal);
            refused(self.acme.admin.reset_mfa(&nobody).await);
        }
        self.number().await;
    }

    /// Lets the server number what has no number.
    pub(super) async fn number(&self) {
        while self.app.store.read().numbering().await.unwrap().waiting > 0 {
            audit::number_batch(&self.app, self.acme.server.now()).await.unwrap();
        }
    }

    pub(super) async fn sql(&self, sql: &str) {
        self.app.store.execute(sql).await.unwrap();
    }

    /// How the database writes bytes that stand there in hexadecimal.
    pub(super) fn bytes(&self, hexadecimal: &str) -> String {
        if self.acme.server.is_on_postgres() {
            format!("'\\x{hexadecimal}'::bytea")
        } else {
            format!("x'{hexadecimal}'")
        }
    }

    pub(super) async fn head(&self) -> ChainEnd {
        self.app.store.read().chain_end().await.unwrap()
    }

    pub(super) async fn verify(
        &self,
        expected: Expected,
    ) -> Result<(Summary, Vec<Finding>), VerifyError> {
        let (mut findings, vault) = (Vec::new(), self.app.vault());
        let found = |finding| findings.push(finding);
        let verified = audit::verify(&self.app.store, &vault, expected, found).await?;
        Ok((verified.summary, findings))
    }

    pub(super) async fn findings(&self) -> Vec<Finding> {
        self.verify(Expected::default()).await.unwrap().1
    }

    pub(super) async fn findings_against(&self, head: ChainEnd) -> Vec<Finding> {
        self.verify(Expected { head: Some(head), unkeyed_until: 0 }).await.unwrap().1
    }

    /// Gives the event after `before` another actor and an old time, digest and all, as whoever
    /// lacks the ring can compute it. Gives the end of the chain with it.
    pub(super) async fn forge(&self, before: ChainEnd) -> ChainEnd {
        let events = self.app.store.read().numbered_events(Some(before.number), 1).await.unwrap();
        let mut event = events[0].event.clone().unwrap();
        "nobody".clone_into(&mut event.claimed_actor);
        event.event_at = 1;
        let end = before.next(None, &event);
        let digest = self.bytes(&end.digest.to_string());
        self.sql(&format!(
            "UPDATE audit_event SET claimed_actor = 'nobody', event_at = 1, chain_digest = \
             {digest}, chain_key_id = NULL WHERE number = {}",
            end.number
        ))
        .await;
        end
    }

    /// Lets so much time pass, and removes what is older than a day; gives how many.
    pub(super) async fn retain(&self, time: Duration) -> usize {
        self.acme.server.pass(time);
        retention::remove_batch(&self.app, KEEP, self.acme.server.now()).await.unwrap()
    }

    /// The end of the chain at this number.
    pub(super) async fn end_at(&self, number: i64) -> ChainEnd {
        let events = self.app.store.read().numbered_events(Some(number - 1), 1).await.unwrap();
        ChainEnd { number, digest: events[0].digest.unwrap() }
    }
}
