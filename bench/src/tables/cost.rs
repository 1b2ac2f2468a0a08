//! What the mode `tree` costs beyond the same sumchecks in the clear.

use super::{heads, markdown, optional, proof_bytes, whole};
use crate::cost::Bytes;
use crate::nets::Shape;
use crate::plan::SHAPES;
use crate::rows::Row;
use crate::summary::{MODES, Metric, Panel, panels};

/// One line for each network and depth at which both were measured; its differences are those of medians.
pub(super) fn cost(rows: &[Row]) -> String {
    let head = heads(&[
        "network",
        "layers",
        "clear, s",
        "tree, s",
        "up to the opening, s",
        "from there on, s",
        "clear, bytes",
        "tree, bytes",
        "elements sent",
        "points instead",
        "folding",
        "last proof",
    ]);
    let line = |panel: &Panel, depth: usize| {
        let shape = SHAPES.into_iter().find(|s| s.name() == panel.network)?;
        let [clear, tree] = ["clear", MODES[0]].map(|s| panel.group(s, depth));
        let (clear, tree) = (clear?, tree?);
        let wall: Metric = |r| r.wall;
        // In the tree, folding and the opening run beside each other.
        let end: Metric = |r| Some(r.opening? + r.folded().unwrap_or(0.0));
        let start: Metric = |r| Some(r.wall? - r.opening? - r.folded().unwrap_or(0.0));
        let more = |metric: Metric| Some(tree.median(metric)? - clear.median(metric)?);
        let parts = bytes(shape, depth)?;
        Some(vec![
            panel.title(),
            depth.to_string(),
            optional(clear.median(wall)),
            optional(tree.median(wall)),
            signed(more(start)),
            signed(more(end)),
            optional(clear.median(proof_bytes)),
            optional(tree.median(proof_bytes)),
            format!("-{}", whole(Some(parts.elements))),
            format!("+{}", whole(Some(parts.points))),
            format!("+{}", whole(Some(parts.folding))),
            format!("+{}", whole(Some(parts.last))),
        ])
    };
    let mut body = Vec::new();
    for panel in panels(rows) {
        let depths = panel.depths().into_iter();
        body.extend(depths.filter_map(|depth| line(&panel, depth)));
    }
    if body.is_empty() {
        return "(not measured)".to_owned();
    }
    markdown(&head, &body)
}

fn signed(value: Option<f64>) -> String {
    let sign = if value.is_some_and(|v| v > 0.0) {
        "+"
    } else {
        ""
    };
    format!("{sign}{}", optional(value))
}

fn bytes(shape: Shape, depth: usize) -> Option<Bytes> {
    Bytes::of_uniform(shape, depth).ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    #[test]
    fn it_is_told_where_both_were_measured() {
        let own = |system: &str, depth, wall| Row {
            network: "dense 16".into(),
            fold: (system != "clear").then_some(0.25),
            opening: Some(0.125),
            ..row(system, depth, Some(wall))
        };
        let rows = [
            own("tree", 4, 0.625),
            own("clear", 4, 0.25),
            own("tree", 16, 0.5),
            own("chain", 4, 2.0),
        ];
        let table = cost(&rows);
        assert!(
            table.contains("| dense 16, 2 cores | 4 | 0.250 | 0.625 | +0.125 | +0.250 |"),
            "{table}"
        );
        assert_eq!(table.lines().count(), 3, "{table}");
        assert_eq!(cost(&rows[2..]), "(not measured)");
    }
}
