//! Tables of the rows, as Markdown, and their places in a page.

use std::fmt::Write;
use std::path::Path;

use crate::BenchError;
use crate::rows::Row;
use crate::summary::{Group, Metric};

mod cost;
mod folding;
mod growth;
mod lanes;
mod large;
mod models;
mod peers;
mod processes;

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
    /// Whole processes.
    pub processes: Vec<Row>,
    /// With vectors of eight field elements and without.
    pub lanes: Vec<Row>,
    /// Language models.
    pub large: Vec<Row>,
    /// Other systems.
    pub peers: Vec<Row>,
}

/// The tables' names, which mark their places in a page, and what they hold.
#[must_use]
pub fn all(rows: &AllRows) -> Vec<(&'static str, String)> {
    let AllRows {
        folding,
        growth,
        models,
        processes,
        lanes,
        large,
        peers,
    } = rows;
    let machines = [folding, growth, models, processes, lanes, large, peers];
    let machines: Vec<Row> = machines.into_iter().flatten().cloned().collect();
    vec![
        ("machines", hosts(&machines)),
        ("models", models::models(models)),
        ("stages", models::stages(models)),
        ("processes", processes::processes(processes)),
        ("lanes", lanes::lanes(lanes)),
        ("large", large::large(large)),
        ("large-stages", large::stages(large)),
        ("folding", folding::folding(folding)),
        ("crossovers", folding::crossovers(folding)),
        ("ratios", folding::ratios(folding)),
        ("cost", cost::cost(folding)),
        ("growth", growth::growth(growth)),
        ("peers", peers::peers(peers, models)),
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

/// Whether a limit holds.
fn held(value: Option<f64>, most: f64) -> &'static str {
    match value {
        Some(value) if value <= most => "holds",
        Some(_) => "**does not hold**",
        None => "**not measured**",
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// A run of `dense 4` on two cores.
    pub(super) fn row(system: &str, depth: usize, wall: Option<f64>) -> Row {
        Row {
            network: "dense 4".into(),
            comparison: "folding".into(),
            system: system.into(),
            cores: 2,
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
