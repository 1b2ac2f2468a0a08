//! The residual network of `models/fashion`, on the test images of Fashion-MNIST.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use common::Problem;
use common::algebra::{check_both, commit, key, traced};
use ndarray::{ArrayD, Axis};
use pleat_prover::compile::{CompileOptions, Compiled, compile, unheard};
use pleat_prover::data::load;
use pleat_prover::execute::{Executor, block_values, weight_column};
use pleat_prover::weights::Integers;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::fold::Mode;
use pleat_verifier::network::Network;
use pleat_verifier::places::{Place, Places};
use pleat_verifier::proof::proof_bytes;
use tract_onnx::prelude::*;

const IMAGES: usize = 1000;
/// Images that the ranges are calibrated on; the accuracies are about all.
const CALIBRATION: usize = 200;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(name)
}

/// One array of the archive, split along its first axis.
fn samples(name: &str) -> Vec<ArrayD<f32>> {
    let archive = testdata("fashion-1000.npz");
    let array = load(&format!("{}:{name}", archive.display())).unwrap();
    assert_eq!(array.len_of(Axis(0)), IMAGES);
    array.axis_iter(Axis(0)).map(|a| a.to_owned()).collect()
}

static IMAGE: LazyLock<Vec<ArrayD<f32>>> = LazyLock::new(|| {
    let images = samples("images").into_iter();
    images.map(|image| image.insert_axis(Axis(0))).collect()
});

static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
    let calibration: Vec<_> = IMAGE[..CALIBRATION]
        .iter()
        .map(|i| vec![i.clone()])
        .collect();
    let onnx = testdata("fashion_resnet.onnx");
    let options = CompileOptions::default();
    compile(&onnx, &calibration, &options, &mut unheard).unwrap()
});

fn network() -> Network {
    Network::new(COMPILED.descriptor.clone(), &Limits::default()).unwrap()
}

/// An image as the network's integers.
fn integers(image: &ArrayD<f32>) -> Vec<i32> {
    let scale = COMPILED.descriptor.inputs[0].scale;
    let integer = |v: &f32| (f64::from(*v) / scale).round() as i32;
    image.iter().map(integer).collect()
}

/// The first of the largest elements.
fn class<T: PartialOrd + Copy>(logits: &[T]) -> usize {
    let larger = |best, i| if logits[i] > logits[best] { i } else { best };
    (0..logits.len()).reduce(larger).unwrap()
}

/// What the ONNX model itself makes of each image.
fn float_classes() -> Vec<usize> {
    let model = tract_onnx::onnx()
        .model_for_path(testdata("fashion_resnet.onnx"))
        .unwrap();
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let classify = |image: &ArrayD<f32>| {
        let flat: Vec<f32> = image.iter().copied().collect();
        let input = Tensor::from_shape(image.shape(), &flat).unwrap();
        let outputs = plan.run(tvec!(input.into_tvalue())).unwrap();
        let logits = outputs[0].to_plain_array_view::<f32>().unwrap();
        class(&logits.iter().copied().collect::<Vec<_>>())
    };
    IMAGE.iter().map(classify).collect()
}

/// What the integer network makes of each image; nothing if a value leaves its range.
fn integer_classes() -> Vec<Option<usize>> {
    let network = network();
    let weights = weight_column(&network, &COMPILED.weights).unwrap();
    let executor = Executor::new(&network, &weights).unwrap();
    let output = &COMPILED.descriptor.outputs[0];
    let classify = |image: &ArrayD<f32>| {
        let trace = executor.run(&[integers(image)]).ok()?;
        Some(class(&block_values(&network, output.node, &trace.y)))
    };
    IMAGE.iter().map(classify).collect()
}

#[test]
fn integers_are_as_accurate_as_floats() {
    let label = |l: &ArrayD<f32>| Some(*l.first().unwrap() as usize);
    let labels: Vec<Option<usize>> = samples("labels").iter().map(label).collect();
    let float: Vec<_> = float_classes().into_iter().map(Some).collect();
    let integer = integer_classes();
    let right = |classes: &[_]| classes.iter().zip(&labels).filter(|(c, l)| c == l).count();
    let (f, i) = (right(&float), right(&integer));
    assert!(f >= 880, "the float network is right on {f} of {IMAGES}");
    // Half a point.
    assert!(f.abs_diff(i) <= 5, "float {f}, integer {i} of {IMAGES}");
    let agreeing = float.iter().zip(&integer).filter(|(a, b)| a == b).count();
    assert!(agreeing >= 995, "{agreeing} of {IMAGES}");
}

#[test]
fn counts_as_by_hand() {
    let report = &COMPILED.report;
    let (whole, half, quarter) = (28 * 28, 14 * 14, 7 * 7);
    // The stem, two blocks (two convolutions and a projection each), the last convolution, the dense layer.
    let kernels = [
        (whole, 8, 9),
        (whole, 8, 9 * 8),
        (half, 16, 9 * 8),
        (half, 16, 9 * 16),
        (half, 16, 8),
        (quarter, 32, 9 * 16),
        (quarter, 32, 9 * 32),
        (quarter, 32, 16),
        (quarter, 32, 9 * 32),
        (1, 10, 32),
    ];
    let macs: usize = kernels.iter().map(|(p, out, taps)| p * out * taps).sum();
    assert_eq!(report.macs, macs);
    // The input and one block per contraction, but that a block's second convolution and its projection are one sum; pooling is free.
    let rows: usize = kernels.iter().map(|(p, out, _)| p * out).sum();
    let joined = half * 16 + quarter * 32;
    assert_eq!(report.rows, whole + rows - joined);
    assert_eq!(report.nodes, 1 + kernels.len() - 2);
    // BatchNormalization leaves a bias per channel, one for the two.
    let parameters: usize = kernels.iter().map(|(_, out, taps)| out * taps + out).sum();
    assert_eq!(report.parameters, parameters - 16 - 32);
    assert_eq!(report.saturated, Vec::<String>::new());
}

#[test]
fn a_proof_has_few_kilobytes() {
    let places = Places::new(&network(), Place::Hidden, Place::Here);
    let [tree, chain] = Mode::ALL.map(|mode| proof_bytes(&network(), mode, &places));
    assert!(tree <= 12_000, "{tree}");
    assert!(chain <= 18_000, "{chain}");
}

#[test]
fn proofs_verify() {
    let problem = Problem {
        given: Vec::new(),
        name: "fashion".to_owned(),
        network: network(),
        weights: COMPILED.weights.iter().map(Integers::to_wide).collect(),
        inputs: vec![integers(&IMAGE[7])],
        outputs: Vec::new(),
    };
    let model = commit(&problem);
    let key = key(&model);
    let verdicts = check_both(&model, &key, |mode| {
        traced(&model, mode, &problem.inputs, 3)
    });
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
}
