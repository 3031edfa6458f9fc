//! The calls of the cube, and what they come to.

use gatehouse_api::v1;

use super::customer::{Customer, Held};
use super::{Assurance, By, Outcome, Proof, Rpc, Setup};
use gatehouse_tests::{Answer, MyAccount, PASSWORD, Refusal, SignInExt, setup};

const NEW_PASSWORD: &str = "another horse battery";

impl Customer {
    /// Calls `rpc`, with proofs that are right wherever there is something to prove.
    pub async fn call(&self, rpc: Rpc) -> Outcome {
        self.try_call(rpc).await.unwrap_or_else(|status| Outcome::Refused(Refusal::read(&status)))
    }

    async fn try_call(&self, rpc: Rpc) -> Answer<Outcome> {
        let Self { acme, session, sign_in, .. } = self;
        let (web, token) = (&acme.web, sign_in.token.as_str());
        let account = web.account(&session.token);
        Ok(match rpc {
            Rpc::GetOwnPortal => {
                web.client().get_own_portal(v1::GetOwnPortalRequest {}).await?;
                Outcome::Done
            }
            Rpc::StartSignIn => next(&web.start(&acme.email).await?),
            Rpc::GetSignIn => next(&web.get(token).await?),
            Rpc::VerifyPassword => {
                let started = web.start(&acme.email).await?;
                next(&web.password(&started.token, PASSWORD).await?)
            }
            Rpc::VerifySecondFactor => next(&web.totp(token, &self.unused_code()).await?),
            Rpc::RequestInvitation => {
                web.request_invitation(&acme.email).await?;
                Outcome::Done
            }
            Rpc::AcceptInvitation => {
                let invitation = acme.admin.invite(&acme.customer).await?;
                next(&web.accept_invitation(&invitation.token, NEW_PASSWORD).await?)
            }
            Rpc::GetMfa => mfa(&account.mfa().await?),
            Rpc::StartEnrollment(By::SignIn) => next(&web.start_enrollment(token).await?),
            Rpc::StartEnrollment(By::Session) => mfa(&account.start_enrollment().await?),
            Rpc::VerifyEnrollment(By::SignIn) => {
                next(&web.verify_enrollment(token, &self.code(sign_in)).await?)
            }
            Rpc::VerifyEnrollment(By::Session) => {
                mfa(&account.verify_enrollment(&self.code(session)).await?)
            }
            Rpc::DeleteEnrollment(By::SignIn) => next(&web.delete_enrollment(token).await?),
            Rpc::DeleteEnrollment(By::Session) => mfa(&account.delete_enrollment().await?),
            Rpc::EnableMfa(By::SignIn) => next(&web.enable_mfa(token).await?),
            Rpc::EnableMfa(By::Session) => mfa(&account.enable_mfa().await?),
            Rpc::DisableMfa => mfa(&account.disable_mfa().await?),
            Rpc::GenerateBackupCodes(By::SignIn) => {
                let (codes, after) = web.backup_codes(token).await?;
                assert_eq!(codes.len(), 5);
                next(&after)
            }
            Rpc::GenerateBackupCodes(By::Session) => {
                let (codes, after) = account.backup_codes().await?;
                assert_eq!(codes.len(), 5);
                mfa(&after)
            }
            Rpc::FinishSignIn => next(&web.finish(token).await?),
            _ => self.try_call_of_session(rpc, &account).await?,
        })
    }

    async fn try_call_of_session(&self, rpc: Rpc, account: &MyAccount) -> Answer<Outcome> {
        let (web, token) = (&account.web, account.token.as_str());
        Ok(match rpc {
            Rpc::ValidateSession => of_strength(web.validate(token).await?.session.as_ref()),
            Rpc::ValidateSessionAs(Assurance::MultiFactor) => {
                of_strength(web.validate_multi_factor(token).await?.session.as_ref())
            }
            Rpc::ReauthenticateSession(Proof::Password) => {
                of_strength(Some(&account.prove_password(PASSWORD).await?))
            }
            Rpc::ReauthenticateSession(Proof::Code) => {
                of_strength(Some(&account.prove_totp(&self.unused_code()).await?))
            }
            Rpc::ListOwnSessions => {
                account.sessions(0, "").await?;
                Outcome::Done
            }
            Rpc::SignOut => Outcome::Ended(web.sign_out(token).await?),
            Rpc::ChangePassword => {
                Outcome::Ended(account.change_password(PASSWORD, NEW_PASSWORD).await?)
            }
            _ => panic!("{rpc:?} is called on behalf of a sign-in"),
        })
    }

    /// What the phone that `held` has set up shows now; any code, where it has not.
    fn code(&self, held: &Held) -> String {
        let now = self.acme.server.now();
        held.phone.as_ref().map_or_else(|| "000000".to_owned(), |phone| phone.code(now))
    }

    /// A code of the factor in force that nothing has used up yet.
    fn unused_code(&self) -> String {
        let now = self.acme.server.now();
        let phone = self.sign_in.phone.as_ref();
        phone.map_or_else(|| "000000".to_owned(), |phone| phone.next_code(now))
    }
}

fn next(sign_in: &v1::SignIn) -> Outcome {
    match sign_in.step() {
        "enroll" => {
            let shown = sign_in.pending().map(|(state, _)| state);
            Outcome::Enroll { optional: sign_in.enroll().optional, setup: being_set_up(shown) }
        }
        step => Outcome::Next(step),
    }
}

fn mfa(mfa: &v1::Mfa) -> Outcome {
    let in_force = mfa.state() == v1::MfaState::Enabled;
    assert_eq!(mfa.factors.len(), usize::from(in_force));
    Outcome::Mfa { in_force, setup: being_set_up(setup(mfa).map(|(state, _)| state)) }
}

fn being_set_up(shown: Option<v1::EnrollmentState>) -> Setup {
    match shown {
        None => Setup::Nothing,
        Some(v1::EnrollmentState::Pending) => Setup::Pending,
        Some(v1::EnrollmentState::Verified) => Setup::Verified,
        Some(v1::EnrollmentState::Unspecified) => panic!("an enrollment without a state"),
    }
}

fn of_strength(session: Option<&v1::Session>) -> Outcome {
    Outcome::Session(match session.expect("a session").assurance() {
        v1::Assurance::Password => Assurance::Password,
        v1::Assurance::MultiFactor => Assurance::MultiFactor,
        v1::Assurance::Unspecified => panic!("a session of no assurance"),
    })
}
