//! Whole processes, and their limits.

use super::{heads, held, markdown, number, optional, peak};
use crate::plan::{DEMO, Limit, MODELS};
use crate::processes::Program;
use crate::rows::Row;
use crate::summary::{Group, MODES, Metric, groups};

/// One line for each program and network, the modes beside each other.
pub(super) fn processes(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "(not measured)".to_owned();
    }
    let head = heads(&[
        "program",
        "network",
        "runs",
        "tree",
        "chain",
        "tree / chain",
        "tree, CPU",
        "chain, CPU",
        "tree, memory",
        "chain, memory",
        "limit",
    ]);
    let mut body = Vec::new();
    for program in Program::OF_NETWORKS {
        let line = |limit: &Limit| of_network(rows, program, limit);
        body.extend(MODELS.iter().filter_map(line));
    }
    body.extend(demo(rows));
    markdown(&head, &body)
}

fn with(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| optional(None), |v| format!("{} {unit}", number(v)))
}

/// The median, or why there is none.
fn seconds(group: Option<&Group<'_>>, metric: Metric) -> String {
    let status = group.and_then(Group::status).map(str::to_owned);
    status.unwrap_or_else(|| with(group.and_then(|g| g.median(metric)), "s"))
}

fn of_network(rows: &[Row], program: Program, limit: &Limit) -> Option<Vec<String>> {
    let network = limit.subject.name();
    let of = |mode: &str| {
        let own = |r: &Row| {
            r.comparison == program.comparison() && r.network == network && r.system == mode
        };
        groups(rows, own).into_iter().next()
    };
    let modes = MODES.map(of);
    let [tree, chain] = modes.each_ref().map(Option::as_ref);
    let runs = tree.or(chain)?.len();
    let wall: Metric = |r| r.wall;
    let median = |group: Option<&Group<'_>>| group.and_then(|g| g.median(wall));
    let ratio = || Some(median(tree)? / median(chain)?);
    let verdict = match (program, limit.uncached) {
        (Program::Prove, _) => {
            let most = limit.process_ratio;
            format!("tree / chain ≤ {}: {}", number(most), held(ratio(), most))
        }
        (Program::VerifyUncached, Some(most)) => {
            format!("tree ≤ {} s: {}", number(most), held(median(tree), most))
        }
        _ => optional(None),
    };
    Some(vec![
        format!("`{}`", program.title()),
        network.clone(),
        runs.to_string(),
        seconds(tree, wall),
        seconds(chain, wall),
        optional(ratio()),
        with(tree.and_then(|g| g.median(|r| r.cpu)), "s"),
        with(chain.and_then(|g| g.median(|r| r.cpu)), "s"),
        with(tree.and_then(|g| g.median(peak)), "MiB"),
        with(chain.and_then(|g| g.median(peak)), "MiB"),
        verdict,
    ])
}

/// The demonstration has one network and one mode, its own.
fn demo(rows: &[Row]) -> Option<Vec<String>> {
    let own = |r: &Row| r.comparison == Program::Demo.comparison();
    let group = groups(rows, own).into_iter().next()?;
    let wall: Metric = |r| r.wall;
    let word = held(group.median(wall), DEMO);
    let none = || optional(None);
    Some(vec![
        format!("`{}`", Program::Demo.title()),
        group.any()?.network.clone(),
        group.len().to_string(),
        seconds(Some(&group), wall),
        none(),
        none(),
        with(group.median(|r| r.cpu), "s"),
        none(),
        with(group.median(peak), "MiB"),
        none(),
        format!("≤ {} s: {word}", number(DEMO)),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    fn of(program: Program, network: &str, system: &str, wall: Option<f64>) -> Row {
        Row {
            comparison: program.comparison().into(),
            network: network.into(),
            ..row(system, 0, wall)
        }
    }

    #[test]
    fn limits_are_of_whole_processes() {
        let rows = [
            of(Program::Prove, "credit", "tree", Some(0.3)),
            of(Program::Prove, "credit", "chain", Some(2.0)),
            of(Program::Prove, "mnist-8", "tree", Some(1.0)),
            of(Program::Prove, "mnist-8", "chain", Some(2.0)),
            of(Program::Prove, "deep", "tree", Some(1.0)),
            of(Program::Prove, "deep", "chain", None),
            of(Program::VerifyUncached, "credit", "tree", Some(0.2)),
            of(Program::Demo, "mnist-8", "tree", Some(3.0)),
        ];
        let table = processes(&rows);
        for expected in [
            "tree / chain ≤ 0.200: holds",
            "tree / chain ≤ 0.280: **does not hold**",
            "| out of memory | – |",
            "tree / chain ≤ 0.360: **not measured**",
            "tree ≤ 0.150 s: **does not hold**",
            "≤ 5.00 s: holds",
        ] {
            assert!(table.contains(expected), "{expected} in {table}");
        }
        assert_eq!(table.lines().count(), 2 + 5);
        assert_eq!(processes(&[]), "(not measured)");
    }
}
