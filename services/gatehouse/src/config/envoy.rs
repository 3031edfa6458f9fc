//! What is served for Envoy.

use super::{ConfigError, Sources, switch};

impl Sources<'_> {
    /// Whether it may ask: a service that nobody needs is none that can be attacked.
    pub(super) fn envoy_authorization(&self) -> Result<bool, ConfigError> {
        let given =
            self.value("envoy_authorization", |given| &given.envoy_authorization, switch)?;
        Ok(given.unwrap_or(false))
    }
}
