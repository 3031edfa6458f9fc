//! A case about to be run.

use std::time::Duration;

use gatehouse_domain::time::Timestamp;

use super::case::{By, Case, Prepared};
use super::ground::Ground;
use crate::reasons::contract::Method;
use gatehouse_tests::{Acme, Answer};

/// A situation that is there once.
pub struct Scene<'a> {
    pub case: &'a Case,
    pub method: &'a Method,
    pub acme: Acme,
    pub prepared: Prepared,
    /// The time of the call, later than all that led to it.
    pub at: Timestamp,
}

impl<'a> Scene<'a> {
    pub async fn new(case: &'a Case, method: &'a Method, ground: &Ground) -> Self {
        let acme = ground.fresh(case.place).await;
        let prepared = (case.prepare)(&acme).await;
        acme.server.pass(Duration::from_micros(1));
        if case.counts_rows {
            acme.server.remove_all_that_ends().await;
        }
        let at = acme.server.now();
        Self { case, method, acme, prepared, at }
    }

    /// The key that the call is made with.
    pub fn key(&self) -> &str {
        match &self.prepared.by {
            By::Portal => &self.acme.key,
            By::Owner => self.acme.server.owner_key(),
            By::Key(key) => key,
        }
    }

    pub async fn send(&self) -> Answer<Vec<u8>> {
        let Self { method, acme, prepared, .. } = self;
        acme.server.raw().key(self.key()).send(&method.path, &prepared.message).await
    }
}
