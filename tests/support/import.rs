//! Customers of other systems.

use gatehouse_api::v1;
use serde::Deserialize;

use super::{Admin, Answer};

/// A hash that another system's library made (tests/vectors).
#[derive(Clone, Deserialize)]
pub struct PasswordVector {
    /// Of which system, and what is particular about it.
    pub name: String,
    /// What was hashed.
    pub password: String,
    /// What was not.
    pub wrong: String,
    /// As the system exports it.
    pub hash: String,
}

/// All of them.
pub fn password_vectors() -> Vec<PasswordVector> {
    serde_json::from_str(include_str!("../vectors/password_hashes.json")).unwrap()
}

/// The row of somebody with this hash.
pub fn imported(email: &str, hash: &str) -> v1::CustomerImport {
    v1::CustomerImport {
        email: email.to_owned(),
        password_hash: hash.to_owned(),
        ..Default::default()
    }
}

/// The request for these rows.
pub fn imports(portal: &str, customers: Vec<v1::CustomerImport>) -> v1::ImportCustomersRequest {
    v1::ImportCustomersRequest { parent: portal.to_owned(), customers, ..Default::default() }
}

impl Admin {
    pub async fn import(
        &self,
        request: v1::ImportCustomersRequest,
    ) -> Answer<Vec<v1::ImportResult>> {
        Ok(self.client().import_customers(request).await?.into_inner().results)
    }
}
