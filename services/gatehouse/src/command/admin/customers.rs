//! `gatehouse admin customers`.

use std::error::Error;
use std::io::{self, Write};

use clap::{Subcommand, ValueEnum};
use gatehouse_api::v1::{
    CreateCustomerRequest, CreateInvitationRequest, Customer, DeleteCustomerRequest,
    GetCustomerRequest, ListCustomersRequest, MfaState, ResetCustomerMfaRequest,
    UnlockCustomerRequest, UpdateCustomerRequest,
};
use prost_types::FieldMask;

use super::connection::{Connection, Refused, answer};
use super::names::{CustomerRef, PortalRef};
use super::output::{DEFAULT_LIMIT, Output, id, limit, note, pages, time};
use crate::command::counted;

#[derive(Clone, Subcommand)]
pub(super) enum Customers {
    /// A portal's customers
    List {
        /// The portal's id, or `-` for every portal that the key may see
        portal: PortalRef,
        /// Only with a factor in force, or without
        #[arg(long)]
        mfa: Option<Mfa>,
        /// Only suspended ones
        #[arg(long)]
        suspended: bool,
        /// Only locked ones
        #[arg(long)]
        locked: bool,
        /// Rows at most
        #[arg(long, default_value_t = DEFAULT_LIMIT, value_parser = limit)]
        limit: usize,
    },
    /// One customer
    Get {
        /// portal/email, or portal/id
        customer: CustomerRef,
    },
    /// Make a customer without a password; `invite` gives the token to set one
    Create {
        /// The portal's id
        portal: PortalRef,
        /// Their address
        email: String,
        /// What people call them
        #[arg(long, value_name = "NAME", default_value = "")]
        display_name: String,
        /// The customer's id; the server picks one without it
        #[arg(long, default_value = "")]
        id: String,
    },
    /// Print a token with which the customer sets a password; whoever has it can
    Invite {
        /// portal/email, or portal/id
        customer: CustomerRef,
    },
    /// End a lockout
    Unlock {
        /// portal/email, or portal/id
        customer: CustomerRef,
    },
    /// Let a customer in no more, and end their sessions
    Suspend {
        /// portal/email, or portal/id
        customer: CustomerRef,
    },
    /// End a suspension
    Restore {
        /// portal/email, or portal/id
        customer: CustomerRef,
    },
    /// Remove the factor and the backup codes of who has lost them, and end every session
    ResetMfa {
        /// portal/email, or portal/id
        customer: CustomerRef,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
        /// Void the password as well, so that who knows it cannot set MFA up first
        #[arg(long)]
        end_password: bool,
    },
    /// Delete a customer and all that belongs to them
    Delete {
        /// portal/email, or portal/id
        customer: CustomerRef,
    },
}

/// Whether a factor is in force.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Mfa {
    Enabled,
    Disabled,
}

pub(super) async fn run(
    connection: &mut Connection,
    output: Output,
    command: Customers,
) -> Result<(), Box<dyn Error>> {
    match command {
        Customers::List { portal, mfa, suspended, locked, limit } => {
            let state = mfa.map_or(MfaState::Unspecified, |mfa| match mfa {
                Mfa::Enabled => MfaState::Enabled,
                Mfa::Disabled => MfaState::Disabled,
            });
            let request = ListCustomersRequest {
                parent: portal.name(),
                mfa_state: state.into(),
                suspended: suspended.then_some(true),
                locked: locked.then_some(true),
                ..ListCustomersRequest::default()
            };
            let found = pages!(connection.list_customers(request).customers, limit);
            let headings = ["customer", "email", "display name", "mfa", "state", "last sign-in"];
            output.list(&headings, &found, |customer| {
                vec![
                    short(&customer.name),
                    customer.email.clone(),
                    customer.display_name.clone(),
                    mfa_of(customer),
                    state_of(customer),
                    time(customer.last_sign_in_time.as_ref()),
                ]
            })
        }
        Customers::Get { customer } => {
            let name = customer.name(connection).await?;
            show(output, &get(connection, name).await?)
        }
        Customers::Create { portal, email, display_name, id } => {
            let request = CreateCustomerRequest {
                parent: portal.name(),
                customer: Some(Customer { email, display_name, ..Customer::default() }),
                customer_id: id,
                ..CreateCustomerRequest::default()
            };
            let made = answer(connection.create_customer(request).await)?;
            show(output, &made.customer.unwrap_or_default())
        }
        Customers::Invite { customer } => {
            let request = CreateInvitationRequest { customer: customer.name(connection).await? };
            let made = answer(connection.create_invitation(request).await)?;
            let invitation = made.invitation.unwrap_or_default();
            let expires = time(invitation.expire_time.as_ref());
            note(&format!("for {}, good until {expires}", invitation.email))?;
            Ok(writeln!(io::stdout(), "{}", invitation.token)?)
        }
        Customers::Unlock { customer } => {
            let request = UnlockCustomerRequest { name: customer.name(connection).await? };
            let done = answer(connection.unlock_customer(request).await)?;
            show(output, &done.customer.unwrap_or_default())
        }
        Customers::Suspend { customer } => suspend(connection, output, &customer, true).await,
        Customers::Restore { customer } => suspend(connection, output, &customer, false).await,
        Customers::ResetMfa { customer, reason, end_password } => {
            let name = customer.name(connection).await?;
            let found = get(connection, name).await?;
            let password = if end_password { ", the password" } else { "" };
            output.confirm(&format!(
                "remove {}'s factor and backup codes{password}, and end their sessions",
                who(&found)
            ))?;
            let request = ResetCustomerMfaRequest { name: found.name, reason, end_password };
            let done = answer(connection.reset_customer_mfa(request).await)?;
            note(&format!("{} ended", counted(done.sessions_ended, "session")))?;
            show(output, &done.customer.unwrap_or_default())
        }
        Customers::Delete { customer } => {
            let name = customer.name(connection).await?;
            let found = get(connection, name).await?;
            output.confirm(&format!("delete {}", who(&found)))?;
            let request = DeleteCustomerRequest { name: found.name.clone(), etag: found.etag };
            answer(connection.delete_customer(request).await)?;
            Ok(note(&format!("{} is deleted", found.name))?)
        }
    }
}

async fn get(connection: &mut Connection, name: String) -> Result<Customer, Refused> {
    let found = answer(connection.get_customer(GetCustomerRequest { name }).await)?;
    Ok(found.customer.unwrap_or_default())
}

async fn suspend(
    connection: &mut Connection,
    output: Output,
    customer: &CustomerRef,
    suspended: bool,
) -> Result<(), Box<dyn Error>> {
    let name = customer.name(connection).await?;
    let request = UpdateCustomerRequest {
        customer: Some(Customer { name, suspended, ..Customer::default() }),
        update_mask: Some(FieldMask { paths: vec!["suspended".to_owned()] }),
    };
    let done = answer(connection.update_customer(request).await)?;
    show(output, &done.customer.unwrap_or_default())
}

fn show(output: Output, customer: &Customer) -> Result<(), Box<dyn Error>> {
    let password = if customer.has_password { "set" } else { "none" };
    output.one(
        customer,
        vec![
            ("customer", customer.name.clone()),
            ("email", customer.email.clone()),
            ("display name", customer.display_name.clone()),
            ("password", password.to_owned()),
            ("mfa", mfa_of(customer)),
            ("state", state_of(customer)),
            ("last sign-in", time(customer.last_sign_in_time.as_ref())),
            ("created", time(customer.create_time.as_ref())),
            ("updated", time(customer.update_time.as_ref())),
        ],
    )
}

/// Whom a question is about.
fn who(customer: &Customer) -> String {
    format!("{} ({})", customer.email, short(&customer.name))
}

/// `acme/ada`, as the commands take it.
fn short(name: &str) -> String {
    let portal = name.split('/').nth(1).unwrap_or_default();
    format!("{portal}/{}", id(name))
}

fn mfa_of(customer: &Customer) -> String {
    let Some(mfa) = &customer.mfa else { return String::new() };
    if mfa.state() == MfaState::Enabled {
        format!("enabled, {}", counted(mfa.backup_codes_remaining, "backup code"))
    } else {
        "disabled".to_owned()
    }
}

fn state_of(customer: &Customer) -> String {
    match &customer.lock {
        _ if customer.suspended => "suspended".to_owned(),
        Some(lock) => match &lock.until_time {
            Some(until) => format!("locked until {}", time(Some(until))),
            None => "locked".to_owned(),
        },
        None => "active".to_owned(),
    }
}
