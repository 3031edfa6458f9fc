//! A change of the portal's policy, against a sign-in with a password alone.

use std::time::Duration;

use gatehouse_api::v1;
use tokio::join;

use super::{Race, after};
use crate::customer::Stage;
use crate::fleet::Admin;
use crate::history::Act;
use crate::support::{Answer, PORTAL};

/// Changes in a round.
const CHANGES: usize = 10;

async fn enforce(mut admin: Admin, enforced: bool) -> Answer<()> {
    let mfa = v1::MfaPolicy { enforced, ..Default::default() };
    let portal = v1::Portal { name: PORTAL.to_owned(), mfa: Some(mfa), ..Default::default() };
    let mask = prost_types::FieldMask { paths: vec!["mfa.enforced".to_owned()] };
    let request = v1::UpdatePortalRequest {
        portal: Some(portal),
        update_mask: Some(mask),
        end_weaker_sessions: enforced,
        ..Default::default()
    };
    admin.update_portal(request).await.map(drop)
}

/// About as long as a password takes.
fn wait() -> Duration {
    Duration::from_millis(rand::random_range(0..80))
}

/// Enforcement that ends weaker sessions leaves none, however it raced their sign-ins.
pub async fn enforcement_and_a_sign_in(race: &Race) {
    let fleet = &race.fleet;
    for round in 0..CHANGES * race.rounds {
        let ana = fleet.customer().await;
        enforce(fleet.admin(round), false).await.unwrap();
        let start = ana.start(fleet.backend(round)).await.unwrap();
        let verify = ana.verify_password(fleet.backend(round), &start, &ana.password);
        // To this customer it is that.
        let enforce = ana.record(Act::Revoke, enforce(fleet.admin(round + 1), true));
        let enforce = after(wait(), enforce);
        let (stage, enforced) = join!(verify, enforce);
        enforced.unwrap();
        if let Stage::Session(session) = stage.unwrap() {
            for n in 0..fleet.servers() {
                ana.validate(fleet.backend(n), &session).await.unwrap_err();
            }
        }
        ana.sign_in(fleet.backend(round + 2)).await.unwrap().enroll();
    }
}

/// Whatever it was asked for under the old policy, it ends under the new one.
pub async fn the_end_of_enforcement_and_a_sign_in(race: &Race) {
    let fleet = &race.fleet;
    for round in 0..CHANGES * race.rounds {
        let ana = fleet.customer().await;
        enforce(fleet.admin(round), true).await.unwrap();
        let start = ana.start(fleet.backend(round)).await.unwrap();
        let verify = ana.verify_password(fleet.backend(round), &start, &ana.password);
        let end = after(wait(), enforce(fleet.admin(round + 1), false));
        let (stage, ended) = join!(verify, end);
        ended.unwrap();
        let backend = fleet.backend(round + 2);
        let session = match stage.unwrap() {
            Stage::Session(session) => session,
            Stage::Enroll(sign_in) => {
                ana.finish_sign_in(backend.clone(), &sign_in, None).await.unwrap()
            }
            Stage::SecondFactor(_) => panic!("there is no factor"),
        };
        ana.validate(backend, &session).await.unwrap();
    }
}
