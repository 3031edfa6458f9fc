//! Pictures.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;

use super::Report;
use crate::growth::GrowthReport;

const PANEL: (u32, u32) = (460, 320);
const FONT: &str = "sans-serif";

/// A curve: its name, and its points.
type Line = (String, Vec<(f64, f64)>);

/// One picture of several.
struct Panel {
    title: String,
    x: &'static str,
    lines: Vec<Line>,
}

/// Throughput and latency against callers.
pub fn callers(path: &Path, report: &Report) -> Result<()> {
    let mut panels = Vec::new();
    for what in ["sign-in", "ValidateSession"] {
        let line = |name: &str, value: &dyn Fn(&super::Figures) -> f64| -> Vec<Line> {
            let databases = report.databases.iter().map(|database| {
                let points = database.points.iter().filter(|point| point.what == what);
                let points = points.filter_map(|point| {
                    let callers = crate::measure::to_f64(point.callers? as u64);
                    Some((callers, value(&point.figures)))
                });
                (format!("{} {name}", database.kind.name()), points.collect())
            });
            databases.collect()
        };
        let throughput = line("", &|figures| figures.per_second);
        let mut latency = line("p50", &|figures| figures.latency.p50);
        latency.extend(line("p99", &|figures| figures.latency.p99));
        let x = "callers";
        panels.push(Panel { title: format!("{what}, per second"), x, lines: throughput });
        panels.push(Panel { title: format!("{what}, milliseconds"), x, lines: latency });
    }
    draw(path, &panels)
}

/// Latency against customers.
pub fn growth(path: &Path, report: &GrowthReport) -> Result<()> {
    let mut panels = Vec::<Panel>::new();
    for curve in &report.curves {
        let title = format!("{}, milliseconds", curve.what);
        let line = |name: &str, value: &dyn Fn(&crate::measure::Latency) -> f64| {
            let points = curve
                .points
                .iter()
                .map(|point| (crate::measure::to_f64(point.customers), value(&point.latency)));
            (format!("{} {name}", curve.kind.name()), points.collect())
        };
        let lines = [line("p50", &|latency| latency.p50), line("p99", &|latency| latency.p99)];
        match panels.iter_mut().find(|panel| panel.title == title) {
            Some(panel) => panel.lines.extend(lines),
            None => panels.push(Panel { title, x: "customers", lines: lines.into() }),
        }
    }
    draw(path, &panels)
}

fn draw(path: &Path, panels: &[Panel]) -> Result<()> {
    let rows = panels.len().div_ceil(2);
    let (width, height) = PANEL;
    let size = (2 * width, height * u32::try_from(rows)?);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE).map_err(|error| failed(&error))?;
    for (panel, area) in panels.iter().zip(root.split_evenly((rows.max(1), 2))) {
        draw_panel(panel, &area)?;
    }
    root.present().map_err(|error| failed(&error))
}

/// Both axes are logarithmic: what does not grow is level, whatever its size.
fn draw_panel(panel: &Panel, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<()> {
    let points = || panel.lines.iter().flat_map(|(_, points)| points);
    let (Some(x), Some(y)) = (range(points().map(|p| p.0)), decades(points().map(|p| p.1))) else {
        return Ok(());
    };
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, (FONT, 16))
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(56)
        .build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())
        .map_err(|error| failed(&error))?;
    let number = |value: &f64| format!("{value}");
    chart
        .configure_mesh()
        .x_desc(panel.x)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .max_light_lines(0)
        .draw()
        .map_err(|error| failed(&error))?;
    for (index, (name, points)) in panel.lines.iter().enumerate() {
        let style = Palette99::pick(index).stroke_width(2);
        chart
            .draw_series(LineSeries::new(counted(points), style).point_size(3))
            .map_err(|error| failed(&error))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK.mix(0.3))
        .background_style(WHITE.mix(0.8))
        .draw()
        .map_err(|error| failed(&error))
}

/// Without those of which nothing was counted, which a logarithmic axis does not have.
fn counted(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    points.iter().copied().filter(|(_, value)| *value > 0.0)
}

/// From the least to the greatest, with some room. None without anything above zero.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (least, greatest) = values
        .filter(|value| *value > 0.0)
        .fold((f64::INFINITY, 0.0_f64), |(least, greatest), value| {
            (least.min(value), greatest.max(value))
        });
    (greatest > 0.0).then_some((least * 0.8, greatest * 1.4))
}

/// The same in whole decades, and some more above for the names of the curves.
fn decades(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (least, greatest) = range(values)?;
    Some((10.0_f64.powf(least.log10().floor()), 10.0_f64.powf(greatest.log10().ceil() + 0.5)))
}

fn failed<E: std::error::Error + Send + Sync>(error: &DrawingAreaErrorKind<E>) -> anyhow::Error {
    anyhow!("the picture: {error}")
}
