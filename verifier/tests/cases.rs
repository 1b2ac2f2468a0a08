//! The table of stored proofs and models, whole and edited, that the tests in a browser go through as well: the verifier's
//! command has to come to the verdicts written there, by the checks named there.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::VerifierKey;
use pleat_verifier::command::{self, CommandError, Demands, Verdict, VerifyArgs};
use pleat_verifier::fold::Mode;
use pleat_verifier::model::ModelId;
use serde::Deserialize;

const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/proof");
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/pleat-cache");

#[derive(Deserialize)]
struct Table {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    model: String,
    proof: String,
    #[serde(default)]
    model_edits: Vec<Edit>,
    #[serde(default)]
    proof_edits: Vec<Edit>,
    model_id: Option<String>,
    expect: Expect,
}

/// A change of a file; positions and lengths are in bytes.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum Edit {
    /// Changes the bits of `mask`.
    Flip { at: usize, mask: u8 },
    /// Keeps the first bytes.
    Truncate { to: usize },
    /// Puts bytes behind the end.
    Append { bytes: Vec<u8> },
    /// Overwrites.
    Set { at: usize, bytes: Vec<u8> },
    /// Overwrites with bytes of the same file.
    Copy {
        from: usize,
        to: usize,
        length: usize,
    },
    /// Overwrites with bytes of another stored file.
    Splice {
        file: String,
        from: usize,
        to: usize,
        length: usize,
    },
    /// Replaces the file by `length` bytes, the `i`-th of which is `(i² + seed·i) / 4` modulo 256.
    Fill { length: usize, seed: usize },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase", deny_unknown_fields)]
enum Expect {
    /// Exit code 0. The mode; integers of the outputs, where they are shown; how many integers of the inputs are.
    Valid {
        fold: Mode,
        shown_inputs: Vec<usize>,
        outputs: Vec<Option<Vec<i32>>>,
        /// Public indices.
        #[serde(default)]
        indices: Vec<Vec<u32>>,
    },
    /// Exit code 1.
    Invalid { check: String, reason: String },
    /// Exit code 2; `reason` is a part of the message.
    Error { reason: String },
}

fn stored(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(STORED).join(name)).unwrap()
}

fn edited(name: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = stored(name);
    for edit in edits {
        match edit {
            Edit::Flip { at, mask } => bytes[*at] ^= mask,
            Edit::Truncate { to } => {
                assert!(*to < bytes.len());
                bytes.truncate(*to);
            }
            Edit::Append { bytes: more } => bytes.extend(more),
            Edit::Set { at, bytes: new } => bytes[*at..at + new.len()].copy_from_slice(new),
            Edit::Copy { from, to, length } => bytes.copy_within(*from..from + length, *to),
            Edit::Splice {
                file,
                from,
                to,
                length,
            } => bytes[*to..to + length].copy_from_slice(&stored(file)[*from..from + length]),
            Edit::Fill { length, seed } => {
                bytes = (0..*length)
                    .map(|i| u8::try_from((i * i + seed * i) / 4 % 256).unwrap())
                    .collect();
            }
        }
    }
    assert!(
        edits.is_empty() || bytes != stored(name),
        "{name} is unchanged"
    );
    bytes
}

fn outcome(case: &Case, folder: &Path, key: &VerifierKey) -> Result<Verdict, String> {
    let [model, proof] = ["model", "proof"].map(|name| folder.join(name));
    std::fs::write(&model, edited(&case.model, &case.model_edits)).unwrap();
    std::fs::write(&proof, edited(&case.proof, &case.proof_edits)).unwrap();
    let demanded = case.model_id.as_deref().map(str::parse::<ModelId>);
    let args = VerifyArgs {
        model,
        proof,
        more: Vec::new(),
        demands: Demands {
            model_id: demanded.transpose().map_err(|e| e.to_string())?,
            ..Demands::default()
        },
        samples: None,
        opened: None,
        receipt: None,
    };
    let load = &mut |_: &str, _: &command::DataRequest<'_>| Err(String::new());
    command::run(&args, load, &mut || Ok(key.clone())).map_err(|e: CommandError| e.to_string())
}

fn summary(verdict: Verdict) -> Expect {
    if let (Some(check), Some(reason)) = (verdict.check, verdict.reason) {
        assert!(!verdict.valid && verdict.fold.is_none());
        assert!(verdict.input.is_none() && verdict.output.is_none());
        return Expect::Invalid { check, reason };
    }
    assert!(verdict.valid);
    let count = |values: Option<Vec<i32>>| values.map_or(0, |v| v.len());
    Expect::Valid {
        fold: verdict.fold.unwrap(),
        shown_inputs: verdict
            .input
            .unwrap()
            .into_iter()
            .map(|p| count(p.integers))
            .collect(),
        outputs: verdict
            .output
            .unwrap()
            .into_iter()
            .map(|p| p.integers)
            .collect(),
        indices: (verdict.indices.into_iter().flatten())
            .map(|p| p.values)
            .collect(),
    }
}

#[test]
fn every_case_ends_as_the_table_says() {
    let table: Table = serde_json::from_slice(&stored("cases.json")).unwrap();
    let key = VerifierKey::load_or_build(&CacheFolder::at(CACHE), &mut |_| {}).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for case in &table.cases {
        let got = outcome(case, folder.path(), &key);
        let right = match (&got, &case.expect) {
            (Err(message), Expect::Error { reason }) => message.contains(reason),
            (Ok(verdict), expected) => summary(verdict.clone()) == *expected,
            _ => false,
        };
        if !right {
            wrong.push(format!(
                "{}: {got:?} instead of {:?}",
                case.name, case.expect
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_every_check_that_a_proof_can_fail() {
    let table: Table = serde_json::from_slice(&stored("cases.json")).unwrap();
    let names: BTreeSet<&str> = table.cases.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names.len(), table.cases.len());
    let checks = table.cases.iter().map(|case| match &case.expect {
        Expect::Valid { .. } => "valid",
        Expect::Invalid { check, .. } => check,
        Expect::Error { .. } => "error",
    });
    let expected = [
        "constraints",
        "demand/model-id",
        "end-state",
        "error",
        "format",
        "index-range",
        "nova",
        "nova-format",
        "opening",
        "other-model",
        "products",
        "shares",
        "steps-opening",
        "valid",
    ];
    assert!(checks.collect::<BTreeSet<_>>().into_iter().eq(expected));
}
