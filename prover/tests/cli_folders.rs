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

/// From the folder's own words to words that a verifier reads off the proof.
#[test]
fn a_prompt_is_answered_in_words() {
    let folder = folder("huggingface-words");
    let at = |name: &str| text(&folder.join(name)).to_owned();
    let compile = [
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
        "--json",
    ];
    let compiled = pleat(&compile).demand(0).json();
    assert!(folder.join("sums.tokenizer.json").exists());
    // Eight positions of each of the hundred sums; those beyond the answer are nobody's concern, and nobody trained them.
    let fidelity = &compiled["fidelity"];
    assert_eq!(
        (&fidelity["positions"], &fidelity["scored"]),
        (&800.into(), &32.into())
    );
    assert!(
        fidelity["top1_agreement"].as_f64().unwrap() > 0.98,
        "{fidelity}"
    );
    let divergence = fidelity["kl_divergence"].as_f64().unwrap();
    assert!((0.0..1e-3).contains(&divergence), "{fidelity}");

    let ask = |program: &str, prompt: &str, words: &str, more: &[&str]| {
        let own = [
            program,
            &at("sums.pleat"),
            "--prompt",
            prompt,
            "--answer",
            words,
            "--json",
        ];
        pleat(&[&own[..], more].concat())
    };
    let run = ask("run", "7+8=", "3", &[]).demand(0).json();
    assert_eq!(
        (&run["answer"], &run["prompt"]),
        (&"15<end>".into(), &"7+8=".into())
    );
    let proved = ask("prove", "7+8=", "3", &["-o", &at("sum.proof")])
        .demand(0)
        .json();
    assert_eq!(proved["answer"], "15<end>");
    assert_eq!(proved["answer_tokens"], serde_json::json!([5, 9, 2]));

    let verify = |prompt: &str| {
        pleat(&[
            "verify",
            &at("sums.vmodel"),
            &at("sum.proof"),
            "--prompt",
            prompt,
            "--json",
        ])
    };
    let verdict = verify("7+8=").demand(0).json();
    assert_eq!(
        (&verdict["valid"], &verdict["answer"]),
        (&true.into(), &"15<end>".into())
    );
    // The rest of an answer is an answer to its beginning.
    assert_eq!(verify("7+8=1").demand(0).json()["answer"], "5<end>");
    let other = verify("7+9=").demand(1).json();
    assert_eq!(
        (&other["valid"], &other["check"]),
        (&false.into(), &"demand/prompt".into())
    );
    assert!(
        other["reason"].as_str().unwrap().contains("word 2"),
        "{other}"
    );
    assert!(other["output"].is_null() && other["answer"].is_null());
    let printed = pleat(&[
        "verify",
        &at("sums.vmodel"),
        &at("sum.proof"),
        "--prompt",
        "7+8=",
    ]);
    let printed = printed.demand(0).out;
    assert!(
        printed.contains("answer  \"15<end>\": each of its 3 words"),
        "{printed}"
    );

    ask("prove", "7+8=", "6", &["-o", &at("no.proof")])
        .demand(2)
        .says(&["4 words of prompt and 6 of answer", "8 in all"]);
    ask("prove", "123+456=7", "1", &["-o", &at("no.proof")])
        .demand(2)
        .says(&["a prompt of 9 words", "after 1 to 8"]);
    ask("run", "7+8=", "1", &["--tokenizer", &at("none.json")])
        .demand(2)
        .says(&["none.json", "tokenizer.json of a model's folder"]);
    ask("run", "", "1", &[]).demand(2).says(&["no words"]);
    assert!(!folder.join("no.proof").exists());
}

/// The same weights for runs of another length: the same commitments.
#[test]
fn two_lengths_share_their_weights() {
    let folder = folder("huggingface-lengths");
    let at = |name: &str| text(&folder.join(name)).to_owned();
    let compile = |tokens: &str, name: &str, more: &[&str]| {
        let base = at(name);
        let own = [
            "compile", MODEL, "--tokens", tokens, "--best", "logits", "-o", &base, "--json",
        ];
        pleat(&[&own[..], more].concat())
    };
    // Short rows: the network is so small that one row would hold all of it.
    compile("8", "long", &["--row-bits", "6"]).demand(0);
    let short = compile("5", "short", &["--weights-of", &at("long.pleat")])
        .demand(0)
        .json();
    let [rows, shared] = ["weight_rows", "shared_rows"].map(|n| short[n].as_u64().unwrap());
    assert!(shared > rows / 2 && shared <= rows, "{short}");
    let other = compile("5", "other", &["--row-bits", "6"]).demand(0).json();
    assert!(other["shared_rows"].is_null());
    let compare = |name: &str| {
        let args = [
            "inspect",
            &at("long.vmodel"),
            "--model",
            &at(name),
            "--json",
        ];
        pleat(&args).demand(0).json()["shared"]["shared"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(
        (compare("short.vmodel"), compare("other.vmodel")),
        (shared, 0)
    );
    let prove = [
        "prove",
        &at("short.pleat"),
        "--prompt",
        "7+8=",
        "-o",
        &at("short.proof"),
    ];
    pleat(&prove).demand(0);
    pleat(&["verify", &at("short.vmodel"), &at("short.proof")]).demand(0);
    compile("5", "none", &["--weights-of", &at("none.pleat")])
        .demand(2)
        .says(&["none.pleat"]);
}

/// A text calibrates a folder that has a tokenizer.
#[test]
fn a_text_is_cut_into_samples() {
    let folder = folder("huggingface-text");
    let at = |name: &str| text(&folder.join(name)).to_owned();
    let sums: String = (0..40)
        .map(|i| format!("{}+{}=9", i % 10, i / 10))
        .collect();
    fs::write(folder.join("sums.txt"), sums).unwrap();
    fs::write(folder.join("short.txt"), "1+2").unwrap();
    let compile = |data: &str| {
        let base = at("sums");
        let own = [
            "compile",
            MODEL,
            "--tokens",
            "5",
            "--calibration",
            data,
            "-o",
            &base,
            "--json",
        ];
        pleat(&own)
    };
    assert_eq!(compile(&at("sums.txt")).demand(0).json()["samples"], 40);
    compile(&at("short.txt"))
        .demand(2)
        .says(&["3 words", "a sample 5"]);
}
