//! Receipts and chains from outside: two agents, a scorer and a decider, and what a regulator must refuse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod program;

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use pleat_verifier::receipt::{Receipt, Sha3Hash, canonical};
use program::{CACHE, Ran, folder, is_empty, pleat, text};
use serde_json::{Value, json};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/");
const SCHEMA: &str = include_str!("../../docs/receipt.schema.json");

fn data(name: &str) -> String {
    format!("{DATA}{name}")
}

/// Applicants 7 and 8 scored, input and score hidden; a decision about each score, which stays hidden.
struct World {
    folder: PathBuf,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let world = World {
        folder: folder("agents"),
    };
    let at = |name: &str| world.at(name);
    let applicants = data("credit-300.npz");
    let scores = data("decision-scores.json");
    let compile = |model: &str, samples: &str, more: &[&str], base: &str| {
        let (model, base) = (data(model), at(base));
        let args = ["compile", &model, "--calibration", samples, "-o", &base];
        pleat(&[&args, more].concat()).demand(0);
    };
    compile("credit_mlp.onnx", &applicants, &[], "credit");
    let like = format!("score={}:y", at("credit.vmodel"));
    compile(
        "decision.onnx",
        &scores,
        &["--input-like", &like],
        "decision",
    );
    compile("decision.onnx", &scores, &[], "other");
    for applicant in ["7", "8"] {
        let proof = at(&format!("score{applicant}.proof"));
        let credit = at("credit.pleat");
        let args = [
            "prove",
            &credit,
            "--input",
            &applicants,
            "--index",
            applicant,
            "--hide",
            "input",
            "--hide",
            "output",
            "--receipt",
            "--claim",
            "agent=scorer",
            "-o",
            &proof,
        ];
        pleat(&args).demand(0);
        let (secret, model, opening) = (
            at(&format!("score{applicant}.proof.secret")),
            at("credit.vmodel"),
            at(&format!("score{applicant}.opening")),
        );
        pleat(&["open", &secret, &model, "--port", "y", "-o", &opening]).demand(0);
    }
    world
        .decide(
            "decision7.proof",
            &[
                "--input-from",
                &at("score7.opening"),
                "--previous",
                &at("score7.proof.receipt.json"),
                // Commitments to tensors are the same in both modes.
                "--fold",
                "chain",
            ],
        )
        .demand(0);
    world
});

impl World {
    fn at(&self, name: &str) -> String {
        text(&self.folder.join(name)).to_owned()
    }

    fn decide(&self, proof: &str, more: &[&str]) -> Ran {
        let (model, proof) = (self.at("decision.pleat"), self.at(proof));
        let args = [
            "prove",
            &model,
            "--hide",
            "input",
            "--receipt",
            "-o",
            &proof,
        ];
        pleat(&[&args, more].concat())
    }

    fn receipt(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.at(name)).unwrap()).unwrap()
    }

    /// A receipt that was tampered with, beside a copy of its proof; its name.
    fn forged(&self, name: &str, proof: &str, receipt: &Value) -> String {
        fs::copy(self.at(proof), self.at(name)).unwrap();
        let path = self.at(&format!("{name}.receipt.json"));
        fs::write(&path, canonical(receipt).unwrap()).unwrap();
        path
    }

    fn chain(&self, receipts: &[&str], more: &[&str]) -> Ran {
        pleat(&[&["verify-chain"], receipts, more].concat())
    }
}

#[track_caller]
fn refused(ran: Ran, words: &[&str]) {
    let ran = ran.demand(1);
    assert!(ran.out.starts_with("INVALID: "), "{}", ran.out);
    for word in words {
        assert!(ran.out.contains(word), "no {word:?} in: {}", ran.out);
    }
}

#[test]
fn a_regulator_sees_ids_chain_and_decision_only() {
    let world = &*WORLD;
    let (score, decision) = (
        world.at("score7.proof.receipt.json"),
        world.at("decision7.proof.receipt.json"),
    );
    // In any order; models are found beside the receipts.
    for receipts in [[&*score, &*decision], [&*decision, &*score]] {
        let verdict = world.chain(&receipts, &["--json"]).demand(0).json();
        assert_eq!(verdict["valid"], true);
        assert_eq!(
            verdict["links"],
            json!([{
                "from": "output y of score7.proof.receipt.json",
                "to": "input score of decision7.proof.receipt.json",
            }])
        );
        let members = verdict["receipts"].as_array().unwrap();
        let file = |m: &Value| m["file"].as_str().unwrap().to_owned();
        assert_eq!(
            members.iter().map(file).collect::<Vec<_>>(),
            [score.clone(), decision.clone()]
        );
        assert_eq!(members[0]["output"][0]["integers"], Value::Null);
        assert_eq!(members[0]["claims"], json!({"agent": "scorer"}));
        assert_eq!(members[1]["input"][0]["integers"], Value::Null);
        assert_eq!(
            members[1]["output"][0]["integers"]
                .as_array()
                .unwrap()
                .len(),
            3
        );
    }
    let text = world.chain(&[&score, &decision], &[]).demand(0);
    assert!(
        text.out.starts_with("valid: 2 proofs, 1 link\n"),
        "{}",
        text.out
    );
    // The score is the same tensor for both, and nothing else is.
    let (score, decision) = (
        world.receipt("score7.proof.receipt.json"),
        world.receipt("decision7.proof.receipt.json"),
    );
    assert_eq!(
        score["outputs"][0]["commitment"],
        decision["inputs"][0]["commitment"]
    );
    assert_ne!(
        score["inputs"][0]["commitment"],
        decision["outputs"][0]["commitment"]
    );
}

#[test]
fn the_example_of_two_agents_runs() {
    let out = folder("example").join("agents");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/decision/two-agents");
    let ran = std::process::Command::new("bash")
        .args([script, text(&out)])
        .env("PLEAT", env!("CARGO_BIN_EXE_pleat"))
        .env("PLEAT_CACHE", CACHE)
        .output()
        .unwrap();
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(
        ran.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(told.contains("valid: 2 proofs, 1 link"), "{told}");
    // What the regulator holds.
    let mut files: Vec<String> = fs::read_dir(out.join("regulator"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let expected = [
        "credit.vmodel",
        "decision.proof",
        "decision.proof.receipt.json",
        "decision.vmodel",
        "score.proof",
        "score.proof.receipt.json",
    ];
    assert_eq!(files, expected);
}

/// A schema with its reference followed.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema
        .get("$ref")
        .or_else(|| schema.pointer("/allOf/0/$ref"));
    target.map_or(schema, |target| {
        root.pointer(target.as_str().unwrap().trim_start_matches('#'))
            .unwrap()
    })
}

/// Demands that the schema and a receipt know the same members, and marks as required those that are always there.
fn same_members(root: &Value, schema: &Value, value: &Value, at: &str) {
    let schema = resolved(root, schema);
    match value {
        Value::Object(members) if schema.get("properties").is_some() => {
            let properties = schema["properties"].as_object().unwrap();
            assert_eq!(schema["additionalProperties"], false, "{at}");
            for (name, member) in members {
                let known = properties
                    .get(name)
                    .unwrap_or_else(|| panic!("{at}.{name} is not in the schema"));
                same_members(root, known, member, &format!("{at}.{name}"));
            }
            for name in schema["required"].as_array().unwrap() {
                assert!(
                    members.contains_key(name.as_str().unwrap()),
                    "{at} has no {name}"
                );
            }
        }
        Value::Array(items) if schema.get("items").is_some() => {
            for item in items {
                same_members(root, &schema["items"], item, &format!("{at}[]"));
            }
        }
        Value::String(text) => {
            if let Some(constant) = schema.get("const") {
                assert_eq!(constant, text, "{at}");
            }
        }
        _ => {}
    }
}

#[test]
fn schema_and_receipts_have_the_same_members() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for name in ["score7", "decision7"] {
        let receipt = WORLD.receipt(&format!("{name}.proof.receipt.json"));
        same_members(&schema, &schema, &receipt, name);
    }
}

#[test]
fn one_receipt_is_checked_with_its_proof() {
    let world = &*WORLD;
    let verify = |proof: &str, receipt: &str| {
        let (model, proof) = (world.at("credit.vmodel"), world.at(proof));
        pleat(&["verify", &model, &proof, "--receipt", receipt, "--json"])
    };
    let good = world.at("score7.proof.receipt.json");
    let verdict = verify("score7.proof", &good).demand(0).json();
    let hash = Sha3Hash::of(&fs::read(&good).unwrap()).to_string();
    assert_eq!(verdict["receipt"]["hash"], hash);
    let reason = |ran: Ran| ran.demand(1).json()["reason"].as_str().unwrap().to_owned();
    assert_eq!(
        reason(verify("score8.proof", &good)),
        "the receipt's proof is not the proof's"
    );

    let original = world.receipt("score7.proof.receipt.json");
    let zeros = "0".repeat(64);
    let index = json!([{"name": "k", "role": "given", "shape": [1], "values": [0]}]);
    let cases: [(&str, &str, Value); 12] = [
        ("/indices", "indices", index),
        ("/model", "model", json!(zeros)),
        ("/proof", "proof", json!(zeros)),
        ("/fold", "fold", json!("chain")),
        ("/inputs", "inputs", json!([])),
        ("/inputs/0/name", "inputs[0].name", json!("z")),
        ("/inputs/0/shape", "inputs[0].shape", json!([61, 1])),
        ("/outputs/0/scale", "outputs[0].scale", json!("1")),
        (
            "/outputs/0/commitment",
            "outputs[0].commitment",
            json!(zeros),
        ),
        ("/outputs/0/integers", "outputs[0].integers", json!([-101])),
        ("/previous", "previous[1]", json!([zeros, zeros])),
        ("/inputs/0", "inputs[0].from.receipt", {
            let mut input = original["inputs"][0].clone();
            input["from"] = json!({"receipt": zeros, "role": "output", "name": "y"});
            input
        }),
    ];
    for (path, member, value) in cases {
        let mut edited = original.clone();
        *edited.pointer_mut(path).unwrap() = value;
        let file = world.forged("edited", "score7.proof", &edited);
        assert_eq!(
            reason(verify("score7.proof", &file)),
            format!("the receipt's {member} is not the proof's")
        );
    }
    let text = fs::read_to_string(&good).unwrap();
    let forms = [
        (text.replace(',', ", "), "canonical form"),
        (
            text.replace("\"claims\":", "\"claims\":{},\"claims\":"),
            "canonical form",
        ),
        (text.replace("pleat/3", "pleat/2"), "version"),
        (
            text.replace("\"claims\":{\"agent\":\"scorer\"},", ""),
            "missing field",
        ),
        (
            text.replace("{\"claims\"", "{\"more\":1,\"claims\""),
            "unknown field",
        ),
        (text.replace("\"scorer\"", "1.5"), "fraction"),
        ("[]".to_owned(), "no version"),
        (String::new(), "not a receipt"),
    ];
    for (text, word) in forms {
        let file = world.at("form.receipt.json");
        fs::write(&file, text).unwrap();
        let reason = reason(verify("score7.proof", &file));
        assert!(
            reason.starts_with("the receipt is refused") && reason.contains(word),
            "{reason}"
        );
    }
    assert!(Receipt::from_bytes(text.as_bytes()).is_ok());
}

#[test]
fn forged_chains_are_refused_with_the_link_named() {
    let world = &*WORLD;
    let score7 = world.at("score7.proof.receipt.json");
    let score8 = world.at("score8.proof.receipt.json");
    let decision = world.at("decision7.proof.receipt.json");
    let link = |score: &str, decision: &str| {
        format!(
            "link output y of {score}.proof.receipt.json → input score of {decision}.receipt.json: the commitments differ"
        )
    };

    // The same value, committed to anew: nobody can tell that it is the same.
    let run = pleat(&[
        "run",
        &world.at("credit.pleat"),
        "--input",
        &data("credit-300.npz"),
        "--index",
        "7",
        "--json",
    ]);
    let value = run.demand(0).json()["output"][0]["values"][0].clone();
    let same = world.at("same.json");
    fs::write(&same, json!({"input_data": [[value]]}).to_string()).unwrap();
    world.decide("same.proof", &["--input", &same]).demand(0);
    let mut receipt = world.receipt("same.proof.receipt.json");
    let original = world.receipt("decision7.proof.receipt.json");
    assert_eq!(
        receipt["outputs"][0]["integers"],
        original["outputs"][0]["integers"]
    );
    receipt["inputs"][0]["from"] = original["inputs"][0]["from"].clone();
    receipt["previous"] = original["previous"].clone();
    let forged = world.forged("same-forged", "same.proof", &receipt);
    refused(
        world.chain(&[&score7, &forged], &[]),
        &[&link("score7", "same-forged")],
    );

    // Another applicant's score.
    let other = Sha3Hash::of(&fs::read(&score8).unwrap()).to_string();
    let mut receipt = original.clone();
    receipt["inputs"][0]["from"]["receipt"] = json!(other);
    receipt["previous"] = json!([other]);
    let forged = world.forged("swapped", "decision7.proof", &receipt);
    refused(
        world.chain(&[&score8, &forged], &[]),
        &[&link("score8", "swapped")],
    );

    // Another tensor of the right proof, and one that there is not.
    let mut receipt = original.clone();
    receipt["inputs"][0]["from"]["role"] = json!("input");
    receipt["inputs"][0]["from"]["name"] = json!("x");
    let forged = world.forged("wrong-tensor", "decision7.proof", &receipt);
    refused(
        world.chain(&[&score7, &forged], &[]),
        &[
            "link input x of score7.proof.receipt.json → input score of wrong-tensor.receipt.json: the commitments differ",
        ],
    );
    receipt["inputs"][0]["from"]["role"] = json!("output");
    let forged = world.forged("no-tensor", "decision7.proof", &receipt);
    refused(
        world.chain(&[&score7, &forged], &[]),
        &["link output x of score7", "there is no such output"],
    );

    // A receipt edited after the other one was written.
    let mut receipt = world.receipt("score7.proof.receipt.json");
    let hash = Sha3Hash::of(&fs::read(&score7).unwrap()).to_string();
    receipt["claims"]["agent"] = json!("somebody else");
    let forged = world.forged("edited-claim", "score7.proof", &receipt);
    refused(
        world.chain(&[&forged, &decision], &[]),
        &[
            "decision7.proof.receipt.json names a previous receipt",
            &hash,
            "changed afterwards",
        ],
    );

    // A link that is left out, and receipts given twice or not at all.
    refused(
        world.chain(&[&decision], &[]),
        &["names a previous receipt"],
    );
    refused(
        world.chain(&[&score7, &decision, &score7], &[]),
        &["are the same receipt"],
    );
}

#[test]
fn a_chain_of_invalid_proofs_is_refused() {
    let world = &*WORLD;
    let mut proof = fs::read(world.at("score7.proof")).unwrap();
    let last = proof.len() - 40;
    proof[last] ^= 1;
    fs::write(world.at("bad.proof"), &proof).unwrap();
    let mut receipt = world.receipt("score7.proof.receipt.json");
    receipt["proof"] = json!(Sha3Hash::of(&proof).to_string());
    let bad = world.forged("bad.proof", "bad.proof", &receipt);
    refused(world.chain(&[&bad], &[]), &["bad.proof.receipt.json: "]);
    // With the receipt's own proof found elsewhere.
    let moved = folder("moved");
    let alone = moved.join("r.json");
    fs::copy(world.at("score7.proof.receipt.json"), &alone).unwrap();
    let more = [
        "--model",
        &world.at("credit.vmodel"),
        "--proof",
        &world.at("score7.proof"),
    ];
    world.chain(&[text(&alone)], &more).demand(0);
    world
        .chain(&[text(&alone)], &more[..2])
        .demand(2)
        .says(&["--proof"]);
    world
        .chain(&[text(&alone)], &[])
        .demand(2)
        .says(&["--model"]);
    let folder = world.folder.clone();
    world
        .chain(
            &[text(&alone)],
            &[
                "--model",
                text(&folder),
                "--proof",
                &world.at("score7.proof"),
            ],
        )
        .demand(0);
}

#[test]
fn what_cannot_be_linked_is_said_before_anything_is_written() {
    let world = &*WORLD;
    let empty = folder("nothing");
    let out = text(&empty.join("p.proof")).to_owned();
    let (opening7, score7, score8) = (
        world.at("score7.opening"),
        world.at("score7.proof.receipt.json"),
        world.at("score8.proof.receipt.json"),
    );
    let prove = |model: &str, more: &[&str]| {
        let model = world.at(model);
        pleat(&[&["prove", &model, "-o", &out], more].concat())
    };
    let from = ["--input-from", opening7.as_str(), "--receipt"];
    prove("decision.pleat", &from)
        .demand(2)
        .says(&["no receipt given with --previous"]);
    prove(
        "decision.pleat",
        &[&from[..], &["--previous", &score8]].concat(),
    )
    .demand(2)
    .says(&["belongs to another proof"]);
    prove(
        "other.pleat",
        &[&from[..], &["--previous", &score7]].concat(),
    )
    .demand(2)
    .says(&["one unit of tensor y", "--input-like"]);
    prove("credit.pleat", &from)
        .demand(2)
        .says(&["as many values as input x"]);
    prove("decision.pleat", &["--input-from", &score7])
        .demand(2)
        .says(&[&score7]);
    prove("decision.pleat", &["--receipt"])
        .demand(2)
        .says(&["--input"]);
    let input = data("decision-scores.json");
    let plain = ["--input", input.as_str(), "--receipt"];
    prove(
        "decision.pleat",
        &[&plain[..], &["--claim", "novalue"]].concat(),
    )
    .demand(2)
    .says(&["NAME=VALUE"]);
    prove(
        "decision.pleat",
        &[&plain[..], &["--previous", &opening7]].concat(),
    )
    .demand(2)
    .says(&["not a receipt"]);
    let claims = world.at("claims.json");
    fs::write(&claims, r#"{"confidence": 0.5}"#).unwrap();
    prove(
        "decision.pleat",
        &[&plain[..], &["--claims", &claims]].concat(),
    )
    .demand(2)
    .says(&["0.5", "string"]);
    prove("decision.pleat", &["--input", &input, "--claim", "a=b"])
        .demand(2)
        .says(&["--receipt"]);
    assert!(is_empty(&empty));

    let like = format!("{}:nothing", world.at("credit.vmodel"));
    let base = text(&empty.join("m")).to_owned();
    let compile = |like: &str| {
        let (model, scores) = (data("decision.onnx"), data("decision-scores.json"));
        pleat(&[
            "compile",
            &model,
            "--calibration",
            &scores,
            "--input-like",
            like,
            "-o",
            &base,
        ])
    };
    compile(&like).demand(2).says(&["nothing", "x, y"]);
    compile("nowhere.vmodel")
        .demand(2)
        .says(&["nowhere.vmodel"]);
    assert!(is_empty(&empty));
}

#[test]
fn a_manifest_has_one_valid_proof_for_every_input() {
    let world = &*WORLD;
    let entry = |index: usize, name: &str| {
        let receipt = format!("{name}.receipt.json");
        let hash = Sha3Hash::of(&fs::read(world.at(&receipt)).unwrap()).to_string();
        json!({ "index": index, "proof": name, "receipt": receipt, "hash": hash })
    };
    let good = json!({
        "manifest": "pleat-manifest/1",
        "model": "credit.vmodel",
        "inputs": 2,
        "proofs": [entry(0, "score7.proof"), entry(1, "score8.proof")],
    });
    let path = world.at("manifest.json");
    let check = |manifest: &Value, more: &[&str]| {
        fs::write(&path, manifest.to_string()).unwrap();
        pleat(&[&["verify-many", path.as_str(), "--json"], more].concat())
    };
    let verdict = check(&good, &[]).demand(0).json();
    assert_eq!(
        (&verdict["valid"], &verdict["inputs"]),
        (&json!(true), &json!(2))
    );
    let id = verdict["model_id"].as_str().unwrap().to_owned();
    check(&good, &["--model-id", &id]).demand(0);
    let other = check(&good, &["--model-id", &"0".repeat(64)]).demand(1);
    assert_eq!(other.json()["refused"][0]["check"], "demand/model-id");

    let refused = |change: &dyn Fn(&mut Value)| {
        let mut changed = good.clone();
        change(&mut changed);
        check(&changed, &[]).demand(1).json()
    };
    let missing = refused(&|m| drop(m["proofs"].as_array_mut().unwrap().pop()));
    assert_eq!(missing["missing"], json!([1]));
    let twice = refused(&|m| m["proofs"][1]["index"] = json!(0));
    assert!(twice["reason"].as_str().unwrap().contains("input 0 twice"));
    let many = refused(&|m| m["inputs"] = json!(1));
    assert!(many["reason"].as_str().unwrap().contains("one too many"));
    // The receipt of another input, with its hash or without.
    let name = &good["proofs"][1]["receipt"];
    let swapped = refused(&|m| m["proofs"][0]["receipt"] = name.clone());
    assert_eq!(swapped["refused"][0]["check"], "receipt/other");
    let swapped = refused(&|m| {
        m["proofs"][0]["receipt"] = name.clone();
        m["proofs"][0]["hash"] = good["proofs"][1]["hash"].clone();
    });
    assert_eq!(swapped["refused"][0]["check"], "receipt/mismatch");
    // A proof that is invalid, with a receipt that says what it says.
    let mut proof = fs::read(world.at("score8.proof")).unwrap();
    let last = proof.len() - 40;
    proof[last] ^= 1;
    fs::write(world.at("wrong.proof"), &proof).unwrap();
    let mut receipt = world.receipt("score8.proof.receipt.json");
    receipt["proof"] = json!(Sha3Hash::of(&proof).to_string());
    world.forged("wrong.proof", "wrong.proof", &receipt);
    let invalid = refused(&|m| m["proofs"][1] = entry(1, "wrong.proof"));
    assert_eq!(invalid["refused"].as_array().unwrap().len(), 1);
    assert_eq!(invalid["refused"][0]["index"], 1);

    // What a manifest names lies beside it.
    for (member, name) in [("proof", "../score7.proof"), ("receipt", "/etc/passwd")] {
        let mut changed = good.clone();
        changed["proofs"][0][member] = json!(name);
        check(&changed, &[])
            .demand(2)
            .says(&["manifest.json", "beside it"]);
    }
    let mut changed = good.clone();
    changed["manifest"] = json!("pleat-manifest/2");
    check(&changed, &[]).demand(2).says(&["pleat-manifest/1"]);
    let none = json!({ "manifest": "pleat-manifest/1", "model": "credit.vmodel", "inputs": 0, "proofs": [] });
    check(&none, &[]).demand(2).says(&["no inputs"]);
}
