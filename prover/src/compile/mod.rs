//! The compiler: an ONNX model and calibration samples become a descriptor and integer weights (PROTOCOL.md §1–§3).
//!
//! Changes to the graph (`rewrite`) → import (tract) → `translate` → ranges on the samples (`float`) → integers
//! (`quantize`) → addresses (`layout`) → comparison of the integer network with the float one ([`Report`]). Nothing here is proved; a proof is about the
//! descriptor and the weights, however they came about.

mod error;
mod estimate;
mod expr;
mod fidelity;
mod float;
mod graph;
mod huggingface;
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

use float::{Failed, RunError};
use ndarray::ArrayD;
use pleat_verifier::descriptor::{Descriptor, Limits};
use pleat_verifier::network::Network;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use crate::weights::Integers;
pub use error::{CompileError, Unsupported};
pub use estimate::{Estimate, estimate, prove_memory};
pub use fidelity::Fidelity;
pub use layout::lay_out;
pub use onnx::InputSpec;
pub use operators::SUPPORTED;
pub use report::{Report, TensorScale};
pub use rewrite::Dropped;

/// What the user chooses.
#[derive(Clone, Debug, PartialEq)]
pub struct CompileOptions {
    /// `B`, 2 to 15: the width of quotients and digits. If `None`, 14 for a network that divides, takes roots or exponentiates, 12
    /// for others.
    pub digit_bits: Option<u32>,
    /// How far beyond the calibrated range a tensor may go, as a fraction of it.
    pub headroom: f64,
    /// `κ`, 4 to 18; chosen for short proofs that are verified fast if `None`.
    pub row_bits: Option<u32>,
    /// Per input, real value of one unit; chosen from the samples for those that are not named. An input that is to be another
    /// network's output takes that output's scale.
    pub input_scales: BTreeMap<String, f64>,
    /// Inputs that the network has fixed values for: they become constants of the model. A proof is about one architecture, so shapes,
    /// axes, lengths and the like that a model takes as inputs have to be fixed here.
    pub bind: BTreeMap<String, ArrayD<f64>>,
    /// Lengths of the dimensions that the model only gives names for; 1 for those that are not listed.
    pub dims: BTreeMap<String, usize>,
    /// Outputs that are replaced by the index of their largest element along the last axis, a public answer: the rest stays hidden.
    pub best: Vec<String>,
    /// Of a folder: how many tokens a run has; 16 if nobody says.
    pub tokens: Option<usize>,
    /// Of a folder: for how many of them there are logits, the last ones; for all if nobody says.
    pub last: Option<usize>,
    /// Inputs of indices that are not public, but zeros and ones that a proof may hide: as many rows as there are candidates.
    pub hide: Vec<String>,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            digit_bits: None,
            headroom: 0.25,
            row_bits: None,
            input_scales: BTreeMap::new(),
            bind: BTreeMap::new(),
            dims: BTreeMap::new(),
            best: Vec::new(),
            hide: Vec::new(),
            tokens: None,
            last: None,
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
    pub weights: Vec<Integers>,
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

/// Compiles a model: an ONNX file, or a folder as Hugging Face has them. `calibration` lists samples; each has one tensor per input
/// of the model, in its shape.
///
/// # Errors
/// If the model cannot be read or uses operators that cannot be proved, the samples do not fit it, or the caller cancels.
pub fn compile(
    model: &Path,
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
    if model.is_dir() {
        compile_folder(model, calibration, options, &mut tell)
    } else {
        compile_onnx(model, calibration, options, &mut tell)
    }
}

type Tell<'a> = dyn FnMut(Stage, u64, u64) -> Result<(), CompileError> + 'a;

fn compile_onnx(
    onnx: &Path,
    calibration: &[Vec<ArrayD<f32>>],
    options: &CompileOptions,
    tell: &mut Tell<'_>,
) -> Result<Compiled, CompileError> {
    for (option, given) in [("tokens", options.tokens), ("last", options.last)] {
        if let Some(value) = given {
            return Err(CompileError::BadOption {
                option,
                value: value.to_string(),
                range: "left out, unless the model is a folder",
            });
        }
    }
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
    rewrite::best_of_outputs(graph, &options.best, &dropped)?;
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
    let build = |masked| translate::translate(onnx, &graph, &typed, masked, &options.hide);
    let network = build(softmax_mask(None))?;
    if let Some(input) = options.hide.iter().find(|n| !network.hides(n)) {
        return Err(CompileError::NoIndices {
            input: input.clone(),
            indices: network.selecting().map(str::to_owned).collect(),
        });
    }
    tell(Stage::Import, 1, 1)?;
    let operator = |node: &str| onnx::origin(&graph, node).map(|n| n.op_type.clone());
    let reference = report::Reference::new(onnx, &typed)?;
    let given = Given {
        file: onnx,
        specs: &specs,
        samples: &samples,
        reference: Some(&reference),
    };
    let mut compiled =
        integers(network, &build, &given, options, tell).map_err(|e| e.of(operator))?;
    compiled.report.dropped = dropped;
    Ok(compiled)
}

/// Tokens of a run, if nobody chooses.
const TOKENS: usize = 16;

fn compile_folder(
    path: &Path,
    calibration: &[Vec<ArrayD<f32>>],
    options: &CompileOptions,
    tell: &mut Tell<'_>,
) -> Result<Compiled, CompileError> {
    let folder = huggingface::Folder::open(path)?;
    let wish = wish(&folder, options)?;
    let specs = folder.specs(wish.tokens);
    check_scales(options, &specs)?;
    let samples = check_samples(path, calibration, &specs)?;
    check_ids(path, &samples, &specs, folder.vocabulary())?;
    let build = |masked| folder.graph(&huggingface::Wish { masked, ..wish });
    let network = build(softmax_mask(None))?;
    tell(Stage::Import, 1, 1)?;
    let given = Given {
        file: path,
        specs: &specs,
        samples: &samples,
        reference: None,
    };
    integers(network, &build, &given, options, tell)
}

/// What the options want of a folder; none may be about ONNX models.
fn wish(
    folder: &huggingface::Folder,
    options: &CompileOptions,
) -> Result<huggingface::Wish, CompileError> {
    let wish = huggingface::Wish {
        tokens: options.tokens.unwrap_or(TOKENS),
        last: options.last,
        best: !options.best.is_empty(),
        masked: softmax_mask(None),
    };
    folder.check(wish.tokens, wish.last)?;
    let output = folder.output();
    if let Some(other) = options
        .best
        .iter()
        .find(|o| *o != "logits" || output != "logits")
    {
        return Err(CompileError::NoOutput {
            output: other.clone(),
            outputs: vec![output.to_owned()],
        });
    }
    let bad = |option, value: &String| {
        Err(CompileError::BadOption {
            option,
            value: value.clone(),
            range: "left out, as the model is a folder",
        })
    };
    match (
        options.hide.first(),
        options.bind.keys().next(),
        options.dims.keys().next(),
    ) {
        (Some(input), ..) => bad("hide", input),
        (_, Some(input), _) => bad("bind", input),
        (.., Some(dimension)) => bad("dim", dimension),
        _ => Ok(wish),
    }
}

/// Demands that samples are token ids.
fn check_ids(
    file: &Path,
    samples: &[Vec<Vec<f32>>],
    specs: &[InputSpec],
    vocabulary: usize,
) -> Result<(), CompileError> {
    for (sample, tensors) in samples.iter().enumerate() {
        let mut ids = tensors.iter().flatten();
        if let Some(id) = ids.find(|id| graph::index(**id) >= vocabulary) {
            return Err(CompileError::BadSample {
                file: file.to_owned(),
                sample,
                what: format!("{id} is no token id below {vocabulary}"),
                expected: specs.iter().map(ToString::to_string).collect(),
            });
        }
    }
    Ok(())
}

/// What a network is compiled with.
struct Given<'a> {
    file: &'a Path,
    specs: &'a [InputSpec],
    samples: &'a [Vec<Vec<f32>>],
    /// Runs the model itself, if somebody else's code can.
    reference: Option<&'a report::Reference>,
}

/// From real numbers to integers. `build` makes the network again if scores have to be masked farther away.
fn integers(
    mut network: graph::Graph,
    build: &dyn Fn(f64) -> Result<graph::Graph, CompileError>,
    given: &Given<'_>,
    options: &CompileOptions,
    tell: &mut Tell<'_>,
) -> Result<Compiled, CompileError> {
    let Given { specs, samples, .. } = *given;
    if network.masks {
        // How far scores lie apart decides how far masked ones have to lie below.
        let seen = calibrate(&network, given, tell)?;
        let masked = softmax_mask(None);
        let masked = softmax_mask(Some(spread(&network, &seen.ranges, masked)));
        network = build(masked)?;
    }
    let seen = calibrate(&network, given, tell)?;
    tell(Stage::Quantize, 0, 1)?;
    // Of the inputs that are tensors.
    let tensors = || {
        let places = network.given.iter().zip(specs).enumerate();
        places.filter(|(_, (place, _))| matches!(place, graph::Place::Tensor(_)))
    };
    let grids = tensors().map(|(input, _)| grid(samples, input)).collect();
    let scales = tensors().map(|(_, (_, s))| options.input_scales.get(&s.name).copied());
    let calibration = quantize::Calibration {
        ranges: seen.ranges,
        values: seen.values,
        divisors: seen.divisors,
        grids,
        scales: scales.collect(),
    };
    let digit_bits = options.digit_bits.unwrap_or_else(|| network.digit_bits());
    let quantized = quantize::quantize(&network, &calibration, digit_bits, options.headroom)?;
    let mut descriptor = quantized.descriptor;
    layout::lay_out(&mut descriptor, options.row_bits);
    let checked = Network::new(descriptor.clone(), &Limits::default())?;
    tell(Stage::Quantize, 1, 1)?;

    let mut compare = |done, total| tell(Stage::Compare, done, total);
    let report = report::compare(
        (&checked, &network),
        &quantized.weights,
        &quantized.scales,
        samples,
        &seen.expected,
        &mut compare,
    )?;
    Ok(Compiled {
        descriptor,
        weights: quantized.weights,
        report,
    })
}

/// What the samples show.
struct Seen {
    ranges: Vec<(f32, f32)>,
    values: Vec<(f32, f32)>,
    divisors: Vec<(f32, f32)>,
    /// The model's own outputs, by sample.
    expected: Vec<Vec<ArrayD<f32>>>,
}

/// Runs the translated network and the model on all samples, by all threads; demands that they agree.
fn calibrate(
    network: &graph::Graph,
    given: &Given<'_>,
    tell: &mut Tell<'_>,
) -> Result<Seen, CompileError> {
    let Given { file, samples, .. } = *given;
    let total = samples.len() as u64;
    let runner = float::Runner::new(network);
    let nodes = network.nodes.len();
    let none = || vec![(f32::MAX, f32::MIN); nodes];
    let mut seen = Seen {
        ranges: none(),
        values: none(),
        divisors: none(),
        expected: Vec::with_capacity(samples.len()),
    };
    let failed = |first: usize, Failed { sample, error }: Failed| match *error {
        RunError::NotFinite(node) => CompileError::Overflow {
            node: (network.nodes.get(node)).map_or_else(String::new, |n| n.name.clone()),
            sample: first + sample,
        },
        RunError::Weights(e) => e,
    };
    let told = |(done, sample, run): (usize, &Vec<Vec<f32>>, float::Run)| {
        let outputs = match given.reference {
            Some(reference) => {
                let outputs = reference.run(sample)?;
                report::faithful(file, network, done, &run.outputs, &outputs)?;
                outputs
            }
            None => (run.outputs.iter())
                .map(|values| ndarray::Array1::from(values.clone()).into_dyn())
                .collect(),
        };
        Ok((run, outputs))
    };
    // A batch at a time, so that the caller hears how far it is; not too few, as weights in files are read once for each batch.
    let batch = (4 * rayon::current_num_threads()).max(16);
    for (first, samples) in (0..).step_by(batch).zip(samples.chunks(batch)) {
        tell(Stage::Calibrate, first as u64, total)?;
        let own: Vec<&[Vec<f32>]> = samples.iter().map(Vec::as_slice).collect();
        let runs = runner.run_many(&own);
        let runs = runs.map_err(|failure| failed(first, failure))?;
        let runs: Result<Vec<_>, CompileError> = (samples.par_iter().zip(runs).enumerate())
            .map(|(i, (sample, run))| told((first + i, sample, run)))
            .collect();
        for (run, outputs) in runs? {
            let values = run.values.iter().map(|v| float::range_of(v)).collect();
            for (all, own) in [
                (&mut seen.ranges, run.ranges),
                (&mut seen.values, values),
                (&mut seen.divisors, run.divisors),
            ] {
                for (range, new) in all.iter_mut().zip(own) {
                    *range = (range.0.min(new.0), range.1.max(new.1));
                }
            }
            seen.expected.push(outputs);
        }
    }
    tell(Stage::Calibrate, total, total)?;
    Ok(seen)
}

/// What stands for minus infinity in scores that lie so far apart: its exponential, and theirs, is 0 beside the largest.
fn softmax_mask(spread: Option<f64>) -> f64 {
    spread.map_or(64.0, |s| (1.25 * s + 12.0).ceil())
}

/// How far scores that are not masked lie apart, `masked` being added to those that are.
fn spread(network: &graph::Graph, ranges: &[(f32, f32)], masked: f64) -> f64 {
    let nodes = network.nodes.iter().zip(ranges);
    let exponentials = nodes.filter(|(n, _)| n.exponentiates());
    let spreads = exponentials.map(|(_, range)| -f64::from(range.0));
    let own = |s: f64| if s > masked { s - masked } else { s };
    spreads.map(own).fold(4.0, f64::max)
}

/// The inputs of an ONNX model; initializers that it lists as inputs are none.
///
/// # Errors
/// If the file is missing or not an ONNX model.
pub fn input_specs(onnx: &Path) -> Result<Vec<InputSpec>, CompileError> {
    input_specs_with(onnx, &CompileOptions::default())
}

/// The same, with inputs and dimensions that the options fix.
///
/// # Errors
/// If the file is missing or not an ONNX model, or the options name what it does not have.
pub fn input_specs_with(
    onnx: &Path,
    options: &CompileOptions,
) -> Result<Vec<InputSpec>, CompileError> {
    if onnx.is_dir() {
        let folder = huggingface::Folder::open(onnx)?;
        return Ok(folder.specs(options.tokens.unwrap_or(TOKENS)));
    }
    let mut proto = onnx::load(onnx)?;
    if let Some(graph) = &mut proto.graph {
        rewrite::bind_inputs(graph, &options.bind)?;
        rewrite::bind_dimensions(graph, &options.dims)?;
    }
    Ok(onnx::specs(onnx::graph_of(&proto, onnx)?))
}

/// Seeded token ids, samples for a folder that nobody has samples for.
///
/// # Errors
/// If the folder cannot be compiled, or not for so many tokens.
pub fn random_ids(
    folder: &Path,
    options: &CompileOptions,
    samples: usize,
) -> Result<Vec<Vec<ArrayD<f32>>>, CompileError> {
    let folder = huggingface::Folder::open(folder)?;
    let tokens = options.tokens.unwrap_or(TOKENS);
    folder.check(tokens, options.last)?;
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let vocabulary = folder.vocabulary() as u64;
    #[expect(clippy::cast_precision_loss, reason = "ids are below 2^24")]
    let mut id = || (rng.next_u64() % vocabulary) as f32;
    let mut sample = || vec![ArrayD::from_shape_fn(vec![1, tokens], |_| id())];
    Ok((0..samples).map(|_| sample()).collect())
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
    if let Some(bits) = options.digit_bits.filter(|b| !(2..=15).contains(b)) {
        return bad("digit bits", bits.to_string(), "2 to 15");
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
