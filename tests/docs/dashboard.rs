//! The dashboard is in the form that Grafana takes. What it asks for is promtool's and tests/e2e's to
//! look at.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

/// Of Grafana's classic model as much as ours has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dashboard {
    title: String,
    uid: String,
    schema_version: u32,
    panels: Vec<Panel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Panel {
    id: u32,
    r#type: String,
    title: String,
    grid_pos: Place,
    datasource: Option<Value>,
    field_config: Option<Value>,
    #[serde(default)]
    targets: Vec<Target>,
    collapsed: Option<bool>,
    panels: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    h: u32,
    w: u32,
    x: u32,
    y: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Target {
    datasource: Value,
    expr: String,
    legend_format: String,
    ref_id: String,
}

impl Place {
    fn overlaps(&self, other: &Self) -> bool {
        let meet = |from: u32, to: u32, other: u32, end: u32| from < end && other < to;
        meet(self.x, self.x + self.w, other.x, other.x + other.w)
            && meet(self.y, self.y + self.h, other.y, other.y + other.h)
    }
}

#[test]
fn every_panel_has_a_place_and_what_it_shows() {
    let dashboard: Dashboard =
        serde_json::from_str(include_str!("../../deploy/grafana/gatehouse.json")).unwrap();
    assert_eq!((&*dashboard.title, &*dashboard.uid), ("gatehouse", "gatehouse"));
    // Of the classic model: a later Grafana brings it up to its own.
    assert_eq!(dashboard.schema_version, 39);
    let by_variable = |source: &Value| source["uid"] == "${datasource}";
    let mut ids = BTreeSet::new();
    for (n, panel) in dashboard.panels.iter().enumerate() {
        let Panel { id, title, grid_pos, .. } = panel;
        assert!(ids.insert(id), "{title}: there is another {id}");
        assert!(grid_pos.x + grid_pos.w <= 24 && grid_pos.h > 0, "{title}");
        let others = &dashboard.panels[n + 1..];
        assert!(!others.iter().any(|other| grid_pos.overlaps(&other.grid_pos)), "{title}");
        if panel.r#type == "row" {
            assert_eq!((panel.collapsed, panel.panels.as_deref()), (Some(false), Some(&[][..])));
            continue;
        }
        assert!(["stat", "timeseries"].contains(&&*panel.r#type), "{title}");
        assert!(panel.datasource.as_ref().is_some_and(by_variable), "{title}");
        let unit = &panel.field_config.as_ref().unwrap()["defaults"]["unit"];
        assert!(unit.is_string(), "{title}");
        let names: BTreeSet<_> = panel.targets.iter().map(|target| &target.ref_id).collect();
        assert!(!names.is_empty() && names.len() == panel.targets.len(), "{title}");
        for Target { datasource, expr, legend_format, .. } in &panel.targets {
            assert!(by_variable(datasource) && !expr.is_empty(), "{title}");
            assert!(!legend_format.is_empty(), "{title}");
        }
    }
    assert!(ids.len() > 30, "they are found");
}
