//! The dashboard and the alert rules ask for metrics that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use gatehouse::metrics::render;
use gatehouse_tests::{Acme, Database, TestServer};
use serde::Deserialize;
use serde_json::Value;

use super::{Scrape, traffic};

#[derive(Deserialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: String,
    expr: String,
    r#for: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

fn read(path: &str) -> String {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into();
    fs::read_to_string(root.join(path)).unwrap()
}

fn rules() -> Vec<Rule> {
    let file: File = serde_saphyr::from_str(&read("deploy/prometheus/alerts.yaml")).unwrap();
    file.groups.into_iter().flat_map(|group| group.rules).collect()
}

/// Every query of the dashboard, those of its variables included.
fn queries() -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if matches!(name.as_str(), "expr" | "query") => {
                            found.push(text.clone());
                        }
                        value => collect(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    let dashboard = serde_json::from_str(&read("deploy/grafana/gatehouse.json")).unwrap();
    collect(&dashboard, &mut found);
    found
}

/// What a query names that is one of a server's metrics, or looks like one.
fn metrics(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("gatehouse_") || word.starts_with("process_"))
}

/// What a query selects or groups by: each of these words must be a label somewhere.
fn labels(query: &str) -> impl Iterator<Item = &str> {
    let after = |text| query.split(text).skip(1).map(|rest: &str| rest.split(')').next().unwrap());
    let grouped = after("by (").flat_map(|list| list.split(',')).map(str::trim);
    let selected = query.split('{').skip(1).flat_map(|rest| {
        let inside = rest.split('}').next().unwrap();
        inside.split(", ").filter_map(|one| one.split(['=', '!']).next())
    });
    grouped.chain(selected)
}

/// The methods that a query selects.
fn methods(query: &str) -> impl Iterator<Item = &str> {
    let after = |text| query.split(text).skip(1).filter_map(|rest: &str| rest.split('"').next());
    after("method=\"").chain(after("method=~\"")).flat_map(|list| list.split('|'))
}

/// What a portal asks for every page, and an Envoy for every request.
#[test]
fn session_checks_are_watched_whoever_asks() {
    let rules = rules();
    let slow = rules.iter().find(|rule| rule.alert == "GatehouseSessionChecksSlow").unwrap();
    let queries = queries();
    for asked in ["ValidateSession", "Check"] {
        assert!(methods(&slow.expr).any(|method| method == asked), "{asked}: {}", slow.expr);
        let is_shown =
            queries.iter().flat_map(|query| methods(query)).any(|method| method == asked);
        assert!(is_shown, "{asked} is on no panel");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_and_alerts_ask_for_metrics_and_labels_that_a_server_exports() {
    let acme = Acme::new(TestServer::start(Database::Postgres).await).await;
    traffic(&acme).await;
    let app = acme.server.app();
    // As its first minute would do.
    app.metrics.background.task("numbering").done(acme.server.now());
    let text = render(&app).unwrap();
    let seen = Scrape::read(&text);
    let names = seen.names();
    let known: BTreeSet<_> = text
        .split(['{', ','])
        .filter_map(|part| part.split_once("=\"").map(|(label, _)| label))
        .chain(["job", "instance", "le"])
        .collect();
    let rules = rules();
    let queries = queries();
    assert!(rules.len() > 10 && queries.len() > 30, "they are found");
    let mut asked = BTreeSet::new();
    for query in queries.iter().chain(rules.iter().map(|rule| &rule.expr)) {
        for name in metrics(query) {
            assert!(names.contains(name), "{name}, in {query}");
            asked.insert(name.to_owned());
        }
        for method in methods(query) {
            assert!(text.contains(&format!("method=\"{method}\"")), "{method}, in {query}");
        }
        for label in labels(query) {
            assert!(known.contains(label), "{label}, in {query}");
        }
    }
    for metric in gatehouse::metrics::catalog::ALL {
        let is_asked = asked.iter().any(|name| name.starts_with(metric.name));
        assert!(is_asked, "{} is on no panel", metric.name);
    }
}

#[test]
fn every_alert_has_a_severity_and_a_runbook_that_is_there() {
    let runbooks = read("docs/runbooks.md");
    let mut headings = runbooks.lines().filter_map(|line| line.strip_prefix("## "));
    let known: BTreeSet<_> = headings.by_ref().collect();
    for Rule { alert, r#for, labels, annotations, .. } in rules() {
        let severity = labels.get("severity").map(String::as_str);
        assert!(matches!(severity, Some("critical" | "warning" | "info")), "{alert}");
        assert!(r#for.ends_with(['m', 'h']), "{alert}");
        assert!(annotations["summary"].ends_with('.'), "{alert}");
        let anchor = format!("docs/runbooks.md#{}", alert.to_lowercase());
        assert_eq!(annotations["runbook"], anchor);
        assert!(known.contains(alert.as_str()), "{alert} has no runbook");
    }
}
