//! The program `pleat-verify` on stored proofs, which later versions must still verify, or break knowingly.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

use std::path::Path;
use std::process::Command;

use pleat_verifier::proof::PROOF_VERSION;
use serde_json::{Value, json};

const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/proof");
/// Of the stored model.
const MODEL_ID: &str = "f41b94a51e8677ad423ebed56befe54d639459cb95bc21ffec1d661c9aae59d1";
const FEATURES: usize = 61;

fn stored(name: &str) -> String {
    Path::new(STORED).join(name).to_str().unwrap().to_owned()
}

const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/pleat-cache");

/// Exit code, standard output, standard error.
fn verify(proof: &str, more: &[&str]) -> (i32, String, String) {
    verify_with_cache(CACHE.as_ref(), proof, more)
}

/// [`verify`], with files in this folder.
fn verify_with_cache(cache: &Path, proof: &str, more: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pleat-verify"))
        .args([&stored("credit.vmodel"), proof])
        .args(more)
        .env("PLEAT_CACHE", cache)
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[track_caller]
fn verdict(proof: &str, more: &[&str], code: i32) -> Value {
    let (got, out, err) = verify(proof, &[more, &["--json"]].concat());
    assert_eq!(got, code, "{out}{err}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn stored_proofs_verify_and_demands_are_checked() {
    for (proof, fold) in [("public.proof", "tree"), ("chain-public.proof", "chain")] {
        let public = verdict(&stored(proof), &["--model-id", MODEL_ID], 0);
        assert_eq!(
            (&public["valid"], &public["fold"]),
            (&json!(true), &json!(fold))
        );
        assert_eq!(public["output"][0]["integers"], json!([-101]));
    }
    let public = verdict(&stored("public.proof"), &[], 0);
    assert_eq!(public["model_id"], MODEL_ID);
    let input = &public["input"][0];
    assert_eq!(input["integers"].as_array().unwrap().len(), FEATURES);
    assert_eq!(public["output"][0]["integers"], json!([-101]));

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("value.json");
    std::fs::write(
        &data,
        json!({ "input_data": [input["values"]] }).to_string(),
    )
    .unwrap();
    let data = data.to_str().unwrap();
    let opening = stored("input.opening");
    let hidden = stored("hidden.proof");
    let opened = verdict(&hidden, &["--opened", &opening, "--value", data], 0);
    assert_eq!(opened["opened"]["integers"], input["integers"]);
    assert_eq!(opened["output"][0]["integers"], Value::Null);

    let (code, _, err) = verify(&hidden, &["--input", data]);
    assert!(
        code == 2 && err.contains("--input cannot be checked"),
        "{err}"
    );
    let (code, _, err) = verify(&hidden, &["--input", "nowhere.json"]);
    assert!(code == 2 && err.contains("nowhere.json"), "{err}");

    let wrong = folder.path().join("wrong.json");
    std::fs::write(&wrong, json!({ "output_data": [[0.5]] }).to_string()).unwrap();
    let refused = verdict(
        &stored("public.proof"),
        &["--output", wrong.to_str().unwrap()],
        1,
    );
    assert_eq!(refused["output"], Value::Null);
    assert!(
        refused["reason"].as_str().unwrap().contains("--output"),
        "{refused}"
    );
}

#[test]
fn an_input_that_is_left_out_is_given_by_the_verifier() {
    let folder = tempfile::tempdir().unwrap();
    let public = verdict(&stored("public.proof"), &[], 0);
    let write = |name: &str, values: &Value| {
        let path = folder.path().join(name);
        std::fs::write(&path, json!({ "input_data": [values] }).to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut values = public["input"][0]["values"].clone();
    let right = write("right.json", &values);
    values[0] = json!(0.0);
    let wrong = write("wrong.json", &values);
    let left_out = stored("left-out.proof");
    let verdict_of = verdict(&left_out, &["--input", &right], 0);
    for port in ["input", "output"] {
        assert_eq!(verdict_of[port], public[port]);
    }
    let refused = verdict(&left_out, &["--input", &wrong], 1);
    assert_eq!(refused["check"], "shares");
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("those given may be others"), "{reason}");
    let (code, _, err) = verify(&left_out, &[]);
    assert!(code == 2 && err.contains("--input DATA"), "{err}");
}

#[test]
fn a_proof_of_committed_steps_needs_nothing_loaded() {
    let cache = tempfile::tempdir().unwrap();
    for proof in ["public.proof", "hidden.proof"] {
        let (code, out, err) = verify_with_cache(cache.path(), &stored(proof), &[]);
        assert_eq!(code, 0, "{out}{err}");
    }
    // What stays of a key or parameters that were loaded, whole or not.
    let left = std::fs::read_dir(cache.path()).unwrap();
    let left = left.map(|file| file.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left
        .filter(|name| !name.starts_with("generators-"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn a_proof_of_an_older_format_is_refused_in_words() {
    let refused = verdict(&stored("version-1.proof"), &[], 1);
    assert_eq!(refused["check"], "format");
    assert_eq!(
        refused["reason"],
        format!("proof of format version 1; this program reads version {PROOF_VERSION}")
    );
}

#[test]
fn a_forged_output_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forged.proof");
    let mut bytes = std::fs::read(stored("public.proof")).unwrap();
    // Header, model id, mode, flags, the input's integers of 12 bits; then the output's.
    bytes[10 + 32 + 1 + 2 + (12 * FEATURES).div_ceil(8)] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let (code, out, _) = verify(path.to_str().unwrap(), &[]);
    assert_eq!(code, 1);
    assert!(out.starts_with("INVALID: committed steps: "), "{out}");
    let (code, out, _) = verify(&stored("credit.vmodel"), &[]);
    assert_eq!((code, out.as_str()), (1, "INVALID: not a Pleat proof\n"));
    let (code, _, err) = verify("nowhere.proof", &[]);
    assert!(
        code == 2 && err.contains("cannot read nowhere.proof"),
        "{err}"
    );
}
