//! The model zoo's MNIST network, compiled on 200 digits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis};
use pleat_prover::compile::{CompileOptions, Compiled, compile, unheard};
use pleat_prover::data;
use pleat_prover::execute::{block_values, execute, weight_column};
use pleat_verifier::descriptor::{AxisId, AxisMap, Function, Limits, Stride};
use pleat_verifier::fold::Mode;
use pleat_verifier::network::Network;
use pleat_verifier::places::{Place, Places};
use pleat_verifier::proof::proof_bytes;
use pleat_verifier::quantize::quantize;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(name)
}

fn compiled() -> Compiled {
    let file = std::fs::File::open(testdata("mnist-200.npz")).unwrap();
    let mut npz = ndarray_npy::NpzReader::new(file).unwrap();
    let images: ArrayD<u8> = npz.by_name("images").unwrap();
    let digits: Vec<_> = images
        .axis_iter(Axis(0))
        .map(|i| vec![i.insert_axis(Axis(0)).mapv(f32::from)])
        .collect();
    let options = CompileOptions::default();
    let onnx = testdata("mnist-8.onnx");
    compile(&onnx, &digits, &options, &mut unheard).unwrap()
}

fn golden(name: &str) -> Vec<f64> {
    let path = testdata("mnist-8-golden").join(name);
    let tensor = data::load(path.to_str().unwrap()).unwrap();
    tensor.iter().map(|v| f64::from(*v)).collect()
}

#[test]
fn decides_as_the_float_network_and_meets_the_golden_output() {
    let compiled = compiled();
    let report = &compiled.report;
    assert_eq!(report.samples, 200);
    assert!(report.top1_agreement >= 1.0, "{}", report.top1_agreement);
    assert_eq!(report.saturated, Vec::<String>::new());

    let network = Network::new(compiled.descriptor, &Limits::default()).unwrap();
    let (input, output) = (
        &network.descriptor().inputs[0],
        &network.descriptor().outputs[0],
    );
    let image = quantize(input, &network.input_range(), &golden("input_0.pb")).unwrap();
    let weights = weight_column(&network, &compiled.weights).unwrap();
    let trace = execute(&network, &weights, &[image]).unwrap();
    let logits = block_values(&network, output.node, &trace.y);
    let expected = golden("output_0.pb");
    assert_eq!(logits.len(), expected.len());
    let most = expected.iter().copied().fold(f64::MIN, f64::max);
    let least = expected.iter().copied().fold(f64::MAX, f64::min);
    for (logit, expected) in logits.iter().zip(&expected) {
        let error = (f64::from(*logit) * output.scale - expected).abs();
        assert!(error <= 0.01 * (most - least), "{error}");
    }
}

#[test]
fn counts_as_by_hand() {
    let compiled = compiled();
    let report = &compiled.report;
    // 5×5 convolutions 1→8 on 28×28 and 8→16 on 14×14, then dense 16·4·4→10; biases per channel and per logit.
    assert_eq!(report.macs, 8 * 784 * 25 + 16 * 196 * 8 * 25 + 256 * 10);
    assert_eq!(report.macs, 786_560);
    assert_eq!(
        report.parameters,
        8 * 25 + 8 + 16 * 8 * 25 + 16 + 256 * 10 + 10
    );
    // The image, the convolutions with their ReLU, and the differences of the maxima: 2×2, stride 2; 3×3, stride 3.
    let first = 8 * 784 + 8 * 14 * 28 + 8 * 14 * 14;
    let second = 16 * 196 + 2 * (16 * 4 * 14) + 2 * (16 * 4 * 4);
    assert_eq!(report.rows, 784 + first + second + 10);
    assert_eq!(report.nodes, 1 + (1 + 2) + (1 + 4) + 1);
    assert_eq!(
        compiled.descriptor.functions,
        [Function::Identity, Function::Relu]
    );
}

#[test]
fn a_proof_is_short() {
    let network = Network::new(compiled().descriptor, &Limits::default()).unwrap();
    let places = Places::new(&network, Place::Hidden, Place::Here);
    let [tree, chain] = Mode::ALL.map(|mode| proof_bytes(&network, mode, &places));
    assert!(tree <= 9_200, "{tree}");
    assert!(chain <= 16_000, "{chain}");
    assert_eq!(Mode::shorter(&network), Mode::Tree);
}

#[test]
fn windows_cost_the_verifier_one_axis_times_the_kernel() {
    let network = Network::new(compiled().descriptor, &Limits::default()).unwrap();
    let mut total = 0;
    for node in network.nodes() {
        let len = |id| {
            let mut axes =
                (node.out.iter()).chain(node.products.iter().flat_map(|p| &p.contraction));
            axes.find(|a| a.id == id).unwrap().len
        };
        let parts = node.linear.iter().chain(&node.bias).map(|l| &l.view);
        let views = parts.chain(node.products.iter().flat_map(|p| [&p.a, &p.k]));
        for map in views.flat_map(|v| &v.terms).flat_map(|t| &t.maps) {
            let work = map.work(&len).unwrap();
            let longest = map.axes().into_iter().map(len).max().unwrap_or(1);
            // The longest axis, and at most a kernel of 5 beside it.
            assert!(work <= 5 * longest, "{}: {work} for {longest}", node.name);
            total += work;
        }
    }
    // The convolutions alone take 784,000 multiplications.
    assert!(total < 2_000, "{total}");
}

/// An image of twice the side costs twice the work in every window, whatever the number of channels.
#[test]
fn work_grows_with_the_side_of_an_image() {
    let window = |side: usize| {
        let id = |i| AxisId(i);
        let (p, u) = (
            Stride {
                axis: id(0),
                stride: 1,
            },
            Stride {
                axis: id(1),
                stride: 1,
            },
        );
        let map = AxisMap::window(side, p, u, 1);
        map.work(&|a| if a == id(0) { side } else { 3 }).unwrap()
    };
    assert_eq!(window(28), 28 * 3);
    assert_eq!(window(56), 2 * window(28));
}
