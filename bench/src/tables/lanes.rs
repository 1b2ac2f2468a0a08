//! With vectors of eight field elements and without.

use super::{heads, held, markdown, number, optional, whole};
use crate::lanes::{Bound, COMMITTED, PROCESSES, ROWS, Side};
use crate::rows::Row;
use crate::summary::{Group, Metric, groups};

/// One line for each network that is a process, and two for the one with many rows.
pub(super) fn lanes(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "(not measured)".to_owned();
    }
    let head = heads(&[
        "what",
        "network",
        "runs",
        "rows",
        "without lanes",
        "with lanes",
        "with / without",
        "limit",
    ]);
    let wall: Metric = |r| r.wall;
    let unbound = Bound {
        ratio: None,
        ..ROWS
    };
    let process = |bound: &Bound| line(rows, "`pleat prove`", bound, wall);
    let mut body: Vec<_> = PROCESSES.iter().filter_map(process).collect();
    body.extend(line(
        rows,
        "rows committed to and looked up",
        &ROWS,
        COMMITTED,
    ));
    body.extend(line(rows, "all of proving", &unbound, wall));
    markdown(&head, &body)
}

fn line(rows: &[Row], what: &str, bound: &Bound, metric: Metric) -> Option<Vec<String>> {
    let facts = bound.subject.facts();
    let [plain, lanes] = Side::ALL.map(|side| {
        let own = |r: &Row| {
            let depth = facts.depth == 0 || r.depth == facts.depth;
            r.comparison == side.comparison() && r.network == facts.network && depth
        };
        groups(rows, own).into_iter().next()
    });
    let median = |group: &Option<Group<'_>>| group.as_ref().and_then(|g| g.median(metric));
    let seconds = |value: Option<f64>| value.map_or_else(|| optional(None), |v| number(v) + " s");
    let any = lanes.as_ref().or(plain.as_ref())?;
    let (without, with) = (median(&plain), median(&lanes));
    let ratio = || Some(with? / without?);
    let limits = [
        bound
            .ratio
            .map(|most| format!("with / without ≤ {}: {}", number(most), held(ratio(), most))),
        bound
            .seconds
            .map(|most| format!("with ≤ {} s: {}", number(most), held(with, most))),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    Some(vec![
        what.to_owned(),
        match facts.depth {
            0 => facts.network,
            depth => format!("{}, {depth} layers", facts.network),
        },
        any.len().to_string(),
        whole(any.any().and_then(|r| r.rows)),
        seconds(without),
        seconds(with),
        optional(ratio()),
        if limits.is_empty() {
            optional(None)
        } else {
            limits.join("; ")
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    #[test]
    fn both_limits_are_told() {
        let of = |side: Side, bound: &Bound, wall| Row {
            comparison: side.comparison().into(),
            network: bound.subject.name(),
            depth: bound.subject.facts().depth,
            commit_trace: Some(1.0),
            fractions: Some(wall),
            lookup: Some(1.0),
            ..row("tree", 0, Some(wall))
        };
        let rows = [
            of(Side::Plain, &PROCESSES[0], 0.3),
            of(Side::Lanes, &PROCESSES[0], 0.21),
            of(Side::Plain, &ROWS, 8.0),
            of(Side::Lanes, &ROWS, 1.5),
        ];
        let table = lanes(&rows);
        for expected in [
            "with / without ≤ 0.600: **does not hold**; with ≤ 0.200 s: **does not hold**",
            "| 10.0 s | 3.50 s | 0.350 | with / without ≤ 0.400: holds |",
            "| 8.00 s | 1.50 s | 0.188 | – |",
        ] {
            assert!(table.contains(expected), "{expected} in {table}");
        }
        assert_eq!(table.lines().count(), 5);
        assert_eq!(lanes(&[]), "(not measured)");
    }
}
