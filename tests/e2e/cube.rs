//! The cube: every policy of a portal, every state of a customer, every RPC of
//! PortalAuthService, against a model of the contract.

mod calls;
mod customer;
mod model;

use std::collections::BTreeSet;
use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_domain::time::Timestamp;
use prost::Message;
use prost_types::FileDescriptorSet;
use tokio::task::JoinSet;

use customer::{Before, Customer};
use gatehouse_tests::{Acme, Refusal, TestServer, saml, timestamp};

gatehouse_tests::on_each_database! {
    every_rpc_does_what_the_contract_says_in_every_state_under_every_policy,
}

/// What the portal asks for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Off,
    /// MFA is enforced from tomorrow on.
    Announced,
    Enforced,
    Saml,
}

/// Where the customer stands. But for the last, there is a live session, and a
/// sign-in whose password was proven while the portal enforced MFA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    NoFactor,
    /// Session and sign-in have each started an enrollment of their own.
    Pending,
    /// Each has had its code verified.
    Verified,
    /// The session has enabled it, and made backup codes.
    InForce,
    /// The sign-in has just enabled it.
    JustEnabled,
    /// As in force, and too many wrong codes were given.
    Locked,
    /// Without a factor.
    Suspended,
}

/// What the factor is set up on behalf of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    SignIn,
    Session,
}

/// A call. Its proofs are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rpc {
    GetOwnPortal,
    StartSignIn,
    GetSignIn,
    VerifyPassword,
    VerifySecondFactor,
    RequestInvitation,
    AcceptInvitation,
    GetMfa,
    StartEnrollment(By),
    VerifyEnrollment(By),
    DeleteEnrollment(By),
    EnableMfa(By),
    DisableMfa,
    GenerateBackupCodes(By),
    FinishSignIn,
    ValidateSession,
    /// That has to be multi-factor.
    ValidateSessionAs(Assurance),
    ReauthenticateSession(Proof),
    ListOwnSessions,
    SignOut,
    ChangePassword,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assurance {
    Password,
    MultiFactor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Password,
    Code,
}

/// What a call comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// A sign-in that asks for this; at `enroll` it says more.
    Next(&'static str),
    Enroll {
        optional: bool,
        setup: Setup,
    },
    /// The customer's MFA.
    Mfa {
        in_force: bool,
        setup: Setup,
    },
    Session(Assurance),
    /// So many sessions have ended.
    Ended(i32),
    Refused(Refusal),
}

/// What whoever asks is setting up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    Nothing,
    Pending,
    Verified,
}

const POLICIES: [Policy; 4] = [Policy::Off, Policy::Announced, Policy::Enforced, Policy::Saml];

const STATES: [State; 7] = [
    State::NoFactor,
    State::Pending,
    State::Verified,
    State::InForce,
    State::JustEnabled,
    State::Locked,
    State::Suspended,
];

/// These change nothing.
const LOOKS: [Rpc; 7] = [
    Rpc::GetOwnPortal,
    Rpc::StartSignIn,
    Rpc::GetSignIn,
    Rpc::GetMfa,
    Rpc::ValidateSession,
    Rpc::ValidateSessionAs(Assurance::MultiFactor),
    Rpc::ListOwnSessions,
];

/// These change something, unless they are refused.
const CHANGES: [Rpc; 20] = [
    Rpc::VerifyPassword,
    Rpc::VerifySecondFactor,
    Rpc::RequestInvitation,
    Rpc::AcceptInvitation,
    Rpc::StartEnrollment(By::SignIn),
    Rpc::StartEnrollment(By::Session),
    Rpc::VerifyEnrollment(By::SignIn),
    Rpc::VerifyEnrollment(By::Session),
    Rpc::DeleteEnrollment(By::SignIn),
    Rpc::DeleteEnrollment(By::Session),
    Rpc::EnableMfa(By::SignIn),
    Rpc::EnableMfa(By::Session),
    Rpc::DisableMfa,
    Rpc::GenerateBackupCodes(By::SignIn),
    Rpc::GenerateBackupCodes(By::Session),
    Rpc::FinishSignIn,
    Rpc::ReauthenticateSession(Proof::Password),
    Rpc::ReauthenticateSession(Proof::Code),
    Rpc::SignOut,
    Rpc::ChangePassword,
];

async fn every_rpc_does_what_the_contract_says_in_every_state_under_every_policy(
    server: TestServer,
) {
    assert_all_are_there();
    let mut portals = JoinSet::new();
    for policy in POLICIES {
        portals.spawn(check(server.clone(), policy));
    }
    let checked = portals.join_all().await;
    let cells: usize = checked.iter().map(|(cells, _)| cells).sum();
    let wrong: Vec<_> = checked.into_iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(cells, 4 * 7 * 27);
}

/// Every RPC of the service is called.
fn assert_all_are_there() {
    let set = FileDescriptorSet::decode(gatehouse_api::FILE_DESCRIPTOR_SET).unwrap();
    let services = set.file.iter().flat_map(|file| &file.service);
    let service = services.clone().find(|service| service.name() == "PortalAuthService").unwrap();
    let named: BTreeSet<_> = service.method.iter().map(|method| method.name().to_owned()).collect();
    let called = LOOKS.iter().chain(&CHANGES).map(|rpc| rpc.name());
    assert_eq!(called.collect::<BTreeSet<_>>(), named);
}

impl Rpc {
    /// As in the contract.
    fn name(self) -> String {
        let name = format!("{self:?}");
        let name = name.split('(').next().unwrap();
        name.trim_end_matches("As").to_owned()
    }
}

/// A portal with a customer for every cell. Gives how many cells were compared,
/// and what was not as in the model.
async fn check(server: TestServer, policy: Policy) -> (usize, Vec<String>) {
    let portal = Acme::called(server, &format!("{policy:?}").to_lowercase()).await;
    let lockout = Some(v1::LockoutPolicy { max_failures: Some(3), ..Default::default() });
    portal.update(v1::Portal { lockout, ..Default::default() }, &["lockout.max_failures"]).await;

    let mut customers = Vec::new();
    for state in STATES {
        for calls in groups(policy, state, portal.server.now()) {
            let email = format!("c{}@example.com", customers.len());
            let signed_in = Before::new(portal.with_customer(&email).await, state).await;
            customers.push((signed_in, calls));
        }
    }
    portal.enforce(true).await;
    let mut under_way = Vec::new();
    for (customer, calls) in customers {
        under_way.push((customer.sign_in().await, calls));
    }
    switch(&portal, policy).await;

    let (mut cells, mut wrong) = (0, Vec::new());
    for (customer, calls) in under_way {
        customer.suspend_if_so().await;
        for rpc in calls {
            let Customer { state, .. } = customer;
            let expected = model::outcome(policy, state, rpc, portal.server.now());
            let outcome = customer.call(rpc).await;
            cells += 1;
            if outcome != expected {
                let cell = format!("{policy:?} x {state:?} x {rpc:?}");
                wrong.push(format!("{cell}\n  should be {expected:?}\n  but is    {outcome:?}"));
            }
        }
    }
    (cells, wrong)
}

/// All calls, in groups that each have a customer of their own. What is refused
/// changes nothing, as those show that only look, and come last.
fn groups(policy: Policy, state: State, now: Timestamp) -> Vec<Vec<Rpc>> {
    let is_refused =
        |rpc: &Rpc| matches!(model::outcome(policy, state, *rpc, now), Outcome::Refused(_));
    let (refused, succeed): (Vec<_>, Vec<_>) = CHANGES.into_iter().partition(is_refused);
    let mut groups = vec![[refused, LOOKS.to_vec()].concat()];
    groups.extend(succeed.into_iter().map(|change| vec![change]));
    groups
}

/// From enforcement to `policy`.
async fn switch(portal: &Acme, policy: Policy) {
    match policy {
        Policy::Off => portal.enforce(false).await,
        Policy::Enforced => {}
        Policy::Announced => {
            let tomorrow = portal.server.now() + Duration::from_hours(24);
            let mfa = Some(v1::MfaPolicy {
                enforced: true,
                enforced_from_time: Some(timestamp(tomorrow)),
                ..Default::default()
            });
            let mask = ["mfa.enforced", "mfa.enforced_from_time"];
            portal.update(v1::Portal { mfa, ..Default::default() }, &mask).await;
        }
        Policy::Saml => {
            let change = v1::Portal { saml: Some(saml()), ..Default::default() };
            portal.update(change, &["mfa.enforced", "saml"]).await;
        }
    }
}
