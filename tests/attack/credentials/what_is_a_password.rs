//! What may be a password, and what is done before one is hashed.

use std::time::Duration;

use gatehouse_api::v1::ErrorReason::{Internal, PasswordPolicy};
use tokio::task::JoinSet;

use gatehouse_tests::{
    Acme, Answer, Database, EMAIL, PASSWORD, PORTAL, SignInExt, TestServer, refused,
};

gatehouse_tests::on_each_database! {
    a_password_is_normalized_once_and_alike_when_it_is_set_and_when_it_is_verified,
    a_stored_hash_that_would_cost_too_much_is_refused_before_any_hashing,
    a_password_hash_moved_to_another_customer_does_not_open,
}

/// Of the 10,000 most common passwords those with 8 characters or more, in their order: the
/// list of zxcvbn 3.1 (MIT license), which was counted in leaked passwords. Shorter ones are
/// too short.
const MOST_COMMON: &str = include_str!("most_common.txt");

/// NIST 800-63B-4, 3.1.1.2; OWASP ASVS 6.2.4. All of them, where MFA lets 8 characters do.
#[tokio::test(flavor = "multi_thread")]
async fn the_most_common_passwords_are_refused_whoever_sets_them() {
    let acme = Acme::enforcing(TestServer::start(Database::Sqlite).await).await;
    let passwords: Vec<_> = MOST_COMMON.lines().collect();
    assert_eq!(passwords.len(), 3_395);
    let before = acme.server.password_comparisons();
    let mut callers = JoinSet::new();
    for part in passwords.chunks(passwords.len().div_ceil(8)) {
        let (admin, part) = (acme.admin.clone(), part.to_vec());
        callers.spawn(async move {
            for password in part {
                let answer = admin.create_customer(PORTAL, "new@example.com", password).await;
                let refusal = refused(answer);
                assert!(refusal.is(PasswordPolicy), "{password}: {refusal:?}");
            }
        });
    }
    callers.join_all().await;
    assert_eq!(acme.server.password_comparisons(), before);

    let refuses = async |answer: Answer<()>| assert!(refused(answer).is(PasswordPolicy));
    let invitation = acme.admin.invite(&acme.customer).await.unwrap().token;
    for password in passwords.iter().take(10) {
        refuses(acme.web.accept_invitation(&invitation, password).await.map(drop)).await;
        // In another case, in full-width letters, said twice.
        let wide = password.chars().map(full_width).collect::<String>();
        for disguised in [password.to_uppercase(), wide, password.repeat(2)] {
            refuses(acme.admin.create_customer(PORTAL, EMAIL, &disguised).await.map(drop)).await;
        }
    }
}

fn full_width(c: char) -> char {
    let shifted = u32::from(c) + 0xfee0;
    if c.is_ascii_graphic() { char::from_u32(shifted).unwrap() } else { c }
}

/// A password set on one keyboard is typed on another: NIST 800-63B-4, 3.1.1.2. To normalize at
/// one of the two ends alone locks people out; to do it twice is the same as once.
async fn a_password_is_normalized_once_and_alike_when_it_is_set_and_when_it_is_verified(
    server: TestServer,
) {
    let acme = Acme::new(server).await;
    let spellings = [
        "\u{e9}l\u{e9}phant \u{fb01}n ba\u{f1}o\u{f1}a",
        "e\u{301}le\u{301}phant fin ban\u{303}on\u{303}a",
        "\u{ff45}\u{301}l\u{e9}phant\u{a0}\u{ff46}\u{ff49}\u{ff4e}\u{2003}ba\u{f1}o\u{f1}a",
    ];
    for (n, set) in spellings.iter().enumerate() {
        let email = format!("c{n}@example.com");
        acme.admin.create_customer(PORTAL, &email, set).await.unwrap();
        for typed in spellings {
            let sign_in = acme.web.sign_in(&email, typed).await.unwrap();
            assert_eq!(sign_in.step(), "session", "{set:?} as {typed:?}");
        }
        // And nothing else is folded: not case, not accents, not the space at the end.
        for other in [spellings[0].to_uppercase(), format!("{set} "), set.replace('\u{e9}', "e")] {
            assert!(acme.web.sign_in(&email, &other).await.is_err() || other == *set);
            acme.server.pass(Duration::from_mins(1));
        }
    }
}

/// Whoever can write a hash must not choose what verifying it costs: 4 GiB at each try would end
/// the server. The bounds are checked where a hash is read, before memory is asked for.
async fn a_stored_hash_that_would_cost_too_much_is_refused_before_any_hashing(server: TestServer) {
    let acme = Acme::new(server).await;
    let (salt, hash) = ("c2FsdHNhbHRzYWx0c2FsdA", "aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g");
    for cost in [
        "v=19$m=4194304,t=1,p=1",
        "v=19$m=131073,t=1,p=1",
        "v=19$m=19456,t=11,p=1",
        "v=19$m=19456,t=4294967295,p=1",
        "v=19$m=19456,t=2,p=5",
        "v=19$m=8,t=1,p=16777215",
        "v=16$m=8,t=1,p=1",
    ] {
        let phc = format!("$argon2id${cost}${salt}${hash}");
        acme.server.store_password_hash(&acme.customer, &phc).await;
        let before = acme.server.password_comparisons();
        let refusal = refused(acme.web.sign_in(EMAIL, PASSWORD).await);
        assert!(refusal.is(Internal), "a damaged row is no verdict: {refusal:?}");
        assert_eq!(acme.server.password_comparisons(), before, "{cost}");
        acme.server.pass(Duration::from_mins(10));
    }
    // Formats of others, of which the cost is another number.
    for phc in ["$2b$31$c2FsdHNhbHRzYWx0c2FsdA", "$scrypt$ln=40,r=8,p=1$c2FsdA$aGFzaA", "", "x"] {
        acme.server.store_password_hash(&acme.customer, phc).await;
        assert!(refused(acme.web.sign_in(EMAIL, PASSWORD).await).is(Internal), "{phc}");
        acme.server.pass(Duration::from_mins(10));
    }
}

/// Somebody who writes the database could give a customer the hash of a password of their own.
/// It is bound to its customer (C15): one that is put elsewhere does not open.
async fn a_password_hash_moved_to_another_customer_does_not_open(server: TestServer) {
    let acme = Acme::new(server).await;
    let mallory = "mallory's own password";
    let made = acme.admin.create_customer(PORTAL, "mal@example.com", mallory).await.unwrap();
    acme.server.copy_password(&made.name, &acme.customer).await;
    let refusal = refused(acme.web.sign_in(EMAIL, mallory).await);
    assert!(refusal.is(Internal), "{refusal:?}");

    // Nor in another portal, for the same address.
    let beta = Acme::called(acme.server.clone(), "beta").await;
    acme.server.copy_password(&beta.customer, &acme.customer).await;
    acme.server.pass(Duration::from_mins(10));
    assert!(refused(acme.web.sign_in(EMAIL, PASSWORD).await).is(Internal));
}
