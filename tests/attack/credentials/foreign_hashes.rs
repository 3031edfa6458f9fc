//! Hashes of other systems: what verifying them may cost, and that their time tells nothing.

use std::time::{Duration, Instant};

use gatehouse_api::v1;
use gatehouse_domain::password::HashParameters;

use super::WRONG;
use gatehouse_tests::{
    Acme, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, client, imported, imports,
    password_vectors, refused,
};

gatehouse_tests::on_each_database! {
    no_address_of_a_portal_with_foreign_hashes_takes_longer_than_another,
    refusals_take_the_usual_time_once_the_last_foreign_hash_is_gone,
}

/// Who stands behind an address: nobody, a customer of ours, and three of other systems, whose
/// hashes take about 12, 60 and 120 ms where ours takes 15.
const KINDS: [&str; 5] = ["nobody", "our-own", "passlib", "bcrypt-", "scrypt-"];
const HASHES: [(&str, &str); 3] = [
    ("passlib", "PHC pbkdf2-sha256 of passlib"),
    ("bcrypt-", "bcrypt 2b"),
    ("scrypt-", "PHC scrypt"),
];
/// Tries of each, each at an address of its own.
const TRIES: usize = 40;
/// How far from half the number of pairs may be in which the first takes longer, out of 40. If
/// both take the same time that number is binomial with p = 1/2: 18 is 5.7 standard deviations,
/// which a run exceeds by chance once in 10^8. Hashes that are not held back differ in all 40.
const MARGIN: usize = 18;

fn email(kind: &str, n: usize) -> String {
    format!("{kind}{n:02}@example.com")
}

async fn import(acme: &Acme) {
    let vectors = password_vectors();
    let mut rows = Vec::new();
    for (kind, name) in HASHES {
        let vector = vectors.iter().find(|vector| vector.name == name).unwrap();
        rows.extend((0..TRIES).map(|n| imported(&email(kind, n), &vector.hash)));
    }
    acme.admin.import(imports(PORTAL, rows)).await.unwrap();
}

/// How long a wrong password takes.
async fn refuse(acme: &Acme, kind: usize, n: usize) -> Duration {
    let client = v1::ClientContext { ip_address: format!("198.51.{kind}.{n}"), ..client() };
    let token = acme.web.start_from(&email(KINDS[kind], n), client).await.unwrap().token;
    let begun = Instant::now();
    let answer = acme.web.password(&token, WRONG).await;
    let took = begun.elapsed();
    assert_eq!(refused(answer), Refusal::of(v1::ErrorReason::CredentialsRejected));
    took
}

/// The sign test, on what is tried one after the other; every kind comes first as often as last.
async fn no_address_of_a_portal_with_foreign_hashes_takes_longer_than_another(server: TestServer) {
    let acme = Acme::new(server.replica_hashing(HashParameters::default()).await).await;
    for n in 0..TRIES {
        acme.admin.create_customer(PORTAL, &email("our-own", n), PASSWORD).await.unwrap();
    }
    import(&acme).await;
    // By which the server is measured.
    refuse(&acme, 0, TRIES).await;
    let mut times = [const { Vec::new() }; KINDS.len()];
    for n in 0..TRIES {
        for turn in 0..KINDS.len() {
            let kind = (n + turn) % KINDS.len();
            times[kind].push(refuse(&acme, kind, n).await);
        }
    }
    let [nobody, others @ ..] = &times;
    for (kind, other) in KINDS[1..].iter().zip(others) {
        let longer = nobody.iter().zip(other).filter(|(nobody, other)| nobody > other).count();
        let median = |times: &[Duration]| {
            let mut times = times.to_vec();
            times.sort();
            times[times.len() / 2]
        };
        println!(
            "nobody {:?}, {kind} {:?}: nobody takes longer in {longer} of {TRIES}",
            median(nobody),
            median(other)
        );
        let off = longer.abs_diff(TRIES / 2);
        assert!(off <= MARGIN, "nobody takes longer than {kind} in {longer} of {TRIES}");
    }
}

async fn refusals_take_the_usual_time_once_the_last_foreign_hash_is_gone(server: TestServer) {
    let acme = Acme::new(server).await;
    let scrypt = password_vectors().into_iter().find(|v| v.name == "Django scrypt").unwrap();
    let row = imported("scrypt-00@example.com", &scrypt.hash);
    acme.admin.import(imports(PORTAL, vec![row])).await.unwrap();
    refuse(&acme, 0, 0).await;
    let held = refuse(&acme, 0, 1).await;
    acme.web.sign_in("scrypt-00@example.com", &scrypt.password).await.unwrap().issued();
    let free = refuse(&acme, 0, 2).await;
    assert!(free < held, "{free:?} {held:?}");
}
