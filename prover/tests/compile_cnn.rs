//! Random small convolutional networks: each compiles to what the importer's float run computes, on every sample, and its
//! integer run is the one that the definition of a node gives, index by index.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;
mod compile_support;

use common::naive::Blocks;
use common::{Problem, algebra};
use compile_support::{Model, Numbers, Value};
use pleat_prover::compile::{CompileOptions, Compiled};
use pleat_prover::execute::{block_cells, block_values, execute, weight_column};
use pleat_prover::weights::Integers;
use pleat_verifier::descriptor::Indices;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::network::Network;
use pleat_verifier::quantize::quantize;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Padding {
    Explicit(usize, usize),
    SameUpper,
    SameLower,
    Valid,
}

impl Padding {
    /// Length of an axis behind a window, if the window fits.
    fn out(self, len: usize, field: usize, stride: usize) -> Option<usize> {
        match self {
            Self::Explicit(before, after) => {
                Some((len + before + after).checked_sub(field)? / stride + 1)
            }
            Self::Valid => Some(len.checked_sub(field)? / stride + 1),
            Self::SameUpper | Self::SameLower => Some(len.div_ceil(stride)),
        }
    }

    fn attribute(self, axes: usize) -> (&'static str, Value) {
        match self {
            Self::Explicit(before, after) => {
                let pads = [vec![before as i64; axes], vec![after as i64; axes]];
                ("pads", Value::Ints(pads.concat()))
            }
            Self::SameUpper => ("auto_pad", Value::Text("SAME_UPPER")),
            Self::SameLower => ("auto_pad", Value::Text("SAME_LOWER")),
            Self::Valid => ("auto_pad", Value::Text("VALID")),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Window {
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
}

impl Window {
    fn attributes(self, axes: usize) -> Vec<(&'static str, Value)> {
        let all = |n: usize| Value::Ints(vec![n as i64; axes]);
        vec![
            ("kernel_shape", all(self.kernel)),
            ("strides", all(self.stride)),
            ("dilations", all(self.dilation)),
            self.padding.attribute(axes),
        ]
    }

    fn out(self, lens: &[usize]) -> Option<Vec<usize>> {
        let field = (self.kernel - 1) * self.dilation + 1;
        let out = |n: &usize| self.padding.out(*n, field, self.stride);
        lens.iter().map(out).collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Groups {
    One,
    Two,
    /// As many as channels.
    Depthwise,
}

#[derive(Clone, Copy, Debug)]
enum Layer {
    Conv(Window, Groups, usize),
    Normalize,
    Relu,
    Leaky,
    MaxPool(Window),
    AveragePool(Window, bool),
    /// `relu(conv(x)·scale + x)`, or with a projection of `x`.
    Residual(f32, bool),
}

#[derive(Clone, Copy, Debug)]
enum Head {
    None,
    Average,
    Maximum,
    Dense,
}

#[derive(Clone, Debug)]
struct Net {
    channels: usize,
    lens: Vec<usize>,
    layers: Vec<Layer>,
    head: Head,
    seed: u64,
}

fn window(dilated: bool) -> impl Strategy<Value = Window> {
    let padding = prop_oneof![
        (0..2_usize, 0..2_usize).prop_map(|(b, a)| Padding::Explicit(b, a)),
        Just(Padding::SameUpper),
        Just(Padding::SameLower),
        Just(Padding::Valid),
    ];
    let dilation = 1..=if dilated { 2_usize } else { 1 };
    (2..=3_usize, 1..=2_usize, dilation, padding).prop_map(|(kernel, stride, dilation, padding)| {
        Window {
            kernel,
            stride,
            dilation,
            padding,
        }
    })
}

fn layer() -> impl Strategy<Value = Layer> {
    let groups = prop_oneof![
        Just(Groups::One),
        Just(Groups::Two),
        Just(Groups::Depthwise)
    ];
    let scale = prop_oneof![Just(0.01_f32), Just(1.0), Just(30.0)];
    prop_oneof![
        4 => (window(true), groups, 1..=2_usize).prop_map(|(w, g, n)| Layer::Conv(w, g, n)),
        1 => Just(Layer::Normalize),
        2 => Just(Layer::Relu),
        1 => Just(Layer::Leaky),
        2 => window(false).prop_map(Layer::MaxPool),
        1 => (window(false), any::<bool>()).prop_map(|(w, c)| Layer::AveragePool(w, c)),
        2 => (scale, any::<bool>()).prop_map(|(s, p)| Layer::Residual(s, p)),
    ]
}

fn net() -> impl Strategy<Value = Net> {
    let head = prop_oneof![
        Just(Head::None),
        Just(Head::Average),
        Just(Head::Maximum),
        Just(Head::Dense),
    ];
    let channels = prop_oneof![Just(1_usize), Just(2), Just(4)];
    let lens = prop::collection::vec(4..9_usize, 1..=2);
    let layers = prop::collection::vec(layer(), 1..5);
    (channels, lens, layers, head, any::<u64>()).prop_map(|(channels, lens, layers, head, seed)| {
        Net {
            channels,
            lens,
            layers,
            head,
            seed,
        }
    })
}

/// A model under construction: its last tensor, and how many have been made.
struct Growing {
    model: Model,
    numbers: Numbers,
    last: String,
    count: usize,
    channels: usize,
    lens: Vec<usize>,
}

impl Growing {
    fn weights(&mut self, shape: &[usize], scale: f32) -> String {
        let len = shape.iter().product();
        let values = self.numbers.vec(len).into_iter().map(|v| v * scale);
        self.named(shape, values.collect())
    }

    fn named(&mut self, shape: &[usize], values: Vec<f32>) -> String {
        self.count += 1;
        let name = format!("w{}", self.count);
        self.model = self.model.clone().weights(&name, shape, values);
        name
    }

    fn push(&mut self, op: &str, inputs: &[&str], attributes: &[(&str, Value)]) -> String {
        self.count += 1;
        let name = format!("t{}", self.count);
        let model = self.model.clone();
        self.model = model.node_with(op, inputs, &[&name], attributes);
        name
    }

    fn one(&self) -> Vec<usize> {
        vec![1; self.lens.len()]
    }

    fn layer(&mut self, layer: Layer) {
        let axes = self.lens.len();
        let x = self.last.clone();
        let channels = self.channels;
        self.last = match layer {
            Layer::Conv(window, groups, per_group) => {
                let group = match groups {
                    Groups::Two if channels.is_multiple_of(2) => 2,
                    Groups::Depthwise => channels,
                    _ => 1,
                };
                let Some(lens) = window.out(&self.lens) else {
                    return;
                };
                let out = group * per_group;
                let mut shape = vec![out, channels / group];
                shape.extend(vec![window.kernel; axes]);
                let (w, b) = (self.weights(&shape, 0.5), self.weights(&[out], 1.0));
                let mut attributes = window.attributes(axes);
                attributes.push(("group", Value::Int(group as i64)));
                (self.channels, self.lens) = (out, lens);
                self.push("Conv", &[&x, &w, &b], &attributes)
            }
            Layer::Normalize => {
                let parts: Vec<String> = (0..3).map(|_| self.weights(&[channels], 1.0)).collect();
                let variance = self.named(&[channels], vec![0.7; channels]);
                let inputs = [x.as_str(), &parts[0], &parts[1], &parts[2], &variance];
                self.push("BatchNormalization", &inputs, &[])
            }
            Layer::Relu => self.push("Relu", &[&x], &[]),
            Layer::Leaky => {
                let shape = [vec![channels], self.one()].concat();
                let slope = self.weights(&shape, 1.0);
                self.push("PRelu", &[&x, &slope], &[])
            }
            Layer::MaxPool(window) | Layer::AveragePool(window, _) => {
                let Some(lens) = window.out(&self.lens) else {
                    return;
                };
                let mut attributes = window.attributes(axes);
                attributes.retain(|(name, _)| *name != "dilations");
                self.lens = lens;
                if let Layer::AveragePool(_, counted) = layer {
                    attributes.push(("count_include_pad", Value::Int(counted.into())));
                    self.push("AveragePool", &[&x], &attributes)
                } else {
                    self.push("MaxPool", &[&x], &attributes)
                }
            }
            Layer::Residual(scale, projected) => {
                let square = |k: usize| [vec![channels; 2], vec![k; axes]].concat();
                let w = self.weights(&square(3), scale);
                let pads = Padding::Explicit(1, 1).attribute(axes);
                let branch = self.push("Conv", &[&x, &w], &[pads]);
                let shortcut = if projected {
                    // Not negative: of an x that is rectified, all might else be cut off but what the branch adds, which may be a
                    // hundredth of it and no more than its rounding.
                    let len = square(1).iter().product();
                    let v = self.numbers.vec(len).into_iter().map(f32::abs).collect();
                    let v = self.named(&square(1), v);
                    self.push("Conv", &[&x, &v], &[])
                } else {
                    x
                };
                let sum = self.push("Add", &[&branch, &shortcut], &[]);
                self.push("Relu", &[&sum], &[])
            }
        };
    }

    fn head(&mut self, head: Head) {
        let x = self.last.clone();
        self.last = match head {
            Head::None => return,
            Head::Average => self.push("GlobalAveragePool", &[&x], &[]),
            Head::Maximum => self.push("GlobalMaxPool", &[&x], &[]),
            Head::Dense => {
                let flat = self.push("Flatten", &[&x], &[]);
                let wide = self.channels * self.lens.iter().product::<usize>();
                let (w, b) = (self.weights(&[wide, 3], 0.5), self.weights(&[3], 1.0));
                self.push("Gemm", &[&flat, &w, &b], &[])
            }
        };
    }
}

impl Net {
    fn model(&self) -> Model {
        let shape = [vec![1, self.channels], self.lens.clone()].concat();
        let mut growing = Growing {
            model: Model::new().input("x", &shape),
            numbers: Numbers::new(self.seed),
            last: "x".to_owned(),
            count: 0,
            channels: self.channels,
            lens: self.lens.clone(),
        };
        for layer in &self.layers {
            growing.layer(*layer);
        }
        growing.head(self.head);
        let last = growing.last.clone();
        // At least one node.
        growing
            .model
            .node("Identity", &[last.as_str()], "y")
            .output("y")
    }
}

/// The run of every node against its definition.
fn runs_as_defined(compiled: &Compiled, sample: &[f32]) -> Result<(), TestCaseError> {
    let network = Network::new(compiled.descriptor.clone(), &Limits::default()).unwrap();
    let port = &network.descriptor().inputs[0];
    let values: Vec<f64> = sample.iter().map(|v| f64::from(*v)).collect();
    let input = quantize(port, &network.input_range(), &values).unwrap();
    let column = weight_column(&network, &compiled.weights).unwrap();
    let trace = execute(&network, &column, std::slice::from_ref(&input)).unwrap();
    let b = network.digit_bits();
    let mut blocks = Blocks {
        network: &network,
        weights: &compiled
            .weights
            .iter()
            .map(Integers::to_wide)
            .collect::<Vec<_>>(),
        activations: Vec::new(),
        exact: Vec::new(),
        indices: Indices::default(),
    };
    for (index, node) in network.nodes().iter().enumerate() {
        let y = block_values(&network, index, &trace.y);
        if index == port.node {
            prop_assert_eq!(&y, &input);
        } else {
            let function = network
                .function(network.relation(index).unwrap())
                .0
                .unwrap();
            let z = blocks.pre_activations(node);
            for ((z, y), cell) in z.iter().zip(&y).zip(block_cells(&network, index)) {
                let quotient = (z + (1 << (2 * b - 1))).div_euclid(1 << (2 * b));
                let quotient = i64::try_from(quotient).unwrap();
                prop_assert_eq!(i64::from(trace.p[cell]), quotient, "node {}", &node.name);
                let expected = function.apply(quotient, b);
                prop_assert_eq!(Some(i64::from(*y)), expected, "node {}", &node.name);
            }
        }
        blocks.activations.push(y);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_convolutional_networks(net in net()) {
        let model = net.model();
        let samples = model.samples(3, 2.0);
        let compiled = match model.compile(&samples) {
            Ok(compiled) => compiled,
            Err(e) => return Err(TestCaseError::fail(format!("{e}\n{}", model.describe()))),
        };
        let report = &compiled.report;
        prop_assert_eq!(&report.saturated, &Vec::<String>::new());
        // In units of the output's range.
        let error = report.max_abs_error / (compiled.descriptor.outputs[0].scale * 2048.0);
        prop_assert!(error < 0.01, "error {error}\n{}", model.describe());
        let sample: Vec<f32> = samples[0][0].iter().copied().collect();
        runs_as_defined(&compiled, &sample)?;
    }
}

/// Every kind of map that the compiler makes for images, in full proofs with natively executed steps: padded maxima, borders,
/// repetitions, one-hot picks, phases of a transposed convolution, slopes per channel.
#[test]
fn proofs_of_what_windows_become() {
    let ints = |v: &[i64]| Value::Ints(v.to_vec());
    let mut numbers = Numbers::new(50);
    let maxima = Model::new()
        .input("x", &[1, 2, 5, 5])
        .node_with(
            "MaxPool",
            &["x"],
            &["m"],
            &[
                ("kernel_shape", ints(&[3, 3])),
                ("strides", ints(&[2, 2])),
                ("pads", ints(&[1, 1, 1, 1])),
            ],
        )
        .weights("s", &[2, 1, 1], vec![0.5, -0.25])
        .node("PRelu", &["m", "s"], "p")
        .node("GlobalMaxPool", &["p"], "y")
        .output("y");
    let borders = Model::new()
        .input("x", &[1, 2, 4, 5])
        .ints("pads", &[0, 0, 2, 1, 0, 0, 1, 2])
        .node_with(
            "Pad",
            &["x", "pads"],
            &["p"],
            &[("mode", Value::Text("reflect"))],
        )
        .weights("w", &[4, 1, 3, 3], numbers.vec(36))
        .node_with(
            "Conv",
            &["p", "w"],
            &["y"],
            &[("group", Value::Int(2)), ("strides", ints(&[2, 1]))],
        )
        .output("y");
    let grown = Model::opset(9)
        .input("x", &[1, 2, 3, 3])
        .weights("scales", &[4], vec![1.0, 1.0, 2.0, 3.0])
        .node("Upsample", &["x", "scales"], "u")
        .weights("w", &[1, 2, 3, 3], numbers.vec(18))
        .node_with(
            "Conv",
            &["u", "w"],
            &["y"],
            &[("pads", ints(&[1, 1, 1, 1]))],
        )
        .output("y");
    let transposed = Model::new()
        .input("x", &[1, 2, 3, 3])
        .weights("t", &[2, 1, 2, 2], numbers.vec(8))
        .node_with(
            "ConvTranspose",
            &["x", "t"],
            &["u"],
            &[("strides", ints(&[2, 2]))],
        )
        .weights("w", &[1, 1, 3, 3], numbers.vec(9))
        .node_with(
            "Conv",
            &["u", "w"],
            &["y"],
            &[("pads", ints(&[1, 1, 1, 1]))],
        )
        .output("y");
    for (model, nodes) in [(maxima, 12), (borders, 2), (grown, 3), (transposed, 5)] {
        let options = CompileOptions {
            digit_bits: Some(8),
            ..CompileOptions::default()
        };
        let samples = model.samples(3, 2.0);
        let compiled = model.compile_with(&samples, &options).unwrap();
        assert_eq!(compiled.report.nodes, nodes);
        let network = Network::new(compiled.descriptor, &Limits::default()).unwrap();
        let values: Vec<f64> = samples[0][0].iter().map(|v| f64::from(*v)).collect();
        let port = &network.descriptor().inputs[0];
        let input = quantize(port, &network.input_range(), &values).unwrap();
        let problem = Problem {
            given: Vec::new(),
            name: String::new(),
            network,
            weights: compiled.weights.iter().map(Integers::to_wide).collect(),
            inputs: vec![input],
            outputs: Vec::new(),
        };
        let model = algebra::commit(&problem);
        let key = algebra::key(&model);
        let run = |mode| algebra::traced(&model, mode, &problem.inputs, 1);
        let verdicts = algebra::check_both(&model, &key, run);
        assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
    }
}
