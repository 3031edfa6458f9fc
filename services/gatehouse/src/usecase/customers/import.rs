//! ImportCustomers: many customers at once, with what they proved themselves by elsewhere.

use std::collections::HashMap;

use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::customer::Customer;
use gatehouse_domain::email::Email;
use gatehouse_domain::enrollment::{Factor, Owner};
use gatehouse_domain::field::FieldViolation;
use gatehouse_domain::id::{CustomerId, CustomerKey, FactorId, PortalId, SignInId, name};
use gatehouse_domain::password::ForeignHash;
use gatehouse_domain::totp::{TimeStep, TotpParameters, TotpSecret};
use gatehouse_persistence::{ImportedCustomer, StoreError};

use super::ANOTHER_HAS_IT;
use crate::app::App;
use crate::error::AppError;
use crate::usecase::retry::retry;
use crate::usecase::{Call, about_customer, portals, sealed};

/// Tries in which somebody else was first with an address or an id.
const TRIES: u32 = 4;

/// One customer of another system.
pub struct ImportRow {
    /// Unset: the server picks one.
    pub id: Option<CustomerId>,
    /// The address to sign in with.
    pub email: Email,
    /// What people call them.
    pub display_name: String,
    /// Unset: none until an invitation is accepted.
    pub password: Option<ForeignHash>,
    /// An authenticator that they have set up.
    pub totp: Option<(TotpSecret, TotpParameters)>,
}

/// Customers to be made.
pub struct Import {
    /// In which portal.
    pub portal: PortalId,
    /// Each, or what is wrong with it: fields within the row.
    pub rows: Vec<Result<ImportRow, Vec<FieldViolation>>>,
    /// Pass over rows whose address or id is there already.
    pub skip_existing: bool,
}

/// What became, or would become, of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is a customer now. Unset: with an id to be picked.
    Created(Option<CustomerKey>),
    /// This one was there already.
    Skipped(CustomerKey),
    /// It was passed over for this one, who is somebody else: by which fields.
    Conflict(CustomerKey, Vec<FieldViolation>),
    /// It cannot be one.
    Invalid(Vec<FieldViolation>),
}

/// What is in the portal under an address or an id that rows name.
#[derive(Default)]
struct Existing {
    by_email: HashMap<Email, CustomerId>,
    by_id: HashMap<CustomerId, Email>,
}

impl Existing {
    fn new(found: Vec<(CustomerId, Email)>) -> Self {
        let mut existing = Self::default();
        for (id, email) in found {
            existing.by_email.insert(email.clone(), id.clone());
            existing.by_id.insert(id, email);
        }
        existing
    }

    /// Who is in the way of `row`, and in which fields.
    fn of<'a>(&'a self, row: &'a ImportRow) -> Option<(&'a CustomerId, Vec<FieldViolation>)> {
        let by_email = self.by_email.get(&row.email);
        let by_id = row.id.as_ref().filter(|&id| self.by_id.contains_key(id));
        let email = by_email.map(|_| FieldViolation::new("email", ANOTHER_HAS_IT));
        let id = by_id.map(|_| FieldViolation::new("customer_id", "is taken"));
        let who = by_email.or(by_id)?;
        Some((who, id.into_iter().chain(email).collect()))
    }

    /// What becomes of a row that is passed over, as `who` is in its way by `fields`. One that
    /// asks for an id is there already only if the same customer has both.
    fn pass_over(&self, row: &ImportRow, who: CustomerKey, fields: Vec<FieldViolation>) -> Outcome {
        let by_email = self.by_email.get(&row.email);
        if row.id.is_none() || row.id.as_ref() == by_email {
            Outcome::Skipped(who)
        } else {
            Outcome::Conflict(who, fields)
        }
    }
}

/// What would become of every row, without making any.
///
/// # Errors
/// [`AppError::ResourceNotFound`] for the portal.
pub async fn check(app: &App, mut import: Import) -> Result<Vec<Outcome>, AppError> {
    portals::get(app, &import.portal).await?;
    refuse_repeated(&mut import.rows);
    let (emails, ids) = asked(&import);
    let found = app.store.read().customers_like(&import.portal, &emails, &ids).await?;
    let existing = Existing::new(found);
    let judge = |row: Result<ImportRow, Vec<FieldViolation>>| match row {
        Err(violations) => Outcome::Invalid(violations),
        Ok(row) => match existing.of(&row) {
            None => Outcome::Created(row.id.map(|id| CustomerKey::new(import.portal.clone(), id))),
            Some((id, violations)) if import.skip_existing => {
                let who = CustomerKey::new(import.portal.clone(), id.clone());
                existing.pass_over(&row, who, violations)
            }
            Some((_, violations)) => Outcome::Invalid(violations),
        },
    };
    Ok(import.rows.into_iter().map(judge).collect())
}

/// Makes the customers, all of them or none, and says of each row what became of it.
///
/// # Errors
/// [`AppError::RequestInvalid`] with what is wrong with any row;
/// [`AppError::ResourceNotFound`] for the portal, [`AppError::ResourceExists`] for customers
/// that are there already, unless they are to be passed over.
pub async fn import(app: &App, call: &Call, mut import: Import) -> Result<Vec<Outcome>, AppError> {
    portals::get(app, &import.portal).await?;
    refuse_repeated(&mut import.rows);
    let mut wrong = Vec::new();
    for (n, row) in import.rows.iter().enumerate() {
        wrong.extend(row.as_ref().err().into_iter().flatten().map(|field| in_row(n, field)));
    }
    if !wrong.is_empty() {
        return Err(AppError::RequestInvalid(wrong));
    }
    let (emails, ids) = asked(&import);
    let rows = import.rows.into_iter().flatten();
    let new: Vec<_> = rows.map(|row| NewRow::seal(app, call, &import.portal, row)).collect();
    let batch =
        Batch { portal: import.portal, emails, ids, new, skip_existing: import.skip_existing };
    for _ in 0..TRIES {
        if let Some(outcomes) = retry(app, || batch.insert(app)).await? {
            return Ok(outcomes);
        }
        // Whoever was first is there the next time.
    }
    Err(AppError::Collided("others make the same customers".into()))
}

/// A row that is repeated in the request is wrong from the second time on: nobody knows
/// which one is meant.
fn refuse_repeated(rows: &mut [Result<ImportRow, Vec<FieldViolation>>]) {
    let (mut emails, mut ids) = (HashMap::new(), HashMap::new());
    for (n, slot) in rows.iter_mut().enumerate() {
        let Ok(row) = slot else { continue };
        let first_email = *emails.entry(row.email.clone()).or_insert(n);
        let first_id = row.id.clone().map_or(n, |id| *ids.entry(id).or_insert(n));
        let repeated = [("customer_id", first_id), ("email", first_email)];
        let violations: Vec<_> = repeated
            .into_iter()
            .filter(|(_, first)| *first != n)
            .map(|(field, first)| {
                FieldViolation::new(field, format!("is that of customers[{first}], too"))
            })
            .collect();
        if !violations.is_empty() {
            *slot = Err(violations);
        }
    }
}

/// The addresses and ids that rows ask for.
fn asked(import: &Import) -> (Vec<Email>, Vec<CustomerId>) {
    let rows = || import.rows.iter().flatten();
    let emails = rows().map(|row| row.email.clone()).collect();
    (emails, rows().filter_map(|row| row.id.clone()).collect())
}

fn in_row(n: usize, violation: &FieldViolation) -> FieldViolation {
    let FieldViolation { field, description } = violation;
    FieldViolation::new(format!("customers[{n}].{field}"), description.clone())
}

/// A row and the customer that it makes.
struct NewRow {
    row: ImportRow,
    customer: ImportedCustomer,
}

impl NewRow {
    fn seal(app: &App, call: &Call, portal: &PortalId, row: ImportRow) -> Self {
        let id = row.id.clone();
        let id = id.unwrap_or_else(|| CustomerId::generate(call.now, &mut app.entropy.rng()));
        let key = CustomerKey::new(portal.clone(), id);
        let seal = |hash: &ForeignHash| {
            (sealed::seal_foreign_password(app, &key, hash), hash.expected_time())
        };
        let password = row.password.as_ref().map(seal);
        let factor = row.totp.as_ref().map(|(secret, parameters)| {
            let factor = factor(app, call, &key, *parameters);
            let sealed = sealed::seal_factor(app, &factor, secret);
            (factor, sealed)
        });
        let function = row.password.as_ref().map_or("none", ForeignHash::function);
        let kind = if factor.is_some() { "totp" } else { "none" };
        let event = call.event(app, EventType::CustomerImported, about_customer(&key));
        let attributes = vec![("password_hash", function.to_owned()), ("factor", kind.to_owned())];
        let (email, name) = (row.email.clone(), row.display_name.clone());
        let customer = Customer::new(key, email, name, password.is_some(), call.now);
        let event = Event { attributes, ..event };
        Self { row, customer: ImportedCustomer { customer, password, factor, event } }
    }

    fn key(&self) -> &CustomerKey {
        &self.customer.customer.key
    }
}

/// In force from now on. No code has been accepted of it here.
fn factor(app: &App, call: &Call, key: &CustomerKey, parameters: TotpParameters) -> Factor {
    let rng = &mut app.entropy.rng();
    Factor {
        id: FactorId::generate(call.now, rng),
        customer: key.clone(),
        parameters,
        accepted_step: TimeStep::from_number(-1),
        enabled_at: call.now,
        last_used_at: None,
        // Of a sign-in that there is not: nobody asks for its answer again.
        enabled_by: Owner::SignIn(SignInId::generate(call.now, rng)),
    }
}

/// What one transaction makes.
struct Batch {
    portal: PortalId,
    emails: Vec<Email>,
    ids: Vec<CustomerId>,
    new: Vec<NewRow>,
    skip_existing: bool,
}

impl Batch {
    /// Nothing, if another call made one of them meanwhile.
    async fn insert(&self, app: &App) -> Result<Option<Vec<Outcome>>, AppError> {
        let tx = app.store.begin().await?;
        if tx.lock_portal_shared(&self.portal).await?.is_none() {
            return Err(portals::not_found(&self.portal));
        }
        let found = tx.customers_like(&self.portal, &self.emails, &self.ids).await?;
        let existing = Existing::new(found);
        let (mut outcomes, mut made) = (Vec::with_capacity(self.new.len()), Vec::new());
        let (mut taken, mut by) = (Vec::new(), None);
        for (n, new) in self.new.iter().enumerate() {
            let Some((id, violations)) = existing.of(&new.row) else {
                outcomes.push(Outcome::Created(Some(new.key().clone())));
                made.push(new.customer.clone());
                continue;
            };
            let who = CustomerKey::new(self.portal.clone(), id.clone());
            if !self.skip_existing {
                taken.extend(violations.iter().map(|field| in_row(n, field)));
                by.get_or_insert_with(|| name::customer(&who));
            }
            outcomes.push(existing.pass_over(&new.row, who, violations));
        }
        if let Some(name) = by {
            return Err(AppError::ResourceExists { name, fields: taken });
        }
        match tx.insert_imported(&made).await {
            Err(StoreError::Duplicate) => return Ok(None),
            result => result?,
        }
        tx.commit().await?;
        Ok(Some(outcomes))
    }
}
