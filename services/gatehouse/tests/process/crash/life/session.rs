//! What is done in sessions, or to them, dead or alive.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{Code, Life};
use crate::customer::{Session, Stage};
use crate::history::is_unknown;
use crate::support::Answer;

impl Life<'_> {
    fn any_session(&self, rng: &mut StdRng) -> Option<Session> {
        self.sessions.choose(rng).cloned()
    }

    pub async fn validate(&mut self, rng: &mut StdRng) -> Answer<()> {
        for session in self.sessions.clone() {
            let _ = self.customer.validate(self.backend(rng), &session).await;
        }
        Ok(())
    }

    pub async fn list_sessions(&mut self, rng: &mut StdRng) -> Answer<()> {
        let Some(session) = self.any_session(rng) else { return Ok(()) };
        self.customer.list_sessions(self.backend(rng), &session).await
    }

    pub async fn sign_out(&mut self, rng: &mut StdRng) -> Answer<()> {
        let Some(session) = self.any_session(rng) else { return Ok(()) };
        self.customer.sign_out(self.backend(rng), &session).await
    }

    pub async fn sign_out_others(&mut self, rng: &mut StdRng) -> Answer<()> {
        let Some(session) = self.any_session(rng) else { return Ok(()) };
        self.customer.sign_out_others(self.backend(rng), &session).await
    }

    pub async fn revoke(&mut self, rng: &mut StdRng) -> Answer<()> {
        self.customer.revoke_sessions(self.admin(rng)).await
    }

    pub async fn change_password(&mut self, rng: &mut StdRng) -> Answer<()> {
        // Only one that is known for sure: a wrong one slows the customer down.
        let [current] = &self.passwords[..] else { return Ok(()) };
        let Some(session) = self.sessions.last().cloned() else { return Ok(()) };
        let (current, new) = (current.clone(), self.customer.new_password());
        self.passwords = vec![new.clone(), current.clone()];
        let backend = self.backend(rng);
        let changed = self.customer.change_password(backend, &session, &current, &new).await;
        match &changed {
            Ok(()) => self.passwords = vec![new],
            Err(status) if !is_unknown(status) => self.passwords = vec![current],
            Err(_) => {}
        }
        changed
    }

    /// Whether all is as it was left, on every server: the checker compares.
    pub async fn look_back(&mut self, rng: &mut StdRng) {
        for n in 0..self.fleet.servers() {
            for session in &self.sessions {
                let _ = self.customer.validate(self.fleet.backend(n), session).await;
            }
        }
        for slot in 0..self.used {
            let backend = self.fleet.backend(slot);
            let Ok(Stage::SecondFactor(sign_in)) = self.past_password(rng).await else { continue };
            let _ = self.present(backend, &sign_in, Code::Backup(slot)).await;
        }
    }
}
