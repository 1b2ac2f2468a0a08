//! Language models, and many decisions in one proof.

use super::{heads, held, markdown, number, optional, peak, proof_bytes, whole};
use crate::large::{Large, MODELS, Program, Subject};
use crate::rows::Row;
use crate::summary::{Group, Metric, groups};

fn group<'a>(rows: &'a [Row], large: &Large, program: Program) -> Option<Group<'a>> {
    let own = |r: &Row| r.network == large.name && r.comparison == program.comparison();
    groups(rows, own).into_iter().next()
}

/// One line for each model.
pub(super) fn large(rows: &[Row]) -> String {
    let head = heads(&[
        "model",
        "in one proof",
        "blocks",
        "parameters",
        "rows",
        "compile",
        "prove",
        "CPU",
        "peak memory",
        "proof",
        "`pleat-verify`",
        "limits",
    ]);
    let lines = MODELS.iter().filter_map(|large| line(rows, large));
    let body: Vec<_> = lines.collect();
    if body.is_empty() {
        return "(not measured)".to_owned();
    }
    markdown(&head, &body)
}

fn line(rows: &[Row], large: &Large) -> Option<Vec<String>> {
    let [compile, prove, verify] =
        [Program::Compile, Program::Prove, Program::Verify].map(|p| group(rows, large, p));
    let any = compile.as_ref().or(prove.as_ref())?.any()?;
    let median =
        |group: &Option<Group<'_>>, metric: Metric| group.as_ref().and_then(|g| g.median(metric));
    let wall: Metric = |r| r.wall;
    let with = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| optional(None), |v| format!("{} {unit}", number(v)))
    };
    let seconds = |group: &Option<Group<'_>>, metric: Metric| {
        let status = group.as_ref().and_then(Group::status).map(str::to_owned);
        status.unwrap_or_else(|| with(median(group, metric), "s"))
    };
    let mib = |bytes: u64| bytes as f64 / super::MIB;
    let limits: [(&str, Option<f64>, Option<f64>, &str); 5] = [
        ("compile", median(&compile, wall), large.compile, "s"),
        ("prove", median(&prove, wall), large.prove, "s"),
        ("memory", median(&prove, peak), large.memory.map(mib), "MiB"),
        (
            "proof",
            median(&prove, proof_bytes),
            large.bytes.map(|n| n as f64),
            "bytes",
        ),
        ("verify", median(&verify, wall), large.verify, "s"),
    ];
    let verdicts: Vec<String> = limits
        .into_iter()
        .filter_map(|(name, value, most, unit)| {
            let most = most?;
            Some(format!(
                "{name} ≤ {} {unit}: {}",
                number(most),
                held(value, most)
            ))
        })
        .collect();
    let blocks = Some(any.depth).filter(|n| *n > 0);
    Some(vec![
        large.name.to_owned(),
        match large.subject {
            Subject::Decoder { tokens, .. } => format!("{tokens} words"),
            Subject::Credit { samples } => format!("{samples} decisions"),
        },
        whole(blocks),
        whole(any.weights),
        whole(prove.as_ref().and_then(|g| g.any()?.rows)),
        seconds(&compile, wall),
        seconds(&prove, wall),
        with(median(&prove, |r| r.cpu), "s"),
        with(median(&prove, peak), "MiB"),
        with(median(&prove, proof_bytes), "bytes"),
        seconds(&verify, wall),
        if verdicts.is_empty() {
            optional(None)
        } else {
            verdicts.join("; ")
        },
    ])
}

/// Shares of proving.
pub(super) fn stages(rows: &[Row]) -> String {
    let names = pleat_prover::prove::Stage::ALL.map(|s| s.name());
    let names: Vec<&str> = names.into_iter().filter(|n| *n != "compress").collect();
    let head = [heads(&["model"]), heads(&names)].concat();
    let line = |large: &Large| {
        let group = group(rows, large, Program::Prove)?;
        let wall = group.median(|r| r.wall)?;
        let metrics: [Metric; 9] = [
            |r| r.execute,
            |r| r.commit_trace,
            |r| r.fractions,
            |r| r.claims,
            |r| r.contract,
            |r| r.lookup,
            |r| r.open,
            |r| r.fold,
            |r| r.opening,
        ];
        let shares = metrics.map(|m| {
            let share = group
                .median(m)
                .map(|v| format!("{:.1} %", 100.0 * v / wall));
            share.unwrap_or_else(|| "–".to_owned())
        });
        Some([vec![large.name.to_owned()], shares.to_vec()].concat())
    };
    let body: Vec<_> = MODELS.iter().filter_map(line).collect();
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
    fn limits_are_of_whole_processes() {
        let of = |program: Program, wall| Row {
            comparison: program.comparison().into(),
            network: "nano".into(),
            lookup: Some(0.5),
            proof_bytes: Some(9_000),
            weights: Some(250_000),
            ..row("tree", 4, wall)
        };
        let rows = [
            of(Program::Compile, Some(3.0)),
            of(Program::Prove, Some(2.0)),
            of(Program::Verify, None),
        ];
        let table = large(&rows);
        for expected in [
            "| nano | 64 words | 4 | 250,000 |",
            "prove ≤ 1.00 s: **does not hold**; proof ≤ 14,000 bytes: holds",
            "| out of memory |",
        ] {
            assert!(table.contains(expected), "{expected} in {table}");
        }
        assert!(stages(&rows).contains("25.0 %"));
        assert_eq!(large(&[]), "(not measured)");
    }
}
