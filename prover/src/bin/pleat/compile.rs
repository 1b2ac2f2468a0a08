//! `pleat compile`: a model and samples to the two model files.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use pleat_prover::compile::{
    self as compiler, CompileOptions, Estimate, Report, Stage, estimate, input_specs_with,
    random_ids,
};
use pleat_prover::data::InputSpec;
use pleat_prover::files::{Access, NewFile, WriteError, write_together};
use pleat_prover::journal::Journal;
use pleat_prover::model::{Committing, ProvingModel};
use pleat_prover::text::Words;
use pleat_verifier::fold::Mode;
use pleat_verifier::places::{Place, Places};
use pleat_verifier::proof::proof_bytes;
use rand_core::OsRng;
use serde::Serialize;

use crate::args::CompileArgs;
use crate::console::{Console, grouped};
use crate::error::CliError;
use crate::link::scales;
use crate::memory::{available_memory, peak_rss_bytes};
use crate::paths::{demand_writable, stem, with_suffix};
use crate::prove::load_model;
use crate::seconds::StageSeconds;
use crate::tensors::all_samples;
use crate::text::{TOKENIZER, TOKENIZER_SUFFIX, tokenizer_of};

/// Samples of a folder that come without any.
const RANDOM_SAMPLES: usize = 16;

/// What was compiled.
#[derive(Serialize)]
pub struct Compiled {
    pub model_id: String,
    /// The report's `parameters`, `nodes`, `rows`, `macs`, `top1_agreement`, `max_abs_error` and more.
    #[serde(flatten)]
    pub report: Report,
    pub digit_bits: u32,
    pub row_bits: usize,
    /// The mode that `pleat prove` chooses.
    pub fold: Mode,
    /// Steps of that proof.
    pub steps: usize,
    /// Its length if it shows everything.
    pub proof_bytes: usize,
    /// Rows of weights, and how many of them are under the commitments of --weights-of.
    pub weight_rows: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_rows: Option<usize>,
    pub proving_model: PathBuf,
    pub verification_model: PathBuf,
    pub seconds: StageSeconds,
    pub peak_rss_bytes: Option<u64>,
}

/// `NAME=N`, each.
fn dimensions(given: &[String]) -> Result<BTreeMap<String, usize>, CliError> {
    let one = |text: &String| {
        let parts = text.split_once('=');
        let parts = parts.and_then(|(name, n)| Some((name.to_owned(), n.parse().ok()?)));
        parts
            .filter(|(_, n)| *n > 0)
            .ok_or_else(|| CliError::BadOption {
                option: "--dim",
                value: text.clone(),
                form: "NAME=N with a length of at least 1",
            })
    };
    given.iter().map(one).collect()
}

/// `INPUT=DATA`, each.
fn bound(given: &[String]) -> Result<BTreeMap<String, ArrayD<f64>>, CliError> {
    let one = |text: &String| {
        let (name, data) = text.split_once('=').ok_or_else(|| CliError::BadOption {
            option: "--bind",
            value: text.clone(),
            form: "INPUT=DATA",
        })?;
        let values = pleat_prover::data::load(data);
        let values = values.map_err(|source| CliError::Data {
            flag: "--bind",
            source,
        })?;
        Ok((name.to_owned(), values.mapv(f64::from)))
    };
    given.iter().map(one).collect()
}

/// Samples of a folder's model: a text cut by its tokenizer.
fn stretches(
    folder: &Path,
    text: &Path,
    specs: &[InputSpec],
) -> Result<Vec<Vec<ArrayD<f32>>>, CliError> {
    let words = Words::load(&folder.join(TOKENIZER))?;
    let bytes = pleat_verifier::command::read(text)?;
    let shape = specs.first().map(|s| s.shape.clone()).unwrap_or_default();
    let stretches = words.stretches(&String::from_utf8_lossy(&bytes), shape.iter().product())?;
    let array = |words: Vec<u32>| {
        let values = words.into_iter().map(|word| word as f32).collect();
        ArrayD::from_shape_vec(shape.clone(), values).ok()
    };
    Ok(stretches
        .into_iter()
        .filter_map(array)
        .map(|a| vec![a])
        .collect())
}

/// Compiles and writes.
pub fn compile(args: &CompileArgs, console: &Console) -> Result<Compiled, CliError> {
    let base = args.output.clone().unwrap_or_else(|| stem(&args.model));
    // Who names the file means its folder and stem.
    let base = match base.extension() {
        Some(ending) if ending == "pleat" => base.with_extension(""),
        _ => base,
    };
    let (secret_path, public_path) = (with_suffix(&base, ".pleat"), with_suffix(&base, ".vmodel"));
    demand_writable(&secret_path)?;
    demand_writable(&public_path)?;
    let tokenizer = tokenizer_of(&args.model).filter(|_| args.model.is_dir());
    let tokenizer = tokenizer
        .as_deref()
        .map(pleat_verifier::command::read)
        .transpose()?;
    let tokenizer_path = with_suffix(&base, TOKENIZER_SUFFIX);
    let mut seconds = StageSeconds::start();

    console.stage("load");
    let other = args.weights_of.as_deref().map(load_model).transpose()?;
    let other_bits = other
        .as_ref()
        .and_then(|m| u32::try_from(m.network().row_bits()).ok());
    let mut options = CompileOptions {
        digit_bits: args.digit_bits,
        headroom: args.headroom.unwrap_or(if args.calibration.is_some() {
            0.25
        } else {
            0.5
        }),
        row_bits: args.row_bits.or(other_bits),
        best: args.best.clone(),
        hide: args.hide.clone(),
        dims: dimensions(&args.dim)?,
        bind: bound(&args.bind)?,
        tokens: args.tokens,
        last: args.last,
        ..CompileOptions::default()
    };
    let estimate = if args.model.is_dir() {
        estimate(&args.model, &options)?
    } else {
        None
    };
    if let Some(estimate) = &estimate {
        console.note(&estimated(estimate));
        let available = available_memory();
        if let Some(available) = available.filter(|m| *m < estimate.compile_memory) {
            return Err(CliError::Memory {
                doing: "compiling this model",
                needed: estimate.compile_memory,
                available,
            });
        }
    }
    let (samples, input_scales) = seconds.time("load", || {
        let inputs = input_specs_with(&args.model, &options)?;
        let input_scales = scales(&args.input_like, &inputs)?;
        let specs: Vec<InputSpec> = inputs
            .into_iter()
            .map(|s| InputSpec {
                name: s.name,
                shape: s.shape,
            })
            .collect();
        let samples = match &args.calibration {
            Some(text) if args.model.is_dir() && text.ends_with(".txt") => {
                stretches(&args.model, Path::new(text), &specs)?
            }
            Some(data) => all_samples("--calibration", data, &specs)?,
            None if args.model.is_dir() => random_ids(&args.model, &options, RANDOM_SAMPLES)?,
            None => return Err(CliError::NoCalibration),
        };
        Ok::<_, CliError>((samples, input_scales))
    })?;
    options.input_scales = input_scales;
    if args.calibration.is_none() {
        console.note(&format!(
            "note: ranges are those of {RANDOM_SAMPLES} samples of seeded random token ids; --calibration with real ones fits texts better"
        ));
    }
    let mut progress = |stage, done, total| {
        console.progress(stage_name(stage), done, total);
        ControlFlow::Continue(())
    };
    let compiled = seconds.time("compile", || {
        compiler::compile(&args.model, &samples, &options, &mut progress)
    })?;
    console.stage("commit");
    let journal_path = with_suffix(&base, ".commitments");
    let unwritten = |source| {
        CliError::Write(WriteError {
            path: journal_path.clone(),
            source,
        })
    };
    let descriptor = compiled.descriptor.to_bytes();
    let descriptor = descriptor.map_err(|e| CliError::Commit(e.into()))?;
    let mut journal = Journal::open(&journal_path, &descriptor).map_err(unwritten)?;
    if journal.entries() > 0 {
        console.note(&format!(
            "note: {} commitments that an interrupted run made are used again",
            grouped(journal.entries())
        ));
    }
    let report = compiled.report;
    let report_text = serde_json::to_string(&report)?;
    let model = seconds
        .time("commit", || {
            ProvingModel::commit_with(
                compiled.descriptor,
                compiled.weights,
                report_text,
                &mut OsRng,
                Committing {
                    other: other.as_ref(),
                    journal: Some(&mut journal),
                    heard: Some(&mut |done, total| console.progress("commit", done, total)),
                },
            )
        })
        .map_err(CliError::Commit)?;
    seconds.time("write", || {
        let secret = model.to_bytes().map_err(CliError::Commit)?;
        let public = model.verification().to_bytes();
        let public = public.map_err(|e| CliError::Commit(e.into()))?;
        let secret = NewFile {
            path: &secret_path,
            bytes: &secret,
            access: Access::Private,
        };
        let public = NewFile {
            path: &public_path,
            bytes: &public,
            access: Access::Shared,
        };
        let words = tokenizer.as_deref().map(|bytes| NewFile {
            path: &tokenizer_path,
            bytes,
            access: Access::Shared,
        });
        let files: Vec<NewFile<'_>> = [secret, public].into_iter().chain(words).collect();
        Ok::<(), CliError>(write_together(&files)?)
    })?;
    journal.remove().map_err(unwritten)?;
    if let Some(needed) = estimate.map(|e| e.prove_memory)
        && available_memory().is_some_and(|m| m < needed)
    {
        console.note(&format!(
            "warning: to prove a run takes some {}, which this machine does not have free",
            memory(needed)
        ));
    }
    for layer in &report.dropped {
        console.note(&format!("warning: {layer}"));
    }
    if !report.saturated.is_empty() {
        let tensors = report.saturated.join(", ");
        console.note(&format!(
            "warning: some calibration samples leave the range of {tensors} and could not be proved; raise --headroom"
        ));
    }
    let network = model.network();
    let shown = Places::new(network, Place::Here, Place::Here);
    let fold = Mode::shorter(network);
    Ok(Compiled {
        model_id: model.verification().id().to_string(),
        report,
        digit_bits: network.digit_bits(),
        row_bits: network.row_bits(),
        fold,
        steps: fold.schedule(network).steps,
        proof_bytes: proof_bytes(network, fold, &shown),
        weight_rows: model.verification().weights().len(),
        shared_rows: other.map(|other| model.verification().shared_rows(other.verification())),
        proving_model: secret_path,
        verification_model: public_path,
        seconds,
        peak_rss_bytes: peak_rss_bytes(),
    })
}

/// An estimate in words.
fn estimated(estimate: &Estimate) -> String {
    let Estimate {
        weights,
        rows,
        compile_seconds,
        compile_memory,
        prove_seconds,
        prove_memory,
        proof_bytes,
    } = *estimate;
    format!(
        "estimate: {} weights, {} rows; to compile {} and {}, to prove {} and {}, on {} cores; a proof of {} bytes",
        grouped(weights),
        grouped(rows),
        about(compile_seconds),
        memory(compile_memory),
        about(prove_seconds),
        memory(prove_memory),
        rayon_threads(),
        grouped(proof_bytes)
    )
}

fn rayon_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Seconds, or minutes.
fn about(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{:.0} s", seconds.max(1.0))
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

/// Bytes, in MiB.
fn memory(bytes: usize) -> String {
    format!("{} MiB", grouped(bytes >> 20))
}

const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Import => "import",
        Stage::Calibrate => "calibrate",
        Stage::Quantize => "quantize",
        Stage::Compare => "compare",
    }
}

impl fmt::Display for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.report;
        writeln!(f, "compiled: model {}", self.model_id)?;
        writeln!(
            f,
            "  network   {} parameters, {} nodes, {} rows, {} multiplications, {}-bit digits",
            grouped(report.parameters),
            grouped(report.nodes),
            grouped(report.rows),
            grouped(report.macs),
            self.digit_bits
        )?;
        writeln!(
            f,
            "  accuracy  top-1 agreement with the float network {:.2} % on {} samples; error of the output at most {:.6}, mean {:.6}",
            100.0 * report.top1_agreement,
            grouped(report.samples),
            report.max_abs_error,
            report.mean_abs_error
        )?;
        if let Some(fidelity) = &report.fidelity {
            writeln!(
                f,
                "  words     the same first choice at {:.2} % of {} positions; mean divergence of the distributions {:.2e} nats, over {}",
                100.0 * fidelity.top1_agreement,
                grouped(fidelity.positions),
                fidelity.kl_divergence,
                grouped(fidelity.scored)
            )?;
        }
        for layer in &report.dropped {
            writeln!(
                f,
                "  proved    {}, the input of {}",
                layer.proved, layer.operator
            )?;
        }
        writeln!(
            f,
            "  a proof   {} steps (mode {}), {} bytes with all inputs and outputs public",
            self.steps,
            self.fold,
            grouped(self.proof_bytes)
        )?;
        if let Some(shared) = self.shared_rows {
            writeln!(
                f,
                "  weights   {} of {} rows under the commitments of the other model",
                grouped(shared),
                grouped(self.weight_rows)
            )?;
        }
        writeln!(
            f,
            "  prover    {} (secret: weights and blinds)",
            self.proving_model.display()
        )?;
        writeln!(f, "  verifier  {}", self.verification_model.display())
    }
}
