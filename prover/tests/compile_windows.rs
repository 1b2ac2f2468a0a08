//! Windows, maxima, resampling and what is built of them, in small models: the integer network against the importer's
//! float run, and what it costs. That the float translation is right is checked by the compiler itself, on every sample.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod compile_support;

use compile_support::{Model, Numbers, Value, check};
use pleat_prover::compile::Compiled;
use pleat_prover::execute::{block_values, execute, weight_column};
use pleat_verifier::descriptor::{AxisMap, Limits};
use pleat_verifier::network::Network;

fn ints(values: &[i64]) -> Value {
    Value::Ints(values.to_vec())
}

/// A 3×3 convolution with padding 1 of `from`, which has `inner` channels, to `y`, which has two.
fn convolved(model: Model, from: &str, inner: usize) -> Model {
    let weights = Numbers::new(40).vec(2 * inner * 9);
    model
        .weights("end", &[2, inner, 3, 3], weights)
        .node_with(
            "Conv",
            &[from, "end"],
            &["y"],
            &[("pads", ints(&[1, 1, 1, 1]))],
        )
        .output("y")
}

fn refusal(model: &Model) -> String {
    model
        .compile(&model.samples(2, 1.0))
        .unwrap_err()
        .to_string()
}

#[test]
fn padding_never_wins_a_maximum() {
    // All elements are negative: a padding of zeros would be the maximum of every window at the border.
    let pool = |shape: &[usize], attributes: &[(&str, Value)]| {
        Model::new()
            .input("x", shape)
            .weights("minus", &[], vec![-5.0])
            .node("Add", &["x", "minus"], "n")
            .node_with("MaxPool", &["n"], &["y"], attributes)
            .output("y")
    };
    let kernel = |k: &[i64]| ("kernel_shape", ints(k));
    let image = [1, 2, 5, 6];
    let same = ("auto_pad", Value::Text("SAME_UPPER"));
    let lower = ("auto_pad", Value::Text("SAME_LOWER"));
    let strides = || ("strides", ints(&[2, 2]));
    let pads = || ("pads", ints(&[1, 1, 1, 1]));
    // Input, two differences per axis, the output.
    let padded = check(&pool(&image, &[kernel(&[3, 3]), pads()]), 6, 1.0);
    assert_eq!(padded.report.rows, 60 + 4 * 60 + 60);
    let strided = check(&pool(&image, &[kernel(&[3, 3]), strides(), pads()]), 6, 1.0);
    assert_eq!(
        strided.report.rows,
        60 + 2 * (2 * 3 * 6) + 2 * (2 * 3 * 3) + 18
    );
    check(&pool(&image, &[kernel(&[2, 2]), same, strides()]), 4, 1.0);
    check(&pool(&image, &[kernel(&[2, 3]), lower]), 5, 1.0);
    let ceil = ("ceil_mode", Value::Int(1));
    check(&pool(&image, &[kernel(&[2, 2]), strides(), ceil]), 4, 1.0);
    let dilated = ("dilations", ints(&[2, 2]));
    let wide = ("pads", ints(&[2, 2, 2, 2]));
    check(&pool(&image, &[kernel(&[3, 3]), dilated, wide]), 6, 1.0);
    check(
        &pool(&[1, 2, 9], &[kernel(&[4]), ("pads", ints(&[1, 2]))]),
        5,
        1.0,
    );
}

#[test]
fn maxima_behind_a_contraction() {
    let mut numbers = Numbers::new(41);
    let model = Model::new()
        .input("x", &[1, 2, 6, 6])
        .weights("w", &[3, 2, 3, 3], numbers.vec(54))
        .weights("b", &[3], vec![-9.0, 0.0, 9.0])
        .node_with(
            "Conv",
            &["x", "w", "b"],
            &["c"],
            &[("pads", ints(&[1, 1, 1, 1]))],
        )
        .node_with(
            "MaxPool",
            &["c"],
            &["y"],
            &[
                ("kernel_shape", ints(&[3, 3])),
                ("strides", ints(&[2, 2])),
                ("pads", ints(&[1, 1, 1, 1])),
            ],
        )
        .output("y");
    check(&model, 7, 2.0);
}

#[test]
fn maxima_and_minima_of_axes() {
    let whole = Model::new()
        .input("x", &[1, 3, 5, 7])
        .node("GlobalMaxPool", &["x"], "y")
        .output("y");
    // Halves of 5, then of 7: 3, 2 and 1 rows of 7; 4, 2 and 1.
    let compiled = check(&whole, 1 + 3 + 3 + 1, 1.0);
    assert_eq!(
        compiled.report.rows,
        105 + 3 * (7 * (3 + 2 + 1) + (4 + 2 + 1)) + 3
    );
    for op in ["ReduceMax", "ReduceMin"] {
        let model = Model::new()
            .input("x", &[2, 5, 4])
            .weights("b", &[5, 1], vec![0.5, -1.0, 2.0, 0.0, 1.0])
            .node("Add", &["x", "b"], "s")
            .node_with(op, &["s"], &["y"], &[("axes", ints(&[1]))])
            .output("y");
        check(&model, 1 + 1 + 3 + 1, 1.0);
    }
}

#[test]
fn reflected_and_repeated_borders_are_views() {
    // What lies beyond a reflection is not zero, so a window that leaves it needs a block.
    for (mode, windowed) in [("reflect", 3), ("edge", 2)] {
        let model = Model::new()
            .input("x", &[1, 2, 5, 6])
            .ints("pads", &[0, 0, 2, 1, 0, 0, 1, 3])
            .node_with(
                "Pad",
                &["x", "pads"],
                &["p"],
                &[("mode", Value::Text(mode))],
            )
            .weights("w", &[3, 2, 1, 1], Numbers::new(42).vec(6))
            .node("Conv", &["p", "w"], "y")
            .output("y");
        let compiled = check(&model, 2, 16.0);
        assert_eq!(compiled.report.rows, 60 + 3 * 8 * 10);
        let padded = Model::new()
            .input("x", &[1, 2, 5, 6])
            .ints("pads", &[0, 0, 2, 1, 0, 0, 1, 3])
            .node_with(
                "Pad",
                &["x", "pads"],
                &["p"],
                &[("mode", Value::Text(mode))],
            );
        check(&convolved(padded, "p", 2), windowed, 16.0);
    }
    let long = Model::new()
        .input("x", &[1, 3])
        .ints("pads", &[0, 3, 0, 0])
        .node_with(
            "Pad",
            &["x", "pads"],
            &["y"],
            &[("mode", Value::Text("reflect"))],
        )
        .output("y");
    let text = refusal(&long);
    assert!(text.contains("pad_0"), "{text}");
}

#[test]
fn depth_to_space() {
    for mode in ["DCR", "CRD"] {
        let shuffled = Model::new().input("x", &[1, 8, 3, 4]).node_with(
            "DepthToSpace",
            &["x"],
            &["d"],
            &[("blocksize", Value::Int(2)), ("mode", Value::Text(mode))],
        );
        let alone = shuffled.clone().node("Relu", &["d"], "y").output("y");
        assert_eq!(check(&alone, 2, 1.0).report.rows, 96 + 96);
        // A convolution needs the interleaved axes as blocks: one contraction for each of the two.
        let windowed = convolved(shuffled, "d", 2);
        check(&windowed, 4, 8.0);
    }
}

fn repeats(compiled: &Compiled) -> usize {
    let nodes = compiled.descriptor.nodes.iter();
    let terms = nodes.flat_map(|n| n.linear.iter().flat_map(|l| &l.view.terms));
    let maps = terms.flat_map(|t| &t.maps);
    maps.filter(|m| matches!(m, AxisMap::Repeat { .. })).count()
}

#[test]
fn nearest_neighbours() {
    let resized = |scales: [f32; 4], attributes: &[(&str, Value)]| {
        Model::new()
            .input("x", &[1, 2, 4, 6])
            .weights("none", &[0], Vec::new())
            .weights("scales", &[4], scales.to_vec())
            .node_with("Resize", &["x", "none", "scales"], &["r"], attributes)
    };
    let floor = || {
        [
            ("mode", Value::Text("nearest")),
            ("coordinate_transformation_mode", Value::Text("asymmetric")),
            ("nearest_mode", Value::Text("floor")),
        ]
    };
    let doubled = resized([1.0, 1.0, 2.0, 3.0], &floor());
    let alone = doubled.clone().node("Relu", &["r"], "y").output("y");
    assert_eq!(check(&alone, 2, 1.0).report.rows, 48 + 48 * 6);
    // A convolution reads the enlarged tensor as a block, whose view repeats.
    let compiled = check(&convolved(doubled, "r", 2), 3, 8.0);
    assert_eq!(compiled.report.rows, 48 + 48 * 6 + 48 * 6);
    assert_eq!(repeats(&compiled), 2);
    // Averages over repetitions.
    let averaged = resized([1.0, 1.0, 2.0, 3.0], &floor())
        .node("GlobalAveragePool", &["r"], "y")
        .output("y");
    check(&averaged, 2, 1.0);
    // Shrinking, and growing by halves, are lines and single elements: views, even where a window leaves them.
    for scales in [[1.0, 1.0, 0.5, 0.5], [1.0, 1.0, 1.5, 0.5]] {
        check(&convolved(resized(scales, &floor()), "r", 2), 2, 8.0);
    }
    let half = [("mode", Value::Text("nearest"))];
    check(
        &convolved(resized([1.0, 1.0, 2.0, 2.0], &half), "r", 2),
        3,
        8.0,
    );
}

#[test]
fn upsampling_of_old_opsets() {
    let scales = vec![1.0, 1.0, 2.0, 3.0];
    let attribute = Model::opset(7).input("x", &[1, 2, 4, 3]).node_with(
        "Upsample",
        &["x"],
        &["r"],
        &[
            ("scales", Value::Floats(scales.clone())),
            ("mode", Value::Text("nearest")),
        ],
    );
    let operand = Model::opset(9)
        .input("x", &[1, 2, 4, 3])
        .weights("scales", &[4], scales)
        .node("Upsample", &["x", "scales"], "r");
    for model in [attribute, operand] {
        let compiled = check(&convolved(model, "r", 2), 3, 8.0);
        assert_eq!(compiled.report.rows, 24 + 24 * 6 + 24 * 6);
        assert_eq!(repeats(&compiled), 2);
    }
    let linear = Model::opset(7).input("x", &[1, 2, 4, 3]).node_with(
        "Upsample",
        &["x"],
        &["y"],
        &[
            ("scales", Value::Floats(vec![1.0, 1.0, 2.0, 2.0])),
            ("mode", Value::Text("linear")),
        ],
    );
    let text = refusal(&linear.output("y"));
    assert!(
        text.contains("Upsample (node upsample_0): only nearest"),
        "{text}"
    );
}

/// The importer does not know `Upsample`, so its float run says nothing about it: here is what it means.
#[test]
fn upsampling_repeats_rows_and_columns() {
    let model = Model::opset(9)
        .input("x", &[1, 2, 3, 2])
        .weights("scales", &[4], vec![1.0, 1.0, 2.0, 3.0])
        .node("Upsample", &["x", "scales"], "y")
        .output("y");
    let compiled = check(&model, 2, 1.0);
    let network = Network::new(compiled.descriptor, &Limits::default()).unwrap();
    let input: Vec<i32> = (1..=12).collect();
    let weights = weight_column(&network, &compiled.weights).unwrap();
    let trace = execute(&network, &weights, std::slice::from_ref(&input)).unwrap();
    let output = &network.descriptor().outputs[0];
    assert_eq!(output.shape, [1, 2, 6, 6]);
    let unit = network.descriptor().inputs[0].scale / output.scale;
    let values = block_values(&network, output.node, &trace.y);
    let mut expected = Vec::new();
    for c in 0..2 {
        for i in 0..6 {
            for j in 0..6 {
                let pixel = input[(c * 3 + i / 2) * 2 + j / 3];
                expected.push((f64::from(pixel) * unit).round() as i32);
            }
        }
    }
    assert_eq!(values, expected);
}

#[test]
fn transposed_convolutions() {
    let deconvolved = |shape: &[usize], kernel: &[usize], attributes: &[(&str, Value)]| {
        let group = attributes.iter().find_map(|(name, v)| match v {
            Value::Int(g) if *name == "group" => Some(*g as usize),
            _ => None,
        });
        let channels = kernel[1] * group.unwrap_or(1);
        let mut numbers = Numbers::new(43);
        Model::new()
            .input("x", shape)
            .weights("w", kernel, numbers.vec(kernel.iter().product()))
            .weights("b", &[channels], numbers.vec(channels))
            .node_with("ConvTranspose", &["x", "w", "b"], &["t"], attributes)
    };
    let ended = |m: Model| m.node("Relu", &["t"], "y").output("y");
    let image = [1, 3, 4, 5];
    let strides = |s: i64| ("strides", ints(&[s, s]));
    let pads = |p: i64| ("pads", ints(&[p, p, p, p]));
    check(&ended(deconvolved(&image, &[3, 2, 3, 3], &[])), 2, 16.0);
    check(
        &ended(deconvolved(&image, &[3, 2, 3, 3], &[pads(1)])),
        2,
        16.0,
    );
    let dilated = ("dilations", ints(&[2, 1]));
    check(
        &ended(deconvolved(&image, &[3, 2, 3, 3], &[dilated])),
        2,
        16.0,
    );
    let doubled = deconvolved(&image, &[3, 2, 2, 2], &[strides(2)]);
    let compiled = check(&ended(doubled.clone()), 2, 16.0);
    assert_eq!(compiled.report.rows, 60 + 2 * 8 * 10);
    assert_eq!(compiled.report.macs, 2 * 8 * 10 * 3);
    let grown = [strides(2), pads(1), ("output_padding", ints(&[1, 1]))];
    check(&ended(deconvolved(&image, &[3, 2, 3, 3], &grown)), 2, 16.0);
    let grouped = [strides(2), ("group", Value::Int(2)), pads(1)];
    check(
        &ended(deconvolved(&[1, 4, 4, 5], &[4, 3, 4, 4], &grouped)),
        2,
        16.0,
    );
    let line = [("strides", ints(&[3])), ("pads", ints(&[1, 1]))];
    check(&ended(deconvolved(&[1, 2, 5], &[2, 3, 5], &line)), 2, 16.0);
    // An output that is no multiple of the stride is cut from one that is.
    let odd = deconvolved(&image, &[3, 2, 3, 3], &[strides(2)]);
    check(&ended(odd), 5, 16.0);
    // A convolution needs the interleaved axes as blocks.
    check(&convolved(doubled, "t", 2), 5, 60.0);
}

#[test]
fn leaky_functions_with_a_slope_per_channel() {
    let slopes = |values: &[f32]| {
        Model::new()
            .input("x", &[1, 3, 4, 4])
            .weights("s", &[values.len(), 1, 1], values.to_vec())
            .node("PRelu", &["x", "s"], "y")
            .output("y")
    };
    check(&slopes(&[0.25]), 2, 1.0);
    let compiled = check(&slopes(&[0.25, -0.5, 2.0]), 3, 2.0);
    assert_eq!(compiled.report.rows, 3 * 48);
    let mut numbers = Numbers::new(44);
    let behind = Model::new()
        .input("x", &[1, 2, 5, 5])
        .weights("w", &[3, 2, 3, 3], numbers.vec(54))
        .weights("b", &[3], numbers.vec(3))
        .node("Conv", &["x", "w", "b"], "c")
        .weights("s", &[3, 1, 1], vec![0.1, 0.2, 0.3])
        .node("PRelu", &["c", "s"], "p");
    check(&convolved(behind, "p", 3), 5, 16.0);
}

#[test]
fn a_final_softmax_is_dropped_and_said_to_be() {
    let mut numbers = Numbers::new(45);
    for op in ["Softmax", "LogSoftmax"] {
        let model = Model::new()
            .input("x", &[1, 5])
            .weights("w", &[5, 3], numbers.vec(15))
            .node("MatMul", &["x", "w"], "logits")
            .node(op, &["logits"], "probabilities")
            .output("probabilities");
        let compiled = check(&model, 2, 8.0);
        assert_eq!(compiled.descriptor.outputs[0].name, "logits");
        let [dropped] = compiled.report.dropped.as_slice() else {
            panic!("{:?}", compiled.report.dropped);
        };
        let text = dropped.to_string();
        let node = format!("{op} (node {}_1)", op.to_lowercase());
        for part in [
            node.as_str(),
            "about its input logits",
            "not about probabilities",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let kept = Model::new()
        .input("x", &[1, 5])
        .node("Relu", &["x"], "y")
        .output("y");
    assert_eq!(check(&kept, 2, 1.0).report.dropped, []);
    // Read by another node too, or an output beside its input: no longer the last layer.
    let read = Model::new()
        .input("x", &[1, 5])
        .node("Relu", &["x"], "a")
        .node("Softmax", &["a"], "p")
        .node("Relu", &["p"], "q")
        .output("p")
        .output("q");
    let beside = Model::new()
        .input("x", &[1, 5])
        .node("Relu", &["x"], "a")
        .node("Softmax", &["a"], "p")
        .output("a")
        .output("p");
    for model in [read, beside] {
        let compiled = model.compile(&model.samples(2, 1.0)).unwrap();
        assert_eq!(compiled.report.dropped, []);
        assert!(compiled.report.max_abs_error < 1e-3);
    }
}

#[test]
fn automatic_padding() {
    let mut numbers = Numbers::new(46);
    // 7 by 6, kernel 3 by 2, stride 2: the total padding of an axis may be odd.
    for (mode, rows) in [
        ("SAME_UPPER", 4 * 3),
        ("SAME_LOWER", 4 * 3),
        ("VALID", 3 * 3),
    ] {
        for group in [1, 2, 4] {
            let inner = 4 / group;
            let attributes = [
                ("auto_pad", Value::Text(mode)),
                ("strides", ints(&[2, 2])),
                ("group", Value::Int(group as i64)),
            ];
            let model = Model::new()
                .input("x", &[1, 4, 7, 6])
                .weights("w", &[4, inner, 3, 2], numbers.vec(4 * inner * 6))
                .node_with("Conv", &["x", "w"], &["y"], &attributes)
                .output("y");
            let report = check(&model, 2, 16.0).report;
            assert_eq!(report.rows, 168 + 4 * rows, "{mode}");
            assert_eq!(report.macs, 4 * rows * inner * 6, "{mode}");
        }
    }
    let average = Model::new()
        .input("x", &[1, 2, 7, 7])
        .node_with(
            "AveragePool",
            &["x"],
            &["y"],
            &[
                ("auto_pad", Value::Text("SAME_UPPER")),
                ("kernel_shape", ints(&[2, 2])),
                ("strides", ints(&[2, 2])),
            ],
        )
        .output("y");
    check(&average, 2, 2.0);
}

#[test]
fn residual_blocks_keep_both_scales() {
    // The branch is a thousand times smaller than what it is added to, and the next convolution reads their difference
    // from the shortcut only through the sum: both keep the sum's precision.
    let mut numbers = Numbers::new(47);
    let small = |v: Vec<f32>, by: f32| v.into_iter().map(|x| x * by).collect::<Vec<_>>();
    let block = |by: f32, numbers: &mut Numbers| {
        let branch = small(numbers.vec(2 * 2 * 9), by);
        let shortcut = numbers.vec(4);
        Model::new()
            .input("x", &[1, 2, 6, 6])
            .weights("w", &[2, 2, 3, 3], branch)
            .weights("v", &[2, 2, 1, 1], shortcut)
            .node_with(
                "Conv",
                &["x", "w"],
                &["a"],
                &[("pads", ints(&[1, 1, 1, 1]))],
            )
            .node("Relu", &["a"], "r")
            .node("Conv", &["x", "v"], "s")
            .node("Add", &["r", "s"], "t")
            .node("Relu", &["t"], "y")
            .output("y")
    };
    for by in [1.0, 1e-3, 1e3] {
        let compiled = check(&block(by, &mut numbers), 3, 4.0);
        let report = &compiled.report;
        let unit = report.scales[2].quotient;
        // Half a unit of the sum's own rounding, and what the branches lose before it.
        assert!(
            report.max_abs_error < 2.5 * unit,
            "{by}: {} of {unit}",
            report.max_abs_error
        );
    }
}

#[test]
fn a_computed_tensor_per_channel_may_be_a_bias() {
    // The importer turns this sum into a convolution whose bias is the other operand.
    let mut numbers = Numbers::new(48);
    let model = Model::new()
        .input("x", &[1, 2, 1])
        .weights("w", &[2, 2, 3], numbers.vec(12))
        .node_with("Conv", &["x", "w"], &["c"], &[("pads", ints(&[1, 1]))])
        .node("Relu", &["x"], "r")
        .node("Add", &["c", "r"], "y")
        .output("y");
    check(&model, 4, 4.0);
}

#[test]
fn slices_of_regrouped_axes_are_picked_up_to_a_limit() {
    let sliced = |rows: i64, columns: i64| {
        Model::new()
            .input("x", &[1, rows as usize, columns as usize])
            .ints("flat", &[1, rows * columns])
            .node("Reshape", &["x", "flat"], "f")
            .ints("from", &[2])
            .ints("to", &[9])
            .ints("axis", &[1])
            .node("Slice", &["f", "from", "to", "axis"], "y")
            .output("y")
    };
    let compiled = check(&sliced(3, 5), 3, 2.0);
    assert_eq!(compiled.report.rows, 15 + 15 + 7);
    let text = refusal(&sliced(30, 20));
    assert!(text.contains("Slice (node slice_1)"), "{text}");
    assert!(text.contains("600 regrouped positions"), "{text}");
}
