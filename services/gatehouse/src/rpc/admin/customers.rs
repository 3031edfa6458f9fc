//! Customers.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_domain::api_key::AdminRole;
use gatehouse_domain::id::name;
use gatehouse_domain::text::is_deceptive;
use tonic::Request;

use super::AdminRpc;
use crate::app::App;
use crate::convert::fields::{Fields, count, given, only};
use crate::convert::{api_key, customer, import as convert, page};
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::customers;
use crate::usecase::customers::{MfaReset, import};

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

    pub(super) async fn import_customers(
        &self,
        request: Request<v1::ImportCustomersRequest>,
    ) -> Result<v1::ImportCustomersResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let parent = only("parent", name::parse_portal(&message.parent))?;
        context.caller.require_portal(&parent)?;
        let validate_only = message.validate_only;
        let rows = convert::parse(message, parent)?;
        if validate_only {
            context.caller.only_previews();
            return Ok(convert::message(&import::check(&self.app, rows).await?));
        }
        let use_case =
            move |app: Arc<App>, call| async move { import::import(&app, &call, rows).await };
        Ok(convert::message(&context.detach(use_case).await?))
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
        let list = page::List::new("ListCustomers", &filter);
        let (size, token) = (message.page_size, &message.page_token);
        let page = list.page(&self.app, &mut fields, size, token, name::parse_customer);
        fields.finish()?;
        let after = page.after.as_ref();
        let found = customers::list(&self.app, &filter, after, page.limit(), now).await?;
        let (found, next_page_token) =
            page.cut(&self.app, found, |found| name::customer(&found.view.customer.key));
        let customers = found.iter().map(|found| customer::message(found, now)).collect();
        Ok(v1::ListCustomersResponse { customers, next_page_token })
    }

    pub(super) async fn update_customer(
        &self,
        request: Request<v1::UpdateCustomerRequest>,
    ) -> Result<v1::UpdateCustomerResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::UpdateCustomerRequest { customer, update_mask } = message;
        let from = customer.unwrap_or_default();
        let key = only("customer.name", name::parse_customer(&from.name))?;
        context.caller.require_portal(&key.portal)?;
        let paths = update_mask.unwrap_or_default().paths;
        if paths.iter().any(|path| path == "email") {
            // Who changes it can pass for the customer.
            context.caller.require_role(AdminRole::Admin)?;
        }
        let change = customer::change(from, key, &paths)?;
        let now = context.call.now;
        let use_case =
            move |app: Arc<App>, call| async move { customers::update(&app, &call, &change).await };
        let updated = context.detach(use_case).await?;
        Ok(v1::UpdateCustomerResponse { customer: Some(customer::message(&updated, now)) })
    }

    pub(super) async fn delete_customer(
        &self,
        request: Request<v1::DeleteCustomerRequest>,
    ) -> Result<v1::DeleteCustomerResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::DeleteCustomerRequest { name, etag } = message;
        let key = only("name", name::parse_customer(&name))?;
        context.caller.require_portal(&key.portal)?;
        let etag = given(etag);
        let use_case = move |app: Arc<App>, call| async move {
            customers::delete(&app, &call, &key, etag.as_deref()).await
        };
        context.detach(use_case).await?;
        Ok(v1::DeleteCustomerResponse {})
    }

    pub(super) async fn unlock_customer(
        &self,
        request: Request<v1::UnlockCustomerRequest>,
    ) -> Result<v1::UnlockCustomerResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let key = only("name", name::parse_customer(&message.name))?;
        context.caller.require_portal(&key.portal)?;
        let now = context.call.now;
        let use_case =
            move |app: Arc<App>, call| async move { customers::unlock(&app, &call, &key).await };
        let found = context.detach(use_case).await?;
        Ok(v1::UnlockCustomerResponse { customer: Some(customer::message(&found, now)) })
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
        if reason.chars().count() > MAX_REASON_CHARS || reason.contains(is_deceptive) {
            fields.note("reason", "at most 200 characters, no control or bidirectional ones");
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
