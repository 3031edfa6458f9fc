//! The servers that calls race over.

use std::future::Future;

use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;

use gatehouse_tests::{Acme, Answer, Database, Enrolled, TestServer, Web};

/// A portal served by one or more servers.
pub struct Fleet {
    pub acme: Acme,
    /// The backend, over each server.
    pub webs: Vec<Web>,
    servers: Vec<TestServer>,
    _alone: MutexGuard<'static, ()>,
}

/// One race at a time: who waits for the database longer than a call may take is
/// refused, and then nothing has been raced.
static ALONE: Mutex<()> = Mutex::const_new(());

impl Fleet {
    pub async fn start(database: Database, replicas: usize) -> Self {
        let alone = ALONE.lock().await;
        let acme = Acme::new(TestServer::with_connections(database, 20).await).await;
        let webs = vec![acme.web.clone()];
        let mut fleet = Self { webs, servers: Vec::new(), acme, _alone: alone };
        for _ in 1..replicas {
            let replica = fleet.acme.server.replica().await;
            fleet.webs.push(replica.web_with(&fleet.acme.key));
            fleet.servers.push(replica);
        }
        fleet
    }

    /// The backend with another key, over each server.
    pub fn webs_with(&self, key: &str) -> Vec<Web> {
        let servers = std::iter::once(&self.acme.server).chain(&self.servers);
        servers.map(|server| server.web_with(key)).collect()
    }

    /// Calls `count` times at once, over all servers in turn.
    pub async fn at_once<T, F>(
        &self,
        count: usize,
        call: impl Fn(usize, Web) -> F,
    ) -> Vec<Answer<T>>
    where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let calls = (0..count).map(|n| call(n, self.webs[n % self.webs.len()].clone()));
        calls.collect::<JoinSet<_>>().join_all().await
    }

    /// Passwords compared, over all servers.
    pub fn password_comparisons(&self) -> u64 {
        let others = self.servers.iter().map(TestServer::password_comparisons);
        others.sum::<u64>() + self.acme.server.password_comparisons()
    }

    /// As many sign-ins at the second factor as a customer may have.
    pub async fn tokens(&self) -> Vec<String> {
        let mut tokens = Vec::new();
        for _ in 0..5 {
            tokens.push(self.acme.sign_in().await.token);
        }
        tokens
    }

    pub async fn enroll(&self) -> Enrolled {
        self.acme.enforce(true).await;
        self.acme.enroll().await
    }
}
