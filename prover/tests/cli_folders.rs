//! The program `pleat` on a folder as Hugging Face has them: from the folder to a verified proof, and what is said of bad input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod program;

use std::fs;

use program::{folder, pleat, text};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/mathformer_add");
const SUMS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../testdata/mathformer-sums.npz"
);

#[test]
fn a_folder_is_compiled_and_its_answer_proved() {
    let folder = folder("huggingface");
    let at = |name: &str| text(&folder.join(name)).to_owned();
    let args = [
        "compile",
        MODEL,
        "--tokens",
        "8",
        "--best",
        "logits",
        "--calibration",
        SUMS,
        "-o",
        &at("sums.pleat"),
    ];
    let compiled = pleat(&args).demand(0);
    assert!(compiled.err.contains("estimate: "), "{}", compiled.err);
    assert!(folder.join("sums.pleat").exists() && folder.join("sums.vmodel").exists());
    let args = [
        "prove",
        &at("sums.pleat"),
        "--input",
        SUMS,
        "--index",
        "7",
        "-o",
        &at("sum.proof"),
        "--json",
    ];
    let proved = pleat(&args).demand(0).json();
    // `0+7=` is answered by 7, in the place of the equality sign.
    assert_eq!(proved["indices"][1]["values"][3], 11, "{proved}");
    pleat(&["verify", &at("sums.vmodel"), &at("sum.proof")]).demand(0);

    fs::write(
        folder.join("long.json"),
        r#"{"input_data":[[4,14,11,18,11,2,0,0,0]]}"#,
    )
    .unwrap();
    let args = [
        "prove",
        &at("sums.pleat"),
        "--input",
        &at("long.json"),
        "-o",
        &at("no.proof"),
    ];
    pleat(&args)
        .demand(2)
        .says(&["[9]", "does not fit the model's [1, 8]"]);
}

#[test]
fn a_folder_without_samples_has_random_ones() {
    let folder = folder("huggingface-random");
    let output = text(&folder.join("sums")).to_owned();
    let args = [
        "compile", MODEL, "--tokens", "3", "--last", "1", "-o", &output,
    ];
    pleat(&args)
        .demand(0)
        .says(&["16 samples of seeded random token ids"]);
}

#[test]
fn bad_options_are_refused_before_any_work() {
    let refused = |more: &[&str], words: &[&str]| {
        pleat(&[&["compile", MODEL], more].concat())
            .demand(2)
            .says(words);
    };
    refused(
        &["--tokens", "65"],
        &["asked for 65 tokens", "positions for 1 to 64"],
    );
    refused(&["--tokens", "4", "--last", "5"], &["option last is 5"]);
    refused(&["--best", "embedding"], &["no output embedding", "logits"]);
    refused(
        &["--hide", "input_ids"],
        &["option hide is input_ids", "a folder"],
    );
    let onnx = format!("{MODEL}_L8.onnx");
    let args = ["compile", &onnx, "--calibration", SUMS, "--tokens", "8"];
    pleat(&args)
        .demand(2)
        .says(&["option tokens is 8", "unless the model is a folder"]);
    pleat(&["compile", &onnx])
        .demand(2)
        .says(&["--calibration DATA is missing"]);
}
