//! docs/operations.md has a row for every metric, as it is defined.

use gatehouse::metrics::catalog::{ALL, Definition, Kind};

const TEXT: &str = include_str!("../../docs/operations.md");

fn row(metric: &Definition) -> String {
    let Definition { kind, name, labels, help } = metric;
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{name}` | {kind} | {} | {help} |", labels.join(", "))
}

#[test]
fn the_documented_metrics_are_those_there_are() {
    let documented: Vec<_> =
        TEXT.lines().filter(|line| line.starts_with("| `gatehouse_")).collect();
    let defined: Vec<_> = ALL.iter().map(row).collect();
    assert_eq!(documented, defined);
}
