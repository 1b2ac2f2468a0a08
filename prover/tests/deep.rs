//! Networks of 2 to 512 narrow layers: they stay alive, compile, and have proofs of nearly one length. And wide ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;
#[path = "../../models/deep/digits.rs"]
mod digits;
#[path = "../../models/deep/network.rs"]
mod network;
#[path = "../../models/deep/wide.rs"]
mod wide;

use std::collections::HashSet;
use std::sync::LazyLock;

use common::Problem;
use common::algebra::{check_both, commit, key, traced};
use ndarray::{ArrayD, IxDyn};
use network::{CHANNELS, Deep, PIXELS, SIDE};
use pleat_prover::compile::{CompileOptions, Compiled, compile, unheard};
use pleat_prover::data;
use pleat_prover::execute::{block_values, execute, weight_column};
use pleat_prover::weights::Integers;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::fold::Mode;
use pleat_verifier::network::Network;
use pleat_verifier::places::{Place, Places};
use pleat_verifier::proof::proof_bytes;

fn deep(depth: usize) -> Deep {
    Deep::new(depth, &digits::digits(digits::NORMALISING).unwrap())
}

/// One image as the model's input.
fn sample(pixels: Vec<f32>) -> Vec<ArrayD<f32>> {
    vec![ArrayD::from_shape_vec(IxDyn(&[1, 1, SIDE, SIDE]), pixels).unwrap()]
}

/// Compiled on every `step`-th digit.
fn compiled(depth: usize, step: usize) -> (Deep, Compiled) {
    let net = deep(depth);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep.onnx");
    std::fs::write(&path, net.onnx()).unwrap();
    let digits = digits::digits(step).unwrap().into_iter();
    let samples: Vec<_> = digits.map(sample).collect();
    let options = CompileOptions::default();
    let compiled = compile(&path, &samples, &options, &mut unheard).unwrap();
    (net, compiled)
}

fn network(compiled: &Compiled) -> Network {
    Network::new(compiled.descriptor.clone(), &Limits::default()).unwrap()
}

/// Share of nonzero values, and the largest.
fn life<T: Copy + Into<f64>>(values: &[T]) -> (f64, f64) {
    let nonzero = values.iter().filter(|v| (**v).into() != 0.0).count();
    let largest = values.iter().fold(0.0, |m, v| f64::max(m, (*v).into()));
    (nonzero as f64 / values.len() as f64, largest)
}

static DEEP512: LazyLock<(Deep, Compiled)> = LazyLock::new(|| compiled(512, 5));

/// One image as the network's integers.
fn integers(compiled: &Compiled, image: &[f32]) -> Vec<i32> {
    let scale = compiled.descriptor.inputs[0].scale;
    let integer = |v: &f32| (f64::from(*v) / scale).round() as i32;
    image.iter().map(integer).collect()
}

#[test]
fn siblings_share_their_first_layers() {
    let digit = &digits::digits(1).unwrap()[33];
    let (short, long) = (deep(8).activations(digit), deep(32).activations(digit));
    assert_eq!((short.len(), long.len()), (7, 31));
    assert_eq!(short[..], long[..7]);
}

#[test]
fn nothing_dies_or_explodes() {
    // Digits that the network was not normalised on.
    let digits = digits::digits(1).unwrap().into_iter().skip(5);
    let digits: Vec<_> = digits.step_by(digits::NORMALISING).collect();
    let (net, compiled) = &*DEEP512;
    let network = network(compiled);
    let weights = weight_column(&network, &compiled.weights).unwrap();
    for (i, digit) in digits.iter().enumerate() {
        let trace = execute(&network, &weights, &[integers(compiled, digit)]).unwrap();
        let float = net.activations(digit);
        assert_eq!(float.len(), 511);
        for (layer, float) in float.iter().enumerate() {
            let integer = block_values(&network, layer + 1, &trace.y);
            assert_eq!(integer.len(), CHANNELS * PIXELS);
            for channel in 0..CHANNELS {
                let own = channel * PIXELS..(channel + 1) * PIXELS;
                let (share, largest) = life(&float[own.clone()]);
                let context = format!("digit {i}, layer {layer}, channel {channel}");
                assert!(share > 0.4, "{context}: {share}");
                assert!((2.0..16.0).contains(&largest), "{context}: {largest}");
                let (share, largest) = life(&integer[own]);
                assert!(share > 0.4, "{context}: {share}");
                assert!((256.0..2048.0).contains(&largest), "{context}: {largest}");
            }
        }
    }
    // The last layer still tells digits apart.
    let last = |i: usize| net.activations(&digits[i]).pop().unwrap();
    let (zero, nine) = (last(0), last(19));
    let apart: f32 = zero.iter().zip(&nine).map(|(a, b)| (a - b).abs()).sum();
    assert!(apart > 0.1 * zero.iter().sum::<f32>(), "{apart}");
}

#[test]
fn integers_decide_as_floats() {
    for depth in [2, 8, 32] {
        let report = compiled(depth, 1).1.report;
        assert_eq!(report.samples, 200);
        let agreement = report.top1_agreement;
        assert!(agreement >= 0.95, "depth {depth}: {agreement}");
        assert_eq!(report.saturated, Vec::<String>::new());
    }
    // And not because there is but one decision.
    let digits = digits::digits(10).unwrap();
    let classes: HashSet<usize> = digits.iter().map(|d| deep(32).class(d)).collect();
    assert!(classes.len() >= 5, "{classes:?}");
}

#[test]
fn counts_as_by_hand() {
    let (_, compiled) = &*DEEP512;
    let report = &compiled.report;
    assert_eq!(report.rows, 784 + 511 * 2 * 784 + 10);
    assert_eq!(report.macs, 784 * 2 * 9 + 510 * 784 * 2 * 2 * 9 + 1568 * 10);
    assert_eq!(report.nodes, 513);
    assert_eq!(
        report.parameters,
        2 * 9 + 2 + 510 * (2 * 2 * 9 + 2) + 1568 * 10 + 10
    );
    assert_eq!(report.saturated, Vec::<String>::new());
}

#[test]
fn depth_hardly_lengthens_proofs() {
    let bytes = |compiled: &Compiled, mode| {
        let network = network(compiled);
        let places = Places::new(&network, Place::Hidden, Place::Here);
        proof_bytes(&network, mode, &places)
    };
    let shallow = compiled(2, 20).1;
    let [tree, chain] = Mode::ALL.map(|mode| (bytes(&DEEP512.1, mode), bytes(&shallow, mode)));
    assert!(tree.0 <= 13_800 && tree.0 <= tree.1 + 6_000, "{tree:?}");
    assert!(chain.0 <= 20_000 && chain.0 <= chain.1 + 5_000, "{chain:?}");
}

#[test]
fn a_proof_of_128_layers_verifies() {
    let (_, compiled) = compiled(128, 20);
    let digit = &digits::digits(1).unwrap()[33];
    let problem = Problem {
        given: Vec::new(),
        name: "deep128".to_owned(),
        network: network(&compiled),
        weights: compiled.weights.iter().map(Integers::to_wide).collect(),
        inputs: vec![integers(&compiled, digit)],
        outputs: Vec::new(),
    };
    let model = commit(&problem);
    let key = key(&model);
    let verdicts = check_both(&model, &key, |mode| {
        traced(&model, mode, &problem.inputs, 3)
    });
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
}

#[test]
fn wide_layers_stay_alive_and_prove() {
    const WIDTH: usize = 100;
    let folder = tempfile::tempdir().unwrap();
    let (model, samples) = (
        folder.path().join("wide.onnx"),
        folder.path().join("wide.npy"),
    );
    std::fs::write(&model, wide::onnx(4, WIDTH)).unwrap();
    wide::write_samples(&samples, WIDTH).unwrap();
    let samples = data::load(samples.to_str().unwrap()).unwrap();
    let rows = samples.rows().into_iter();
    let rows: Vec<_> = rows
        .map(|row| vec![row.insert_axis(ndarray::Axis(0)).to_owned().into_dyn()])
        .collect();
    let options = CompileOptions::default();
    let compiled = compile(&model, &rows, &options, &mut unheard).unwrap();
    assert_eq!(compiled.report.parameters, 4 * WIDTH * WIDTH);
    assert_eq!(compiled.report.saturated, Vec::<String>::new());
    let input: Vec<f32> = rows[3][0].iter().copied().collect();
    let problem = Problem {
        given: Vec::new(),
        name: "wide".to_owned(),
        network: network(&compiled),
        weights: compiled.weights.iter().map(Integers::to_wide).collect(),
        inputs: vec![integers(&compiled, &input)],
        outputs: Vec::new(),
    };
    let model = commit(&problem);
    let run = traced(&model, Mode::Tree, &problem.inputs, 3);
    for layer in 1..=4 {
        let values = block_values(model.network(), layer, &run.0.columns.y);
        let (share, largest) = life(&values);
        assert!(
            share > 0.25 && largest > 256.0,
            "{layer}: {share}, {largest}"
        );
    }
    let key = key(&model);
    let verdicts = check_both(&model, &key, |mode| {
        traced(&model, mode, &problem.inputs, 3)
    });
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
}
