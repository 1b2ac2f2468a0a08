//! The credit model, compiled on its 300 applicants.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayD, Axis};
use pleat_prover::compile::{
    CompileError, CompileOptions, Compiled, compile, input_specs, unheard,
};
use pleat_verifier::descriptor::{Function, Limits};
use pleat_verifier::network::{Column, Network};

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(name)
}

fn applicants() -> Vec<Vec<ArrayD<f32>>> {
    let file = std::fs::File::open(testdata("credit-300.npz")).unwrap();
    let mut npz = ndarray_npy::NpzReader::new(file).unwrap();
    let features: Array2<f32> = npz.by_name("features").unwrap();
    features
        .axis_iter(Axis(0))
        .map(|row| vec![row.insert_axis(Axis(0)).to_owned().into_dyn()])
        .collect()
}

fn compiled(options: &CompileOptions) -> Compiled {
    let onnx = testdata("credit_mlp.onnx");
    compile(&onnx, &applicants(), options, &mut unheard).unwrap()
}

#[test]
fn decides_as_the_float_network() {
    let compiled = compiled(&CompileOptions::default());
    let report = &compiled.report;
    assert_eq!(report.samples, 300);
    assert!(
        report.top1_agreement >= 299.0 / 300.0,
        "{}",
        report.top1_agreement
    );
    assert!(report.max_abs_error < 0.05, "{}", report.max_abs_error);
    assert!(report.mean_abs_error <= report.max_abs_error);
    assert_eq!(report.saturated, Vec::<String>::new());
}

#[test]
fn counts_as_by_hand() {
    let compiled = compiled(&CompileOptions::default());
    let report = &compiled.report;
    assert_eq!(report.parameters, 61 * 32 + 32 + 32 * 16 + 16 + 16 + 1);
    assert_eq!(report.macs, 61 * 32 + 32 * 16 + 16);
    assert_eq!(report.rows, 61 + 32 + 16 + 1);
    assert_eq!(report.nodes, 4);
    let functions = [Function::Identity, Function::Relu];
    assert_eq!(compiled.descriptor.functions, functions);
    let shapes: Vec<&[usize]> = compiled
        .descriptor
        .weights
        .iter()
        .map(|b| b.shape.as_slice())
        .collect();
    let expected: [&[usize]; 6] = [&[32, 61], &[32], &[16, 32], &[16], &[16], &[]];
    assert_eq!(shapes, expected);
    let network = Network::new(compiled.descriptor, &Limits::default()).unwrap();
    // Two functions and the range table; the trace is shorter.
    assert_eq!(network.table_rows(), 3 << 12);
    assert_eq!(network.nu(), 14);
    assert!(network.rows(Column::Y).len() <= 3);
}

#[test]
fn row_length_can_be_chosen() {
    for row_bits in [4, 8, 12] {
        let options = CompileOptions {
            row_bits: Some(row_bits),
            ..CompileOptions::default()
        };
        let compiled = compiled(&options);
        assert_eq!(compiled.descriptor.row_bits, row_bits);
        assert!(compiled.report.max_abs_error < 0.05);
    }
}

#[test]
fn fewer_digit_bits_cost_precision() {
    let errors: Vec<f64> = [6, 9, 12, 15]
        .into_iter()
        .map(|digit_bits| {
            let options = CompileOptions {
                digit_bits: Some(digit_bits),
                ..CompileOptions::default()
            };
            compiled(&options).report.max_abs_error
        })
        .collect();
    assert!(errors.is_sorted_by(|a, b| a > b), "{errors:?}");
    assert!(errors[3] < 0.01, "{errors:?}");
}

#[test]
fn inputs_are_described() {
    let specs = input_specs(&testdata("credit_mlp.onnx")).unwrap();
    assert_eq!(specs.len(), 1);
    assert_eq!(specs[0].name, "x");
    assert_eq!(specs[0].shape, [1, 61]);
    assert_eq!(specs[0].dtype, "float");
}

#[test]
fn samples_are_checked() {
    let onnx = testdata("credit_mlp.onnx");
    let options = CompileOptions::default();
    let fails =
        |samples: &[Vec<ArrayD<f32>>]| compile(&onnx, samples, &options, &mut unheard).unwrap_err();
    assert!(matches!(fails(&[]), CompileError::NoCalibration));
    let good = ArrayD::from_elem(vec![1, 61], 0.5_f32);
    let long = ArrayD::from_elem(vec![1, 62], 0.5_f32);
    let mut nan = good.clone();
    nan[[0, 7]] = f32::NAN;
    let error = fails(&[vec![good.clone()], vec![nan]]);
    assert!(
        matches!(&error, CompileError::NotFinite { sample: 1, input, element: 7, .. } if input == "x"),
        "{error}"
    );
    let error = fails(&[vec![good.clone()], vec![good.clone()], vec![long]]);
    assert!(
        matches!(error, CompileError::BadSample { sample: 2, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("x float [1, 61]"), "{error}");
    let error = fails(&[vec![good.clone(), good]]);
    assert!(
        matches!(error, CompileError::BadSample { sample: 0, .. }),
        "{error}"
    );
}

#[test]
fn options_are_checked() {
    let bad = [
        CompileOptions {
            digit_bits: Some(16),
            ..CompileOptions::default()
        },
        CompileOptions {
            headroom: -0.1,
            ..CompileOptions::default()
        },
        CompileOptions {
            headroom: f64::NAN,
            ..CompileOptions::default()
        },
        CompileOptions {
            row_bits: Some(40),
            ..CompileOptions::default()
        },
    ];
    for options in bad {
        let onnx = testdata("credit_mlp.onnx");
        let error = compile(&onnx, &applicants()[..1], &options, &mut unheard).unwrap_err();
        assert!(matches!(error, CompileError::BadOption { .. }), "{error}");
    }
}

#[test]
fn dead_inputs_do_no_harm() {
    let zero = vec![ArrayD::zeros(vec![1, 61])];
    let onnx = testdata("credit_mlp.onnx");
    let options = CompileOptions::default();
    let compiled = compile(&onnx, &[zero], &options, &mut unheard).unwrap();
    assert_eq!(compiled.report.saturated, Vec::<String>::new());
    assert!(compiled.report.max_abs_error < 0.05);
}

#[test]
fn files_that_are_no_models() {
    let options = CompileOptions::default();
    let missing = testdata("no-such-file.onnx");
    let error = compile(&missing, &applicants()[..1], &options, &mut unheard).unwrap_err();
    assert!(matches!(error, CompileError::Unreadable { .. }), "{error}");
    assert!(error.to_string().contains("no-such-file.onnx"), "{error}");
    let error = input_specs(&testdata("credit-300.npz")).unwrap_err();
    assert!(matches!(error, CompileError::NotOnnx { .. }), "{error}");
    assert!(error.to_string().contains("credit-300.npz"), "{error}");
}
