//! Those who watch the audit trail.

use gatehouse::convert::resume::ResumeTokens;
use gatehouse::server;
use gatehouse::trail::{Pace, Position};
use gatehouse::usecase::audit;
use gatehouse_api::v1;
use gatehouse_api::v1::admin_service_client::AdminServiceClient;
use gatehouse_domain::id::name;
use gatehouse_persistence::AuditEventFilter;
use tonic::service::interceptor::InterceptedService;
use tonic::{Status, Streaming};

use super::{Admin, Answer, Bearer, TestServer};

/// A stream of the trail, and where it goes on after what was read of it.
pub struct Watcher {
    stream: Streaming<v1::WatchAuditEventsResponse>,
    /// Empty before the first message.
    pub token: String,
}

impl Watcher {
    /// The events of the next message.
    pub async fn next(&mut self) -> Answer<Vec<v1::AuditEvent>> {
        let message = self.stream.message().await?.expect("it has no end but an error");
        self.token = message.resume_token;
        Ok(message.audit_events)
    }

    /// Events until there are `count` of them.
    pub async fn events(&mut self, count: usize) -> Vec<v1::AuditEvent> {
        let mut events = Vec::new();
        while events.len() < count {
            events.extend(self.next().await.unwrap());
        }
        assert_eq!(events.len(), count);
        events
    }

    /// Holds the next message to tell of nothing.
    pub async fn sign_of_life(&mut self) {
        assert!(self.next().await.unwrap().is_empty());
    }

    /// How it ends, after whatever it tells before.
    pub async fn end(&mut self) -> Status {
        loop {
            if let Err(status) = self.next().await {
                return status;
            }
        }
    }
}

impl Admin {
    /// Watches what passes `filter`, from `token` on, or from now on without one.
    pub async fn watch(&self, filter: v1::AuditEventFilter, token: &str) -> Answer<Watcher> {
        let stream = self.client().watch_audit_events(request(filter, token)).await?;
        Ok(Watcher { stream: stream.into_inner(), token: String::new() })
    }

    /// The same, with the first message read: what happens from here on is told.
    pub async fn watch_from_now(&self, filter: v1::AuditEventFilter) -> Watcher {
        let mut watcher = self.watch(filter, "").await.unwrap();
        watcher.sign_of_life().await;
        watcher
    }
}

fn request(filter: v1::AuditEventFilter, token: &str) -> v1::WatchAuditEventsRequest {
    v1::WatchAuditEventsRequest { filter: Some(filter), resume_token: token.to_owned() }
}

impl TestServer {
    /// A replica that goes by this pace.
    pub async fn replica_watched(&self, pace: Pace) -> Self {
        let (settings, clock) = (self.settings.clone(), self.app.clock.clone());
        self.replica_of(settings, clock, self.hand.clone(), pace).await
    }

    /// Watches all from now on, without a connection between: nothing is made for this one
    /// but what it asks for.
    pub async fn watch_directly(&self) -> Watcher {
        let service = server::without_connection(&self.app).unwrap();
        let service = InterceptedService::new(service, Bearer::new(self.owner_key()));
        let request = request(v1::AuditEventFilter::default(), "");
        let stream = AdminServiceClient::new(service).watch_audit_events(request).await.unwrap();
        let mut watcher = Watcher { stream: stream.into_inner(), token: String::new() };
        watcher.sign_of_life().await;
        watcher
    }

    /// Sees to it that every event has a number.
    pub async fn number_events(&self) {
        let unnumbered = "SELECT kind FROM audit_event WHERE number IS NULL LIMIT 1";
        while !self.app.store.texts(unnumbered).await.unwrap().is_empty() {
            // Where another server has the lease, that one does it.
            audit::number_batch(&self.app, self.now()).await.unwrap();
            tokio::task::yield_now().await;
        }
    }

    /// The names of all events in the order of their numbers.
    pub async fn numbered_events(&self) -> Vec<String> {
        let events = self.app.store.read().events_after(0, 10_000).await.unwrap();
        events.iter().map(|(_, event)| name::audit_event(event.id)).collect()
    }

    /// A token of all there is, after an event with this number.
    pub fn resume_token(&self, number: i64) -> String {
        ResumeTokens::of(&AuditEventFilter::ALL).seal(&self.app, Position { number, event: None })
    }
}
