//! The budgets of wrong passwords, charged before the password is hashed.

use std::slice;

use gatehouse_domain::client::ClientContext;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::PortalId;
use gatehouse_domain::throttle::{
    ADDRESS, ADDRESS_AND_SOURCE, ADDRESS_FROM_KNOWN_SOURCE, KNOWN_SOURCE_LIFETIME, Rule, SOURCE,
    Subject,
};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::DigestKind;
use gatehouse_persistence::{StoredThrottle, Tx};

use super::budget::Budget;
use crate::app::App;
use crate::error::{AppError, Wait};
use crate::usecase::Call;
use crate::usecase::retry::retry;

/// One password tried at one address from one place.
pub(in crate::usecase) struct Guess<'a> {
    pub portal: &'a PortalId,
    pub email: &'a Email,
    pub client: &'a ClientContext,
}

/// A guess that has been charged.
pub(in crate::usecase) struct Charged {
    budgets: Vec<Budget>,
    at: Timestamp,
}

impl Guess<'_> {
    /// Charges it to every budget it concerns, or to none and says how long to wait.
    pub async fn charge(&self, app: &App, call: &Call) -> Result<Result<Charged, Wait>, AppError> {
        retry(app, || self.try_charge(app, call.now)).await
    }

    async fn try_charge(
        &self,
        app: &App,
        now: Timestamp,
    ) -> Result<Result<Charged, Wait>, AppError> {
        let tx = app.store.begin().await?;
        let mut charged = vec![self.budget(app, &ADDRESS_AND_SOURCE), self.budget(app, &ADDRESS)];
        let source = self.source_budget(app);
        let mut budgets =
            Budget::lock(&tx, &[charged.as_slice(), source.as_slice()].concat()).await?;
        let spent = |budget: &StoredThrottle| {
            budget.rule == &ADDRESS && budget.throttle.admit(now, budget.rule).is_err()
        };
        if budgets.iter().any(spent) && self.is_from_known_source(app, &tx, now).await? {
            // Only who holds the budget of this address from this source comes here.
            budgets.retain(|budget| !spent(budget));
            charged.retain(|budget| budgets.iter().any(|left| left.rule == budget.rule));
            let known = self.budget(app, &ADDRESS_FROM_KNOWN_SOURCE);
            budgets.extend(Budget::lock(&tx, slice::from_ref(&known)).await?);
            charged.push(known);
        }

        let mut wait_until = None;
        for budget in &mut budgets {
            let only_slows = budget.rule == &SOURCE;
            let passed = if only_slows {
                budget.throttle.admit(now, budget.rule)
            } else {
                budget.throttle.charge(now, budget.rule)
            };
            match passed {
                Ok(throttle) => budget.throttle = throttle,
                Err(until) => wait_until = wait_until.max(Some(until)),
            }
        }
        if let Some(until) = wait_until {
            return Ok(Err(Wait::until(until, now)));
        }
        tx.save_throttles(&budgets).await?;
        tx.commit().await?;
        Ok(Ok(Charged { budgets: charged, at: now }))
    }

    /// Counts against its source that it was wrong.
    pub async fn count_wrong(&self, app: &App, tx: &Tx, now: Timestamp) -> Result<(), AppError> {
        let Some(source) = self.source_budget(app) else { return Ok(()) };
        let mut budgets = Budget::lock(tx, &[source]).await?;
        for budget in &mut budgets {
            budget.throttle = budget.throttle.count(now, budget.rule);
        }
        Ok(tx.save_throttles(&budgets).await?)
    }

    /// None without an address: every customer of the portal would be one source.
    fn source_budget(&self, app: &App) -> Option<Budget> {
        self.client.source().map(|_| self.budget(app, &SOURCE))
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
        let keys = app.vault().digests(DigestKind::KnownSource, self.known().as_bytes());
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
        let key = app.vault().digest(DigestKind::KnownSource, self.known().as_bytes());
        Ok(tx.remember_source(&key, now + KNOWN_SOURCE_LIFETIME).await?)
    }

    fn budget(&self, app: &App, rule: &'static Rule) -> Budget {
        Budget::new(&app.vault(), rule, &self.text(rule.name(), rule.subject()))
    }

    /// That a sign-in of this address was completed from this source.
    fn known(&self) -> String {
        self.text("known", Subject::AddressAndSource)
    }

    /// What is kept of `subject` for `purpose`. None of the parts can hold the separator.
    fn text(&self, purpose: &str, subject: Subject) -> String {
        let Self { portal, email, client } = self;
        let source = client.source().map(|ip| ip.to_string()).unwrap_or_default();
        match subject {
            Subject::Address => format!("{purpose}\n{portal}\n{email}"),
            Subject::Source => format!("{purpose}\n{portal}\n{source}"),
            Subject::AddressAndSource => format!("{purpose}\n{portal}\n{email}\n{source}"),
        }
    }
}

impl Charged {
    /// Takes the charges of a right password back: these and no others.
    pub async fn take_back(&self, tx: &Tx) -> Result<(), AppError> {
        // In the order of the charge, or the two would wait for each other.
        let is_late = |budget: &Budget| budget.rule == &ADDRESS_FROM_KNOWN_SOURCE;
        let (late, first): (Vec<_>, Vec<_>) = self.budgets.iter().cloned().partition(is_late);
        for keys in [first, late].iter().filter(|keys| !keys.is_empty()) {
            let mut budgets = Budget::lock(tx, keys).await?;
            for budget in &mut budgets {
                budget.throttle = budget.throttle.take_back(self.at, budget.rule);
            }
            tx.save_throttles(&budgets).await?;
        }
        Ok(())
    }
}

/// What `rule` counts of an address, whatever the source.
pub(in crate::usecase) fn email_budget(
    app: &App,
    portal: &PortalId,
    email: &Email,
    rule: &'static Rule,
) -> Budget {
    Guess { portal, email, client: &ClientContext::default() }.budget(app, rule)
}
