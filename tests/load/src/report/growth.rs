//! Lines about growth.

use std::fmt::Write as _;

use crate::growth::{Curve, SizeReport};

/// A database of one size.
pub fn size(of: &SizeReport) -> String {
    format!(
        "{}: {} customers seeded in {:.1} s, {:.0} bytes each",
        of.kind.name(),
        of.customers,
        of.seed_seconds,
        of.bytes_per_customer,
    )
}

/// A thing at each size.
pub fn curve(of: &Curve) -> String {
    let mut lines = format!("{}: {}", of.kind.name(), of.what);
    for point in &of.points {
        let _ = write!(
            lines,
            "\n  {:>9} customers: p50 {:.3} ms ({:.2} of the smallest), p99 {:.3} ms ({:.2})",
            point.customers, point.latency.p50, point.p50_ratio, point.latency.p99, point.p99_ratio,
        );
        for (reason, count) in &point.errors {
            let _ = write!(lines, ", {count} x {reason}");
        }
    }
    lines
}
