//! What is served for Envoy.

use super::{Sources, switch};

impl Sources<'_> {
    /// Whether it may ask: a service that nobody needs is none that can be attacked.
    pub(super) fn envoy_authorization(&self) -> bool {
        self.value("envoy_authorization", |given| &given.envoy_authorization, switch)
            .unwrap_or(false)
    }
}
