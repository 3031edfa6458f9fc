//! Calls that are looked up together: what has ended is refused from the next call on,
//! however many share a statement, and each is told of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{ApiKeyInvalid, SessionInvalid};
use gatehouse_api::v1::api_key::Grant;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::fleet::Fleet;
use gatehouse_tests::{
    Acme, Database, EMAIL, PASSWORD, Refusal, SignInExt, TestServer, Web, refused,
};

const CALLERS: usize = 24;
/// Calls that succeed before the end.
const CALLS: usize = 200;

on_one_server_and_three! {
    a_session_that_has_ended_is_refused_while_many_ask,
    a_key_that_has_ended_is_refused_while_many_call,
    everybody_is_told_of_their_own_session,
}

/// Many callers who validate one session until they are refused.
struct Crowd {
    /// Whether the end has been answered.
    has_ended: Arc<AtomicBool>,
    /// One for each call that succeeded.
    successes: Arc<Semaphore>,
    callers: JoinSet<Refusal>,
}

impl Crowd {
    /// Calling, and so far with success.
    async fn begin(webs: &[Web], token: &str) -> Self {
        let has_ended = Arc::new(AtomicBool::new(false));
        let successes = Arc::new(Semaphore::new(0));
        let mut callers = JoinSet::new();
        for web in webs.iter().cycle().take(CALLERS) {
            let web = web.clone();
            let (token, has_ended) = (token.to_owned(), Arc::clone(&has_ended));
            let successes = Arc::clone(&successes);
            callers.spawn(async move {
                loop {
                    let began_after = has_ended.load(Ordering::SeqCst);
                    match web.validate(&token).await {
                        Ok(_) if began_after => panic!("good after its end"),
                        Ok(_) => successes.add_permits(1),
                        Err(status) => break refused::<()>(Err(status)),
                    }
                }
            });
        }
        drop(successes.acquire_many(CALLS.try_into().unwrap()).await.unwrap());
        Self { has_ended, successes, callers }
    }

    /// Says that the end has been answered. Each caller is refused for `reason`.
    async fn end(self, reason: v1::ErrorReason) {
        self.has_ended.store(true, Ordering::SeqCst);
        assert!(self.successes.available_permits() >= CALLS);
        assert!(self.callers.join_all().await.iter().all(|refusal| refusal.is(reason)));
    }
}

async fn a_session_that_has_ended_is_refused_while_many_ask(fleet: Fleet) {
    for _ in 0..3 {
        let token = fleet.acme.password_session().await.token;
        let crowd = Crowd::begin(&fleet.webs, &token).await;
        fleet.acme.web.sign_out(&token).await.unwrap();
        crowd.end(SessionInvalid).await;
    }
}

async fn a_key_that_has_ended_is_refused_while_many_call(fleet: Fleet) {
    let acme = &fleet.acme;
    let token = acme.password_session().await.token;
    for access in [v1::PortalAccess::Validate, v1::PortalAccess::Full] {
        let grant = v1::PortalGrant { portal: "portals/acme".to_owned(), access: access.into() };
        let key = v1::ApiKey { grant: Some(Grant::Portal(grant)), ..Default::default() };
        let (name, secret) = acme.admin.create_key(key).await.unwrap();
        let crowd = Crowd::begin(&fleet.webs_with(&secret), &token).await;
        acme.admin.revoke_key(&name).await.unwrap();
        crowd.end(ApiKeyInvalid).await;
    }
}

async fn everybody_is_told_of_their_own_session(fleet: Fleet) {
    let mut tokens = Vec::new();
    for _ in 0..8 {
        let issued = fleet.acme.web.sign_in(EMAIL, PASSWORD).await.unwrap().issued().clone();
        tokens.push((issued.token, Some(issued.session.unwrap().name)));
    }
    tokens.push((format!("ghs_{}", "A".repeat(43)), None));
    let answers = fleet.at_once(CALLS, |n, web| {
        let (token, name) = tokens[n % tokens.len()].clone();
        async move {
            match web.validate(&token).await {
                Ok(valid) => assert_eq!(Some(valid.session.unwrap().name), name),
                Err(status) => {
                    assert!(refused::<()>(Err(status)).is(SessionInvalid));
                    assert_eq!(name, None);
                }
            }
            Ok(())
        }
    });
    answers.await.into_iter().for_each(Result::unwrap);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_hangs_keeps_no_other_call_waiting_on_sqlite() {
    a_look_up_that_hangs_keeps_no_other_call_waiting(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_hangs_keeps_no_other_call_waiting_on_postgres() {
    a_look_up_that_hangs_keeps_no_other_call_waiting(Database::Postgres).await;
}

async fn a_look_up_that_hangs_keeps_no_other_call_waiting(database: Database) {
    // One whose statements are its calls' alone.
    let acme = Acme::new(TestServer::without_background(database).await).await;
    let token = acme.password_session().await.token;
    let mut held = acme.server.faults().hold_statement(1);
    let (web, its_token) = (acme.web.clone(), token.clone());
    let hanging = tokio::spawn(async move { web.validate(&its_token).await });
    assert!(held.is_there().await);
    for _ in 0..3 {
        acme.web.validate(&token).await.unwrap();
    }
    assert!(!hanging.is_finished());
    drop(held);
    hanging.await.unwrap().unwrap();
}
