//! The compiler: an ONNX model and calibration samples become a descriptor and integer weights (PROTOCOL.md §1–§3).
//!
//! Changes to the graph (`rewrite`) → import (tract) → `translate` → ranges on the samples (`float`) → integers
//! (`quantize`) → addresses (`layout`) → comparison of the integer network with the float one ([`Report`]). Nothing here is proved; a proof is about the
//! descriptor and the weights, however they came about.

mod error;
mod expr;
mod float;
mod graph;
mod layout;
mod onnx;
mod operators;
mod quantize;
mod report;
mod rewrite;
mod translate;
mod unary;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use ndarray::ArrayD;
use pleat_verifier::descriptor::{Descriptor, Limits};
use pleat_verifier::network::Network;

pub use error::{CompileError, Unsupported};
pub use layout::lay_out;
pub use onnx::{InputSpec, input_specs};
pub use operators::SUPPORTED;
pub use report::{Report, TensorScale};
pub use rewrite::Dropped;

/// What the user chooses.
#[derive(Clone, Debug, PartialEq)]
pub struct CompileOptions {
    /// `B`, 2 to 15: the width of quotients and digits.
    pub digit_bits: u32,
    /// How far beyond the calibrated range a tensor may go, as a fraction of it.
    pub headroom: f64,
    /// `κ`, 4 to 18; chosen for the shortest proof if `None`.
    pub row_bits: Option<u32>,
    /// Per input, real value of one unit; chosen from the samples for those that are not named. An input that is to be another
    /// network's output takes that output's scale.
    pub input_scales: BTreeMap<String, f64>,
    /// Inputs that the network has fixed values for: they become constants of the model. A proof is about one architecture, so shapes,
    /// axes, lengths and the like that a model takes as inputs have to be fixed here.
    pub bind: BTreeMap<String, ArrayD<f64>>,
    /// Lengths of the dimensions that the model only gives names for; 1 for those that are not listed.
    pub dims: BTreeMap<String, usize>,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            digit_bits: 12,
            headroom: 0.25,
            row_bits: None,
            input_scales: BTreeMap::new(),
            bind: BTreeMap::new(),
            dims: BTreeMap::new(),
        }
    }
}

/// Stages of compilation, for progress bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading and translating the model.
    Import,
    /// Running the float network on the samples.
    Calibrate,
    /// Choosing scales and integers.
    Quantize,
    /// Running the integer network on the samples.
    Compare,
}

/// A compiled network.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Everything public but the weights' commitment.
    pub descriptor: Descriptor,
    /// Per weight block, row-major over its true shape.
    pub weights: Vec<Vec<i32>>,
    /// How well the integer network imitates the float one.
    pub report: Report,
}

/// Hears how far a stage is: so much of so much. [`ControlFlow::Break`] ends the compilation with
/// [`CompileError::Cancelled`].
pub type Progress<'a> = dyn FnMut(Stage, u64, u64) -> ControlFlow<()> + 'a;

/// Hears nothing, stops nothing.
pub const fn unheard(_: Stage, _: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Compiles a model. `calibration` lists samples; each has one tensor per input of the model, in its shape.
///
/// # Errors
/// If the model cannot be read or uses operators that cannot be proved, the samples do not fit it, or the caller cancels.
pub fn compile(
    onnx: &Path,
    calibration: &[Vec<ArrayD<f32>>],
    options: &CompileOptions,
    progress: &mut Progress<'_>,
) -> Result<Compiled, CompileError> {
    let mut tell = |stage, done, total| match progress(stage, done, total) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(CompileError::Cancelled),
    };
    check_options(options)?;
    tell(Stage::Import, 0, 1)?;
    let mut proto = onnx::load(onnx)?;
    let Some(graph) = &mut proto.graph else {
        return Err(CompileError::NotOnnx {
            file: onnx.to_owned(),
            reason: "it has no graph".to_owned(),
        });
    };
    rewrite::bind_inputs(graph, &options.bind)?;
    rewrite::bind_dimensions(graph, &options.dims)?;
    let dropped = rewrite::drop_final_softmax(graph);
    let nodes = graph.node.clone();
    let mut bad = rewrite::write_out(&mut proto);
    if let Some(graph) = &proto.graph {
        bad.extend(onnx::unsupported(graph));
    }
    if !bad.is_empty() {
        return Err(CompileError::Unsupported {
            file: onnx.to_owned(),
            nodes: bad,
        });
    }
    let graph = onnx::graph_of(&proto, onnx)?;
    let specs = onnx::specs(graph);
    check_scales(options, &specs)?;
    let samples = check_samples(onnx, calibration, &specs)?;
    // Messages name the model's own nodes.
    let mut graph = graph.clone();
    graph.node = nodes;
    let typed = onnx::typed(onnx, &proto, &specs)?;
    let network = translate::translate(onnx, &graph, &typed)?;
    tell(Stage::Import, 1, 1)?;

    let reference = report::Reference::new(onnx, &typed)?;
    let runner = float::Runner::new(&network);
    let total = samples.len() as u64;
    let mut ranges = vec![(f32::MAX, f32::MIN); network.nodes.len()];
    let mut expected = Vec::with_capacity(samples.len());
    for (done, sample) in samples.iter().enumerate() {
        tell(Stage::Calibrate, done as u64, total)?;
        let run = runner.run(sample).map_err(|e| CompileError::Overflow {
            node: network
                .nodes
                .get(e.node)
                .map_or_else(String::new, |n| n.name.clone()),
            sample: done,
        })?;
        let outputs = reference.run(sample)?;
        report::faithful(onnx, &network, done, &run.outputs, &outputs)?;
        for (range, new) in ranges.iter_mut().zip(run.ranges) {
            *range = (range.0.min(new.0), range.1.max(new.1));
        }
        expected.push(outputs);
    }
    tell(Stage::Calibrate, total, total)?;

    tell(Stage::Quantize, 0, 1)?;
    let grids = (0..specs.len())
        .map(|input| grid(&samples, input))
        .collect();
    let scales = specs
        .iter()
        .map(|s| options.input_scales.get(&s.name).copied());
    let calibration = quantize::Calibration {
        ranges,
        grids,
        scales: scales.collect(),
    };
    let quantized =
        quantize::quantize(&network, &calibration, options.digit_bits, options.headroom)?;
    let mut descriptor = quantized.descriptor;
    layout::lay_out(&mut descriptor, options.row_bits);
    let checked = Network::new(descriptor.clone(), &Limits::default())?;
    tell(Stage::Quantize, 1, 1)?;

    let mut compare = |done, total| tell(Stage::Compare, done, total);
    let mut report = report::compare(
        &checked,
        &quantized.weights,
        &quantized.scales,
        &samples,
        &expected,
        &mut compare,
    )?;
    report.dropped = dropped;
    Ok(Compiled {
        descriptor,
        weights: quantized.weights,
        report,
    })
}

/// A step that all values of an input are multiples of, up to rounding: pixels, counts, one-hot vectors have one.
fn grid(samples: &[Vec<Vec<f32>>], input: usize) -> Option<f64> {
    let values = || {
        let tensors = samples.iter().filter_map(|s| s.get(input));
        tensors.flatten().map(|v| f64::from(v.abs()))
    };
    let step = values().filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
    let multiple = |v: f64| {
        let n = v / step;
        (n - n.round()).abs() < 1e-5 * n.max(1.0)
    };
    (step.is_finite() && values().all(multiple)).then_some(step)
}

fn check_options(options: &CompileOptions) -> Result<(), CompileError> {
    let bad = |option, value: String, range| {
        Err(CompileError::BadOption {
            option,
            value,
            range,
        })
    };
    if !(2..=15).contains(&options.digit_bits) {
        return bad("digit bits", options.digit_bits.to_string(), "2 to 15");
    }
    if !(0.0..=1000.0).contains(&options.headroom) {
        return bad("headroom", options.headroom.to_string(), "0 to 1000");
    }
    match options.row_bits {
        Some(k) if !(4..=18).contains(&k) => bad("row bits", k.to_string(), "4 to 18"),
        _ => Ok(()),
    }
}

fn check_scales(options: &CompileOptions, specs: &[InputSpec]) -> Result<(), CompileError> {
    for (input, scale) in &options.input_scales {
        if !specs.iter().any(|s| s.name == *input) {
            return Err(CompileError::NoInput {
                input: input.clone(),
                inputs: specs.iter().map(|s| s.name.clone()).collect(),
            });
        }
        if !(scale.is_finite() && *scale > 0.0) {
            return Err(CompileError::BadOption {
                option: "input scale",
                value: scale.to_string(),
                range: "a positive number",
            });
        }
    }
    Ok(())
}

/// The samples as row-major vectors, after checking number, shape and values.
fn check_samples(
    file: &Path,
    calibration: &[Vec<ArrayD<f32>>],
    specs: &[InputSpec],
) -> Result<Vec<Vec<Vec<f32>>>, CompileError> {
    if calibration.is_empty() {
        return Err(CompileError::NoCalibration);
    }
    let mut samples = Vec::with_capacity(calibration.len());
    for (sample, tensors) in calibration.iter().enumerate() {
        let misfit = |what: String| CompileError::BadSample {
            file: file.to_owned(),
            sample,
            what,
            expected: specs.iter().map(ToString::to_string).collect(),
        };
        if tensors.len() != specs.len() {
            return Err(misfit(format!("it has {} tensors", tensors.len())));
        }
        let mut flat = Vec::with_capacity(tensors.len());
        for (tensor, spec) in tensors.iter().zip(specs) {
            if tensor.shape() != spec.shape.as_slice() {
                let what = format!("its tensor for {} is {:?}", spec.name, tensor.shape());
                return Err(misfit(what));
            }
            if let Some((element, value)) = tensor.iter().enumerate().find(|v| !v.1.is_finite()) {
                return Err(CompileError::NotFinite {
                    sample,
                    input: spec.name.clone(),
                    element,
                    value: *value,
                });
            }
            flat.push(tensor.iter().copied().collect());
        }
        samples.push(flat);
    }
    Ok(samples)
}
