//! The budgets of wrong passwords, charged before the password is hashed.

use gatehouse_domain::client::ClientContext;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::PortalId;
use gatehouse_domain::throttle::{
    ADDRESS, ADDRESS_AND_SOURCE, ADDRESS_FROM_KNOWN_SOURCE, KNOWN_SOURCE_LIFETIME, Rule, SOURCE,
};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{Digest, DigestKind};
use gatehouse_persistence::Tx;

use crate::app::App;
use crate::error::{AppError, Wait};
use crate::usecase::Call;
use crate::usecase::retry::retry;

/// One password tried at one address from one place.
pub(super) struct Guess<'a> {
    pub portal: &'a PortalId,
    pub email: &'a Email,
    pub client: &'a ClientContext,
}

/// A guess that has been charged.
pub(super) struct Charged {
    budgets: Vec<(Digest, &'static Rule)>,
    at: Timestamp,
}

impl Guess<'_> {
    /// Charges it to every budget it concerns, or to none.
    pub async fn charge(&self, app: &App, call: &Call) -> Result<Charged, AppError> {
        retry(app, || self.try_charge(app, call.now)).await
    }

    async fn try_charge(&self, app: &App, now: Timestamp) -> Result<Charged, AppError> {
        let tx = app.store.begin().await?;
        let from_known = self.key(app, &ADDRESS_FROM_KNOWN_SOURCE);
        let mut budgets =
            vec![self.key(app, &ADDRESS_AND_SOURCE), self.key(app, &ADDRESS), from_known.clone()];
        // Without an address every customer of the portal would be one source.
        if self.client.ip_address().is_some() {
            budgets.push(self.key(app, &SOURCE));
        }

        let mut charged = Vec::new();
        let mut wait_until = None;
        let mut address_is_spent = None;
        for mut budget in tx.lock_throttles(&budgets).await? {
            if budget.rule == &ADDRESS_FROM_KNOWN_SOURCE && address_is_spent.is_none() {
                continue;
            }
            match budget.throttle.charge(now, budget.rule) {
                Ok(throttle) => {
                    budget.throttle = throttle;
                    charged.push(budget);
                }
                Err(until) if budget.rule == &ADDRESS => {
                    address_is_spent = Some(until);
                    if !self.is_from_known_source(app, &tx, now).await? {
                        wait_until = wait_until.max(Some(until));
                    }
                }
                Err(until) => wait_until = wait_until.max(Some(until)),
            }
        }
        if let Some(until) = wait_until {
            return Err(AppError::Throttled(Wait::until(until, now)));
        }
        tx.save_throttles(&charged).await?;
        tx.commit().await?;
        let budgets = charged.into_iter().map(|budget| (budget.key, budget.rule)).collect();
        Ok(Charged { budgets, at: now })
    }

    async fn is_from_known_source(
        &self,
        app: &App,
        tx: &Tx,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        if self.client.ip_address().is_none() {
            return Ok(false);
        }
        let keys = app.vault.digests(DigestKind::KnownSource, self.text("known").as_bytes());
        Ok(tx.is_known_source(&keys, now).await?)
    }

    /// Remembers the source of a completed sign-in.
    pub async fn remember_source(
        &self,
        app: &App,
        tx: &Tx,
        now: Timestamp,
    ) -> Result<(), AppError> {
        if self.client.ip_address().is_none() {
            return Ok(());
        }
        let key = app.vault.digest(DigestKind::KnownSource, self.text("known").as_bytes());
        Ok(tx.remember_source(&key, now + KNOWN_SOURCE_LIFETIME).await?)
    }

    fn key(&self, app: &App, rule: &'static Rule) -> (Digest, &'static Rule) {
        (app.vault.digest(DigestKind::Throttle, self.text(rule.name()).as_bytes()), rule)
    }

    /// What a budget is about. None of the parts can hold the separator.
    fn text(&self, about: &str) -> String {
        let Self { portal, email, client } = self;
        let source = client.source().map(|ip| ip.to_string()).unwrap_or_default();
        match about {
            "address" => format!("{about}\n{portal}\n{email}"),
            "source" => format!("{about}\n{portal}\n{source}"),
            _ => format!("{about}\n{portal}\n{email}\n{source}"),
        }
    }
}

impl Charged {
    /// Takes the charges of a right password back: these and no others.
    pub async fn take_back(&self, tx: &Tx) -> Result<(), AppError> {
        let mut budgets = tx.lock_throttles(&self.budgets).await?;
        for budget in &mut budgets {
            budget.throttle = budget.throttle.take_back(self.at, budget.rule);
        }
        Ok(tx.save_throttles(&budgets).await?)
    }
}
