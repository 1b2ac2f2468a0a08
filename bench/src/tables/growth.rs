//! The table of what grows.

use super::{cell, heads, image, markdown, optional, peak, proof_bytes, whole};
use crate::plots::GROWTH_FILE;
use crate::rows::Row;
use crate::summary::{Group, groups};

/// One line for each network and mode.
pub(super) fn growth(rows: &[Row]) -> String {
    let head = heads(&[
        "varied",
        "network",
        "mode",
        "layers",
        "rows",
        "weights",
        "MACs",
        "prove, s",
        "MACs / s",
        "µs / row",
        "× inference",
        "folding, %",
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
            row.system.clone(),
            row.depth.to_string(),
            whole(row.rows),
            whole(row.weights),
            whole(row.macs),
            cell(Some(group), |r| r.wall),
            optional(group.median(|r| Some(r.macs? as f64 / r.wall?))),
            optional(group.median(|r| Some(1e6 * r.wall? / r.rows? as f64))),
            optional(group.median(|r| Some(r.wall? / r.execute?))),
            optional(group.median(|r| Some(100.0 * r.folded()? / r.wall?))),
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
