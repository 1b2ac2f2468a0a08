//! Plots of the rows, as SVG and as PNG. The font is one that the program brings along.

use std::path::Path;
use std::sync::Once;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

use crate::BenchError;
use crate::rows::Row;
use crate::summary::{Metric, Panel, base, distinct, groups, panels};

const FONT: &str = "sans-serif";
const CHART: (u32, u32) = (520, 360);
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 90, 160),
    RGBColor(110, 170, 220),
    RGBColor(200, 70, 30),
    RGBColor(60, 140, 60),
    RGBColor(230, 160, 120),
    RGBColor(150, 200, 150),
];

/// A line with its points.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Lines over logarithmic axes.
struct Chart {
    title: String,
    x: String,
    lines: Vec<Line>,
}

fn error(e: impl std::fmt::Display) -> BenchError {
    BenchError::Plot(e.to_string())
}

/// Draws everything that there are rows for into `folder`; gives the names of the files without their endings.
///
/// # Errors
/// If a file cannot be written.
pub fn draw_all(folder: &Path, folding: &[Row], growth: &[Row]) -> Result<Vec<String>, BenchError> {
    let mut drawn = Vec::new();
    for panel in panels(folding) {
        let file = folding_file(&panel);
        draw(folder, &file, &folding_charts(&panel))?;
        drawn.push(file);
    }
    if !growth.is_empty() {
        draw(folder, GROWTH_FILE, &growth_charts(growth))?;
        drawn.push(GROWTH_FILE.to_owned());
    }
    Ok(drawn)
}

/// Name, without its ending, of the plot of what grows.
pub const GROWTH_FILE: &str = "growth";

/// Name, without its ending, of the plot of a network on so many cores.
#[must_use]
pub fn folding_file(panel: &Panel) -> String {
    let name = panel.title().replace(", ", "-");
    format!("folding-{}", name.replace(' ', "-").replace('×', "x"))
}

fn folding_charts(panel: &Panel) -> Vec<Chart> {
    let metrics: [(&str, Metric); 4] = [
        ("seconds to prove", |r| r.wall),
        ("seconds to verify", |r| r.verify),
        ("bytes of the proof", |r| r.proof_bytes.map(|n| n as f64)),
        ("peak memory, MiB", |r| {
            r.peak_bytes.map(|n| n as f64 / 1_048_576.0)
        }),
    ];
    let chart = |(title, metric): (&str, Metric)| Chart {
        title: format!("{}: {title}", panel.title()),
        x: "layers".to_owned(),
        lines: distinct(&panel.rows, |r| &r.system)
            .into_iter()
            .map(|system| Line {
                name: system.to_owned(),
                points: panel
                    .curve(system, metric)
                    .into_iter()
                    .map(|(depth, value)| (depth as f64, value))
                    .collect(),
            })
            .collect(),
    };
    metrics.map(chart).into()
}

/// Of the mode that others are compared with.
fn growth_charts(rows: &[Row]) -> Vec<Chart> {
    let mode = base(rows);
    let axes: [(&str, &str, Metric); 3] = [
        ("growth-rows", "rows", |r| r.rows.map(|n| n as f64)),
        ("growth-weights", "weights", |r| r.weights.map(|n| n as f64)),
        ("growth-layers", "layers", |r| Some(r.depth as f64)),
    ];
    let metrics: [(&str, Metric); 4] = [
        ("prove", |r| r.wall),
        ("without folding", |r| Some(r.wall? - r.folded()?)),
        ("execute", |r| r.execute),
        ("verify", |r| r.verify),
    ];
    let chart = |(comparison, x, of): (&str, &str, Metric)| {
        let own = |r: &Row| r.comparison == comparison && Some(r.system.as_str()) == mode;
        let lines = metrics
            .iter()
            .map(|(name, metric)| Line {
                name: (*name).to_owned(),
                points: groups(rows, own)
                    .iter()
                    .filter_map(|g| Some((g.median(of)?, g.median(*metric)?)))
                    .collect(),
            })
            .collect();
        Chart {
            title: format!("seconds by {x}"),
            x: x.to_owned(),
            lines,
        }
    };
    axes.map(chart).into()
}

/// Two charts side by side in each row, as `FILE.svg` and `FILE.png`.
fn draw(folder: &Path, file: &str, charts: &[Chart]) -> Result<(), BenchError> {
    static FONTS: Once = Once::new();
    FONTS.call_once(|| {
        // A font of the crate's that does not parse shows up as an error when text is drawn.
        let _ = register_font(FONT, FontStyle::Normal, dejavu::sans::regular());
    });
    std::fs::create_dir_all(folder).map_err(BenchError::Io)?;
    let size = (2 * CHART.0, CHART.1 * charts.len().div_ceil(2) as u32);
    let svg = folder.join(format!("{file}.svg"));
    draw_on(&SVGBackend::new(&svg, size).into_drawing_area(), charts)?;
    let png = folder.join(format!("{file}.png"));
    draw_on(&BitMapBackend::new(&png, size).into_drawing_area(), charts)
}

fn draw_on<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    charts: &[Chart],
) -> Result<(), BenchError> {
    area.fill(&WHITE).map_err(error)?;
    let parts = area.split_evenly((charts.len().div_ceil(2), 2));
    for (part, chart) in parts.iter().zip(charts) {
        draw_chart(part, chart)?;
    }
    area.present().map_err(error)
}

fn draw_chart<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    chart: &Chart,
) -> Result<(), BenchError> {
    let points = || chart.lines.iter().flat_map(|l| &l.points);
    let positive = || points().filter(|(x, y)| *x > 0.0 && *y > 0.0);
    if positive().next().is_none() {
        return Ok(());
    }
    let span = |of: fn(&(f64, f64)) -> f64| {
        let least = positive().map(of).fold(f64::INFINITY, f64::min);
        let most = positive().map(of).fold(0.0, f64::max);
        least / 1.3..most * 1.3
    };
    let mut context = ChartBuilder::on(area)
        .caption(&chart.title, (FONT, 17))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(62)
        .build_cartesian_2d(span(|p| p.0).log_scale(), span(|p| p.1).log_scale())
        .map_err(error)?;
    context
        .configure_mesh()
        .x_desc(&chart.x)
        .label_style((FONT, 12))
        .axis_desc_style((FONT, 13))
        .light_line_style(WHITE)
        .x_label_formatter(&|v| short(*v))
        .y_label_formatter(&|v| short(*v))
        .draw()
        .map_err(error)?;
    for (line, colour) in chart.lines.iter().zip(COLOURS) {
        let own = || {
            line.points
                .iter()
                .filter(|(x, y)| *x > 0.0 && *y > 0.0)
                .copied()
        };
        if own().next().is_none() {
            continue;
        }
        context
            .draw_series(LineSeries::new(own(), colour.stroke_width(2)))
            .map_err(error)?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        let dots = own().map(|p| Circle::new(p, 3, colour.filled()));
        context.draw_series(dots).map_err(error)?;
    }
    context
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .label_font((FONT, 12))
        .draw()
        .map_err(error)
}

/// A number with few digits: `0.05`, `12`, `3k`, `40M`.
fn short(v: f64) -> String {
    let (scaled, unit) = match v {
        v if v >= 1e6 => (v / 1e6, "M"),
        v if v >= 1e4 => (v / 1e3, "k"),
        v => (v, ""),
    };
    let digits = if scaled >= 10.0 { 0 } else { 2 };
    let text = format!("{scaled:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn both_formats_are_drawn() {
        let row = |system: &str, depth, wall| Row {
            network: "dense 4".into(),
            cores: 2,
            system: system.into(),
            depth,
            wall: Some(wall),
            status: "ok".into(),
            ..Row::default()
        };
        let rows = [
            row("tree", 1, 3.0),
            row("tree", 512, 4.0),
            row("folding", 1, 0.1),
        ];
        let folder = tempfile::tempdir().unwrap();
        let drawn = draw_all(folder.path(), &rows, &[]).unwrap();
        assert_eq!(drawn, ["folding-dense-4-2-cores"]);
        let svg =
            std::fs::read_to_string(folder.path().join("folding-dense-4-2-cores.svg")).unwrap();
        assert!(svg.contains("seconds to prove") && svg.contains("folding"));
        let png = std::fs::read(folder.path().join("folding-dense-4-2-cores.png")).unwrap();
        assert!(
            png.starts_with(b"\x89PNG") && png.len() > 5_000,
            "{}",
            png.len()
        );
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.05, 0.5, 1.0, 12.0, 9_000.0, 30_000.0, 4e7].map(short);
        assert_eq!(shown, ["0.05", "0.5", "1", "12", "9000", "30k", "40M"]);
    }
}
