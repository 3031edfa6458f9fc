//! Lines for people.

use super::{Comparison, Figures};

/// One line for the ratio, and one for what stands behind it.
pub fn comparison(of: &Comparison) -> String {
    let Comparison { what, callers, ratio, lowest, highest, limit_name, .. } = of;
    let database = of.database.name();
    let (subject, limit) = (of.subject.per_second, of.limit.per_second);
    format!(
        "{database}: {what} {callers} callers: {ratio:.2} of {limit_name} ({subject:.1} / {limit:.1} per s), \
         rounds {lowest:.2} to {highest:.2}\n  {}\n  {limit_name}: {}",
        figures(&of.subject),
        figures(&of.limit),
    )
}

fn figures(of: &Figures) -> String {
    let latency = of.latency;
    let mut line = format!(
        "p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms",
        latency.p50, latency.p99, latency.p999
    );
    for (process, millis) in &of.cpu_millis {
        line.push_str(&format!(", {process} CPU {millis:.3} ms"));
    }
    for (reason, count) in &of.errors {
        line.push_str(&format!(", {count} x {reason}"));
    }
    line
}
