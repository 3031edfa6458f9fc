//! Calls made once in every situation, and what they send.

use std::collections::BTreeMap;

use gatehouse_persistence::Sent;
use tokio::task::JoinSet;

use super::situations;
use crate::faults;
use crate::faults::case::Case;
use crate::faults::ground::Ground;
use crate::faults::scene::Scene;
use crate::faults::state::verdict;
use crate::reasons::contract::{self, Method};
use gatehouse_tests::{Database, EMPTY, TestServer};

/// What a call has sent.
pub struct Recorded {
    pub case: Case,
    pub sent: Vec<Sent>,
}

/// In every situation that is known, in an order that does not change.
pub async fn all(database: Database) -> Vec<Recorded> {
    let mut running = JoinSet::new();
    for (part, cases) in (0..).zip(faults::parts().into_iter().chain([situations::cases()])) {
        running.spawn(async move { (part, record(cases, database).await) });
    }
    let mut parts = running.join_all().await;
    parts.sort_by_key(|(part, _)| *part);
    let mut all: Vec<_> = parts.into_iter().flat_map(|(_, recorded)| recorded).collect();
    all.sort_by_key(|recorded| recorded.case.method);
    all
}

/// One after the other: what is recorded is whatever runs.
async fn record(cases: Vec<Case>, database: Database) -> Vec<Recorded> {
    let ground = Ground::new(TestServer::without_background(database).await).await;
    let methods = methods();
    let mut all = Vec::new();
    for case in cases {
        let scene = Scene::new(&case, &methods[case.method], &ground).await;
        if !case.notes_key {
            note_key(&scene).await;
        }
        let faults = scene.acme.server.faults();
        faults.record();
        let answer = scene.send().await;
        let sent = faults.take_record();
        assert!(verdict(&answer) == case.verdict, "{} came to something else", case.title());
        drop(scene);
        all.push(Recorded { case, sent });
    }
    all
}

/// Those of the contract, and Envoy's, by their names.
fn methods() -> BTreeMap<String, Method> {
    let mut methods = contract::methods();
    let check = Method {
        name: "Check".to_owned(),
        path: "/envoy.service.auth.v3.Authorization/Check".to_owned(),
        is_for_administrators: false,
        // What it fails with is told by its answer.
        outcomes: Vec::new(),
    };
    methods.insert(check.name.clone(), check);
    methods
}

/// Uses the key, so that the call itself finds that noted.
async fn note_key(scene: &Scene<'_>) {
    let raw = scene.acme.server.raw().key(scene.key());
    // One of them, whoever's key it is.
    for path in
        ["/gatehouse.v1.PortalAuthService/GetOwnPortal", "/gatehouse.v1.AdminService/ListPortals"]
    {
        raw.clone().call(path, EMPTY).await.ok();
    }
}
