//! Random graphs of supported operators: each compiles faithfully to a valid descriptor that runs, or is refused
//! because of a regrouping of axes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod compile_support;

use compile_support::{Model, Numbers, Value};
use pleat_prover::compile::CompileError;

/// A growing graph: the tensors so far, with their shapes.
struct Growing {
    model: Model,
    tensors: Vec<(String, Vec<usize>)>,
    numbers: Numbers,
}

impl Growing {
    fn new(seed: u64) -> Self {
        let mut numbers = Numbers::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1);
        numbers.vec(4);
        let shape = vec![1, 2, 4, 6];
        Self {
            model: Model::new().input("t0", &shape),
            tensors: vec![("t0".to_owned(), shape)],
            numbers,
        }
    }

    fn pick(&mut self, count: usize) -> usize {
        let unit = f64::from(self.numbers.next()) / 2.0 + 0.5;
        ((unit * count as f64) as usize).min(count - 1)
    }

    fn weights(&mut self, shape: &[usize]) -> String {
        let name = format!("w{}", self.tensors.len());
        let values = self.numbers.vec(shape.iter().product());
        self.model = self.model.clone().weights(&name, shape, values);
        name
    }

    fn push(&mut self, op: &str, inputs: &[&str], shape: Vec<usize>, attributes: &[(&str, Value)]) {
        let name = format!("t{}", self.tensors.len());
        self.model = self
            .model
            .clone()
            .node_with(op, inputs, &[&name], attributes);
        self.tensors.push((name, shape));
    }

    /// One random operator on random tensors.
    fn grow(&mut self) {
        // Later tensors more often, so that graphs get deep.
        let count = self.tensors.len();
        let from = self.pick(count).max(self.pick(count));
        let (x, shape) = self.tensors[from].clone();
        let rank = shape.len();
        match self.pick(13) {
            0 => self.push("Relu", &[&x], shape, &[]),
            1 => self.push("Tanh", &[&x], shape, &[]),
            2 => {
                let partners: Vec<String> = self
                    .tensors
                    .iter()
                    .filter(|(_, s)| *s == shape)
                    .map(|(n, _)| n.clone())
                    .collect();
                let with = self.pick(partners.len());
                let op = ["Add", "Sub", "Mul", "Max"][self.pick(4)];
                self.push(op, &[&x, &partners[with]], shape, &[]);
            }
            3 => {
                let order: Vec<usize> = (0..rank).map(|i| (i * 5 + 1) % rank).collect();
                let mut sorted = order.clone();
                sorted.sort_unstable();
                if sorted == (0..rank).collect::<Vec<_>>() {
                    let permuted = order.iter().map(|i| shape[*i]).collect();
                    let perm = Value::Ints(order.iter().map(|i| *i as i64).collect());
                    self.push("Transpose", &[&x], permuted, &[("perm", perm)]);
                }
            }
            4 => {
                let last = shape[rank - 1];
                let width = self.pick(4) + 1;
                let w = self.weights(&[last, width]);
                let mut out = shape.clone();
                out[rank - 1] = width;
                self.push("MatMul", &[&x, &w], out, &[]);
            }
            5 => {
                let axis = self.pick(rank);
                let mut broadcast = vec![1; rank];
                broadcast[axis] = shape[axis];
                let w = self.weights(&broadcast);
                let op = ["Add", "Mul"][self.pick(2)];
                self.push(op, &[&x, &w], shape, &[]);
            }
            6 => {
                let total: usize = shape.iter().product();
                let divisors: Vec<usize> =
                    (1..=total).filter(|d| total.is_multiple_of(*d)).collect();
                let first = divisors[self.pick(divisors.len())];
                let new = if self.pick(2) == 0 {
                    vec![first, total / first]
                } else {
                    vec![1, first, total / first]
                };
                let name = format!("s{}", self.tensors.len());
                let ints: Vec<i64> = new.iter().map(|n| *n as i64).collect();
                self.model = self.model.clone().ints(&name, &ints);
                self.push("Reshape", &[&x, &name], new, &[]);
            }
            7 => {
                let axis = self.pick(rank);
                let mut out = shape.clone();
                out[axis] *= 2;
                let attribute = [("axis", Value::Int(axis as i64))];
                if out.iter().product::<usize>() < 200 {
                    self.push("Concat", &[&x, &x], out, &attribute);
                }
            }
            8 => {
                let axis = self.pick(rank);
                let mut out = shape.clone();
                out[axis] = 1;
                let attribute = [("axes", Value::Ints(vec![axis as i64]))];
                self.push("ReduceMean", &[&x], out, &attribute);
            }
            9 if rank == 4 && shape[2] > 2 && shape[3] > 2 => {
                let channels = self.pick(3) + 1;
                let w = self.weights(&[channels, shape[1], 3, 3]);
                let out = vec![shape[0], channels, shape[2], shape[3]];
                let attribute = [("pads", Value::Ints(vec![1, 1, 1, 1]))];
                self.push("Conv", &[&x, &w], out, &attribute);
            }
            10 if rank == 4 && shape[2] > 1 && shape[3] > 1 => {
                let out = vec![shape[0], shape[1], shape[2] / 2, shape[3] / 2];
                let op = ["MaxPool", "AveragePool"][self.pick(2)];
                let attributes = [
                    ("kernel_shape", Value::Ints(vec![2, 2])),
                    ("strides", Value::Ints(vec![2, 2])),
                ];
                self.push(op, &[&x], out, &attributes);
            }
            11 => {
                let axis = self.pick(rank);
                if shape[axis] > 1 {
                    let name = self.tensors.len();
                    let [from, to, along] = ["a", "b", "c"].map(|p| format!("{p}{name}"));
                    self.model = self
                        .model
                        .clone()
                        .ints(&from, &[1])
                        .ints(&to, &[shape[axis] as i64])
                        .ints(&along, &[axis as i64]);
                    let mut out = shape.clone();
                    out[axis] -= 1;
                    self.push("Slice", &[&x, &from, &to, &along], out, &[]);
                }
            }
            _ => {
                if rank >= 2 {
                    // x·xᵀ over the last two axes.
                    let mut perm: Vec<i64> = (0..rank as i64).collect();
                    perm.swap(rank - 1, rank - 2);
                    let mut turned = shape.clone();
                    turned.swap(rank - 1, rank - 2);
                    self.push("Transpose", &[&x], turned, &[("perm", Value::Ints(perm))]);
                    let t = self.tensors[self.tensors.len() - 1].0.clone();
                    let mut out = shape.clone();
                    out[rank - 1] = shape[rank - 2];
                    self.push("MatMul", &[&x, &t], out, &[]);
                }
            }
        }
    }
}

#[test]
fn random_graphs() {
    let (mut compiled, mut regroupings, mut unrunnable) = (0, 0, 0);
    let mut errors = Vec::new();
    for seed in 0..1000 {
        let mut growing = Growing::new(seed);
        while growing.tensors.len() < 3 + (seed as usize % 10) {
            growing.grow();
        }
        let last = growing.tensors[growing.tensors.len() - 1].0.clone();
        let model = growing.model.output(&last);
        match model.compile(&model.samples(3, 1.0)) {
            Ok(result) => {
                compiled += 1;
                let report = result.report;
                assert!(report.rows > 0, "seed {seed}");
                // In units of the output's range: an error of scale anywhere would show.
                let unit = result.descriptor.outputs[0].scale;
                errors.push(report.max_abs_error / (unit * 2048.0));
            }
            Err(CompileError::Unsupported { nodes, .. }) => {
                let fair = |n: &&pleat_prover::compile::Unsupported| !n.why.contains("regroups");
                let unfair = nodes.iter().find(fair);
                assert!(unfair.is_none(), "seed {seed}: {unfair:?}");
                regroupings += 1;
            }
            // The importer's own evaluation of a full contraction fails now and then.
            Err(CompileError::NotOnnx { reason, .. })
                if reason.contains("Trying to substitute") =>
            {
                unrunnable += 1;
            }
            Err(e) => panic!("seed {seed}: {e}\n{}", model.describe()),
        }
    }
    errors.sort_by(f64::total_cmp);
    let at = |share: f64| errors[(errors.len() as f64 * share) as usize];
    assert!(at(0.5) < 0.001, "median {}", at(0.5));
    assert!(at(0.97) < 0.005, "97 % {}", at(0.97));
    assert!(
        compiled > 900 && unrunnable < 10,
        "{compiled} compiled, {regroupings} refused, {unrunnable} not run"
    );
}
