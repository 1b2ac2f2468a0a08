//! Pleat beside other systems.

use super::{cell, heads, markdown, optional, peak, proof_bytes};
use crate::rows::Row;
use crate::summary::{Group, Metric, base, distinct, groups};

/// Ratios are to the mode that a user gets who says nothing.
pub(super) fn peers(rows: &[Row], models: &[Row]) -> String {
    let mode = base(models);
    let mut head = heads(&[
        "network",
        "system",
        "version",
        "keys, s",
        "prove, s",
        "CPU, s",
        "verify, s",
        "proof, bytes",
        "peak, MiB",
    ]);
    let ratios = ["prove", "CPU", "peak"].map(|of| format!("{of} / {}'s", mode.unwrap_or("Pleat")));
    head.extend(ratios);
    let groups_of = |rows, system: Option<&str>, network: &str| {
        let own = |r: &Row| r.network == network && system.is_none_or(|s| r.system == s);
        groups(rows, own)
    };
    let line = |group: &Group<'_>| {
        let row = group.any()?;
        let pleat = groups_of(models, mode, &row.network);
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
    use super::super::tests::row;
    use super::*;

    #[test]
    fn others_are_compared_with_the_tree() {
        let models = [row("tree", 0, Some(0.5)), row("chain", 0, Some(2.0))];
        let table = peers(&[row("ezkl", 0, Some(4.0))], &models);
        assert!(table.contains("prove / tree's"), "{table}");
        let ezkl = table.lines().find(|l| l.contains("| ezkl |"));
        assert!(ezkl.is_some_and(|l| l.contains("| 8.00 |")), "{table}");
        let chain = table.lines().find(|l| l.contains("| chain |"));
        assert!(chain.is_some_and(|l| l.contains("| 4.00 |")), "{table}");
    }
}
