//! Several samples in one proof: the derived network runs each sample as the network of one does, under the same commitments, and a
//! sample that was run otherwise is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;
mod program;

use common::Problem;
use common::algebra::{check_both, commit, key, prove_tree, public, traced_on, verify_tree};
use pleat_prover::columns::Columns;
use pleat_prover::execute::{Executor, block_cells, block_values};
use pleat_prover::model::ProvingModel;
use pleat_prover::stages::Traced;
use pleat_verifier::descriptor::{
    Agreement, DescriptorError, IndexPort, IndexRole, Limits, one_sample,
};
use pleat_verifier::error::{ModelError, VerifyError};
use pleat_verifier::fold::Mode;
use program::{folder, pleat, text};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SAMPLES: usize = 3;

/// A problem's own inputs, and others that its network takes: the same values in other places.
fn inputs(problem: &Problem, model: &ProvingModel) -> Vec<Vec<Vec<i32>>> {
    let executor = Executor::new(model.network(), model.weights()).unwrap();
    let rotated = |by: usize| -> Vec<Vec<i32>> {
        let turn = |values: &Vec<i32>| {
            let mut values = values.clone();
            let n = by.min(values.len());
            values.rotate_left(n);
            values
        };
        problem.inputs.iter().map(turn).collect()
    };
    let runs = |inputs: &Vec<Vec<i32>>| executor.run_on(inputs, &problem.given).is_ok();
    let samples: Vec<_> = (0..40).map(rotated).filter(runs).take(SAMPLES).collect();
    assert_eq!(samples.len(), SAMPLES, "{}", problem.name);
    samples
}

/// Side by side.
fn stacked<T: Clone>(samples: &[Vec<Vec<T>>]) -> Vec<Vec<T>> {
    let tensors = samples.first().map_or(0, Vec::len);
    (0..tensors)
        .map(|i| samples.iter().flat_map(|s| s[i].clone()).collect())
        .collect()
}

#[test]
fn every_sample_is_run_as_by_itself() {
    for problem in common::all() {
        let model = commit(&problem);
        let samples = inputs(&problem, &model);
        let alone = Executor::new(model.network(), model.weights()).unwrap();
        let runs: Vec<_> = (samples.iter())
            .map(|s| alone.run_on(s, &problem.given).unwrap())
            .collect();

        let batched = commit(&problem).batched(SAMPLES).unwrap();
        assert_eq!(
            batched.verification().weights(),
            model.verification().weights()
        );
        assert_eq!(batched.verification().origin(), model.verification().id());
        assert_ne!(batched.verification().id(), model.verification().id());
        let given = stacked(&vec![problem.given.clone(); SAMPLES]);
        let executor = Executor::new(batched.network(), batched.weights()).unwrap();
        let together = executor.run_on(&stacked(&samples), &given).unwrap();
        for (i, node) in model.network().nodes().iter().enumerate() {
            let all = block_values(batched.network(), i, &together.y);
            let each: Vec<i32> = (runs.iter())
                .flat_map(|run| block_values(model.network(), i, &run.y))
                .collect();
            assert_eq!(all, each, "{}, {}", problem.name, node.name);
        }
        let ports = problem.network.descriptor().indices.len();
        for port in 0..ports {
            let each: Vec<u32> = (runs.iter())
                .flat_map(|run| run.indices.of(port).to_vec())
                .collect();
            assert_eq!(together.indices.of(port), each, "{}", problem.name);
        }
    }
}

#[test]
fn one_proof_is_about_all() {
    for problem in common::all() {
        let model = commit(&problem);
        let samples = inputs(&problem, &model);
        let given = stacked(&vec![problem.given.clone(); SAMPLES]);
        let batched = model.batched(SAMPLES).unwrap();
        let inputs = stacked(&samples);
        let traced = |mode| traced_on(&batched, mode, (&inputs, &given), 5);
        let verdicts = check_both(&batched, &key(&batched), traced);
        assert!(verdicts.iter().all(Result::is_ok), "{}", problem.name);
    }
}

/// Every sample by itself is held to the relations: no value of any can be another, nor can two of them change places.
#[test]
fn a_sample_that_was_run_otherwise_is_refused() {
    let problem = common::attention_net();
    let model = commit(&problem);
    let samples = inputs(&problem, &model);
    let given = stacked(&vec![problem.given.clone(); SAMPLES]);
    let batched = model.batched(SAMPLES).unwrap();
    let key = key(&batched);
    let network = batched.network();
    let executor = Executor::new(network, batched.weights()).unwrap();
    let honest = executor.run_on(&stacked(&samples), &given).unwrap();
    let output = network.descriptor().outputs[0].node;
    let cells: Vec<usize> = block_cells(network, output).collect();
    let size = cells.len() / SAMPLES;
    let verdict = |trace| {
        let columns = Columns::new(network, trace);
        let shown = public(&batched, &columns, |_| true);
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let traced = Traced::new(&batched, Mode::Tree, columns, shown, &mut rng);
        verify_tree(batched.verification(), &key, &prove_tree(traced, &key))
    };
    assert!(verdict(honest.clone()).is_ok());
    for (first, second) in [(0, 1), (1, 2), (2, 0)] {
        let mut swapped = honest.clone();
        let mut differ = false;
        for i in 0..size {
            let (a, b) = (cells[first * size + i], cells[second * size + i]);
            differ |= swapped.y[a] != swapped.y[b];
            swapped.y.swap(a, b);
            swapped.p.swap(a, b);
            swapped.r1.swap(a, b);
            swapped.r0.swap(a, b);
        }
        assert!(differ, "samples {first} and {second} give the same");
        // CONTRACT's claims are of the expression, which each row's digits are.
        let refused = verdict(swapped).unwrap_err();
        assert_eq!(refused.check(), "shares", "{first}, {second}");
    }
}

#[test]
fn a_proof_about_several_is_none_about_one_or_another_number() {
    let problem = common::dense_net(1, &[5, 4, 2]);
    let model = commit(&problem);
    let samples = inputs(&problem, &model);
    let batched = commit(&problem).batched(SAMPLES).unwrap();
    let key = key(&batched);
    let inputs = stacked(&samples);
    let proof = prove_tree(traced_on(&batched, Mode::Tree, (&inputs, &[]), 5), &key);
    let limits = Limits::default();
    for other in [1, SAMPLES - 1, SAMPLES + 1] {
        let other = model.verification().batched(other, &limits).unwrap();
        let bytes = proof.to_bytes(batched.network());
        let refused = pleat_verifier::verdict::decode_proof(&bytes, &other).unwrap_err();
        assert!(
            matches!(refused, VerifyError::OtherModel { .. }),
            "{refused}"
        );
    }
    let own = model.verification().batched(SAMPLES, &limits).unwrap();
    assert!(verify_tree(&own, &key, &proof).is_ok());
}

#[test]
fn what_cannot_be_is_said() {
    let problem = common::dense_net(1, &[5, 4, 2]);
    let model = commit(&problem);
    let descriptor = problem.network.descriptor();
    assert_eq!(descriptor.batched(1).unwrap(), *descriptor);
    assert!(descriptor.batched(0).is_err());
    let limits = Limits::default();
    let many = model.verification().batched(1 << 40, &limits);
    assert!(matches!(many, Err(ModelError::Descriptor(_))), "{many:?}");
    let mut agreeing = descriptor.clone();
    let port = |role| IndexPort {
        name: "k".into(),
        shape: vec![2],
        len: 3,
        role,
    };
    agreeing.indices = vec![port(IndexRole::Given), port(IndexRole::Answer)];
    agreeing.agreements = vec![Agreement {
        answer: 1,
        given: 0,
        shift: 1,
    }];
    let refused = agreeing.batched(2).unwrap_err();
    assert!(matches!(refused, DescriptorError::BadAgreement { .. }));
    assert_eq!(one_sample(&[64, 1, 61]), [1, 1, 61]);
}

const CREDIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/credit_mlp.onnx");
const APPLICANTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/credit-300.npz");

#[test]
fn many_decisions_are_proved_and_verified_together() {
    let folder = folder("batch");
    let at = |name: &str| text(&folder.join(name)).to_owned();
    let calibration = ["--calibration", APPLICANTS, "-o", &at("credit")];
    pleat(&[&["compile", CREDIT][..], &calibration].concat()).demand(0);
    let proof = [
        "--input",
        APPLICANTS,
        "--index",
        "3..35",
        "-o",
        &at("many.proof"),
        "--json",
    ];
    let proved = pleat(&[&["prove", &at("credit.pleat")][..], &proof].concat());
    let proved = proved.demand(0).json();
    assert_eq!(proved["samples"], 32);
    let verify = |more: &[&str]| {
        let own = ["verify", &at("credit.vmodel"), &at("many.proof"), "--json"];
        pleat(&[&own[..], more].concat())
    };
    let verdict = verify(&["--samples", "32"]).demand(0).json();
    assert_eq!(
        (&verdict["samples"], &verdict["model_id"]),
        (&32.into(), &proved["model_id"])
    );
    let decisions = verdict["output"][0]["integers"].as_array().unwrap().clone();
    assert_eq!(decisions.len(), 32);
    // Each is what the network of one gives.
    for sample in [3, 20, 34] {
        let index = sample.to_string();
        let run = [
            "run",
            &at("credit.pleat"),
            "--input",
            APPLICANTS,
            "--index",
            &index,
            "--json",
        ];
        let run = pleat(&run).demand(0).json();
        assert_eq!(run["output"][0]["integers"][0], decisions[sample - 3]);
    }
    verify(&["--index", "3..35", "--input", APPLICANTS]).demand(0);
    let other = verify(&["--index", "4..36", "--input", APPLICANTS]).demand(1);
    assert_eq!(other.json()["check"], "demand/value");
    let alone = verify(&[]).demand(1).json();
    assert_eq!(alone["check"], "other-model");
    verify(&["--samples", "31"]).demand(1);
    verify(&["--samples", "32", "--index", "290", "--input", APPLICANTS])
        .demand(2)
        .says(&["no sample 300"]);
    verify(&["--samples", "0"]).demand(2).says(&["0 samples"]);

    let batch = [
        "batch",
        &at("credit.vmodel"),
        "--samples",
        "32",
        "-o",
        &at("32.vmodel"),
    ];
    pleat(&batch).demand(0);
    pleat(&["verify", &at("32.vmodel"), &at("many.proof")]).demand(0);

    let hidden = [
        "--input",
        APPLICANTS,
        "--index",
        "0..8",
        "--hide",
        "input",
        "-o",
        &at("hidden.proof"),
    ];
    pleat(&[&["prove", &at("credit.pleat")][..], &hidden].concat()).demand(0);
    let open = [
        "open",
        &at("hidden.proof.secret"),
        &at("credit.vmodel"),
        "--samples",
        "8",
        "--port",
        "x",
        "-o",
        &at("features.opening"),
    ];
    pleat(&open).demand(0);
    let args = [
        "verify",
        &at("credit.vmodel"),
        &at("hidden.proof"),
        "--samples",
        "8",
        "--opened",
        &at("features.opening"),
        "--value",
        APPLICANTS,
    ];
    pleat(&args).demand(0);
}
