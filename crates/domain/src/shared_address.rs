//! Whether a portal passes one address, such as its proxy's, as that of every customer.
//!
//! All of them are then one source: the wrong passwords of any slow down the sign-ins of all
//! ([`crate::throttle::SOURCE`]), and no event tells where anybody was.

/// Fewer customers say nothing: a family, or a portal that has just opened.
pub const MIN_CUSTOMERS: u64 = 20;

/// Whether customers of a portal look as if it passed one address for all: of `customers` who
/// signed in lately, each counted once, `of_most_frequent_address` came from the most
/// frequent source ([`crate::client::ClientContext::source`]).
///
/// From half of at least [`MIN_CUSTOMERS`] on: half, as there may be two proxies. Customers
/// of one office look the same.
#[must_use]
pub const fn looks_shared(customers: u64, of_most_frequent_address: u64) -> bool {
    customers >= MIN_CUSTOMERS && of_most_frequent_address.saturating_mul(2) >= customers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_twenty_customers_look_as_if_they_came_by_one_proxy() {
        for (customers, of_one, looks) in [
            (0, 0, false),
            (19, 19, false),
            (20, 9, false),
            (20, 10, true),
            (20, 20, true),
            (21, 10, false),
            (21, 11, true),
            (1_000_000, 499_999, false),
            (1_000_000, 500_000, true),
            (u64::MAX, u64::MAX, true),
        ] {
            assert_eq!(looks_shared(customers, of_one), looks, "{of_one} of {customers}");
        }
    }
}
