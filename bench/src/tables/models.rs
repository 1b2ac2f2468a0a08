//! The quoted networks: medians, their limits, and where the time goes.

use super::{MIB, cell, heads, held, markdown, number, peak, proof_bytes, total};
use crate::job::System;
use crate::plan::{Limit, MODELS, MODES};
use crate::rows::Row;
use crate::summary::{Group, Metric, groups};

/// One line for each network and mode.
pub(super) fn models(rows: &[Row]) -> String {
    let head = heads(&[
        "network",
        "mode",
        "runs",
        "load",
        "prove",
        "CPU",
        "verify",
        "proof",
        "peak memory",
        "limits",
    ]);
    let line = |limit: &Limit, mode: System| {
        let of = |system: System| group(rows, limit, system);
        let group = of(mode)?;
        let metric = |m: Metric, unit: &str| {
            let value = group.median(m).map(|v| number(v) + unit);
            value.unwrap_or_else(|| cell(Some(&group), m))
        };
        Some(vec![
            limit.subject.name(),
            mode.name().to_owned(),
            group.len().to_string(),
            metric(|r| r.setup, " s"),
            metric(|r| r.wall, " s"),
            metric(|r| r.cpu, " s"),
            metric(|r| r.verify, " s"),
            metric(proof_bytes, " bytes"),
            metric(peak, " MiB"),
            verdict(limit, mode, &group, of(System::Chain).as_ref()),
        ])
    };
    let lines = MODELS
        .iter()
        .flat_map(|limit| MODES.iter().filter_map(move |mode| line(limit, *mode)));
    markdown(&head, &lines.collect::<Vec<_>>())
}

fn group<'a>(rows: &'a [Row], limit: &Limit, system: System) -> Option<Group<'a>> {
    let network = limit.subject.name();
    let own = |r: &Row| r.network == network && r.system == system.name();
    groups(rows, own).into_iter().next()
}

/// Whether the medians keep to the limits, and which do not.
fn verdict(limit: &Limit, mode: System, group: &Group<'_>, chain: Option<&Group<'_>>) -> String {
    let bounds = limit.bounds(mode);
    let bytes = bounds.proof_bytes as f64;
    let checks: [(&str, Metric, Option<f64>, &str); 4] = [
        ("load + prove", total, bounds.prove, "s"),
        ("verify", |r| r.verify, Some(bounds.verify), "s"),
        ("proof", proof_bytes, Some(bytes), "bytes"),
        ("memory", peak, Some(bounds.peak_bytes as f64 / MIB), "MiB"),
    ];
    let mut verdicts: Vec<String> = checks
        .into_iter()
        .filter_map(|(name, metric, most, unit)| {
            let word = held(group.median(metric), most?);
            Some(format!("{name} ≤ {} {unit}: {word}", number(most?)))
        })
        .collect();
    if let (System::Tree, Some(most)) = (mode, limit.verify_ratio) {
        let verify: Metric = |r| r.verify;
        let ratio = || Some(group.median(verify)? / chain?.median(verify)?);
        let word = held(ratio(), most);
        verdicts.push(format!("verify ≤ {most} of chain's: {word}"));
    }
    verdicts.join("; ")
}

/// Shares of proving.
pub(super) fn stages(rows: &[Row]) -> String {
    let names = pleat_prover::prove::Stage::ALL.map(|s| s.name());
    let head = [heads(&["network", "mode"]), heads(&names)].concat();
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
        let row = group.any();
        let name = row.map(|r| vec![r.network.clone(), r.system.clone()]);
        [name.unwrap_or_default(), shares.to_vec()].concat()
    };
    markdown(&head, &groups.iter().map(line).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    #[test]
    fn limits_that_do_not_hold_are_named() {
        let own = |system: &str, verify, bytes| Row {
            network: "credit".into(),
            verify: Some(verify),
            proof_bytes: Some(bytes),
            peak_bytes: Some(1 << 40),
            ..row(system, 0, Some(1.0))
        };
        let rows = [own("tree", 0.03, 8_201), own("chain", 0.08, 14_460)];
        let table = models(&rows);
        let line = |mode: &str| {
            let own = |l: &&str| l.contains(&format!("| {mode} |"));
            table.lines().find(own).unwrap_or_default().to_owned()
        };
        let (tree, chain) = (line("tree"), line("chain"));
        assert!(tree.contains("verify ≤ 0.0400 s: holds"), "{tree}");
        assert!(tree.contains("proof ≤ 8,200 bytes: **does not hold**"));
        assert!(tree.contains("verify ≤ 0.33 of chain's: **does not hold**"));
        assert!(!tree.contains("load + prove"), "{tree}");
        assert!(chain.contains("load + prove ≤ 4.00 s: holds"), "{chain}");
        assert!(chain.contains("proof ≤ 14,460 bytes: holds"), "{chain}");
        assert!(chain.contains("memory ≤ 668 MiB: **does not hold**"));
        assert!(!chain.contains("of chain's"), "{chain}");
        let alone = models(&rows[..1]);
        assert!(alone.contains("of chain's: **not measured**"), "{alone}");
    }

    #[test]
    fn only_the_chain_compresses() {
        let mut chain = row("chain", 0, Some(2.0));
        chain.compress = Some(1.0);
        let table = stages(&[row("tree", 0, Some(1.0)), chain]);
        let cells: Vec<_> = table.lines().skip(2).map(|l| l.ends_with("– |")).collect();
        assert_eq!(cells, [true, false], "{table}");
    }
}
