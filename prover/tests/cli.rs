//! The program `pleat` from outside: results, exit codes, messages and files, on the credit model.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ndarray::Array2;
use program::{CACHE, Ran, folder, is_empty, pleat, pleat_with_cache, text};
use serde_json::{Value, json};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/credit_mlp.onnx");
const APPLICANTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/credit-300.npz");
const FEATURES: usize = 61;
const APPLICANT: &str = "7";
/// The credit model compiled, and proofs about one applicant.
struct World {
    folder: PathBuf,
    compiled: Value,
    /// Nothing is hidden.
    public: Value,
    /// Input and output are hidden.
    hidden: Value,
    /// Nothing is hidden, in the other mode.
    chain: Value,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let folder = folder("world");
    let at = |name: &str| folder.join(name);
    let compiled = pleat(&[
        "compile",
        MODEL,
        "--calibration",
        APPLICANTS,
        "-o",
        text(&at("credit")),
        "--json",
    ]);
    let prove = |proof: &str, more: &[&str]| {
        let model = at("credit.pleat");
        let proof = at(proof);
        let args = [
            "prove",
            text(&model),
            "--input",
            APPLICANTS,
            "--index",
            APPLICANT,
            "-o",
            text(&proof),
        ];
        pleat(&[&args, more].concat()).demand(0).json()
    };
    World {
        compiled: compiled.demand(0).json(),
        public: prove("public.proof", &["--json", "--quiet"]),
        hidden: prove(
            "hidden.proof",
            &["--json", "--hide", "input", "--hide", "output"],
        ),
        chain: prove("chain.proof", &["--json", "--fold", "chain"]),
        folder,
    }
});

impl World {
    fn at(&self, name: &str) -> String {
        text(&self.folder.join(name)).to_owned()
    }

    fn verify(&self, proof: &str, more: &[&str]) -> Ran {
        let (model, proof) = (self.at("credit.vmodel"), self.at(proof));
        pleat(&[&["verify", &model, &proof], more].concat())
    }
}

#[test]
fn compiling_reports_the_network_and_its_accuracy() {
    let compiled = &WORLD.compiled;
    assert_eq!(compiled["model_id"].as_str().unwrap().len(), 64);
    assert_eq!(compiled["parameters"], 61 * 32 + 32 + 32 * 16 + 16 + 16 + 1);
    assert_eq!(compiled["macs"], 61 * 32 + 32 * 16 + 16);
    assert_eq!(compiled["rows"], 61 + 32 + 16 + 1);
    assert_eq!(compiled["nodes"], 4);
    assert!(compiled["top1_agreement"].as_f64().unwrap() >= 299.0 / 300.0);
    let error = compiled["max_abs_error"].as_f64().unwrap();
    assert!(error > 0.0 && error < 0.05, "{error}");
    assert!(compiled["seconds"]["total"].as_f64().unwrap() > 0.0);
}

#[cfg(unix)]
#[test]
fn secrets_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |name: &str| {
        let metadata = fs::metadata(WORLD.folder.join(name)).unwrap();
        metadata.permissions().mode() & 0o077
    };
    assert_eq!(mode("credit.pleat"), 0);
    assert_eq!(mode("hidden.proof.secret"), 0);
    assert!(!WORLD.folder.join("public.proof.secret").exists());
}

#[test]
fn proving_reports_the_proof_and_its_stages() {
    for (proof, name) in [
        (&WORLD.public, "public.proof"),
        (&WORLD.hidden, "hidden.proof"),
        (&WORLD.chain, "chain.proof"),
    ] {
        let of_chain = name == "chain.proof";
        let (mode, most) = if of_chain {
            ("chain", 16_000)
        } else {
            ("tree", 8_200)
        };
        assert_eq!(proof["fold"], mode);
        assert_eq!(proof["model_id"], WORLD.compiled["model_id"]);
        assert_eq!(proof["nodes"], WORLD.compiled["nodes"]);
        assert_eq!(proof["rows"], WORLD.compiled["rows"]);
        assert_eq!(proof["steps"], 3);
        let length = fs::metadata(WORLD.folder.join(name)).unwrap().len();
        assert_eq!(proof["proof_bytes"], length);
        assert!(length <= most, "{length}");
        let seconds = proof["seconds"].as_object().unwrap();
        let stages: Vec<&str> = seconds.keys().map(String::as_str).collect();
        for stage in [
            "setup", "execute", "commit", "contract", "lookup", "open", "fold",
        ] {
            assert!(stages.contains(&stage), "{stages:?}");
        }
        assert_eq!(stages.contains(&"compress"), of_chain);
        let sum: f64 = seconds
            .iter()
            .filter(|(s, _)| *s != "total")
            .map(|(_, v)| v.as_f64().unwrap())
            .sum();
        let total = proof["seconds"]["total"].as_f64().unwrap();
        assert!(sum <= total && total < sum + 1.0, "{sum} of {total}");
        if cfg!(target_os = "linux") {
            assert!(proof["peak_rss_bytes"].as_u64().unwrap() > 1 << 20);
        }
    }
    let bytes = |proof: &Value| proof["proof_bytes"].as_u64().unwrap();
    let values = u64::try_from(FEATURES + 1).unwrap();
    let bits = 12 * values;
    assert_eq!(
        bytes(&WORLD.public),
        bytes(&WORLD.hidden) + bits.div_ceil(8)
    );
    assert_eq!(WORLD.hidden["output"][0]["hidden"], true);
    assert_eq!(
        WORLD.public["output"][0]["integers"],
        WORLD.hidden["output"][0]["integers"]
    );
}

/// Both modes prove the same; a proof of committed steps needs and leaves nothing of the chain's parameters.
#[test]
fn both_modes_verify_and_say_which_they_are() {
    for (proof, mode) in [("public.proof", "tree"), ("chain.proof", "chain")] {
        let verdict = WORLD.verify(proof, &["--json"]).demand(0).json();
        assert_eq!(verdict["fold"], mode);
        assert_eq!(
            verdict["output"][0]["integers"],
            WORLD.public["output"][0]["integers"]
        );
        let shown = WORLD.verify(proof, &[]).demand(0);
        assert!(
            shown.out.contains(&format!("fold   {mode}")),
            "{}",
            shown.out
        );
    }
    assert_eq!(WORLD.chain["output"], WORLD.public["output"]);
    let folder = tempfile::tempdir().unwrap();
    let cache = text(folder.path());
    let proof = WORLD.at("fresh.proof");
    let model = WORLD.at("credit.pleat");
    let args = [
        "prove", &model, "--input", APPLICANTS, "--index", APPLICANT, "-o", &proof,
    ];
    pleat_with_cache(&args, cache).demand(0);
    let model = WORLD.at("credit.vmodel");
    pleat_with_cache(&["verify", &model, &proof], cache).demand(0);
    let mut names = fs::read_dir(folder.path())
        .unwrap()
        .map(|f| f.unwrap().file_name());
    assert!(
        names.all(|name| name.to_str().unwrap().starts_with("generators-")),
        "only generators are cached"
    );
    pleat(&["prove", &model, "--fold", "ring"]).demand(2);
}

#[test]
fn running_gives_the_outputs_that_proofs_show() {
    let model = WORLD.at("credit.pleat");
    let run = pleat(&[
        "run", &model, "--input", APPLICANTS, "--index", APPLICANT, "--json",
    ]);
    let run = run.demand(0).json();
    assert_eq!(
        run["output"][0]["integers"],
        WORLD.public["output"][0]["integers"]
    );
    let output = &run["output"][0];
    let integer = output["integers"][0].as_f64().unwrap();
    let scale = output["scale"].as_f64().unwrap();
    assert_eq!(output["values"][0].as_f64().unwrap(), integer * scale);
    let plain = pleat(&["run", &model, "--input", APPLICANTS, "--quiet"]).demand(0);
    assert!(
        plain.err.is_empty() && plain.out.contains("execute"),
        "{}",
        plain.out
    );
}

#[test]
fn good_proofs_verify_and_show_what_is_public() {
    let verdict = WORLD.verify("public.proof", &["--json"]).demand(0).json();
    assert_eq!(verdict["valid"], true);
    assert_eq!(verdict["model_id"], WORLD.compiled["model_id"]);
    assert_eq!(verdict["reason"], Value::Null);
    assert_eq!(
        verdict["output"][0]["integers"],
        WORLD.public["output"][0]["integers"]
    );
    assert!(verdict["seconds"]["verify"].as_f64().unwrap() > 0.0);
    assert_eq!(
        verdict["input"][0]["integers"].as_array().unwrap().len(),
        FEATURES
    );

    let verdict = WORLD.verify("hidden.proof", &["--json"]).demand(0).json();
    assert_eq!(verdict["input"][0]["hidden"], true);
    assert_eq!(verdict["input"][0]["integers"], Value::Null);
    assert_eq!(verdict["output"][0]["values"], Value::Null);
}

#[test]
fn several_proofs_are_checked_together_and_bad_ones_named() {
    let at = |name: &str| WORLD.folder.join(name);
    let [model, public, hidden] = ["credit.vmodel", "public.proof", "hidden.proof"].map(at);
    let all = pleat(&[
        "verify",
        text(&model),
        text(&public),
        text(&hidden),
        "--json",
    ])
    .json();
    assert_eq!(
        (&all["valid"], all["proofs"].as_array().unwrap().len()),
        (&json!(true), 2)
    );
    assert_eq!(all["proofs"][0]["proof"], json!(text(&public)));
    assert_eq!(all["proofs"][1]["output"][0]["hidden"], json!(true));

    let mut bytes = fs::read(&public).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let bad = at("several-bad.proof");
    fs::write(&bad, bytes).unwrap();
    let ran = pleat(&[
        "verify",
        text(&model),
        text(&public),
        text(&bad),
        text(&hidden),
    ]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("several-bad.proof: INVALID: "),
        "{}",
        ran.out
    );
    assert!(
        ran.out.ends_with("1 of 3 proofs are INVALID\n"),
        "{}",
        ran.out
    );

    // What is demanded of a value is demanded of one proof.
    let ran = pleat(&[
        "verify",
        text(&model),
        text(&public),
        text(&hidden),
        "--input",
        APPLICANTS,
    ]);
    assert_eq!(ran.code, 2);
    let ran = pleat(&[
        "verify",
        text(&model),
        text(&public),
        text(&at("missing.proof")),
    ]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("missing.proof"), "{}", ran.err);
}

#[test]
fn demands_on_public_values_and_the_model_hold_or_refuse() {
    let here = folder("demands");
    let output = here.join("output.json");
    let values = &WORLD.public["output"][0]["values"];
    fs::write(&output, json!({ "output_data": [values] }).to_string()).unwrap();
    let id = WORLD.compiled["model_id"].as_str().unwrap();
    let input = ["--input", APPLICANTS, "--index"];
    let demand = |more: &[&str]| WORLD.verify("public.proof", &[more, &["--json"]].concat());

    let all = [
        &input[..],
        &[APPLICANT, "--output", text(&output), "--model-id", id],
    ]
    .concat();
    demand(&all).demand(0);

    let refused = |ran: Ran, words: &str| {
        let verdict = ran.demand(1).json();
        assert_eq!(verdict["valid"], false);
        assert_eq!(verdict["output"], Value::Null);
        let reason = verdict["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
    };
    refused(demand(&[&input[..], &["8"]].concat()), "--input: tensor");
    let logit = values[0].as_f64().unwrap();
    fs::write(&output, json!({ "output_data": [[-logit]] }).to_string()).unwrap();
    refused(demand(&["--output", text(&output)]), "--output: tensor");
    let other: String = id
        .chars()
        .map(|c| if c == '0' { '1' } else { '0' })
        .collect();
    refused(demand(&["--model-id", &other]), "the model's id is");
}

#[test]
fn demands_that_cannot_be_checked_are_errors() {
    let hidden = |more: &[&str]| WORLD.verify("hidden.proof", more).demand(2);
    hidden(&["--input", APPLICANTS]).says(&["--input cannot be checked", "--opened"]);
    let error = hidden(&["--input", APPLICANTS, "--json"]).json();
    assert!(
        error["error"].as_str().unwrap().contains("hides"),
        "{error}"
    );
    hidden(&["--input", "nowhere.npz"]).says(&["nowhere.npz"]);
    hidden(&["--model-id", "12"]).says(&["64 hexadecimal digits"]);
    hidden(&["--value", APPLICANTS]).says(&["--opened"]);
}

#[test]
fn hidden_values_are_opened_later() {
    let here = folder("open");
    let opening = here.join("input.opening");
    let (secret, model) = (WORLD.at("hidden.proof.secret"), WORLD.at("credit.vmodel"));
    let public = WORLD.verify("public.proof", &["--json"]).demand(0).json();
    let name = public["input"][0]["name"].as_str().unwrap();
    let open = |port: &str| {
        pleat(&[
            "open",
            &secret,
            &model,
            "--port",
            port,
            "-o",
            text(&opening),
        ])
    };
    open("no such tensor")
        .demand(2)
        .says(&["no such tensor", name]);
    assert!(is_empty(&here));
    open(name).demand(0);

    let opened = ["--opened", text(&opening), "--json"];
    let verdict = WORLD.verify("hidden.proof", &opened).demand(0).json();
    assert_eq!(
        verdict["opened"]["integers"],
        public["input"][0]["integers"]
    );
    // Row 7 of the archive as JSON: what the opened value has to be.
    let values = here.join("value.json");
    fs::write(
        &values,
        json!({ "input_data": [public["input"][0]["values"]] }).to_string(),
    )
    .unwrap();
    let value = ["--value", text(&values)];
    WORLD
        .verify("hidden.proof", &[&opened[..], &value].concat())
        .demand(0);
    let input = ["--input", APPLICANTS, "--index"];
    WORLD
        .verify(
            "hidden.proof",
            &[&opened[..], &input, &[APPLICANT]].concat(),
        )
        .demand(0);

    let reason = |ran: Ran| ran.demand(1).json()["reason"].as_str().unwrap().to_owned();
    let other = reason(WORLD.verify("hidden.proof", &[&opened[..], &input, &["8"]].concat()));
    assert!(other.contains("--input: tensor"), "{other}");
    let elsewhere = reason(WORLD.verify("public.proof", &opened));
    assert!(elsewhere.contains("does not open"), "{elsewhere}");
    let mut bytes = fs::read(&opening).unwrap();
    // Magic, version, model id and port come before the first value.
    bytes[10 + 32 + 4] ^= 1;
    fs::write(&opening, &bytes).unwrap();
    let forged = reason(WORLD.verify("hidden.proof", &opened));
    assert!(forged.contains("does not open"), "{forged}");
    bytes.pop();
    fs::write(&opening, &bytes).unwrap();
    let short = reason(WORLD.verify("hidden.proof", &opened));
    assert!(short.contains("truncated"), "{short}");
}

#[test]
fn bad_proofs_are_invalid_and_say_why() {
    let here = folder("bad-proofs");
    let good = fs::read(WORLD.folder.join("public.proof")).unwrap();
    let model = WORLD.at("credit.vmodel");
    let path = here.join("bad.proof");
    let refused = |bytes: &[u8], words: &str| {
        fs::write(&path, bytes).unwrap();
        let verdict = pleat(&["verify", &model, text(&path), "--json"])
            .demand(1)
            .json();
        assert_eq!(verdict["valid"], false);
        assert_eq!(verdict["output"], Value::Null);
        let reason = verdict["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
    };
    let changed = |at: usize, to: &dyn Fn(u8) -> u8| {
        let mut bytes = good.clone();
        bytes[at] = to(bytes[at]);
        bytes
    };
    refused(&[], "not a Pleat proof");
    refused(&changed(0, &|_| b'X'), "not a Pleat proof");
    refused(&changed(8, &|_| 9), "format version 9");
    refused(&changed(10, &|b| b ^ 1), "the proof is about model");
    refused(&changed(42, &|_| 9), "unknown mode");
    refused(&changed(42, &|_| 2), "bytes; this model");
    refused(&changed(43, &|_| 3), "visibility flag");
    refused(&good[..good.len() - 1], "bytes; this model");
    refused(&[&good[..], &[0]].concat(), "bytes; this model");
    refused(&good[..20], "truncated");
    // The first public integer of the input, and the output's.
    refused(&changed(45, &|b| b ^ 1), "shares");
    refused(
        &changed(45 + (12 * FEATURES).div_ceil(8), &|b| b ^ 1),
        "shares",
    );
    let mut chain = fs::read(WORLD.folder.join("chain.proof")).unwrap();
    chain[45] ^= 1;
    refused(&chain, "Nova");
    refused(&vec![0; 1 << 20], "not a Pleat proof");
    let swapped = fs::read(WORLD.folder.join("credit.vmodel")).unwrap();
    refused(&swapped, "not a Pleat proof");

    let missing = here.join("missing.proof");
    pleat(&["verify", &model, text(&missing)])
        .demand(2)
        .says(&["cannot read", "missing.proof"]);
}

#[test]
fn proofs_about_another_model_are_invalid() {
    let here = folder("other-model");
    let base = here.join("other");
    let compile = [
        "compile",
        MODEL,
        "--calibration",
        APPLICANTS,
        "-o",
        text(&base),
        "--quiet",
    ];
    pleat(&[&compile[..], &["--digit-bits", "10"]].concat()).demand(0);
    let other = here.join("other.vmodel");
    let proof = WORLD.at("public.proof");
    let verdict = pleat(&["verify", text(&other), &proof, "--json"])
        .demand(1)
        .json();
    let reason = verdict["reason"].as_str().unwrap();
    assert!(reason.contains("the proof is about model"), "{reason}");
}

#[test]
fn bad_models_are_errors() {
    let here = folder("bad-models");
    let proof = WORLD.at("public.proof");
    let path = here.join("bad.vmodel");
    let good = fs::read(WORLD.folder.join("credit.vmodel")).unwrap();
    let verify = |bytes: &[u8], words: &str| {
        fs::write(&path, bytes).unwrap();
        pleat(&["verify", text(&path), &proof])
            .demand(2)
            .says(&["bad.vmodel", words]);
    };
    verify(&good[..good.len() - 3], "truncated");
    verify(&[&good[..], &[1]].concat(), "1 bytes follow");
    let mut version = good.clone();
    version[8] = 7;
    verify(&version, "format version 7");
    verify(
        &fs::read(WORLD.folder.join("credit.pleat")).unwrap(),
        "not a Pleat verification model",
    );

    let out = here.join("none.proof");
    let vmodel = WORLD.at("credit.vmodel");
    let prove = ["prove", &vmodel, "--input", APPLICANTS, "-o", text(&out)];
    pleat(&prove)
        .demand(2)
        .says(&["credit.vmodel", "not a Pleat proving model", ".pleat file"]);
    assert!(!out.exists());
}

#[test]
fn inputs_that_cannot_be_proved_are_errors_and_leave_nothing() {
    let here = folder("bad-inputs");
    let data = folder("bad-inputs-data");
    let model = WORLD.at("credit.pleat");
    let refused = |input: &str, more: &[&str], words: &[&str]| {
        let out = here.join("none.proof");
        let args = [
            "prove",
            &model,
            "--input",
            input,
            "-o",
            text(&out),
            "--hide",
            "input",
        ];
        pleat(&[&args[..], more].concat()).demand(2).says(words);
        assert!(is_empty(&here), "{input} left a file");
    };
    let mut sample = Array2::<f32>::zeros((1, FEATURES));
    let npy = data.join("sample.npy");
    sample[(0, 5)] = f32::NAN;
    ndarray_npy::write_npy(&npy, &sample).unwrap();
    refused(text(&npy), &[], &["sample.npy", "NaN", "[0, 5]"]);
    sample[(0, 5)] = -1e4;
    ndarray_npy::write_npy(&npy, &sample).unwrap();
    refused(
        text(&npy),
        &[],
        &["--input", "[0, 5]", "-10000", "--headroom", "calibration"],
    );
    ndarray_npy::write_npy(&npy, &Array2::<f32>::zeros((1, FEATURES + 1))).unwrap();
    refused(text(&npy), &[], &["[1, 62]", "[1, 61]"]);
    refused(APPLICANTS, &["--index", "300"], &["no sample 300", "300"]);
    refused("nowhere.npz", &[], &["cannot read nowhere.npz"]);
    refused(
        &format!("{APPLICANTS}:ages"),
        &[],
        &["no array ages", "features"],
    );

    let out = here.join("no such folder").join("x.proof");
    pleat(&["prove", &model, "--input", APPLICANTS, "-o", text(&out)])
        .demand(2)
        .says(&["its folder does not exist"]);
}

#[test]
fn an_activation_out_of_range_is_an_error_that_names_its_node() {
    let here = folder("activation");
    let write = |name: &str, values: Vec<f32>| {
        let path = here.join(name);
        fs::write(&path, json!({ "input_data": [values] }).to_string()).unwrap();
        path
    };
    // Calibrated on inputs of which a single feature is not zero, then run with all of them as large.
    let one = write(
        "one.json",
        (0..FEATURES).map(|i| f32::from(u8::from(i == 0))).collect(),
    );
    let all = write("all.json", vec![1.0; FEATURES]);
    let base = here.join("narrow");
    let compile = [
        "compile",
        MODEL,
        "--calibration",
        text(&one),
        "--headroom",
        "0",
    ];
    pleat(&[&compile[..], &["-o", text(&base), "--quiet"]].concat()).demand(0);
    let (model, out) = (here.join("narrow.pleat"), here.join("none.proof"));
    for command in [&["run"][..], &["prove", "-o", text(&out)]] {
        let args = [command, &[text(&model), "--input", text(&all)]].concat();
        pleat(&args)
            .demand(2)
            .says(&["node ", "requantized value", "calibration", "headroom"]);
    }
    assert!(!out.exists());
}

#[test]
fn models_that_cannot_be_compiled_are_errors_and_leave_nothing() {
    let here = folder("bad-compile");
    let data = folder("bad-compile-data");
    let base = here.join("none");
    let compile = |model: &str, calibration: &str, more: &[&str], words: &[&str]| {
        let args = [
            "compile",
            model,
            "--calibration",
            calibration,
            "-o",
            text(&base),
        ];
        pleat(&[&args[..], more].concat()).demand(2).says(words);
        assert!(is_empty(&here));
    };
    let npy = data.join("samples.npy");
    ndarray_npy::write_npy(&npy, &Array2::<f32>::zeros((0, FEATURES))).unwrap();
    compile(MODEL, text(&npy), &[], &["--calibration", "no samples"]);
    let mut nan = Array2::<f32>::zeros((3, FEATURES));
    nan[(2, 1)] = f32::INFINITY;
    ndarray_npy::write_npy(&npy, &nan).unwrap();
    compile(MODEL, text(&npy), &[], &["samples.npy", "[2, 1]", "inf"]);
    compile(
        MODEL,
        APPLICANTS,
        &["--digit-bits", "99"],
        &["digit bits", "2 to 15"],
    );
    compile(MODEL, APPLICANTS, &["--headroom", "-1"], &["headroom"]);
    compile("nowhere.onnx", APPLICANTS, &[], &["nowhere.onnx"]);
    let onnx = data.join("noise.onnx");
    fs::write(&onnx, [7_u8; 99]).unwrap();
    compile(text(&onnx), APPLICANTS, &[], &["noise.onnx", "ONNX"]);
}

#[test]
fn files_say_what_they_are() {
    let here = folder("inspect");
    let inspect = |file: &str, more: &[&str]| {
        let args = ["inspect", file, "--json"];
        pleat(&[&args[..], more].concat()).demand(0).json()
    };
    let id = &WORLD.compiled["model_id"];
    let vmodel = WORLD.at("credit.vmodel");
    for (file, kind) in [
        ("credit.vmodel", "verification model"),
        ("credit.pleat", "proving model"),
    ] {
        let found = inspect(&WORLD.at(file), &[]);
        assert_eq!(found["kind"], kind);
        assert_eq!(&found["model_id"], id);
        assert_eq!(found["nodes"].as_array().unwrap().len(), 4);
        assert_eq!(found["macs"], WORLD.compiled["macs"]);
        assert_eq!(found["report"].is_object(), kind == "proving model");
    }
    for (file, kind, tensors) in [
        ("hidden.proof", "proof", 2),
        ("chain.proof", "proof", 2),
        ("hidden.proof.secret", "secret file", 2),
    ] {
        let found = inspect(&WORLD.at(file), &[]);
        assert_eq!((&found["kind"], &found["model_id"]), (&json!(kind), id));
        assert!(found["hint"].as_str().unwrap().contains("--model"));
        let found = inspect(&WORLD.at(file), &["--model", &vmodel]);
        assert_eq!(found["tensors"].as_array().unwrap().len(), tensors);
        let shown = kind == "secret file" || file == "chain.proof";
        assert_eq!(found["tensors"][0]["integers"].is_array(), shown);
        if kind == "proof" {
            let mode = if file == "chain.proof" {
                "chain"
            } else {
                "tree"
            };
            assert_eq!(found["fold"], mode);
        }
    }
    let found = inspect(MODEL, &[]);
    assert_eq!(found["kind"], "ONNX model");
    assert_eq!(found["operators"]["Relu"], 2);
    assert_eq!(found["unsupported"], json!([]));

    let noise = here.join("noise");
    fs::write(&noise, "something else").unwrap();
    pleat(&["inspect", text(&noise)])
        .demand(2)
        .says(&["noise", "no file of Pleat"]);
    // People read it too.
    let shown = pleat(&["inspect", &vmodel]).demand(0);
    assert!(shown.out.contains("function") && shown.out.contains("weights are committed to"));
}

#[test]
fn the_parameter_cache_is_built_once() {
    LazyLock::force(&WORLD);
    let setup = pleat(&["setup", "--json"]).demand(0).json();
    assert_eq!(setup["built"], false);
    assert_eq!(setup["digest"].as_str().unwrap().len(), 64);
    let file = Path::new(setup["file"].as_str().unwrap());
    assert_eq!(file.parent(), Some(Path::new(CACHE)));
    assert_eq!(setup["bytes"], fs::metadata(file).unwrap().len());
}

#[test]
fn the_demo_ends_in_a_refused_forgery() {
    LazyLock::force(&WORLD);
    let ran = pleat(&["demo", "--json"]).demand(0);
    let demo = ran.json();
    assert_eq!(demo["verify"]["valid"], true);
    assert_eq!(demo["tampered"]["valid"], false);
    assert_eq!(demo["prove"]["hidden_inputs"].as_array().unwrap().len(), 1);
    assert_eq!(demo["prove"]["fold"], "tree");
    assert!(demo["prove"]["proof_bytes"].as_u64().unwrap() <= 9_200);
}

#[test]
fn usage_errors_have_exit_code_2_and_help_has_0() {
    for args in [
        &["prove"][..],
        &["frobnicate"],
        &[],
        &["verify", "a", "b", "--index", "1"],
    ] {
        let ran = pleat(args).demand(2);
        assert!(
            ran.out.is_empty() && ran.err.contains("Usage"),
            "{}",
            ran.err
        );
    }
    let commands = [
        "compile", "prove", "verify", "run", "inspect", "setup", "demo", "open",
    ];
    let help = pleat(&["--help"]).demand(0);
    for command in commands {
        assert!(help.out.contains(command));
        pleat(&[command, "--help"]).demand(0);
    }
}
