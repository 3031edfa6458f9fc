//! What may be used once, used by many at once.

use super::{CALLERS, Race, assert_one, is_unknown};
use crate::customer::current_step;

pub async fn one_totp_code(race: &Race) {
    let fleet = &race.fleet;
    for _ in 0..race.rounds {
        let (ana, enrolled) = race.enrolled().await;
        let sign_ins = ana.sign_ins(&fleet.backend(0)).await.unwrap();
        let step = current_step();
        let answers = fleet.at_once(CALLERS, |n, backend| {
            let (ana, authenticator) = (ana.clone(), enrolled.authenticator.clone());
            let sign_in = sign_ins[n % sign_ins.len()].clone();
            async move { ana.totp(backend, &sign_in, &authenticator, step).await }
        });
        assert_one(&answers.await);
        ana.tally(&fleet.admin(0)).await.unwrap();
    }
}

pub async fn one_backup_code(race: &Race) {
    let fleet = &race.fleet;
    for _ in 0..race.rounds {
        let (ana, enrolled) = race.enrolled().await;
        let sign_ins = ana.sign_ins(&fleet.backend(0)).await.unwrap();
        let answers = fleet.at_once(CALLERS, |n, backend| {
            let (ana, codes) = (ana.clone(), enrolled.codes.clone());
            let sign_in = sign_ins[n % sign_ins.len()].clone();
            async move { ana.backup_code(backend, &sign_in, &codes, 0).await }
        });
        assert_one(&answers.await);
        ana.tally(&fleet.admin(0)).await.unwrap();
    }
}

pub async fn two_backup_codes(race: &Race) {
    let fleet = &race.fleet;
    for _ in 0..race.rounds {
        let (ana, enrolled) = race.enrolled().await;
        let sign_ins = ana.sign_ins(&fleet.backend(0)).await.unwrap();
        let answers = fleet.at_once(2, |n, backend| {
            let (ana, codes) = (ana.clone(), enrolled.codes.clone());
            let sign_in = sign_ins[n].clone();
            async move { ana.backup_code(backend, &sign_in, &codes, n).await }
        });
        for answer in answers.await {
            assert!(answer.is_ok() || is_unknown(&answer), "{answer:?}");
        }
        ana.tally(&fleet.admin(0)).await.unwrap();
    }
}

pub async fn one_enrollment(race: &Race) {
    let fleet = &race.fleet;
    for _ in 0..race.rounds {
        let ana = fleet.customer().await;
        let sign_in = ana.sign_in(fleet.backend(0)).await.unwrap().enroll();
        let authenticator = ana.prepare_enrollment(fleet.backend(0), &sign_in).await.unwrap();
        let answers = fleet.at_once(CALLERS, |_, backend| {
            let (ana, sign_in, authenticator) =
                (ana.clone(), sign_in.clone(), authenticator.clone());
            async move { ana.enable_mfa(backend, &sign_in, &authenticator).await }
        });
        // Whoever repeats it is told the same.
        for answer in answers.await {
            assert!(answer.is_ok() || is_unknown(&answer), "{answer:?}");
        }
        let answers = fleet.at_once(CALLERS, |_, backend| {
            let (ana, sign_in, authenticator) =
                (ana.clone(), sign_in.clone(), authenticator.clone());
            async move { ana.finish_sign_in(backend, &sign_in, Some(&authenticator)).await }
        });
        assert_one(&answers.await);
        ana.tally(&fleet.admin(0)).await.unwrap();
    }
}

/// Of one customer, each with an owner of its own.
pub async fn five_enrollments(race: &Race) {
    let fleet = &race.fleet;
    for _ in 0..race.rounds {
        let ana = fleet.customer().await;
        let mut owners = Vec::new();
        for n in 0..5 {
            let sign_in = ana.sign_in(fleet.backend(n)).await.unwrap().enroll();
            let authenticator = ana.prepare_enrollment(fleet.backend(n), &sign_in).await;
            owners.push((sign_in, authenticator.unwrap()));
        }
        let answers = fleet.at_once(CALLERS, |n, backend| {
            let (ana, owner) = (ana.clone(), n % 5);
            let (sign_in, authenticator) = owners[owner].clone();
            async move { ana.enable_mfa(backend, &sign_in, &authenticator).await.map(|()| owner) }
        });
        let answers = answers.await;
        let mut winners: Vec<_> = answers.iter().filter_map(|owner| owner.as_ref().ok()).collect();
        winners.sort_unstable();
        winners.dedup();
        let unknown = answers.iter().any(is_unknown);
        assert!(winners.len() == 1 || winners.is_empty() && unknown, "owners {winners:?}");
        // The others cannot go on with theirs.
        if let [owner] = winners[..] {
            let (sign_in, other) = &owners[(owner + 1) % 5];
            let answer = ana.totp(fleet.backend(0), sign_in, other, current_step()).await;
            answer.unwrap_err();
        }
        assert!(ana.events(fleet.admin(0), "mfa.enabled").await.unwrap().len() == 1);
    }
}

pub async fn one_invitation(race: &Race) {
    let fleet = &race.fleet;
    for _ in 0..race.rounds {
        let ana = fleet.customer().await;
        let invitation = ana.invite(fleet.admin(0)).await.unwrap();
        let answers =
            fleet.at_once(CALLERS, |_, backend| {
                let (ana, invitation, password) =
                    (ana.clone(), invitation.clone(), ana.new_password());
                async move {
                    ana.accept_invitation(backend, &invitation, &password).await.map(|_| password)
                }
            });
        let answers = answers.await;
        assert_one(&answers);
        let start = ana.start(fleet.backend(0)).await.unwrap();
        if let Some(Ok(password)) = answers.into_iter().find(Result::is_ok) {
            ana.verify_password(fleet.backend(0), &start, &password).await.unwrap().enroll();
        }
        let changed = ana.events(fleet.admin(0), "password.changed").await.unwrap();
        assert_eq!(changed.len(), 1);
    }
}

pub async fn one_start(race: &Race) {
    let fleet = &race.fleet;
    for _ in 0..race.rounds {
        let ana = fleet.customer().await;
        let start = ana.start(fleet.backend(0)).await.unwrap();
        let answers = fleet.at_once(CALLERS, |_, backend| {
            let (ana, start) = (ana.clone(), start.clone());
            async move { ana.verify_password(backend, &start, &ana.password).await }
        });
        assert_one(&answers.await);
        let verified = ana.events(fleet.admin(0), "sign_in.password_verified").await.unwrap();
        assert_eq!(verified.len(), 1);
    }
}
