//! Every supported operator in a small model: the integer network against the importer's float run, and what it costs.
//! That the float translation is right is checked by the compiler itself, on every sample.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod compile_support;

use compile_support::{Model, Numbers, Value, check};
use pleat_prover::compile::SUPPORTED;

/// `y = op(x)` on [1, 6].
fn unary(op: &str, attributes: &[(&str, Value)]) -> Model {
    Model::new()
        .input("x", &[1, 6])
        .node_with(op, &["x"], &["y"], attributes)
        .output("y")
}

fn dense(model: Model, name: &str, from: &str, to: &str, shape: [usize; 2], seed: u64) -> Model {
    let mut numbers = Numbers::new(seed);
    let (w, b) = (format!("{name}_w"), format!("{name}_b"));
    model
        .weights(&w, &shape, numbers.vec(shape[0] * shape[1]))
        .weights(&b, &shape[1..], numbers.vec(shape[1]))
        .node("Gemm", &[from, &w, &b], to)
}

#[test]
fn elementwise_functions_are_tables() {
    let slope = || [("alpha", Value::Float(0.1))];
    check(&unary("Sigmoid", &[]), 2, 1.0);
    check(&unary("Tanh", &[]), 2, 1.0);
    check(&unary("Erf", &[]), 2, 1.5);
    check(&unary("Relu", &[]), 2, 1.0);
    check(&unary("LeakyRelu", &slope()), 2, 1.0);
    check(&unary("HardSigmoid", &[]), 2, 1.0);
    check(&unary("Abs", &[]), 2, 1.0);
    check(&unary("Neg", &[]), 2, 1.0);
    check(&unary("Exp", &[]), 2, 8.0);
    check(&unary("Elu", &[]), 2, 1.5);
    check(&unary("Selu", &[]), 2, 2.0);
    check(&unary("Softplus", &[]), 2, 1.0);
    check(&unary("Sin", &[]), 2, 1.0);
    check(&unary("Cos", &[]), 2, 1.0);
    check(&unary("Celu", &[]), 2, 1.5);
    check(&unary("Softsign", &[]), 2, 1.0);
    check(&unary("ThresholdedRelu", &[]), 2, 1.0);
}

#[test]
fn functions_with_jumps_are_a_step_off_at_most() {
    for op in ["Round", "Floor", "Ceil", "Sign"] {
        let model = unary(op, &[]);
        let report = model.compile(&model.samples(20, 2.0)).unwrap().report;
        assert!(report.max_abs_error < 1.01, "{op} {}", report.max_abs_error);
        assert!(
            report.mean_abs_error < 0.01,
            "{op} {}",
            report.mean_abs_error
        );
    }
}

#[test]
fn functions_of_positive_numbers() {
    for op in ["Sqrt", "Log", "Reciprocal"] {
        let model = Model::new()
            .input("x", &[1, 6])
            .weights("three", &[], vec![3.0])
            .node("Add", &["x", "three"], "a")
            .node(op, &["a"], "y")
            .output("y");
        // A root is no table, and has no values of its own to show.
        check(&model, if op == "Sqrt" { 3 } else { 2 }, 1.5);
    }
    let power = Model::new()
        .input("x", &[1, 6])
        .weights("three", &[], vec![3.0])
        .node("Pow", &["x", "three"], "y")
        .output("y");
    check(&power, 2, 6.0);
}

#[test]
fn newer_elementwise_functions() {
    let on = |opset, op: &str, attributes: &[(&str, Value)]| {
        Model::opset(opset)
            .input("x", &[1, 6])
            .node_with(op, &["x"], &["y"], attributes)
            .output("y")
    };
    check(&on(14, "HardSwish", &[]), 2, 2.0);
    check(&on(20, "Gelu", &[]), 2, 1.5);
    let tanh = [("approximate", Value::Text("tanh"))];
    check(&on(20, "Gelu", &tanh), 2, 1.5);
}

#[test]
fn functions_of_other_domains() {
    let mut numbers = Numbers::new(23);
    check(&unary("FastGelu", &[]), 2, 1.5);
    check(&unary("QuickGelu", &[]), 2, 1.5);
    check(&unary("Mish", &[]), 2, 1.5);
    let biased = Model::new()
        .input("x", &[1, 6])
        .weights("b", &[6], numbers.vec(6))
        .node("BiasGelu", &["x", "b"], "y")
        .output("y");
    check(&biased, 2, 1.5);
}

#[test]
fn equal_functions_share_tables() {
    let mut model = Model::new().input("x", &[1, 8]);
    let names: Vec<String> = (0..7).map(|i| format!("h{i}")).collect();
    let mut from = "x";
    for (i, to) in names.iter().enumerate() {
        let linear = format!("a{i}");
        model = dense(model, &linear, from, &linear, [8, 8], 30 + i as u64);
        model = model.node("Tanh", &[&linear], to);
        from = to;
    }
    let compiled = check(&model.output(from), 8, 300.0);
    let functions = compiled.descriptor.functions.len();
    assert!(functions <= 5, "{functions} functions");
}

#[test]
fn remaining_operators() {
    let mut numbers = Numbers::new(24);
    let einsum = Model::new()
        .input("x", &[1, 3, 4])
        .weights("w", &[4, 5], numbers.vec(20))
        .node_with(
            "Einsum",
            &["x", "w"],
            &["y"],
            &[("equation", Value::Text("btd,de->bet"))],
        )
        .output("y");
    check(&einsum, 2, 8.0);
    let expand = Model::new()
        .input("x", &[1, 4])
        .ints("shape", &[3, 4])
        .node("Expand", &["x", "shape"], "a")
        .node("Relu", &["a"], "y")
        .output("y");
    assert_eq!(check(&expand, 2, 1.0).report.rows, 4 + 12);
    let sum = Model::new()
        .input("a", &[1, 4])
        .input("b", &[1, 4])
        .input("c", &[1, 1])
        .node("Sum", &["a", "b", "c"], "y")
        .output("y");
    check(&sum, 4, 1.0);
    let total = Model::new()
        .input("x", &[1, 4, 5])
        .ints("axes", &[1])
        .node("ReduceSum", &["x", "axes"], "y")
        .output("y");
    check(&total, 2, 4.0);
    let cast = Model::new()
        .input("x", &[1, 4])
        .node_with("Cast", &["x"], &["a"], &[("to", Value::Int(1))])
        .ints("shape", &[1, 4])
        .node("ConstantOfShape", &["shape"], "zero")
        .node("Sub", &["zero", "a"], "y")
        .output("y");
    check(&cast, 2, 1.0);
    let shape = Model::new()
        .input("x", &[1, 4, 3])
        .node("Shape", &["x"], "s")
        .node("Reshape", &["x", "s"], "y")
        .output("y");
    check(&shape, 2, 1.0);
    let constant = Model::new()
        .input("x", &[1, 4])
        .node_with(
            "Constant",
            &[],
            &["c"],
            &[("value_float", Value::Float(0.5))],
        )
        .node("Add", &["x", "c"], "y")
        .output("y");
    check(&constant, 2, 1.0);
}

#[test]
fn the_list_of_supported_operators_is_sorted() {
    // That each of them works is what the ONNX project's tests show, in `onnx_nodes`.
    assert!(SUPPORTED.is_sorted());
}

#[test]
fn clip_of_old_and_new_opsets() {
    let bounds = [("min", Value::Float(-0.5)), ("max", Value::Float(1.0))];
    let old = Model::opset(6)
        .input("x", &[1, 6])
        .node_with("Clip", &["x"], &["y"], &bounds)
        .output("y");
    check(&old, 2, 1.0);
    let new = Model::new()
        .input("x", &[1, 6])
        .weights("low", &[], vec![0.0])
        .weights("high", &[], vec![1.5])
        .node("Clip", &["x", "low", "high"], "y")
        .output("y");
    check(&new, 2, 1.0);
}

#[test]
fn gelu_written_out_is_one_table() {
    let model = Model::new()
        .input("x", &[1, 6])
        .weights("root2", &[], vec![2.0_f32.sqrt()])
        .weights("one", &[], vec![1.0])
        .weights("half", &[], vec![0.5])
        .node("Div", &["x", "root2"], "a")
        .node("Erf", &["a"], "b")
        .node("Add", &["b", "one"], "c")
        .node("Mul", &["x", "c"], "d")
        .node("Mul", &["d", "half"], "y")
        .output("y");
    let compiled = check(&model, 2, 2.0);
    assert_eq!(compiled.descriptor.functions.len(), 2);
    let other = Model::new()
        .input("x", &[1, 6])
        .weights("two", &[], vec![2.0])
        .node("Tanh", &["x"], "a")
        .node("Mul", &["x", "a"], "b")
        .node("Mul", &["b", "two"], "c")
        .node("Sub", &["c", "x"], "d")
        .node("Add", &["d", "two"], "y")
        .output("y");
    let compiled = check(&other, 2, 5.0);
    assert_eq!(compiled.descriptor.functions.len(), 2);
}

#[test]
fn functions_of_functions_compose() {
    let model = Model::new()
        .input("x", &[1, 6])
        .node("Tanh", &["x"], "a")
        .node("Abs", &["a"], "b")
        .node("Exp", &["b"], "y")
        .output("y");
    check(&model, 2, 4.0);
}

#[test]
fn dense_layers_fuse_bias_and_relu() {
    let model = Model::new().input("x", &[1, 9]);
    let model = dense(model, "a", "x", "a", [9, 7], 1).node("Relu", &["a"], "b");
    let model = dense(model, "c", "b", "c", [7, 5], 2).node("Sigmoid", &["c"], "d");
    let model = dense(model, "y", "d", "y", [5, 3], 3).output("y");
    let compiled = check(&model, 4, 8.0);
    assert_eq!(compiled.report.rows, 9 + 7 + 5 + 3);
    assert_eq!(compiled.report.macs, 63 + 35 + 15);
    assert_eq!(compiled.report.parameters, 63 + 7 + 35 + 5 + 15 + 3);
}

#[test]
fn gemm_attributes() {
    let mut numbers = Numbers::new(4);
    let attributes = [
        ("alpha", Value::Float(0.5)),
        ("beta", Value::Float(-2.0)),
        ("transB", Value::Int(1)),
    ];
    let model = Model::new()
        .input("x", &[1, 5])
        .weights("w", &[4, 5], numbers.vec(20))
        .weights("b", &[1, 4], numbers.vec(4))
        .node_with("Gemm", &["x", "w", "b"], &["y"], &attributes)
        .output("y");
    check(&model, 2, 4.0);
}

#[test]
fn matmul_on_either_side_and_batched() {
    let mut numbers = Numbers::new(5);
    let right = Model::new()
        .input("x", &[1, 3, 5])
        .weights("w", &[5, 4], numbers.vec(20))
        .node("MatMul", &["x", "w"], "y")
        .output("y");
    assert_eq!(check(&right, 2, 4.0).report.macs, 3 * 5 * 4);
    let left = Model::new()
        .input("x", &[1, 5, 3])
        .weights("w", &[4, 5], numbers.vec(20))
        .node("MatMul", &["w", "x"], "y")
        .output("y");
    assert_eq!(check(&left, 2, 4.0).report.macs, 3 * 5 * 4);
    let batched = Model::new()
        .input("x", &[1, 2, 3, 5])
        .weights("w", &[2, 5, 4], numbers.vec(40))
        .node("MatMul", &["x", "w"], "y")
        .output("y");
    assert_eq!(check(&batched, 2, 4.0).report.macs, 2 * 3 * 5 * 4);
}

#[test]
fn products_of_activations() {
    let attention = Model::new()
        .input("q", &[1, 2, 3, 4])
        .input("k", &[1, 2, 5, 4])
        .node_with(
            "Transpose",
            &["k"],
            &["t"],
            &[("perm", Value::Ints(vec![0, 1, 3, 2]))],
        )
        .node("MatMul", &["q", "t"], "y")
        .output("y");
    assert_eq!(check(&attention, 3, 16.0).report.macs, 2 * 3 * 5 * 4);
    let gate = Model::new()
        .input("a", &[1, 6])
        .input("b", &[1, 6])
        .node("Mul", &["a", "b"], "y")
        .output("y");
    check(&gate, 3, 4.0);
    let square = Model::new()
        .input("x", &[1, 3, 4])
        .node_with(
            "Transpose",
            &["x"],
            &["t"],
            &[("perm", Value::Ints(vec![0, 2, 1]))],
        )
        .node("MatMul", &["x", "t"], "y")
        .output("y");
    check(&square, 2, 16.0);
}

#[test]
fn constants_fold_into_weights_and_biases() {
    let mut numbers = Numbers::new(6);
    // (x - mean)/deviation, then dense: one node.
    let model = Model::new()
        .input("x", &[1, 6])
        .weights("mean", &[6], numbers.vec(6))
        .weights("deviation", &[6], vec![0.5, 1.0, 2.0, 3.0, 0.25, 1.5])
        .node("Sub", &["x", "mean"], "a")
        .node("Div", &["a", "deviation"], "b");
    let model = dense(model, "y", "b", "y", [6, 4], 8).output("y");
    assert_eq!(check(&model, 2, 12.0).report.rows, 10);
}

#[test]
fn batch_normalization_after_dense_costs_nothing() {
    let mut numbers = Numbers::new(9);
    let model = dense(Model::new().input("x", &[1, 6]), "a", "x", "a", [6, 5], 10)
        .weights("scale", &[5], numbers.vec(5))
        .weights("shift", &[5], numbers.vec(5))
        .weights("mean", &[5], numbers.vec(5))
        .weights("variance", &[5], vec![0.5, 1.0, 2.0, 3.0, 0.25])
        .node(
            "BatchNormalization",
            &["a", "scale", "shift", "mean", "variance"],
            "b",
        )
        .node("Relu", &["b"], "y")
        .output("y");
    check(&model, 2, 10.0);
}

#[test]
fn residual_sums_of_different_scales() {
    let model = Model::new().input("x", &[1, 6]);
    let model = dense(model, "a", "x", "a", [6, 6], 11)
        .weights("hundredth", &[], vec![0.01])
        .node("Mul", &["a", "hundredth"], "s")
        .node("Add", &["s", "x"], "r")
        .node("Relu", &["r"], "h");
    let model = dense(model, "b", "h", "b", [6, 6], 12)
        .node("Add", &["b", "h"], "t")
        .node("Sub", &["t", "x"], "y")
        .output("y");
    check(&model, 3, 8.0);
}

#[test]
fn two_branches_of_one_product() {
    // One node adds up both.
    let model = Model::new().input("x", &[1, 6]);
    let model = dense(model, "a", "x", "a", [6, 6], 13);
    let model = dense(model, "b", "x", "b", [6, 6], 14)
        .node("Add", &["a", "b"], "y")
        .output("y");
    check(&model, 2, 8.0);
}

#[test]
fn maxima_and_minima_of_tensors() {
    for op in ["Max", "Min"] {
        let model = Model::new()
            .input("a", &[1, 6])
            .input("b", &[1, 6])
            .node(op, &["a", "b"], "y")
            .output("y");
        check(&model, 4, 2.0);
        let mut numbers = Numbers::new(15);
        let bounded = Model::new()
            .input("a", &[1, 6])
            .weights("b", &[6], numbers.vec(6))
            .node(op, &["a", "b"], "y")
            .output("y");
        check(&bounded, 3, 2.0);
    }
}

#[test]
fn regrouping_axes_costs_nothing() {
    let axes = |a: &[i64]| [("axes", Value::Ints(a.to_vec()))];
    let model = Model::opset(11)
        .input("x", &[1, 3, 4])
        .ints("split", &[1, 3, 2, 2])
        .node("Reshape", &["x", "split"], "a")
        .node_with("Unsqueeze", &["a"], &["b"], &axes(&[1]))
        .node_with("Squeeze", &["b"], &["c"], &axes(&[1]))
        .node_with(
            "Transpose",
            &["c"],
            &["d"],
            &[("perm", Value::Ints(vec![0, 2, 1, 3]))],
        )
        .node_with("Flatten", &["d"], &["e"], &[("axis", Value::Int(1))])
        .node("Identity", &["e"], "f")
        .node("Dropout", &["f"], "g");
    let model = dense(model, "y", "g", "y", [12, 5], 16).output("y");
    assert_eq!(check(&model, 2, 12.0).report.rows, 17);
}

#[test]
fn an_inexpressible_regrouping_is_refused() {
    // [2,3] + reshape([3,2] transposed): no common splitting of 6.
    let model = Model::new()
        .input("a", &[2, 3])
        .input("b", &[3, 2])
        .ints("flat", &[6])
        .node("Reshape", &["a", "flat"], "p")
        .node("Reshape", &["b", "flat"], "q")
        .node("Add", &["p", "q"], "y")
        .output("y");
    let error = model.compile(&model.samples(2, 1.0)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("Add (node add_2)"), "{text}");
    assert!(text.contains("regroups axes"), "{text}");
}

#[test]
fn views_slice_pad_concatenate_and_sum() {
    let model = Model::new()
        .input("x", &[1, 8])
        .input("z", &[1, 3])
        .ints("from", &[2])
        .ints("to", &[6])
        .ints("axis", &[1])
        .node("Slice", &["x", "from", "to", "axis"], "a")
        .node_with("Concat", &["a", "z"], &["b"], &[("axis", Value::Int(1))])
        .ints("pads", &[0, 1, 0, 2])
        .weights("with", &[], vec![0.5])
        .node("Pad", &["b", "pads", "with"], "c");
    let model = dense(model, "y", "c", "y", [10, 4], 17).output("y");
    // What lies beyond a slice is not zero, so a slice that is padded needs a block of its own.
    assert_eq!(check(&model, 4, 8.0).report.rows, 8 + 3 + 4 + 4);
    let whole = Model::new()
        .input("x", &[1, 8])
        .input("z", &[1, 3])
        .node_with("Concat", &["x", "z"], &["b"], &[("axis", Value::Int(1))])
        .ints("pads", &[0, 1, 0, 2])
        .weights("with", &[], vec![0.5])
        .node("Pad", &["b", "pads", "with"], "c")
        .ints("from", &[3])
        .ints("to", &[11])
        .ints("axis", &[1])
        .ints("step", &[2])
        .node("Slice", &["c", "from", "to", "axis", "step"], "d");
    let whole = dense(whole, "y", "d", "y", [4, 4], 17).output("y");
    assert_eq!(check(&whole, 3, 8.0).report.rows, 8 + 3 + 4);
    let backwards = Model::new()
        .input("x", &[1, 8])
        .ints("from", &[-1])
        .ints("to", &[i64::MIN])
        .ints("axis", &[1])
        .ints("step", &[-3])
        .node("Slice", &["x", "from", "to", "axis", "step"], "d");
    let backwards = dense(backwards, "y", "d", "y", [3, 4], 22).output("y");
    assert_eq!(check(&backwards, 2, 8.0).report.rows, 8 + 4);
    let mean = Model::new()
        .input("x", &[1, 4, 5])
        .node_with(
            "ReduceMean",
            &["x"],
            &["m"],
            &[("axes", Value::Ints(vec![2])), ("keepdims", Value::Int(0))],
        )
        .node("Relu", &["m"], "y")
        .output("y");
    assert_eq!(check(&mean, 2, 1.0).report.rows, 24);
}

#[test]
fn splits_and_slices_of_a_contraction_share_it() {
    let model = dense(Model::new().input("x", &[1, 6]), "a", "x", "a", [6, 8], 18)
        .ints("halves", &[4, 4])
        .node_with(
            "Split",
            &["a", "halves"],
            &["p", "q"],
            &[("axis", Value::Int(1))],
        )
        .node("Mul", &["p", "q"], "y")
        .output("y");
    // The importer splits the weights: two halves, each computed once.
    let compiled = check(&model, 4, 24.0);
    assert_eq!(compiled.report.macs, 6 * 8 + 4);
}

#[test]
fn outputs_are_blocks_of_their_own() {
    let model = Model::new()
        .input("x", &[1, 4])
        .node("Relu", &["x"], "a")
        .node("Identity", &["x"], "b")
        .node("Relu", &["a"], "c")
        .output("a")
        .output("b")
        .output("c");
    let compiled = check(&model, 4, 1.0);
    let mut nodes: Vec<usize> = compiled.descriptor.outputs.iter().map(|p| p.node).collect();
    nodes.extend(compiled.descriptor.inputs.iter().map(|p| p.node));
    nodes.sort_unstable();
    nodes.dedup();
    assert_eq!(nodes.len(), 4);
    let names: Vec<&str> = compiled
        .descriptor
        .outputs
        .iter()
        .map(|p| p.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_symbolic_batch_is_one() {
    let model = dense(Model::new().batched("x", &[6]), "y", "x", "y", [6, 4], 19)
        .initializers_as_inputs()
        .output("y");
    let compiled = check(&model, 2, 8.0);
    assert_eq!(compiled.descriptor.inputs.len(), 1);
    assert_eq!(compiled.descriptor.inputs[0].shape, [1, 6]);
    assert_eq!(compiled.descriptor.outputs[0].shape, [1, 4]);
}

#[test]
fn dead_layers_do_no_harm() {
    // Ranges of zero everywhere, and weights of zero.
    let model = Model::new()
        .input("x", &[1, 4])
        .weights("w", &[4, 3], vec![0.0; 12])
        .node("MatMul", &["x", "w"], "a")
        .node("Sigmoid", &["a"], "b")
        .weights("v", &[3, 2], vec![0.5; 6])
        .node("MatMul", &["b", "v"], "c")
        .node("Relu", &["c"], "y")
        .output("y");
    check(&model, 3, 4.0);
    let dying = Model::new()
        .input("x", &[1, 4])
        .weights("minus", &[], vec![-100.0])
        .node("Add", &["x", "minus"], "a")
        .node("Relu", &["a"], "b")
        .weights("w", &[4, 3], vec![0.25; 12])
        .node("MatMul", &["b", "w"], "y")
        .output("y");
    check(&dying, 3, 1.0);
}

#[test]
fn convolutions() {
    let mut numbers = Numbers::new(20);
    let conv = |numbers: &mut Numbers, inner: usize, attributes: &[(&str, Value)]| {
        Model::new()
            .input("x", &[1, 4, 7, 6])
            .weights("w", &[6, inner, 3, 3], numbers.vec(6 * inner * 9))
            .weights("b", &[6], numbers.vec(6))
            .node_with("Conv", &["x", "w", "b"], &["a"], attributes)
            .node("Relu", &["a"], "y")
            .output("y")
    };
    check(&conv(&mut numbers, 4, &[]), 2, 16.0);
    let same = [("auto_pad", Value::Text("SAME_UPPER"))];
    check(&conv(&mut numbers, 4, &same), 2, 16.0);
    let strided = [
        ("strides", Value::Ints(vec![2, 1])),
        ("dilations", Value::Ints(vec![1, 2])),
        ("pads", Value::Ints(vec![1, 2, 0, 1])),
    ];
    check(&conv(&mut numbers, 4, &strided), 2, 16.0);
    let grouped = [
        ("group", Value::Int(2)),
        ("pads", Value::Ints(vec![1, 1, 1, 1])),
    ];
    let compiled = check(&conv(&mut numbers, 2, &grouped), 2, 16.0);
    assert_eq!(compiled.report.macs, 6 * 7 * 6 * 2 * 9);
    let depthwise = Model::new()
        .input("x", &[1, 4, 5, 5])
        .weights("w", &[4, 1, 3, 3], numbers.vec(36))
        .node_with(
            "Conv",
            &["x", "w"],
            &["y"],
            &[
                ("group", Value::Int(4)),
                ("pads", Value::Ints(vec![1, 1, 1, 1])),
            ],
        )
        .output("y");
    assert_eq!(check(&depthwise, 2, 8.0).report.macs, 4 * 25 * 9);
    let line = Model::new()
        .input("x", &[1, 3, 9])
        .weights("w", &[2, 3, 4], numbers.vec(24))
        .node_with(
            "Conv",
            &["x", "w"],
            &["y"],
            &[("pads", Value::Ints(vec![2, 1]))],
        )
        .output("y");
    check(&line, 2, 8.0);
}

#[test]
fn a_padded_convolution_of_regrouped_axes() {
    // The zeros of the padding live on axes that the block of the input does not have.
    let mut numbers = Numbers::new(21);
    let model = Model::new()
        .input("x", &[1, 30])
        .ints("image", &[1, 1, 5, 6])
        .node("Reshape", &["x", "image"], "i")
        .weights("w", &[2, 1, 3, 3], numbers.vec(18))
        .node_with(
            "Conv",
            &["i", "w"],
            &["y"],
            &[("pads", Value::Ints(vec![1, 1, 1, 1]))],
        )
        .output("y");
    check(&model, 3, 8.0);
}

#[test]
fn pooling() {
    let pool = |op: &str, attributes: &[(&str, Value)]| {
        Model::new()
            .input("x", &[1, 3, 6, 6])
            .node("Relu", &["x"], "r")
            .node_with(op, &["r"], &["y"], attributes)
            .output("y")
    };
    let two = || ("kernel_shape", Value::Ints(vec![2, 2]));
    let three = || ("kernel_shape", Value::Ints(vec![3, 3]));
    let by_two = || ("strides", Value::Ints(vec![2, 2]));
    let padded = || ("pads", Value::Ints(vec![1, 1, 1, 1]));
    let counted = || ("count_include_pad", Value::Int(1));
    check(&pool("AveragePool", &[two(), by_two()]), 3, 1.0);
    check(&pool("AveragePool", &[three(), padded()]), 3, 1.0);
    check(
        &pool("AveragePool", &[three(), padded(), counted()]),
        3,
        1.0,
    );
    check(&pool("GlobalAveragePool", &[]), 3, 1.0);
    // Maxima are exact: only the input and the ReLU round.
    let maxima = check(&pool("MaxPool", &[two(), by_two()]), 5, 1.0);
    let unit = maxima.report.scales[0].output;
    assert!(maxima.report.max_abs_error <= 1.01 * unit);
    check(&pool("MaxPool", &[three(), by_two(), padded()]), 7, 1.0);
}

#[test]
fn unsupported_operators_are_all_listed() {
    let model = Model::new()
        .input("x", &[1, 6])
        .node("NonMaxSuppression", &["x"], "a")
        .node("Relu", &["a"], "b")
        .node("StringNormalizer", &["b"], "c")
        .node("NotAnOperator", &["c"], "y")
        .output("y");
    let text = model
        .compile(&model.samples(1, 1.0))
        .unwrap_err()
        .to_string();
    for part in [
        "model.onnx",
        "NonMaxSuppression (node nonmaxsuppression_0)",
        "StringNormalizer (node stringnormalizer_2)",
        "NotAnOperator (node notanoperator_3)",
        "Supported operators: Abs, Acos",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("node relu_1"), "{text}");
}

#[test]
fn broken_graphs_are_refused() {
    let dangling = Model::new()
        .input("x", &[1, 6])
        .node("Add", &["x", "nowhere"], "y")
        .output("y");
    let text = dangling
        .compile(&dangling.samples(1, 1.0))
        .unwrap_err()
        .to_string();
    assert!(text.contains("tensor nowhere is defined nowhere"), "{text}");
    let no_output = Model::new().input("x", &[1, 6]).node("Relu", &["x"], "y");
    let text = no_output
        .compile(&no_output.samples(1, 1.0))
        .unwrap_err()
        .to_string();
    assert!(text.contains("no graph with outputs"), "{text}");
    let mismatch = Model::new()
        .input("x", &[1, 6])
        .weights("w", &[5, 2], vec![0.0; 10])
        .node("MatMul", &["x", "w"], "y")
        .output("y");
    let text = mismatch
        .compile(&mismatch.samples(1, 1.0))
        .unwrap_err()
        .to_string();
    assert!(text.contains("cannot be imported"), "{text}");
}

#[test]
fn overflow_names_the_node() {
    let model = unary("Exp", &[]);
    let text = model
        .compile(&model.samples(1, 1000.0))
        .unwrap_err()
        .to_string();
    assert!(text.contains("node exp_0"), "{text}");
}
