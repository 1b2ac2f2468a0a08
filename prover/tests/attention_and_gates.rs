//! A Vision Transformer and a recurrent network on real data: the integer network decides as the float network does, and is proved.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::path::PathBuf;

use common::algebra::{check_both, key, traced_on};
use ndarray::{ArrayD, Axis};
use pleat_prover::compile::{CompileOptions, Compiled, compile, unheard};
use pleat_prover::data::load;
use pleat_prover::model::ProvingModel;
use pleat_verifier::descriptor::{Limits, Operation};
use pleat_verifier::fold::Mode;
use pleat_verifier::network::Network;
use pleat_verifier::places::{Place, Places};
use pleat_verifier::proof::proof_bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(name);
    path.to_str().unwrap().to_owned()
}

fn samples(data: &str) -> Vec<Vec<ArrayD<f32>>> {
    let all = load(&file(data)).unwrap();
    let batch = |s: ArrayD<f32>| vec![s.insert_axis(Axis(0))];
    all.axis_iter(Axis(0))
        .map(|s| batch(s.to_owned()))
        .collect()
}

fn compiled(model: &str, samples: &[Vec<ArrayD<f32>>]) -> Compiled {
    let path = PathBuf::from(file(model));
    compile(&path, samples, &CompileOptions::default(), &mut unheard).unwrap()
}

/// Proves the run on one sample, in both modes.
fn proved(compiled: &Compiled, sample: &ArrayD<f32>) {
    let network = Network::new(compiled.descriptor.clone(), &Limits::default()).unwrap();
    let port = &network.descriptor().inputs[0];
    let values: Vec<f64> = sample.iter().map(|v| f64::from(*v)).collect();
    let input = pleat_verifier::quantize::quantize(port, &network.input_range(), &values).unwrap();
    assert!(
        proof_bytes(
            &network,
            Mode::Tree,
            &Places::new(&network, Place::Hidden, Place::Hidden)
        ) <= 10_000
    );
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (descriptor, weights) = (compiled.descriptor.clone(), compiled.weights.clone());
    let model = ProvingModel::commit(descriptor, weights, String::new(), &mut rng).unwrap();
    let key = key(&model);
    let verdicts = check_both(&model, &key, |mode| {
        traced_on(&model, mode, (std::slice::from_ref(&input), &[]), 1)
    });
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
}

#[test]
fn a_vision_transformer_decides_as_the_float_network() {
    let images = samples("fashion-1000.npz");
    let compiled = compiled("fashion_vit.onnx", &images);
    let report = &compiled.report;
    assert_eq!(report.samples, 1000);
    assert!(report.top1_agreement >= 0.997, "{}", report.top1_agreement);
    assert_eq!(report.saturated, Vec::<String>::new());
    // Digits of 14 bits are chosen for what it divides and takes roots of.
    assert_eq!(compiled.descriptor.digit_bits, 14);
    let count = |test: &dyn Fn(&Operation) -> bool| {
        let nodes = compiled.descriptor.nodes.iter();
        nodes.filter(|n| test(&n.operation)).count()
    };
    // Two norms in each of three blocks and one at the end; and one quotient for each attention.
    assert_eq!(count(&|o| *o == Operation::Root), 7);
    assert_eq!(count(&|o| matches!(o, Operation::Quotient { .. })), 10);
    proved(&compiled, &images[7][0]);
}

#[test]
fn a_gated_recurrent_network_decides_as_the_float_network() {
    let all = load(&format!("{}:rows", file("digits-297.npz"))).unwrap();
    let digits: Vec<Vec<ArrayD<f32>>> =
        all.axis_iter(Axis(0)).map(|s| vec![s.to_owned()]).collect();
    let compiled = compiled("digits_gru.onnx", &digits);
    let report = &compiled.report;
    assert_eq!(report.samples, 297);
    assert!(report.top1_agreement >= 0.996, "{}", report.top1_agreement);
    assert_eq!(report.saturated, Vec::<String>::new());
    proved(&compiled, &digits[3][0]);
}

/// One that torch exported, states that start from zeros of a computed shape and all.
#[test]
fn an_lstm_in_both_directions_decides_as_the_float_network() {
    let all = load(&format!("{}:frames", file("vowels-108.npz"))).unwrap();
    let utterances: Vec<Vec<ArrayD<f32>>> =
        all.axis_iter(Axis(0)).map(|s| vec![s.to_owned()]).collect();
    let compiled = compiled("vowels_lstm.onnx", &utterances);
    let report = &compiled.report;
    assert_eq!(report.samples, 108);
    assert!(report.top1_agreement >= 0.99, "{}", report.top1_agreement);
    assert_eq!(report.saturated, Vec::<String>::new());
    proved(&compiled, &utterances[5][0]);
}
