//! Sign-ins, sessions and what administrators do.

use std::time::Duration;

use gatehouse_api::v1;

use super::super::call::{Call, Change, Code, Holder, Password, Proof, Revoked, Shown, Target};
use super::{Event, Stop, System, device, email, read_next, saml, text, timestamp};
use gatehouse_tests::SignInExt;

impl System<'_> {
    pub(super) async fn call(&mut self, call: Call) -> Result<Shown, Stop> {
        match call {
            Call::StartSignIn { customer } => {
                let sign_in = self.web.start_from(&email(customer), device(customer)).await?;
                let shown = Shown::SignIn(read_next(&sign_in));
                self.starts.push((customer, sign_in.token));
                Ok(shown)
            }
            Call::GetSignIn(holder) => {
                let sign_in = self.web.get(self.token(holder)).await?;
                Ok(Shown::SignIn(read_next(&sign_in)))
            }
            Call::VerifyPassword { sign_in, password } => {
                self.verify_password(sign_in, password).await
            }
            Call::VerifySecondFactor { sign_in, code } => {
                let typed = self.typed(code, self.phone_in_force(sign_in))?;
                let token = self.token(sign_in);
                let answer = match code {
                    Code::Totp { .. } | Code::WrongTotp => self.web.totp(token, &typed).await?,
                    Code::Backup { .. } | Code::WrongBackup => {
                        self.web.backup_code(token, &typed).await?
                    }
                };
                let customer = self.customer_of(sign_in);
                self.note(Event::CodeTaken { customer, code, holder: sign_in });
                Ok(Shown::SignIn(self.read_sign_in(answer, sign_in)))
            }
            Call::FinishSignIn(holder) => {
                let answer = self.web.finish(self.token(holder)).await?;
                Ok(Shown::SignIn(self.read_sign_in(answer, holder)))
            }
            Call::StartEnrollment(holder) => self.start_enrollment(holder).await,
            Call::VerifyEnrollment { holder, code } => self.verify_enrollment(holder, code).await,
            Call::DeleteEnrollment(holder) => self.delete_enrollment(holder).await,
            Call::EnableMfa(holder) => self.enable_mfa(holder).await,
            Call::GenerateBackupCodes(holder) => self.generate_backup_codes(holder).await,
            Call::GetMfa { session } => {
                let mfa = self.account(session).mfa().await?;
                Ok(Shown::Mfa(self.read_mfa(&mfa)))
            }
            Call::DisableMfa { session } => self.disable_mfa(session).await,
            Call::ValidateSession { session, multi_factor, fresh } => {
                self.validate(session, multi_factor, fresh).await
            }
            Call::ReauthenticateSession { session, proof } => {
                self.reauthenticate(session, proof).await
            }
            Call::ChangePassword { session, current, new } => {
                let new_text = text(Password::Set(new));
                let account = self.account(session);
                let ended = account.change_password(&text(current), &new_text).await?;
                let customer = self.sessions[session].customer;
                let session = Some(session);
                self.note(Event::PasswordSet { customer, password: new, session });
                Ok(Shown::Ended(ended))
            }
            Call::SignOut { session, target } => self.sign_out(session, target).await,
            Call::UpdatePortal(change) => self.update_portal(change).await,
            Call::ResetCustomerMfa { customer, end_password } => {
                let request = v1::ResetCustomerMfaRequest {
                    name: self.customers[customer].clone(),
                    reason: "lost phone".to_owned(),
                    end_password,
                };
                let answer = self.admin.client().reset_customer_mfa(request).await?.into_inner();
                self.note(Event::Reset { customer, end_password });
                Ok(Shown::Ended(answer.sessions_ended))
            }
            Call::Suspend { customer, suspended } => {
                self.admin.suspend(&self.customers[customer], suspended).await?;
                self.note(Event::Suspended { customer, suspended });
                Ok(Shown::Done)
            }
            Call::UnlockCustomer { customer } => {
                self.admin.unlock(&self.customers[customer]).await?;
                Ok(Shown::Done)
            }
            Call::RevokeSessions(which) => self.revoke_sessions(which).await,
            Call::CreateInvitation { customer } => {
                let invitation = self.admin.invite(&self.customers[customer]).await?;
                self.invitations.push((customer, invitation.token));
                Ok(Shown::Done)
            }
            Call::AcceptInvitation { invitation, new } => {
                self.accept_invitation(invitation, new).await
            }
            Call::Pass(time) => {
                self.server.pass(time);
                Ok(Shown::Done)
            }
        }
    }

    async fn verify_password(
        &mut self,
        sign_in: Holder,
        password: Password,
    ) -> Result<Shown, Stop> {
        let answer = self.web.password(self.token(sign_in), &text(password)).await?;
        Ok(self.proven(answer, sign_in, password))
    }

    async fn accept_invitation(&mut self, invitation: usize, new: u32) -> Result<Shown, Stop> {
        let (customer, token) = &self.invitations[invitation];
        let customer = *customer;
        let password = Password::Set(new);
        let request = v1::AcceptInvitationRequest {
            invitation_token: token.clone(),
            new_password: text(password),
            client: Some(device(customer)),
        };
        let answer = self.web.client().accept_invitation(request).await?.into_inner();
        self.note(Event::PasswordSet { customer, password: new, session: None });
        Ok(self.proven(answer.sign_in.unwrap(), Holder::Invitation(invitation), password))
    }

    /// Keeps the sign-in that a password has led to.
    fn proven(&mut self, answer: v1::SignIn, by: Holder, password: Password) -> Shown {
        let customer = self.customer_of(by);
        let is_over = answer.step() == "session";
        let holder = if is_over { by } else { Holder::SignIn(self.sign_ins.len()) };
        if !is_over {
            self.sign_ins.push((customer, answer.token.clone()));
        }
        self.note(Event::PasswordTaken { customer, password, holder });
        Shown::SignIn(self.read_sign_in(answer, holder))
    }

    async fn revoke_sessions(&mut self, which: Revoked) -> Result<Shown, Stop> {
        let name = match which {
            Revoked::Session(session) => &self.sessions[session].name,
            Revoked::Customer(customer) => &self.customers[customer],
            Revoked::Portal => &self.portal,
        };
        let ended = self.admin.revoke_sessions(name).await?;
        let is_ended = |id: &usize| match which {
            Revoked::Session(session) => *id == session,
            Revoked::Customer(customer) => self.sessions[*id].customer == customer,
            Revoked::Portal => true,
        };
        let sessions = (0..self.sessions.len()).filter(is_ended).collect();
        self.note(Event::Ended { sessions });
        Ok(Shown::Ended(ended))
    }

    async fn validate(
        &self,
        session: usize,
        multi_factor: bool,
        fresh: bool,
    ) -> Result<Shown, Stop> {
        let mut request = v1::ValidateSessionRequest::default();
        if multi_factor {
            request.set_min_assurance(v1::Assurance::MultiFactor);
        }
        let window = prost_types::Duration { seconds: 300, nanos: 0 };
        request.max_authentication_age = fresh.then_some(window);
        let answer = self.web.validate_with(&self.sessions[session].token, request).await?;
        Ok(shown(&answer.session.unwrap()))
    }

    async fn reauthenticate(&mut self, session: usize, proof: Proof) -> Result<Shown, Stop> {
        let holder = Holder::Session(session);
        let account = self.account(session);
        let answer = match proof {
            Proof::Password(password) => account.prove_password(&text(password)).await?,
            Proof::Code(code) => {
                let typed = self.typed(code, self.phone_in_force(holder))?;
                let answer = match code {
                    Code::Totp { .. } | Code::WrongTotp => account.prove_totp(&typed).await?,
                    Code::Backup { .. } | Code::WrongBackup => {
                        account.prove_backup_code(&typed).await?
                    }
                };
                let customer = self.sessions[session].customer;
                self.note(Event::CodeTaken { customer, code, holder });
                answer
            }
        };
        Ok(shown(&answer))
    }

    async fn sign_out(&mut self, session: usize, target: Target) -> Result<Shown, Stop> {
        let token = &self.sessions[session].token;
        let ended = match target {
            Target::This => self.web.sign_out(token).await?,
            Target::Others => self.web.sign_out_others(token).await?,
            Target::Session(other) => {
                self.web.sign_out_named(token, &self.sessions[other].name).await?
            }
        };
        let customer = self.sessions[session].customer;
        let is_target = |id: &usize| match target {
            Target::This => *id == session,
            Target::Others => *id != session,
            Target::Session(other) => *id == other,
        };
        let own = (0..self.sessions.len()).filter(|id| self.sessions[*id].customer == customer);
        let sessions = own.filter(is_target).collect();
        self.note(Event::Ended { sessions });
        Ok(Shown::Ended(ended))
    }

    async fn update_portal(&mut self, change: Change) -> Result<Shown, Stop> {
        let enforced = |enforced: bool, from: Option<Duration>| {
            let enforced_from_time = from.map(|from| timestamp(self.origin + from));
            Some(v1::MfaPolicy { enforced, enforced_from_time, ..Default::default() })
        };
        let (mfa, saml, paths): (_, _, &[&str]) = match change {
            Change::Enforce { .. } => {
                (enforced(true, None), None, &["mfa.enforced", "mfa.enforced_from_time"])
            }
            Change::Announce(from) => {
                (enforced(true, Some(from)), None, &["mfa.enforced", "mfa.enforced_from_time"])
            }
            Change::Relax => (enforced(false, None), None, &["mfa.enforced"]),
            Change::UseSaml => (None, Some(saml()), &["saml"]),
            Change::UseSamlInstead => (None, Some(saml()), &["saml", "mfa.enforced"]),
            Change::DropSaml => (None, None, &["saml"]),
            Change::EnforceInstead => {
                (enforced(true, None), None, &["saml", "mfa.enforced", "mfa.enforced_from_time"])
            }
        };
        let end_weaker_sessions = change == Change::Enforce { end_weaker: true };
        let request = v1::UpdatePortalRequest {
            portal: Some(v1::Portal { name: self.portal.clone(), mfa, saml, ..Default::default() }),
            update_mask: Some(prost_types::FieldMask {
                paths: paths.iter().map(|&path| path.to_owned()).collect(),
            }),
            validate_only: false,
            end_weaker_sessions,
        };
        let answer = self.admin.client().update_portal(request).await?.into_inner();
        let portal = answer.portal.unwrap();
        let mfa = portal.mfa.unwrap_or_default();
        let from = mfa.enforced_from_time.map(|at| self.since_origin(super::time(Some(at))));
        let enforced_from = mfa.enforced.then_some(from.unwrap_or_default());
        self.note(Event::Policy { enforced_from, saml: portal.saml.is_some() });
        if end_weaker_sessions {
            let sessions = self.history.weak_sessions();
            self.note(Event::Ended { sessions });
        }
        Ok(Shown::Done)
    }
}

fn shown(session: &v1::Session) -> Shown {
    Shown::Session { multi_factor: session.assurance() == v1::Assurance::MultiFactor }
}
