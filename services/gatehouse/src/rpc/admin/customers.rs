//! Customers.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_domain::id::name;
use tonic::Request;

use super::AdminRpc;
use crate::app::App;
use crate::convert::fields::{Fields, count, only};
use crate::convert::{api_key, customer, page};
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::customers;
use crate::usecase::customers::MfaReset;

const MAX_REASON_CHARS: usize = 200;

impl AdminRpc {
    pub(super) async fn create_customer(
        &self,
        request: Request<v1::CreateCustomerRequest>,
    ) -> Result<v1::CreateCustomerResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let parent = only("parent", name::parse_portal(&message.parent))?;
        context.caller.require_portal(&parent)?;
        let new = customer::new(message, parent)?;
        let now = context.call.now;
        let use_case =
            move |app: Arc<App>, call| async move { customers::create(&app, &call, new).await };
        let made = context.detach(use_case).await?;
        Ok(v1::CreateCustomerResponse { customer: Some(customer::message(&made, now)) })
    }

    pub(super) async fn get_customer(
        &self,
        request: Request<v1::GetCustomerRequest>,
    ) -> Result<v1::GetCustomerResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let key = only("name", name::parse_customer(&message.name))?;
        context.caller.require_portal(&key.portal)?;
        let found = customers::get(&self.app, &key).await?;
        let customer = customer::message(&found, context.call.now);
        Ok(v1::GetCustomerResponse { customer: Some(customer) })
    }

    pub(super) async fn list_customers(
        &self,
        request: Request<v1::ListCustomersRequest>,
    ) -> Result<v1::ListCustomersResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let now = context.call.now;
        let parent = only("parent", name::parse_portals(&message.parent))?;
        let scope = api_key::list_scope(parent, &context.caller.admin()?.scope)?;
        let mut fields = Fields::default();
        let filter = customer::filter(&mut fields, &message, scope);
        let size = page::size(&mut fields, message.page_size);
        let asked = page::List::new("ListCustomers", &filter);
        let last_seen = asked.last_seen(&self.app, &mut fields, &message.page_token);
        fields.finish()?;
        let after = last_seen.map(|last| only("page_token", name::parse_customer(&last)));
        let after = after.transpose()?;

        let (found, more) = customers::list(&self.app, &filter, after.as_ref(), size, now).await?;
        let customers = found.iter().map(|found| customer::message(found, now)).collect::<Vec<_>>();
        let last = customers.last().filter(|_| more);
        Ok(v1::ListCustomersResponse {
            next_page_token: last
                .map(|last| asked.token_after(&self.app, &last.name))
                .unwrap_or_default(),
            customers,
        })
    }

    pub(super) async fn reset_customer_mfa(
        &self,
        request: Request<v1::ResetCustomerMfaRequest>,
    ) -> Result<v1::ResetCustomerMfaResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::ResetCustomerMfaRequest { name, reason, end_password } = message;
        let key = only("name", name::parse_customer(&name))?;
        context.caller.require_portal(&key.portal)?;
        let mut fields = Fields::default();
        if reason.chars().count() > MAX_REASON_CHARS {
            fields.note("reason", "at most 200 characters");
        }
        fields.finish()?;
        let now = context.call.now;
        let reset = MfaReset { key, reason, end_password };
        let use_case = move |app: Arc<App>, call| async move {
            customers::reset_mfa(&app, &call, &reset).await
        };
        let (found, ended) = context.detach(use_case).await?;
        Ok(v1::ResetCustomerMfaResponse {
            customer: Some(customer::message(&found, now)),
            sessions_ended: count(ended),
        })
    }
}
