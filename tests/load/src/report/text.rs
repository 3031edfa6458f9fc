//! Lines for people.

use std::fmt::Write as _;

use super::{Compared, Comparison, DatabaseReport, Figures, Point};
use crate::database::Kind;
use crate::limit::OWN_CPU;
use crate::measure::{Latency, ratio, to_f64};
use crate::stage::SERVER_CPU;

/// What a database is like before anything is measured.
pub fn head(of: &DatabaseReport) -> String {
    format!(
        "{}: {} customers seeded in {:.1} s, {:.0} bytes each; the server serves after {:.0} ms, \
         with {:.1} MiB",
        of.kind.name(),
        of.customers,
        of.seed_seconds,
        ratio(to_f64(of.database_bytes), to_f64(of.customers)),
        of.start_millis,
        mib(of.memory_idle.resident_kib),
    )
}

/// What the server holds afterwards.
pub fn foot(of: &DatabaseReport) -> String {
    let after = of.memory_after.map_or(0, |memory| memory.resident_kib);
    let mut line = format!(
        "{}: memory {:.1} MiB idle, {:.1} MiB afterwards",
        of.kind.name(),
        mib(of.memory_idle.resident_kib),
        mib(after),
    );
    if let Some(crowded) = of.memory_crowded {
        let peak = mib(crowded.peak_kib);
        let _ = write!(line, ", {peak:.1} MiB at most while 2,000 callers asked for too much");
    }
    line
}

fn mib(kib: u64) -> f64 {
    to_f64(kib) / 1_024.0
}

/// What commits take, on this disk.
pub fn commits(of: &DatabaseReport) -> String {
    let mut lines = format!("{}: fdatasync takes {:.0} us", of.kind.name(), of.sync_micros);
    for commits in &of.commits {
        let millis = commits.per_call * of.sync_micros / 1e3;
        let _ = write!(
            lines,
            "\n  {}: {:.2} syncs a call, {millis:.3} ms of a call",
            commits.what, commits.per_call,
        );
        if let Some(transactions) = commits.transactions_per_call {
            let _ = write!(lines, "; {transactions:.1} transactions, reads included");
        }
    }
    lines
}

/// One line for the ratio, and one for what stands behind it.
pub fn comparison(of: &Comparison) -> String {
    let Comparison { what, callers, ratio, lowest, highest, limit_name, .. } = of;
    let database = of.database.name();
    let (of_what, subject, limit, unit) = match of.compared {
        Compared::Rate => ("", of.subject.per_second, of.limit.per_second, "per s"),
        Compared::P99 => ("p99 ", of.subject.latency.p99, of.limit.latency.p99, "ms"),
    };
    // What the hash costs is the hash's; what is left is ours.
    let server = of.subject.cpu_millis.get(SERVER_CPU).filter(|_| of.subject.calls > 0);
    let besides =
        server.zip(of.limit.cpu_millis.get(OWN_CPU)).map_or_else(String::new, |(server, limit)| {
            format!("; the server's besides {limit_name}: {:.3} ms", server - limit)
        });
    format!(
        "{database}: {what} {callers} callers: {of_what}{ratio:.2} of {limit_name} \
         ({subject:.1} / {limit:.1} {unit}), rounds {lowest:.2} to {highest:.2}\n  \
         {}{besides}\n  {limit_name}: {}",
        figures(&of.subject),
        figures(&of.limit),
    )
}

/// A thing by itself.
pub fn point(database: Kind, of: &Point) -> String {
    let load = match (of.callers, of.rate) {
        (Some(callers), _) => format!("{callers} callers"),
        (None, Some(rate)) => format!("{rate:.1} per s asked for"),
        (None, None) => String::new(),
    };
    let figures = &of.figures;
    let (what, per_second, rest) = (&of.what, figures.per_second, self::figures(figures));
    format!("{}: {what} {load}: {per_second:.1} per s, {rest}", database.name())
}

/// A part of a mix.
pub fn part(kind: &str, per_second: f64, latency: Latency) -> String {
    format!("  {kind}: {per_second:.1} per s, {}", times(latency))
}

fn figures(of: &Figures) -> String {
    let mut line = times(of.latency);
    for (process, millis) in &of.cpu_millis {
        let _ = write!(line, ", {process} CPU {millis:.3} ms");
    }
    if of.backlog > 0 {
        let _ = write!(line, ", {} not begun in time", of.backlog);
    }
    for (reason, count) in &of.errors {
        let _ = write!(line, ", {count} x {reason}");
    }
    line
}

fn times(of: Latency) -> String {
    format!("p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms", of.p50, of.p99, of.p999)
}
