//! What a customer does in a session.

use gatehouse_api::v1;
use gatehouse_api::v1::sign_out_request::Target;

use super::{Customer, Password, Session};
use crate::fleet::Backend;
use crate::history::Act;
use crate::support::Answer;

impl Customer {
    pub async fn validate(&self, mut backend: Backend, session: &Session) -> Answer<()> {
        let request = v1::ValidateSessionRequest {
            session_token: session.token.clone(),
            ..Default::default()
        };
        let act = Act::Validate { session: session.id };
        self.call(act, backend.validate_session(request)).await.map(drop)
    }

    pub async fn list_sessions(&self, mut backend: Backend, session: &Session) -> Answer<()> {
        let request = v1::ListOwnSessionsRequest {
            session_token: session.token.clone(),
            ..Default::default()
        };
        let act = Act::Validate { session: session.id };
        self.call(act, backend.list_own_sessions(request)).await.map(drop)
    }

    pub async fn sign_out(&self, mut backend: Backend, session: &Session) -> Answer<()> {
        let request =
            v1::SignOutRequest { session_token: session.token.clone(), ..Default::default() };
        let act = Act::SignOut { session: session.id };
        self.call(act, backend.sign_out(request)).await.map(drop)
    }

    pub async fn sign_out_others(&self, mut backend: Backend, session: &Session) -> Answer<()> {
        let request = v1::SignOutRequest {
            session_token: session.token.clone(),
            target: Some(Target::OtherSessions(v1::OtherSessions {})),
            client: None,
        };
        let act = Act::SignOutOthers { of: session.id };
        self.call(act, backend.sign_out(request)).await.map(drop)
    }

    pub async fn change_password(
        &self,
        mut backend: Backend,
        session: &Session,
        current: &Password,
        new: &Password,
    ) -> Answer<()> {
        let request = v1::ChangePasswordRequest {
            session_token: session.token.clone(),
            current_password: current.text.clone(),
            new_password: new.text.clone(),
            client: None,
        };
        let act = Act::ChangePassword { session: session.id, password: new.id };
        self.call(act, backend.change_password(request)).await.map(drop)
    }
}
