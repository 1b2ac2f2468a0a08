//! Tables of the rows, as Markdown, and their places in a page.

use std::fmt::Write;
use std::path::Path;

use crate::BenchError;
use crate::plan::{Limit, MODELS};
use crate::plots::{GROWTH_FILE, folding_file};
use crate::rows::Row;
use crate::summary::{Crossover, Group, Metric, crossover, curve, distinct, groups};

const MIB: f64 = 1_048_576.0;

/// All rows, by file.
#[derive(Clone, Debug, Default)]
pub struct AllRows {
    /// Folding against everything else.
    pub folding: Vec<Row>,
    /// Growth.
    pub growth: Vec<Row>,
    /// The quoted networks.
    pub models: Vec<Row>,
    /// Other systems.
    pub peers: Vec<Row>,
}

/// The tables' names, which mark their places in a page, and what they hold.
#[must_use]
pub fn all(rows: &AllRows) -> Vec<(&'static str, String)> {
    let machines = [&rows.folding, &rows.growth, &rows.models, &rows.peers];
    let machines: Vec<Row> = machines.into_iter().flatten().cloned().collect();
    vec![
        ("machines", hosts(&machines)),
        ("models", models(&rows.models)),
        ("stages", stages(&rows.models)),
        ("folding", folding(&rows.folding)),
        ("crossovers", crossovers(&rows.folding)),
        ("growth", growth(&rows.growth)),
        ("peers", peers(&rows.peers, &rows.models)),
    ]
}

/// Puts each table between its two marks.
///
/// # Errors
/// [`BenchError::Place`] if a table has no place.
pub fn into_page(
    page: &str,
    file: &str,
    tables: &[(&'static str, String)],
) -> Result<String, BenchError> {
    let mut page = page.to_owned();
    for (table, text) in tables {
        let (open, close) = (format!("<!-- {table} -->"), format!("<!-- /{table} -->"));
        let missing = || BenchError::Place {
            file: file.to_owned(),
            table,
        };
        let start = page.find(&open).ok_or_else(missing)? + open.len();
        let end = page
            .find(&close)
            .filter(|e| *e >= start)
            .ok_or_else(missing)?;
        page.replace_range(start..end, &format!("\n{}\n", text.trim_end()));
    }
    Ok(page)
}

/// [`into_page`] on a file.
///
/// # Errors
/// If it cannot be read or written; [`BenchError::Place`].
pub fn into_file(file: &Path, tables: &[(&'static str, String)]) -> Result<(), BenchError> {
    let page = std::fs::read_to_string(file).map_err(BenchError::Io)?;
    let page = into_page(&page, &file.display().to_string(), tables)?;
    std::fs::write(file, page).map_err(BenchError::Io)
}

fn markdown(head: &[String], body: &[Vec<String>]) -> String {
    let mut out = String::new();
    let mut line = |cells: &[String]| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    };
    line(head);
    line(&vec!["---".to_owned(); head.len()]);
    body.iter().for_each(|cells| line(cells));
    out
}

/// A plot, seen from a page in `docs`.
fn image(name: &str, file: &str) -> String {
    format!("![{name}](../bench/results/{file}.svg)")
}

fn heads(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

/// Three digits that count.
fn number(v: f64) -> String {
    if v == 0.0 {
        return "0".to_owned();
    }
    let digits = (2 - v.abs().log10().floor() as i32).clamp(0, 6) as usize;
    if digits == 0 {
        grouped(v.round() as u64)
    } else {
        format!("{v:.digits$}")
    }
}

fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn optional(v: Option<f64>) -> String {
    v.map_or_else(|| "–".to_owned(), number)
}

fn whole(v: Option<usize>) -> String {
    v.map_or_else(|| "–".to_owned(), |v| grouped(v as u64))
}

/// The median, or why there is none.
fn cell(group: Option<&Group<'_>>, metric: Metric) -> String {
    let Some(group) = group else {
        return "not tried".to_owned();
    };
    let value = group.median(metric).map(number);
    value.unwrap_or_else(|| group.status().unwrap_or("–").to_owned())
}

fn total(row: &Row) -> Option<f64> {
    Some(row.setup? + row.wall?)
}

fn proof_bytes(row: &Row) -> Option<f64> {
    row.proof_bytes.map(|n| n as f64)
}

fn peak(row: &Row) -> Option<f64> {
    row.peak_bytes.map(|n| n as f64 / MIB)
}

fn hosts(rows: &[Row]) -> String {
    let mut body: Vec<Vec<String>> = Vec::new();
    for row in rows {
        let day = row.date.get(..10).unwrap_or(&row.date).to_owned();
        let cells = vec![
            day,
            row.cpu_model.clone(),
            row.cores.to_string(),
            row.commit.clone(),
        ];
        if !body.contains(&cells) {
            body.push(cells);
        }
    }
    markdown(&heads(&["measured", "processor", "cores", "commit"]), &body)
}

fn models(rows: &[Row]) -> String {
    let head = heads(&[
        "network",
        "runs",
        "load",
        "prove",
        "CPU",
        "verify",
        "proof",
        "peak memory",
        "limits",
    ]);
    let body = MODELS.iter().filter_map(|limit| {
        let network = limit.subject.name();
        let groups = groups(rows, |r| r.network == network);
        let group = groups.first()?;
        let metric = |m: Metric, unit: &str| {
            let value = group.median(m).map(|v| number(v) + unit);
            value.unwrap_or_else(|| cell(Some(group), m))
        };
        Some(vec![
            network.clone(),
            group.len().to_string(),
            metric(|r| r.setup, " s"),
            metric(|r| r.wall, " s"),
            metric(|r| r.cpu, " s"),
            metric(|r| r.verify, " s"),
            metric(proof_bytes, " bytes"),
            metric(peak, " MiB"),
            verdict(limit, group),
        ])
    });
    markdown(&head, &body.collect::<Vec<_>>())
}

/// Whether the medians keep to the limits, and which do not.
fn verdict(limit: &Limit, group: &Group<'_>) -> String {
    let checks: [(&str, Metric, f64, &str); 4] = [
        ("load + prove", total, limit.prove, "s"),
        ("verify", |r| r.verify, limit.verify, "s"),
        ("proof", proof_bytes, limit.proof_bytes as f64, "bytes"),
        ("memory", peak, limit.peak_bytes as f64 / MIB, "MiB"),
    ];
    let verdicts = checks.map(|(name, metric, most, unit)| {
        let word = match group.median(metric) {
            Some(value) if value <= most => "holds",
            Some(_) => "**does not hold**",
            None => "**not measured**",
        };
        format!("{name} ≤ {} {unit}: {word}", number(most))
    });
    verdicts.join("; ")
}

fn stages(rows: &[Row]) -> String {
    let names = pleat_prover::prove::Stage::ALL.map(|s| s.name());
    let head = [heads(&["network"]), heads(&names)].concat();
    let groups = groups(rows, Row::is_ok);
    let metrics: [Metric; 10] = [
        |r| r.execute,
        |r| r.commit_trace,
        |r| r.fractions,
        |r| r.claims,
        |r| r.contract,
        |r| r.lookup,
        |r| r.open,
        |r| r.fold,
        |r| r.opening,
        |r| r.compress,
    ];
    let share = |group: &Group<'_>, metric: Metric| {
        let part = Some(100.0 * group.median(metric)? / group.median(|r| r.wall)?);
        part.map(|p| format!("{p:.1} %"))
    };
    let line = |group: &Group<'_>| {
        let shares = metrics.map(|m| share(group, m).unwrap_or_else(|| "–".to_owned()));
        let name = group.any().map_or(String::new(), |r| r.network.clone());
        [vec![name], shares.to_vec()].concat()
    };
    markdown(&head, &groups.iter().map(line).collect::<Vec<_>>())
}

fn folding(rows: &[Row]) -> String {
    let systems = distinct(rows, |r| &r.system);
    let metrics: [(&str, Metric); 6] = [
        ("Seconds to prove, with keys derived", |r| r.wall),
        ("CPU seconds to prove, all threads together", |r| r.cpu),
        ("Seconds for parameters and keys", |r| r.setup),
        ("Seconds to verify", |r| r.verify),
        ("Bytes of the proof", proof_bytes),
        ("Peak memory, MiB", peak),
    ];
    let mut out = String::new();
    for network in distinct(rows, |r| &r.network) {
        let image = image(network, &folding_file(network));
        let _ = writeln!(out, "\n### {network}\n\n{image}\n");
        let mut depths: Vec<usize> = (rows.iter().filter(|r| r.network == network))
            .map(|r| r.depth)
            .collect();
        depths.sort_unstable();
        depths.dedup();
        for (title, metric) in metrics {
            let ratios = title.contains("prove,");
            let mut head = [heads(&["layers"]), heads(&systems)].concat();
            let others: Vec<&str> = systems.iter().copied().filter(|s| *s != "pleat").collect();
            if ratios {
                head.extend(others.iter().map(|s| format!("{s} / pleat")));
            }
            let line = |depth: &usize| {
                let at = |system: &str| {
                    let own =
                        |r: &Row| r.network == network && r.system == system && r.depth == *depth;
                    groups(rows, own).into_iter().next()
                };
                let mut cells = vec![depth.to_string()];
                cells.extend(systems.iter().map(|s| cell(at(s).as_ref(), metric)));
                if ratios {
                    let pleat = at("pleat").and_then(|g| g.median(metric));
                    let ratio = |s: &&str| Some(at(s)?.median(metric)? / pleat?);
                    cells.extend(others.iter().map(|s| optional(ratio(s))));
                }
                cells
            };
            let body: Vec<Vec<String>> = depths.iter().map(line).collect();
            let _ = writeln!(out, "{title}:\n\n{}", markdown(&head, &body));
        }
    }
    out
}

fn crossovers(rows: &[Row]) -> String {
    let metrics: [(&str, Metric); 6] = [
        ("prove", |r| r.wall),
        ("CPU to prove", |r| r.cpu),
        ("keys + prove", total),
        ("verify", |r| r.verify),
        ("proof bytes", proof_bytes),
        ("peak memory", peak),
    ];
    let head = [
        heads(&["network", "against"]),
        metrics.map(|m| m.0.to_owned()).to_vec(),
    ]
    .concat();
    let mut body = Vec::new();
    for network in distinct(rows, |r| &r.network) {
        for other in distinct(rows, |r| &r.system) {
            if other == "pleat" {
                continue;
            }
            let mut cells = vec![network.to_owned(), other.to_owned()];
            cells.extend(metrics.map(|(_, metric)| {
                let curves = ["pleat", other].map(|s| curve(rows, network, s, metric));
                let [pleat, other] = &curves;
                match crossover(pleat, other) {
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

fn growth(rows: &[Row]) -> String {
    let head = heads(&[
        "varied",
        "network",
        "layers",
        "rows",
        "weights",
        "MACs",
        "prove, s",
        "MACs / s",
        "µs / row",
        "× inference",
        "Nova, %",
        "proof, bytes",
        "verify, s",
        "peak, MiB",
    ]);
    let line = |group: &Group<'_>| {
        let row = group.any()?;
        let varied = row.comparison.strip_prefix("growth-");
        Some(vec![
            varied.unwrap_or(&row.comparison).to_owned(),
            row.network.clone(),
            row.depth.to_string(),
            whole(row.rows),
            whole(row.weights),
            whole(row.macs),
            cell(Some(group), |r| r.wall),
            optional(group.median(|r| Some(r.macs? as f64 / r.wall?))),
            optional(group.median(|r| Some(1e6 * r.wall? / r.rows? as f64))),
            optional(group.median(|r| Some(r.wall? / r.execute?))),
            optional(group.median(|r| Some(100.0 * (r.fold? + r.compress?) / r.wall?))),
            optional(group.median(proof_bytes)),
            optional(group.median(|r| r.verify)),
            optional(group.median(peak)),
        ])
    };
    // Networks of one name can differ in what is varied.
    let body: Vec<Vec<String>> = groups(rows, |_| true).iter().filter_map(line).collect();
    let table = markdown(&head, &body);
    if rows.is_empty() {
        return table;
    }
    format!("{}\n\n{table}", image("growth", GROWTH_FILE))
}

fn peers(rows: &[Row], models: &[Row]) -> String {
    let head = heads(&[
        "network",
        "system",
        "version",
        "keys, s",
        "prove, s",
        "CPU, s",
        "verify, s",
        "proof, bytes",
        "peak, MiB",
        "prove / Pleat's",
        "CPU / Pleat's",
        "peak / Pleat's",
    ]);
    let groups_of = |rows, system: Option<&str>, network: &str| {
        let own = |r: &Row| r.network == network && system.is_none_or(|s| r.system == s);
        groups(rows, own)
    };
    let line = |group: &Group<'_>| {
        let row = group.any()?;
        let pleat = groups_of(models, Some("pleat"), &row.network);
        let ratio = |metric: Metric| Some(group.median(metric)? / pleat.first()?.median(metric)?);
        Some(vec![
            row.network.clone(),
            row.system.clone(),
            row.version.clone(),
            cell(Some(group), |r| r.setup),
            cell(Some(group), |r| r.wall),
            cell(Some(group), |r| r.cpu),
            cell(Some(group), |r| r.verify),
            cell(Some(group), proof_bytes),
            cell(Some(group), peak),
            optional(ratio(|r| r.wall)),
            optional(ratio(|r| r.cpu)),
            optional(ratio(peak)),
        ])
    };
    let mut body: Vec<Vec<String>> = Vec::new();
    for network in distinct(rows, |r| &r.network) {
        body.extend(groups_of(models, None, network).iter().filter_map(line));
        body.extend(groups_of(rows, None, network).iter().filter_map(line));
    }
    markdown(&head, &body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn row(system: &str, depth: usize, wall: Option<f64>) -> Row {
        Row {
            network: "dense 4".into(),
            comparison: "folding".into(),
            system: system.into(),
            depth,
            wall,
            setup: wall,
            status: if wall.is_some() {
                "ok"
            } else {
                "out of memory"
            }
            .into(),
            ..Row::default()
        }
    }

    #[test]
    fn folding_shows_ratios_and_what_did_not_fit() {
        let rows = [
            row("pleat", 1, Some(2.0)),
            row("pleat", 2, Some(2.0)),
            row("folding", 1, Some(1.0)),
            row("folding", 2, Some(4.0)),
            row("monolithic", 1, None),
        ];
        let table = folding(&rows);
        assert!(
            table.contains("| 1 | 2.00 | 1.00 | out of memory | 0.500 | – |"),
            "{table}"
        );
        assert!(
            table.contains("| 2 | 2.00 | 4.00 | not tried | 2.00 | – |"),
            "{table}"
        );
        let table = crossovers(&rows);
        assert!(
            table.contains("| dense 4 | folding | from 2 layers on | – | from 2 layers on |"),
            "{table}"
        );
        assert!(table.contains("| dense 4 | monolithic | – |"), "{table}");
    }

    #[test]
    fn limits_that_do_not_hold_are_named() {
        let mut own = row("pleat", 0, Some(1.0));
        own.network = "credit".into();
        own.verify = Some(0.1);
        own.proof_bytes = Some(14_459);
        own.peak_bytes = Some(1 << 40);
        let table = models(&[own]);
        assert!(table.contains("verify ≤ 0.200 s: holds"), "{table}");
        assert!(
            table.contains("memory ≤ 668 MiB: **does not hold**"),
            "{table}"
        );
        assert!(table.contains("14,459 bytes"), "{table}");
    }

    #[test]
    fn tables_have_their_places() {
        let page = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";
        let tables = [("x", "new\n".to_owned())];
        let once = into_page(page, "f", &tables).unwrap();
        assert_eq!(once, "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n");
        assert_eq!(into_page(&once, "f", &tables).unwrap(), once);
        let missing = into_page("a", "f", &tables);
        assert!(matches!(missing, Err(BenchError::Place { table: "x", .. })));
    }
}
