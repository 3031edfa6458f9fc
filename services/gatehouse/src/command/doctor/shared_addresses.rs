//! Whether a portal passes its proxy's address as that of every customer.

use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::Store;

use super::{Finding, unknown};
use crate::usecase::shared_addresses::{self, SharedAddress};

const CHECK: &str = "addresses";

pub(super) async fn examine(store: &Store, now: Timestamp) -> Vec<Finding> {
    let shared = match shared_addresses::find(store, now).await {
        Ok(shared) => shared,
        Err(error) => return vec![unknown(CHECK, &error)],
    };
    let findings: Vec<_> = shared
        .into_iter()
        .map(|(portal, SharedAddress { customers, of_one })| {
            Finding::warning(
                CHECK,
                format!(
                    "of the last {customers} customers of the portal {portal} {of_one} signed in \
                     from one address: their wrong passwords slow down each other's sign-ins"
                ),
                "let its backend pass the browser's address in client.ip_address, not its own \
                 proxy's (docs/integrating.md), unless they are all in one office",
            )
        })
        .collect();
    if findings.is_empty() {
        return vec![Finding::ok(CHECK, "no portal passes one for all of its customers")];
    }
    findings
}
