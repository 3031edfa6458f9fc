//! The program with a portal and its customer, for attacks that must not hurt anybody else.

use std::future::Future;
use std::time::{Duration, Instant};

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::StoreUnavailable;
use gatehouse_tests::frames::{Frames, RequestHead, message};
use gatehouse_tests::{
    Admin, EMAIL, PASSWORD, PORTAL, Program, SignInExt, Usage, Web, client, refused,
};
use tokio::time::timeout;

pub const START_SIGN_IN: &str = "/gatehouse.v1.PortalAuthService/StartSignIn";
pub const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// For an answer to somebody who does nothing wrong. What is tested is that there is one.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program under attack.
pub struct Ground {
    pub program: Program,
    pub admin: Admin,
    /// The portal's backend, on a connection of its own.
    pub web: Web,
    /// Its key.
    pub key: String,
    /// A live session of the customer.
    pub session: String,
    calm: Usage,
}

/// How validations went while something else did.
#[derive(Debug, Default)]
pub struct Validated {
    pub good: usize,
    /// For want of a connection to the database.
    pub failed: usize,
    pub slowest: Duration,
}

impl Ground {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(flags: &[&str]) -> Self {
        let program = Program::serve(env!("CARGO_BIN_EXE_gatehouse-for-tests"), flags);
        let admin = program.admin();
        let portal = v1::Portal { display_name: "Acme".to_owned(), ..Default::default() };
        admin.create_portal("acme", portal).await.unwrap();
        admin.create_customer(PORTAL, EMAIL, PASSWORD).await.unwrap();
        let key = admin.portal_key(PORTAL, v1::PortalAccess::Full).await.unwrap();
        let web = program.web_with(&key);
        let session = web.sign_in(EMAIL, PASSWORD).await.unwrap().issued().token;
        let calm = program.forget_peak();
        Self { program, admin, web, key, session, calm }
    }

    /// One more portal.
    pub async fn create_portal(&self, id: &str) {
        let portal = v1::Portal { display_name: id.to_owned(), ..Default::default() };
        self.admin.create_portal(id, portal).await.unwrap();
    }

    /// A key of a portal's backend.
    pub async fn key_of(&self, id: &str) -> String {
        let name = format!("portals/{id}");
        self.admin.portal_key(&name, v1::PortalAccess::Full).await.unwrap()
    }

    /// Validates the session again and again until `work` is done.
    pub async fn while_validating<T>(&self, work: impl Future<Output = T>) -> (T, Validated) {
        let mut validated = Validated::default();
        let validate = async |validated: &mut Validated| loop {
            let began = Instant::now();
            let answer = timeout(PATIENCE, self.web.validate(&self.session)).await;
            match answer.expect("an answer in time") {
                Ok(_) => validated.good += 1,
                Err(status) => {
                    assert!(refused::<()>(Err(status)).is(StoreUnavailable));
                    validated.failed += 1;
                }
            }
            validated.slowest = validated.slowest.max(began.elapsed());
        };
        let done = tokio::select! {
            done = work => done,
            () = validate(&mut validated) => unreachable!("it has no end"),
        };
        (done, validated)
    }

    /// A connection for an attacker.
    pub async fn attacker(&self) -> Frames {
        Frames::connect(self.program.address).await
    }

    /// A call that a portal's backend might make.
    pub fn call(&self) -> RequestHead {
        RequestHead::of(START_SIGN_IN).key(&self.key)
    }

    /// Holds the server to answer another caller, on another connection.
    pub async fn assert_others_are_answered(&self) {
        let validated = timeout(PATIENCE, self.web.validate(&self.session)).await;
        validated.expect("an answer in time").expect("an answer");
    }

    /// Holds the process to have never had so much more memory than before the attack.
    pub fn assert_memory_within(&self, mib: usize) {
        let Usage { resident_kib, peak_kib, .. } = self.program.usage();
        let grown = peak_kib.saturating_sub(self.calm.resident_kib);
        println!(
            "memory: {} KiB calm, {grown} KiB more at most, {resident_kib} KiB now",
            self.calm.resident_kib
        );
        assert!(grown < mib * 1024, "{grown} KiB more than before, not below {mib} MiB");
    }
}

/// What [`Ground::call`] may send, framed.
pub fn start_sign_in() -> Vec<u8> {
    let email = EMAIL.to_owned();
    message(&v1::StartSignInRequest { email, client: Some(client()) })
}

/// An attack is over: others are answered, and it took little memory. A connection's windows and
/// headers are 3 MiB; what is beyond them is the allocator's.
pub async fn unharmed(ground: &Ground) {
    ground.assert_others_are_answered().await;
    ground.assert_memory_within(16);
}
