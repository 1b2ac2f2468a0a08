//! Pleat's modes beside other ways to prove the same, by depth.

use std::fmt::Write;

use super::{cell, heads, held, image, markdown, number, optional, peak, proof_bytes, total};
use crate::job::Subject;
use crate::plan::{RATIOS, Ratio};
use crate::plots::folding_file;
use crate::rows::Row;
use crate::summary::{Crossover, MODES, Metric, Panel, base, crossover, distinct, panels};

/// A section for each network and number of cores.
pub(super) fn folding(rows: &[Row]) -> String {
    let mut out = String::new();
    for panel in panels(rows) {
        let title = panel.title();
        let image = image(&title, &folding_file(&panel));
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n### {title}\n\n{image}\n\n{}", section(&panel));
    }
    out
}

fn section(panel: &Panel) -> String {
    let metrics: [(&str, Metric); 6] = [
        ("Seconds to prove, with keys derived", |r| r.wall),
        ("CPU seconds to prove, all threads together", |r| r.cpu),
        ("Seconds for parameters and keys", |r| r.setup),
        ("Seconds to verify", |r| r.verify),
        ("Bytes of the proof", proof_bytes),
        ("Peak memory, MiB", peak),
    ];
    let systems = distinct(&panel.rows, |r| &r.system);
    let base = base(&panel.rows);
    let mut out = String::new();
    for (title, metric) in metrics {
        let ratios = base.filter(|_| title.contains("prove,"));
        let mut head = [heads(&["layers"]), heads(&systems)].concat();
        let others = || systems.iter().filter(|s| Some(**s) != ratios);
        if let Some(base) = ratios {
            head.extend(others().map(|s| format!("{s} / {base}")));
        }
        let line = |depth: usize| {
            let at = |system: &str| panel.group(system, depth);
            let mut cells = vec![depth.to_string()];
            cells.extend(systems.iter().map(|s| cell(at(s).as_ref(), metric)));
            if let Some(base) = ratios {
                let base = at(base).and_then(|g| g.median(metric));
                let ratio = |s: &&str| Some(at(s)?.median(metric)? / base?);
                cells.extend(others().map(|s| optional(ratio(s))));
            }
            cells
        };
        let body: Vec<Vec<String>> = panel.depths().into_iter().map(line).collect();
        let _ = writeln!(out, "{title}:\n\n{}", markdown(&head, &body));
    }
    out.trim_end().to_owned()
}

/// At which depths a mode of Pleat's is below another system.
pub(super) fn crossovers(rows: &[Row]) -> String {
    let metrics: [(&str, Metric); 6] = [
        ("prove", |r| r.wall),
        ("CPU to prove", |r| r.cpu),
        ("keys + prove", total),
        ("verify", |r| r.verify),
        ("proof bytes", proof_bytes),
        ("peak memory", peak),
    ];
    let head = [
        heads(&["network", "mode", "against"]),
        metrics.map(|m| m.0.to_owned()).to_vec(),
    ]
    .concat();
    let mut body = Vec::new();
    for panel in panels(rows) {
        let systems = distinct(&panel.rows, |r| &r.system);
        let modes = MODES.into_iter().filter(|m| systems.contains(m));
        let pairs = modes.flat_map(|mode| systems.iter().map(move |other| (mode, *other)));
        for (mode, other) in pairs.filter(|(mode, other)| mode != other) {
            let mut cells = vec![panel.title(), mode.to_owned(), other.to_owned()];
            cells.extend(metrics.map(|(_, metric)| {
                let [own, other] = [mode, other].map(|s| panel.curve(s, metric));
                match crossover(&own, &other) {
                    Crossover::Always => "at all depths measured".to_owned(),
                    Crossover::From(depth) => format!("from {depth} layers on"),
                    Crossover::Until(depth) => format!("up to {depth} layers"),
                    Crossover::Never => "at no depth measured".to_owned(),
                    Crossover::Mixed => "here and there".to_owned(),
                    Crossover::Unknown => "–".to_owned(),
                }
            }));
            body.push(cells);
        }
    }
    markdown(&head, &body)
}

/// What `tree` is held to beside others, where it was measured.
pub(super) fn ratios(rows: &[Row]) -> String {
    let head = heads(&["network", "layers", "against", "prove", "limit"]);
    let line = |panel: &Panel, ratio: &Ratio| {
        let Ratio {
            shape,
            depth,
            against,
            most,
        } = *ratio;
        let subject = Subject::Uniform { shape, depth };
        let own = panel.group(MODES[0], depth)?;
        if subject.name() != panel.network {
            return None;
        }
        let wall: Metric = |r| r.wall;
        let other = panel.group(against.name(), depth);
        let found = || Some(own.median(wall)? / other?.median(wall)?);
        let found = found();
        Some(vec![
            panel.title(),
            depth.to_string(),
            against.name().to_owned(),
            optional(found),
            format!("≤ {}: {}", number(most), held(found, most)),
        ])
    };
    let mut body = Vec::new();
    for panel in panels(rows) {
        body.extend(RATIOS.iter().filter_map(|ratio| line(&panel, ratio)));
    }
    if body.is_empty() {
        return "(not measured)".to_owned();
    }
    markdown(&head, &body)
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    #[test]
    fn ratios_and_what_did_not_fit_are_shown() {
        let rows = [
            row("tree", 1, Some(2.0)),
            row("tree", 2, Some(2.0)),
            row("folding", 1, Some(1.0)),
            row("folding", 2, Some(4.0)),
            row("monolithic", 1, None),
        ];
        let table = folding(&rows);
        assert!(table.contains("### dense 4, 2 cores"), "{table}");
        assert!(
            table.contains("| 1 | 2.00 | 1.00 | out of memory | 0.500 | – |"),
            "{table}"
        );
        assert!(
            table.contains("| 2 | 2.00 | 4.00 | not tried | 2.00 | – |"),
            "{table}"
        );
        let table = crossovers(&rows);
        let start = "| dense 4, 2 cores | tree |";
        assert!(
            table.contains(&format!(
                "{start} folding | from 2 layers on | – | from 2 layers on |"
            )),
            "{table}"
        );
        assert!(
            table.contains(&format!("{start} monolithic | – |")),
            "{table}"
        );
    }

    #[test]
    fn modes_are_compared_with_each_other_on_the_same_cores() {
        let on = |cores, row: Row| Row { cores, ..row };
        let rows = [
            row("tree", 1, Some(1.0)),
            row("chain", 1, Some(2.0)),
            on(1, row("tree", 1, Some(3.0))),
        ];
        let table = crossovers(&rows);
        let pair = |mode, other, word| format!("| dense 4, 2 cores | {mode} | {other} | {word} |");
        assert!(table.contains(&pair("tree", "chain", "at all depths measured")));
        assert!(table.contains(&pair("chain", "tree", "at no depth measured")));
        assert!(!table.contains("1 core "), "{table}");
    }

    #[test]
    fn limits_are_of_the_network_that_they_are_about() {
        let own = |system, wall| Row {
            network: "dense 16".into(),
            ..row(system, 4, Some(wall))
        };
        let rows = [own("tree", 1.0), own("chain", 4.0), own("clear", 0.9)];
        let table = ratios(&rows);
        assert!(
            table.contains("| chain | 0.250 | ≤ 0.200: **does not hold** |"),
            "{table}"
        );
        assert!(
            table.contains("| clear | 1.11 | ≤ 1.60: holds |"),
            "{table}"
        );
        assert_eq!(table.lines().count(), 4, "256 layers were not measured");
        assert_eq!(ratios(&[row("tree", 4, Some(1.0))]), "(not measured)");
    }
}
