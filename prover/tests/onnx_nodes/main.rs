//! The ONNX project's own tests of single operators: what compiles must compute what ONNX says, what does not must be refused
//! by an error that names operator and reason; nothing may crash or hang.
//!
//! Debian packages the tests as `libonnx-testdata`; `PLEAT_ONNX_NODES` names another folder. Each test runs in a process of its own
//! (this program, [`one_node`]). `passes.txt` lists those that pass; `PLEAT_BLESS=1` writes it anew. `PLEAT_ONNX_ONLY` restricts
//! the run to names that contain it, and then compares nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod case;
mod tensors;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use case::Outcome;
use pleat_prover::compile::SUPPORTED;
use prost::Message;
use tract_onnx::pb::ModelProto;

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/onnx_nodes/passes.txt");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operators.md");
const CASE: &str = "PLEAT_ONNX_CASE";
const LIMIT: Duration = Duration::from_secs(20);

/// Parts of names whose tests are none of the compiler's business, and why.
const EXCLUDED: &[(&str, &str)] = &[
    ("adagrad", "training"),
    ("adam", "training"),
    ("momentum", "training"),
    ("training_mode", "training"),
    ("training_dropout", "training"),
    ("dropout_random", "randomness"),
    ("bernoulli", "randomness"),
    ("STRING", "strings"),
    ("strnormalizer", "strings"),
    ("tfidfvectorizer", "strings"),
    ("sequence_insert", "sequences"),
    ("sequence_map", "sequences"),
    ("identity_sequence", "sequences"),
    ("optional", "optionals"),
    ("identity_opt", "optionals"),
    ("thresholdedrelu_example", "an input exactly at a jump"),
    ("gridsample_nearest", "an input exactly at a jump"),
    ("allowzero_reordered", "empty tensors"),
    ("zero_size_splits", "empty tensors"),
    ("tril_zero", "empty tensors"),
    ("triu_zero", "empty tensors"),
    ("shape_zero", "empty tensors"),
    ("start_out_of_bounds", "empty tensors"),
    ("if", "branches"),
    ("if_opt", "branches"),
    ("if_seq", "branches"),
    ("BFLOAT16", "inputs that are no numbers"),
    ("isnan", "inputs that are no numbers"),
    ("isinf", "inputs that are no numbers"),
    ("loop", "loops"),
    ("scan", "loops"),
];

fn excluded(name: &str) -> Option<&'static str> {
    let bare = name.strip_prefix("test_").unwrap_or(name);
    let hit = EXCLUDED.iter().find(|(part, _)| {
        if *part == "if" || part.starts_with("if_") {
            bare == *part
        } else if *part == "scan" || *part == "loop" {
            bare.starts_with(part)
        } else {
            bare.contains(part)
        }
    });
    hit.map(|(_, why)| *why)
}

/// The folder of the tests. On a machine that does not have them, a run that does not name one goes without; `.ci/run` names it.
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("PLEAT_ONNX_NODES");
    let wanted = named.is_some();
    let folder = named.unwrap_or_else(|| "/usr/share/libonnx-testdata/data/node".into());
    let folder = PathBuf::from(folder);
    if !wanted && !folder.is_dir() {
        println!("left out: the package libonnx-testdata is not installed");
        return None;
    }
    assert!(
        folder.is_dir(),
        "{} does not exist: install the package libonnx-testdata (apt-get install libonnx-testdata), or let PLEAT_ONNX_NODES name \
         the folder data/node of an ONNX source tree",
        folder.display()
    );
    Some(folder)
}

/// Runs one case in a process of its own.
fn judged(folder: &Path, name: &str) -> Outcome {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "one_node", "--ignored", "--nocapture"])
        .env(CASE, folder.join(name))
        .env("RAYON_NUM_THREADS", "1")
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let mut wait = Duration::from_millis(1);
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            return Outcome::Hang;
        }
        std::thread::sleep(wait);
        wait = (wait * 2).min(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let said = stdout.lines().find_map(Outcome::read);
    said.unwrap_or_else(|| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Outcome::Crash(stderr.lines().take(3).collect::<Vec<_>>().join(" "))
    })
}

/// The child's part of [`node_tests_pass`].
#[test]
#[ignore = "node_tests_pass runs it, once per case"]
fn one_node() {
    if let Some(path) = std::env::var_os(CASE) {
        println!("\n{}", case::run(Path::new(&path)).write());
    }
}

#[test]
fn node_tests_pass() {
    let Some(folder) = folder() else {
        return;
    };
    let only = std::env::var("PLEAT_ONNX_ONLY").ok();
    let mut names: Vec<String> = (std::fs::read_dir(&folder).unwrap())
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| only.as_ref().is_none_or(|o| n.contains(o)))
        .collect();
    names.sort();
    let total = names.len();
    let (out, names): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|n| excluded(n).is_some());
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = judged(&folder, name);
                    outcomes.lock().unwrap().insert(name.clone(), outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    summary(total, &out, &outcomes);
    if only.is_some() {
        return;
    }

    let bad: Vec<String> = outcomes
        .iter()
        .filter(|(_, o)| match o {
            Outcome::Pass(_) => false,
            // Whoever is refused has to learn which operator it is about.
            Outcome::Refused { operator, .. } => operator.starts_with('?'),
            _ => true,
        })
        .map(|(name, o)| format!("{name}: {}", o.write()))
        .collect();
    let got: BTreeSet<&str> = (outcomes.iter())
        .filter(|(_, o)| matches!(o, Outcome::Pass(_)))
        .map(|(name, _)| name.as_str())
        .collect();
    if std::env::var_os("PLEAT_BLESS").is_some() {
        let lines: String = got.iter().map(|n| format!("{n}\n")).collect();
        std::fs::write(LIST, lines).unwrap();
        std::fs::write(PAGE, page(&outcomes)).unwrap();
    }
    let list = std::fs::read_to_string(LIST).unwrap();
    let listed: BTreeSet<&str> = list.lines().collect();
    let lost: Vec<_> = listed.difference(&got).collect();
    let won: Vec<_> = got.difference(&listed).collect();
    assert!(
        lost.is_empty() && won.is_empty(),
        "no longer pass: {lost:?}; pass now, and belong into passes.txt (PLEAT_BLESS=1 writes it): {won:?}"
    );
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(
        std::fs::read_to_string(PAGE).unwrap() == page(&outcomes),
        "docs/operators.md is not what the tests give; PLEAT_BLESS=1 writes it"
    );
}

/// The page of operators: what each costs, and which of its uses are refused.
fn page(outcomes: &BTreeMap<String, Outcome>) -> String {
    /// Tests that pass and are refused, least and most rows.
    struct Line {
        passes: usize,
        refused: BTreeSet<String>,
        least: f64,
        most: f64,
    }
    let mut lines: BTreeMap<&str, Line> = BTreeMap::new();
    let line = || Line {
        passes: 0,
        refused: BTreeSet::new(),
        least: f64::INFINITY,
        most: 0.0,
    };
    for outcome in outcomes.values() {
        match outcome {
            Outcome::Pass(Some((operator, rows))) => {
                let own = lines.entry(operator).or_insert_with(line);
                own.passes += 1;
                own.least = own.least.min(*rows);
                own.most = own.most.max(*rows);
            }
            Outcome::Refused { operator, why } if !operator.contains(' ') => {
                lines
                    .entry(operator)
                    .or_insert_with(line)
                    .refused
                    .insert(why.clone());
            }
            _ => {}
        }
    }
    let mut text = PAGE_HEAD.to_owned();
    for (operator, own) in &lines {
        let rows = if own.passes == 0 {
            "–".to_owned()
        } else if (own.least - own.most).abs() < 0.005 {
            format!("{:.2}", own.most)
        } else {
            format!("{:.2} to {:.2}", own.least, own.most)
        };
        let refused: Vec<&str> = own.refused.iter().map(String::as_str).collect();
        let refused = refused.join("; ").replace('|', "\\|");
        text += &format!("| {operator} | {} | {rows} | {refused} |\n", own.passes);
    }
    let others: Vec<&str> = (SUPPORTED.iter())
        .filter(|o| !lines.contains_key(**o))
        .copied()
        .collect();
    text + &format!(
        "\nAlso, without a test of the ONNX project's own: {}.\n",
        others.join(", ")
    )
}

const PAGE_HEAD: &str = "# Operators

What the compiler makes of ONNX operators. This page is written by the test `onnx_nodes`, from the ONNX project's tests of single
operators. *Rows* are rows of the trace for each element of the operator's results, where it stands alone: most of what a proof costs.
An operator that an output reads takes a row to be shown; between others, sums, changes of axes and products with constants cost
nothing, and contractions, divisions and functions are joined with what they read. What is not listed is refused, by name.

| operator | tests that pass | rows per element | refused |
|---|---|---|---|
";

/// Every operator that the compiler says it supports occurs in a model of a test that passes, or in a test of the compiler.
#[test]
fn supported_operators_are_tested() {
    let Some(folder) = folder() else {
        return;
    };
    let list = std::fs::read_to_string(LIST).unwrap();
    let mut tested: BTreeSet<String> = BTreeSet::new();
    for name in list.lines() {
        let bytes = std::fs::read(folder.join(name).join("model.onnx")).unwrap();
        let model = ModelProto::decode(bytes.as_slice()).unwrap();
        let nodes = model.graph.unwrap().node.into_iter();
        tested.extend(nodes.map(|n| n.op_type));
    }
    let own = concat!(
        include_str!("../compile_operators.rs"),
        include_str!("../compile_rewrite.rs"),
        include_str!("../compile_windows.rs")
    );
    let untested = |o: &&&str| !tested.contains(**o) && !own.contains(&format!("\"{o}\""));
    let untested: Vec<_> = SUPPORTED.iter().filter(untested).collect();
    assert!(untested.is_empty(), "{untested:?}");
}

fn summary(total: usize, excluded_names: &[String], outcomes: &BTreeMap<String, Outcome>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, outcome) in outcomes {
        *counts.entry(outcome.kind()).or_default() += 1;
        match outcome {
            Outcome::Pass(_) => {}
            Outcome::Refused { operator, why } => reasons
                .entry(format!("{operator}: {why}"))
                .or_default()
                .push(name),
            other => println!("{name}: {}", other.write()),
        }
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(why, names)| (usize::MAX - names.len(), why.clone()));
    println!("\nwhy refused:");
    for (why, names) in reasons {
        println!("{:5}  {why}  [{}]", names.len(), names[0]);
    }
    let mut without: BTreeMap<&str, usize> = BTreeMap::new();
    for name in excluded_names {
        *without.entry(excluded(name).unwrap()).or_default() += 1;
    }
    println!("\n{total} tests; left out: {without:?}; {counts:?}");
}
