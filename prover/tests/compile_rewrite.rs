//! Operators that are written out in simpler ones: what the ONNX project's node tests do not try. The compiler itself demands that
//! the translation computes what the rewritten graph computes; that the latter is right is compared with plain loops here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod compile_support;

use std::collections::BTreeMap;

use compile_support::{Model, Numbers, Value};
use ndarray::{Array1, Array2, ArrayD, Axis, IxDyn};
use pleat_prover::compile::{CompileOptions, Compiled};
use pleat_prover::execute::{Executor, block_values, weight_column};
use pleat_verifier::descriptor::Limits;
use pleat_verifier::network::Network;

/// The integer network's outputs, as real numbers; all inputs are tensors, or all are indices.
fn outputs(compiled: &Compiled, sample: &[ArrayD<f32>]) -> Vec<Vec<f64>> {
    let network = Network::new(compiled.descriptor.clone(), &Limits::default()).unwrap();
    let column = weight_column(&network, &compiled.weights).unwrap();
    let (inner, given): (Vec<_>, Vec<_>) =
        (sample.iter()).partition(|_| compiled.descriptor.indices.is_empty());
    let given: Vec<Vec<u32>> = (given.into_iter())
        .map(|t| t.iter().map(|v| *v as u32).collect())
        .collect();
    let ports = compiled.descriptor.inputs.iter().zip(inner);
    let inputs: Vec<Vec<i32>> = ports
        .map(|(p, t)| {
            let one = |v: &f32| (f64::from(*v) / p.scale).round() as i32;
            t.iter().map(one).collect()
        })
        .collect();
    let executor = Executor::new(&network, &column).unwrap();
    let trace = executor.run_on(&inputs, &given).unwrap();
    let ports = compiled.descriptor.outputs.iter();
    ports
        .map(|p| {
            let values = block_values(&network, p.node, &trace.y);
            values.iter().map(|v| f64::from(*v) * p.scale).collect()
        })
        .collect()
}

/// Compiles on the sample and compares its output.
fn computes(model: &Model, sample: &[ArrayD<f32>], expected: &[f64]) {
    let options = CompileOptions {
        digit_bits: Some(14),
        ..CompileOptions::default()
    };
    let compiled = model
        .compile_with(&[sample.to_vec()], &options)
        .unwrap_or_else(|e| panic!("{e}"));
    near(&outputs(&compiled, sample)[0], expected);
}

fn near(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    let largest = expected.iter().map(|v| v.abs()).fold(0.0, f64::max);
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= 0.01 * largest, "{i}: {g} for {e}");
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

fn matrix(values: &[f32], rows: usize) -> Array2<f64> {
    let columns = values.len() / rows;
    Array2::from_shape_vec((rows, columns), wide(values)).unwrap()
}

/// Columns of a matrix.
fn columns(x: &Array2<f64>, from: usize, to: usize) -> Array2<f64> {
    x.slice_axis(Axis(1), (from..to).into()).to_owned()
}

fn softmax(row: &mut [f64]) {
    let largest = row.iter().copied().fold(f64::MIN, f64::max);
    row.iter_mut().for_each(|v| *v = (*v - largest).exp());
    let total: f64 = row.iter().sum();
    row.iter_mut().for_each(|v| *v /= total);
}

/// Heads of width `size`, keys up to `last(query)`.
fn attention(
    q: &Array2<f64>,
    k: &Array2<f64>,
    v: &Array2<f64>,
    size: usize,
    counts: impl Fn(usize, usize) -> bool,
) -> Vec<f64> {
    let (length, width) = q.dim();
    let mut y = Array2::zeros((length, width));
    for head in 0..width / size {
        let own = |x| columns(x, head * size, (head + 1) * size);
        let (q, k, v) = (own(q), own(k), own(v));
        for i in 0..length {
            let mut scores: Vec<f64> = (0..k.nrows())
                .map(|j| {
                    let score = q.row(i).dot(&k.row(j)) / (size as f64).sqrt();
                    if counts(i, j) { score } else { -1e9 }
                })
                .collect();
            softmax(&mut scores);
            let mixed = Array1::from(scores).dot(&v);
            for (j, value) in mixed.iter().enumerate() {
                y[[i, head * size + j]] = *value;
            }
        }
    }
    y.iter().copied().collect()
}

#[test]
fn a_packed_attention_is_causal_and_masked() {
    let mut numbers = Numbers::new(61);
    let (x, w, b) = (numbers.vec(24), numbers.vec(6 * 18), numbers.vec(18));
    let model = |attributes: &[(&str, Value)], mask: &[f32]| {
        Model::opset(17)
            .input("x", &[1, 4, 6])
            .weights("w", &[6, 18], w.clone())
            .weights("b", &[18], b.clone())
            .weights("mask", &[1, 4], mask.to_vec())
            .node_of(
                "com.microsoft",
                "Attention",
                &["x", "w", "b", "mask"],
                &["y"],
                attributes,
            )
            .output("y")
    };
    let sample = [ArrayD::from_shape_vec(IxDyn(&[1, 4, 6]), x.clone()).unwrap()];
    let projected = matrix(&x, 4).dot(&matrix(&w, 6)) + &Array1::from(wide(&b));
    let part = |k: usize| columns(&projected, 6 * k, 6 * (k + 1));
    let heads = || ("num_heads", Value::Int(2));
    let causal = model(&[heads(), ("unidirectional", Value::Int(1))], &[1.0; 4]);
    let expected = attention(&part(0), &part(1), &part(2), 3, |i, j| j <= i);
    computes(&causal, &sample, &expected);
    let masked = model(&[heads()], &[1.0, 1.0, 1.0, 0.0]);
    let expected = attention(&part(0), &part(1), &part(2), 3, |_, j| j < 3);
    computes(&masked, &sample, &expected);
}

#[test]
fn heads_share_keys_and_rotate() {
    let mut numbers = Numbers::new(62);
    let (length, size) = (3, 4);
    let (q, k, v) = (numbers.vec(48), numbers.vec(24), numbers.vec(24));
    let angles: Vec<f32> = (0..length)
        .flat_map(|p| [p as f32, p as f32 * 0.1])
        .collect();
    let cache = |f: fn(f32) -> f32| angles.iter().map(|a| f(*a)).collect();
    let attributes = [
        ("num_heads", Value::Int(4)),
        ("kv_num_heads", Value::Int(2)),
        ("do_rotary", Value::Int(1)),
    ];
    let model = Model::opset(17)
        .input("q", &[1, length, 16])
        .input("k", &[1, length, 8])
        .input("v", &[1, length, 8])
        .ints("lens", &[2])
        .ints("total", &[3])
        .weights("cos", &[length, 2], cache(f32::cos))
        .weights("sin", &[length, 2], cache(f32::sin))
        .node_of(
            "com.microsoft",
            "GroupQueryAttention",
            &["q", "k", "v", "", "", "lens", "total", "cos", "sin"],
            &["y"],
            &attributes,
        )
        .output("y");
    let rotate = |x: &Array2<f64>| {
        let mut y = x.clone();
        for position in 0..length {
            for head in 0..x.ncols() / size {
                for i in 0..2 {
                    let angle = f64::from(angles[2 * position + i]);
                    let (a, b) = (head * size + i, head * size + i + 2);
                    let (u, w) = (x[[position, a]], x[[position, b]]);
                    y[[position, a]] = u * angle.cos() - w * angle.sin();
                    y[[position, b]] = u * angle.sin() + w * angle.cos();
                }
            }
        }
        y
    };
    let shared = |x: &Array2<f64>| {
        let head = |h: usize| columns(x, size * (h / 2), size * (h / 2 + 1));
        let heads = [head(0), head(1), head(2), head(3)];
        ndarray::concatenate(Axis(1), &heads.each_ref().map(|h| h.view())).unwrap()
    };
    let (mq, mk, mv) = (matrix(&q, 3), matrix(&k, 3), matrix(&v, 3));
    let expected = attention(
        &rotate(&mq),
        &shared(&rotate(&mk)),
        &shared(&mv),
        size,
        |i, j| j <= i,
    );
    let tensor = |v: Vec<f32>| {
        let shape = [1, length, v.len() / length];
        ArrayD::from_shape_vec(IxDyn(&shape), v).unwrap()
    };
    computes(&model, &[tensor(q), tensor(k), tensor(v)], &expected);
}

/// `x·W + h·R + b`, for one sequence.
fn gate(x: &Array1<f64>, h: &Array1<f64>, w: &Array2<f64>, r: &Array2<f64>) -> Array1<f64> {
    w.dot(x) + r.dot(h)
}

fn sigmoid(x: &Array1<f64>) -> Array1<f64> {
    x.mapv(|v| 1.0 / (1.0 + (-v).exp()))
}

#[test]
fn recurrent_layers_run_both_ways() {
    bidirectional(3, 2, 2);
    // Weights that are too many to be folded before the import.
    bidirectional(1, 140, 120);
}

fn bidirectional(steps: usize, inputs: usize, hidden: usize) {
    let mut numbers = Numbers::new(63);
    let x = numbers.vec(steps * inputs);
    let (w, r) = (
        numbers.vec(2 * 4 * hidden * inputs),
        numbers.vec(2 * 4 * hidden * hidden),
    );
    let model = Model::opset(14)
        .input("x", &[steps, 1, inputs])
        .weights("w", &[2, 4 * hidden, inputs], w.clone())
        .weights("r", &[2, 4 * hidden, hidden], r.clone())
        .node_with(
            "LSTM",
            &["x", "w", "r"],
            &["y"],
            &[
                ("direction", Value::Text("bidirectional")),
                ("hidden_size", Value::Int(hidden as i64)),
            ],
        )
        .output("y");
    let mut expected = ArrayD::zeros(IxDyn(&[steps, 2, 1, hidden]));
    let xs = matrix(&x, steps);
    for direction in 0..2 {
        let part = |all: &[f32], width: usize, k: usize| {
            let from = (direction * 4 + k) * hidden * width;
            matrix(&all[from..from + hidden * width], hidden)
        };
        let (mut h, mut c) = (Array1::zeros(hidden), Array1::zeros(hidden));
        for k in 0..steps {
            let step = if direction == 1 { steps - 1 - k } else { k };
            let own = xs.row(step).to_owned();
            let sum = |g: usize| gate(&own, &h, &part(&w, inputs, g), &part(&r, hidden, g));
            let (i, o, f) = (sigmoid(&sum(0)), sigmoid(&sum(1)), sigmoid(&sum(2)));
            c = f * c + i * sum(3).mapv(f64::tanh);
            h = o * c.mapv(f64::tanh);
            for (j, v) in h.iter().enumerate() {
                expected[[step, direction, 0, j]] = *v;
            }
        }
    }
    let sample = [ArrayD::from_shape_vec(IxDyn(&[steps, 1, inputs]), x).unwrap()];
    let expected: Vec<f64> = expected.iter().copied().collect();
    computes(&model, &sample, &expected);
}

#[test]
fn sums_with_what_was_skipped_are_normalized() {
    let mut numbers = Numbers::new(64);
    let (x, z, gamma, beta) = (
        numbers.vec(10),
        numbers.vec(10),
        numbers.vec(5),
        numbers.vec(5),
    );
    let model = Model::opset(17)
        .input("x", &[1, 2, 5])
        .input("z", &[1, 2, 5])
        .weights("gamma", &[5], gamma.clone())
        .weights("beta", &[5], beta.clone())
        .node("SkipLayerNormalization", &["x", "z", "gamma", "beta"], "y")
        .output("y");
    let sum = matrix(&x, 2) + matrix(&z, 2);
    let expected: Vec<f64> = sum
        .rows()
        .into_iter()
        .flat_map(|row| normalized(&row.to_owned(), &gamma, &beta))
        .collect();
    let tensor = |v: Vec<f32>| ArrayD::from_shape_vec(IxDyn(&[1, 2, 5]), v).unwrap();
    computes(&model, &[tensor(x), tensor(z)], &expected);
}

#[test]
fn inputs_and_dimensions_can_be_fixed() {
    let model = Model::new()
        .batched("x", &[6])
        .input("low", &[])
        .node("Clip", &["x", "low"], "y")
        .output("y");
    let (_folder, path) = model.save();
    let number = |v| ArrayD::from_elem(IxDyn(&[]), v);
    let fixed = CompileOptions {
        dims: BTreeMap::from([("batch".to_owned(), 2)]),
        bind: BTreeMap::from([("low".to_owned(), number(-0.5))]),
        ..CompileOptions::default()
    };
    let x = Numbers::new(65).array(&[2, 6]);
    let compile = |options: &CompileOptions| {
        let unheard = &mut pleat_prover::compile::unheard;
        pleat_prover::compile(&path, &[vec![x.clone()]], options, unheard)
    };
    let compiled = compile(&fixed).unwrap();
    let names: Vec<&str> = (compiled.descriptor.inputs.iter())
        .map(|p| p.name.as_str())
        .collect();
    assert_eq!(names, ["x"]);
    let expected: Vec<f64> = x.iter().map(|v| f64::from(v.max(-0.5))).collect();
    near(&outputs(&compiled, std::slice::from_ref(&x))[0], &expected);

    let mut options = fixed.clone();
    options.dims.insert("time".to_owned(), 3);
    let text = compile(&options).unwrap_err().to_string();
    assert!(text.contains("time") && text.contains("batch"), "{text}");
    let mut options = fixed;
    options.bind.insert("nothing".to_owned(), number(0.0));
    let text = compile(&options).unwrap_err().to_string();
    assert!(text.contains("no input nothing"), "{text}");
}

#[test]
fn operands_that_have_to_be_fixed_are_named() {
    let model = Model::new()
        .input("x", &[4])
        .input("count", &[1])
        .node("Tile", &["x", "count"], "y")
        .output("y");
    let text = model
        .compile(&model.samples(1, 1.0))
        .unwrap_err()
        .to_string();
    for part in ["Tile (node tile_0)", "count depends on the data", "bound"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn products_of_optimized_exports() {
    let mut numbers = Numbers::new(66);
    let (x, w) = (numbers.vec(6), numbers.vec(12));
    let model = Model::opset(17)
        .input("x", &[3, 2])
        .weights("w", &[4, 3], w.clone())
        .node_of(
            "com.microsoft",
            "FusedMatMul",
            &["x", "w"],
            &["y"],
            &[
                ("alpha", Value::Float(0.5)),
                ("transA", Value::Int(1)),
                ("transB", Value::Int(1)),
            ],
        )
        .output("y");
    let expected = matrix(&x, 3).t().dot(&matrix(&w, 4).t()) * 0.5;
    let expected: Vec<f64> = expected.iter().copied().collect();
    let sample = [ArrayD::from_shape_vec(IxDyn(&[3, 2]), x).unwrap()];
    computes(&model, &sample, &expected);
}

#[test]
fn weights_of_four_bits() {
    let mut numbers = Numbers::new(67);
    let x = numbers.vec(6);
    // Three columns of one block each: two values per byte, the low one first.
    let packed: Vec<i64> = (0..24).map(|i| (37 * i + 11) % 256).collect();
    let scales = vec![0.5, 0.25, 1.0];
    let model = Model::opset(17)
        .input("x", &[1, 6])
        .bytes("b", &[3, 1, 8], &packed)
        .weights("scales", &[3], scales.clone())
        .node_of(
            "com.microsoft",
            "MatMulNBits",
            &["x", "b", "scales"],
            &["y"],
            &[
                ("K", Value::Int(6)),
                ("N", Value::Int(3)),
                ("bits", Value::Int(4)),
                ("block_size", Value::Int(16)),
            ],
        )
        .output("y");
    let expected: Vec<f64> = (0..3)
        .map(|n| {
            let weight = |k: usize| {
                let byte = packed[8 * n + k / 2];
                let value = if k.is_multiple_of(2) {
                    byte & 15
                } else {
                    byte >> 4
                };
                (value as f64 - 8.0) * f64::from(scales[n])
            };
            (0..6_usize).map(|k| f64::from(x[k]) * weight(k)).sum()
        })
        .collect();
    let sample = [ArrayD::from_shape_vec(IxDyn(&[1, 6]), x).unwrap()];
    computes(&model, &sample, &expected);
}

#[test]
fn indices_may_change_their_type_first() {
    let mut numbers = Numbers::new(72);
    let table = numbers.vec(14);
    let model = Model::opset(17)
        .indices("ids", &[1, 3])
        .weights("table", &[7, 2], table.clone())
        .node_with("Cast", &["ids"], &["cast"], &[("to", Value::Int(6))])
        .node("Gather", &["table", "cast"], "y")
        .output("y");
    let rows = matrix(&table, 7);
    let expected: Vec<f64> = [6, 1, 1]
        .iter()
        .flat_map(|i| rows.row(*i).to_vec())
        .collect();
    let ids = ArrayD::from_shape_vec(IxDyn(&[1, 3]), vec![6.0, 1.0, 1.0]).unwrap();
    computes(&model, &[ids], &expected);
}

#[test]
fn embeddings_are_gathered_and_normalized() {
    let mut numbers = Numbers::new(68);
    let (words, places, kinds) = (numbers.vec(28), numbers.vec(16), numbers.vec(8));
    let (gamma, beta) = (numbers.vec(4), numbers.vec(4));
    let model = Model::opset(17)
        .indices("ids", &[1, 3])
        .indices("segments", &[1, 3])
        .weights("words", &[7, 4], words.clone())
        .weights("places", &[4, 4], places.clone())
        .weights("kinds", &[2, 4], kinds.clone())
        .weights("gamma", &[4], gamma.clone())
        .weights("beta", &[4], beta.clone())
        .node_of(
            "com.microsoft",
            "EmbedLayerNormalization",
            &[
                "ids", "segments", "words", "places", "kinds", "gamma", "beta",
            ],
            &["y"],
            &[],
        )
        .output("y");
    let (ids, segments) = ([5, 0, 2], [0, 1, 1]);
    let (words, places, kinds) = (matrix(&words, 7), matrix(&places, 4), matrix(&kinds, 2));
    let expected: Vec<f64> = (0..3)
        .flat_map(|i| {
            let row = &words.row(ids[i]) + &places.row(i) + kinds.row(segments[i]);
            normalized(&row, &gamma, &beta)
        })
        .collect();
    let tensor = |v: [usize; 3]| {
        let flat = v.iter().map(|i| *i as f32).collect();
        ArrayD::from_shape_vec(IxDyn(&[1, 3]), flat).unwrap()
    };
    computes(&model, &[tensor(ids), tensor(segments)], &expected);
}

/// A layer normalization, scaled and shifted.
fn normalized(row: &Array1<f64>, gamma: &[f32], beta: &[f32]) -> Vec<f64> {
    let mean = row.mean().unwrap();
    let variance = row.mapv(|v| (v - mean).powi(2)).mean().unwrap();
    let scaled = (row - mean) / (variance + 1e-5).sqrt();
    (scaled * Array1::from(wide(gamma)) + Array1::from(wide(beta))).to_vec()
}

#[test]
fn norms_of_rows_and_groups() {
    let mut numbers = Numbers::new(69);
    let (x, gamma) = (numbers.vec(12), numbers.vec(6));
    let sample = [ArrayD::from_shape_vec(IxDyn(&[1, 2, 6]), x.clone()).unwrap()];
    let of_rows = |f: &dyn Fn(&Array1<f64>) -> Array1<f64>| -> Vec<f64> {
        let rows = matrix(&x, 2);
        let each = rows.rows().into_iter().flat_map(|r| f(&r.to_owned()));
        each.collect()
    };
    let weighted = Array1::from(wide(&gamma));
    let root = |row: &Array1<f64>| (row.mapv(|v| v * v).mean().unwrap() + 1e-5).sqrt();
    let scaled = |row: &Array1<f64>| row / root(row) * &weighted;
    for operator in ["RMSNormalization", "SimplifiedLayerNormalization"] {
        let model = Model::opset(17)
            .input("x", &[1, 2, 6])
            .weights("gamma", &[6], gamma.clone())
            .node(operator, &["x", "gamma"], "y")
            .output("y");
        computes(&model, &sample, &of_rows(&scaled));
    }
    let model = Model::opset(17)
        .input("x", &[1, 2, 6])
        .weights("gamma", &[6], gamma.clone())
        .node(
            "SkipSimplifiedLayerNormalization",
            &["x", "x", "gamma"],
            "y",
        )
        .output("y");
    computes(&model, &sample, &of_rows(&|row| scaled(&(row * 2.0))));

    for (p, power) in [(1, 1), (2, 2)] {
        let model = Model::opset(17)
            .input("x", &[1, 2, 6])
            .node_with("LpNormalization", &["x"], &["y"], &[("p", Value::Int(p))])
            .output("y");
        let length = |row: &Array1<f64>| {
            let sum = row.mapv(|v| v.abs().powi(power)).sum();
            if power == 2 { sum.sqrt() } else { sum }
        };
        computes(&model, &sample, &of_rows(&|row| row / length(row)));
    }

    // Two groups of one channel each; a channel's scale and shift.
    let model = Model::opset(21)
        .input("x", &[1, 2, 6])
        .weights("scale", &[2], vec![0.5, -2.0])
        .weights("shift", &[2], vec![0.25, 1.0])
        .node_with(
            "GroupNormalization",
            &["x", "scale", "shift"],
            &["y"],
            &[("num_groups", Value::Int(2))],
        )
        .output("y");
    let rows = matrix(&x, 2);
    let channel = |c: usize, scale: f32, shift: f32| {
        normalized(&rows.row(c).to_owned(), &[scale; 6], &[shift; 6])
    };
    let expected = [channel(0, 0.5, 0.25), channel(1, -2.0, 1.0)].concat();
    computes(&model, &sample, &expected);
}

#[test]
fn heads_attend_beside_one_another() {
    let mut numbers = Numbers::new(70);
    let parts = [numbers.vec(24), numbers.vec(24), numbers.vec(24)];
    let model = Model::opset(17)
        .input("q", &[1, 4, 6])
        .input("k", &[1, 4, 6])
        .input("v", &[1, 4, 6])
        .weights("mask", &[1, 4], vec![0.0, 1.0, 1.0, 1.0])
        .node_of(
            "com.microsoft",
            "MultiHeadAttention",
            &["q", "k", "v", "", "mask"],
            &["y"],
            &[("num_heads", Value::Int(3))],
        )
        .output("y");
    let [q, k, v] = parts.each_ref().map(|p| matrix(p, 4));
    let expected = attention(&q, &k, &v, 2, |_, j| j > 0);
    let sample = parts.map(|p| ArrayD::from_shape_vec(IxDyn(&[1, 4, 6]), p).unwrap());
    computes(&model, &sample, &expected);
}

#[test]
fn pairs_rotate_by_their_positions() {
    let mut numbers = Numbers::new(71);
    let x = numbers.vec(12);
    let angles = [0.3_f32, 0.7, 1.1];
    let model = Model::opset(17)
        .input("x", &[1, 1, 3, 4])
        .ints("start", &[0])
        .weights("cos", &[3, 1], angles.map(f32::cos).to_vec())
        .weights("sin", &[3, 1], angles.map(f32::sin).to_vec())
        .node_of(
            "com.microsoft",
            "RotaryEmbedding",
            &["x", "start", "cos", "sin"],
            &["y"],
            &[("interleaved", Value::Int(1))],
        )
        .output("y");
    let mut expected = wide(&x);
    for (position, angle) in angles.iter().enumerate() {
        let (sin, cos) = f64::from(*angle).sin_cos();
        let at = 4 * position;
        let (a, b) = (expected[at], expected[at + 1]);
        expected[at] = a * cos - b * sin;
        expected[at + 1] = a * sin + b * cos;
    }
    let sample = [ArrayD::from_shape_vec(IxDyn(&[1, 1, 3, 4]), x).unwrap()];
    computes(&model, &sample, &expected);
}
