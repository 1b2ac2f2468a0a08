//! How well the integer network imitates the float one on the calibration samples.

use std::path::Path;
use std::sync::Arc;

use ndarray::ArrayD;
use pleat_verifier::descriptor::Node;
use pleat_verifier::network::Network;
use serde::Serialize;
use tract_onnx::prelude::*;

use super::error::CompileError;
use super::fidelity::{Fidelity, Tally, scored};
use super::float;
use super::graph::{self, Activation, Graph, Place, one_hot};
use super::quantize::Scale;
use super::rewrite::Dropped;
use crate::execute::{ExecuteError, Executor, Trace, block_cells, block_values, weight_column};
use crate::weights::Integers;

/// One node's quantization.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorScale {
    /// The node.
    pub name: String,
    /// Its function.
    pub function: String,
    /// True lengths of its block's axes.
    pub shape: Vec<usize>,
    /// Real value of one unit of the quotient.
    pub quotient: f64,
    /// Real value of one unit of the output.
    pub output: f64,
    /// How far the integer network's values are from the float network's on a few samples, by root mean square, as a fraction of
    /// the latter.
    pub error: f64,
}

/// The compile report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Stored weights and biases.
    pub parameters: usize,
    /// Nodes, inputs included.
    pub nodes: usize,
    /// Real rows of the trace.
    pub rows: usize,
    /// Multiplications of all contractions.
    pub macs: usize,
    /// Calibration samples.
    pub samples: usize,
    /// Fraction of (sample, output) pairs where both networks' largest element is the same; for an output of one
    /// element, where the signs agree. A sample that saturates counts as a disagreement.
    pub top1_agreement: f64,
    /// Largest absolute error of a dequantized output over the samples that do not saturate; 0 if all do.
    pub max_abs_error: f64,
    /// Mean absolute error over the same.
    pub mean_abs_error: f64,
    /// Of a language model: the same word by word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fidelity: Option<Fidelity>,
    /// Tensors that left their range on some sample, each once.
    pub saturated: Vec<String>,
    /// Final layers that are left out of what is proved.
    pub dropped: Vec<Dropped>,
    /// Per node, in order.
    pub scales: Vec<TensorScale>,
}

/// The model as the importer itself runs it.
pub(super) struct Reference {
    plan: Arc<TypedRunnableModel>,
    file: std::path::PathBuf,
    shapes: Vec<(Vec<usize>, DatumType)>,
}

impl Reference {
    pub fn new(file: &Path, model: &TypedModel) -> Result<Self, CompileError> {
        let prepared = || -> TractResult<_> {
            let mut shapes = Vec::new();
            for outlet in model.input_outlets()? {
                let fact = model.outlet_fact(*outlet)?;
                let shape = fact.shape.as_concrete().map(<[usize]>::to_vec);
                shapes.push((shape.unwrap_or_default(), fact.datum_type));
            }
            Ok((model.clone().into_runnable()?, shapes))
        };
        let (plan, shapes) = prepared().map_err(|e| not_runnable(file, &e))?;
        Ok(Self {
            plan,
            file: file.to_owned(),
            shapes,
        })
    }

    /// The model's outputs on one sample.
    pub fn run(&self, inputs: &[Vec<f32>]) -> Result<Vec<ArrayD<f32>>, CompileError> {
        let run = || -> TractResult<Vec<ArrayD<f32>>> {
            let mut tensors: TVec<TValue> = TVec::new();
            for (values, (shape, datum)) in inputs.iter().zip(&self.shapes) {
                let tensor = Tensor::from_shape(shape, values)?;
                tensors.push(tensor.cast_to_dt(*datum)?.into_owned().into_tvalue());
            }
            let outputs = self.plan.run(tensors)?;
            let array = |t: &TValue| -> TractResult<ArrayD<f32>> {
                Ok(t.cast_to::<f32>()?.to_plain_array_view::<f32>()?.to_owned())
            };
            outputs.iter().map(array).collect()
        };
        run().map_err(|e| not_runnable(&self.file, &e))
    }
}

fn not_runnable(file: &Path, e: &TractError) -> CompileError {
    CompileError::NotOnnx {
        file: file.to_owned(),
        reason: format!("it cannot be run: {e:#}"),
    }
}

/// Demands that the translation computes what the model computes.
pub(super) fn faithful(
    file: &Path,
    graph: &Graph,
    sample: usize,
    got: &[Vec<f32>],
    expected: &[ArrayD<f32>],
) -> Result<(), CompileError> {
    for ((place, got), expected) in graph.answers.iter().zip(got).zip(expected) {
        let name = match place {
            Place::Tensor(i) | Place::OneHot(i, _) => graph.outputs.get(*i).map(|p| &p.name),
            Place::Indices(i) => graph.indices.get(*i).map(|p| &p.name),
        };
        if let Some((got, expected)) = float::differs(got, expected.view()) {
            return Err(CompileError::Unfaithful {
                file: file.to_owned(),
                output: name.cloned().unwrap_or_default(),
                sample,
                got,
                expected,
            });
        }
    }
    Ok(())
}

/// Runs the integer network on every sample.
pub(super) fn compare(
    (network, graph): (&Network, &Graph),
    weights: &[Integers],
    scales: &[Scale],
    samples: &[Vec<Vec<f32>>],
    expected: &[Vec<ArrayD<f32>>],
    progress: &mut dyn FnMut(u64, u64) -> Result<(), CompileError>,
) -> Result<Report, CompileError> {
    let descriptor = network.descriptor();
    let column = weight_column(network, weights)?;
    let executor = Executor::new(network, &column)?;
    let mut losses = Losses::new(graph, scales);
    let total = samples.len() as u64;
    let few: Vec<&[Vec<f32>]> = samples
        .iter()
        .take(LOSS_SAMPLES)
        .map(Vec::as_slice)
        .collect();
    let runs = float::Runner::new(graph).run_many(&few).unwrap_or_default();
    let mut tally = Tally::default();
    let (mut agreeing, mut decisions) = (0_usize, 0_usize);
    let (mut worst, mut sum, mut count) = (0.0_f64, 0.0_f64, 0_usize);
    let mut saturated: Vec<String> = Vec::new();
    for (done, (sample, expected)) in samples.iter().zip(expected).enumerate() {
        progress(done as u64, total)?;
        decisions += expected.len();
        let mut inputs = Vec::new();
        let mut given = Vec::new();
        for (place, values) in graph.given.iter().zip(sample) {
            match place {
                Place::Tensor(i) => {
                    let scale = descriptor.inputs.get(*i).map_or(1.0, |p| p.scale);
                    inputs.push(quantized(values, scale));
                }
                Place::OneHot(_, len) => inputs.push(quantized(&one_hot(values, *len), 1.0)),
                Place::Indices(_) => given.push(values.iter().map(|v| index(*v)).collect()),
            }
        }
        let trace = match executor.run_on(&inputs, &given) {
            Ok(trace) => trace,
            Err(e) => {
                let name = match e {
                    ExecuteError::InputRange { name, .. } => name,
                    ExecuteError::QuotientRange { node, .. }
                    | ExecuteError::DivisorRange { node, .. }
                    | ExecuteError::RadicandRange { node, .. }
                    | ExecuteError::LeadRange { node, .. } => node,
                    other => return Err(other.into()),
                };
                if !saturated.contains(&name) {
                    saturated.push(name);
                }
                continue;
            }
        };
        if let Some(run) = runs.get(done) {
            losses.add(network, run, &trace, &mut tally);
        }
        for (place, expected) in graph.answers.iter().zip(expected) {
            let expected: Vec<f64> = expected.iter().map(|v| f64::from(*v)).collect();
            let port = match place {
                Place::Tensor(i) | Place::OneHot(i, _) => match descriptor.outputs.get(*i) {
                    Some(port) => port,
                    None => continue,
                },
                Place::Indices(port) => {
                    let own = trace.indices.of(*port);
                    tally.choices(own.iter().map(|k| *k as usize), &expected);
                    let own = own.iter().map(|k| f64::from(*k));
                    agreeing += usize::from(own.eq(expected));
                    continue;
                }
            };
            let values = block_values(network, port.node, &trace.y);
            let got: Vec<f64> = values.iter().map(|v| f64::from(*v) * port.scale).collect();
            if let Some((_, words)) = scored(network, graph, place) {
                tally.scores(words, &got, &expected);
            }
            agreeing += usize::from(decision(&got) == decision(&expected));
            for (g, e) in got.iter().zip(&expected) {
                worst = worst.max((g - e).abs());
                sum += (g - e).abs();
                count += 1;
            }
        }
    }
    progress(total, total)?;
    let errors = losses.relative();
    let scale = |((node, scale), error): ((&Node, &Scale), &f64)| TensorScale {
        error: *error,
        name: node.name.clone(),
        function: network.operation_name(node).to_owned(),
        shape: node.shape(),
        quotient: scale.p,
        output: scale.y,
    };
    Ok(Report {
        parameters: weights.iter().map(Integers::len).sum(),
        nodes: network.nodes().len(),
        rows: network.real_rows(),
        macs: network.nodes().iter().map(Node::macs).sum(),
        samples: samples.len(),
        top1_agreement: ratio(agreeing, decisions),
        max_abs_error: worst,
        mean_abs_error: if count == 0 {
            0.0
        } else {
            sum / float_of(count)
        },
        fidelity: tally.fidelity(),
        saturated,
        dropped: Vec::new(),
        scales: network
            .nodes()
            .iter()
            .zip(scales)
            .zip(&errors)
            .map(scale)
            .collect(),
    })
}

/// Integers of an input tensor: to the nearest, ties away from zero; what does not fit is the executor's to refuse.
fn quantized(values: &[f32], scale: f64) -> Vec<i32> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and is then out of range"
    )]
    let one = |v: &f32| (f64::from(*v) / scale).round() as i32;
    values.iter().map(one).collect()
}

/// Samples on which the nodes' errors are measured.
const LOSS_SAMPLES: usize = 4;

/// Squares of the nodes' values and of their errors.
struct Losses<'a> {
    graph: &'a Graph,
    scales: &'a [Scale],
    sums: Vec<(f64, f64)>,
}

impl<'a> Losses<'a> {
    fn new(graph: &'a Graph, scales: &'a [Scale]) -> Self {
        Self {
            graph,
            scales,
            sums: vec![(0.0, 0.0); graph.nodes.len()],
        }
    }

    fn add(&mut self, network: &Network, run: &float::Run, trace: &Trace, tally: &mut Tally) {
        tally.divergences((network, self.graph), self.scales, trace, &run.values);
        let digit_bits = network.digit_bits();
        let nodes = self.graph.nodes.iter().zip(self.scales).zip(&run.values);
        for (index, ((node, scale), values)) in nodes.enumerate() {
            let root = matches!(node.activation, Activation::Root);
            if matches!(node.activation, Activation::Best(_) | Activation::Assert) {
                continue;
            }
            let Some(sums) = self.sums.get_mut(index) else {
                continue;
            };
            for (cell, value) in block_cells(network, index).zip(values) {
                let at = |column: &[i32]| column.get(cell).map_or(0.0, |v| f64::from(*v));
                let digit = |column: &[u16]| column.get(cell).map_or(0.0, |v| f64::from(*v));
                let got = if root {
                    let high = at(&trace.p) * f64::from(2 * digit_bits).exp2();
                    high + digit(&trace.r1) * f64::from(digit_bits).exp2() + digit(&trace.r0)
                } else {
                    at(&trace.y)
                };
                let value = f64::from(*value);
                sums.0 += value * value;
                sums.1 += (got * scale.y - value).powi(2);
            }
        }
    }

    fn relative(&self) -> Vec<f64> {
        let one = |(values, errors): &(f64, f64)| {
            if *values > 0.0 {
                (errors / values).sqrt()
            } else {
                0.0
            }
        };
        self.sums.iter().map(one).collect()
    }
}

/// A whole number as an index; beyond any port if it is none.
fn index(value: f32) -> u32 {
    u32::try_from(graph::index(value)).unwrap_or(u32::MAX)
}

/// What the network decides: the largest element (the first of equals), or the sign of the only one.
fn decision(values: &[f64]) -> usize {
    if let [one] = values {
        return usize::from(*one > 0.0);
    }
    float::largest(values)
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        1.0
    } else {
        float_of(part) / float_of(whole)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn float_of(n: usize) -> f64 {
    n as f64
}
