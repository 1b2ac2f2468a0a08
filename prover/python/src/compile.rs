//! Compiling.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use ndarray::ArrayD;
use pleat_prover::compile::{
    self as compiler, CompileOptions, Stage, input_specs_with, random_ids,
};
use pleat_prover::data::samples;
use pleat_prover::model::{Committing, ProvingModel, ProvingModelError};
use pleat_verifier_python::{Array, Named, PleatError, json};
use pyo3::prelude::*;
use rand_core::OsRng;
use serde::{Deserialize, Serialize};

use crate::heard::interruptible;
use crate::model::{Model, array};

/// Samples of a folder that come without any.
const RANDOM_SAMPLES: usize = 16;

/// Options of a compilation but for arrays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    digit_bits: Option<u32>,
    headroom: Option<f64>,
    row_bits: Option<u32>,
    input_scales: BTreeMap<String, f64>,
    dims: BTreeMap<String, usize>,
    best: Vec<String>,
    hide: Vec<String>,
    tokens: Option<usize>,
    last: Option<usize>,
}

/// An input of a model that is not compiled yet.
#[derive(Serialize)]
struct Spec {
    name: String,
    shape: Vec<usize>,
    dtype: String,
}

fn options(
    text: &str,
    bind: BTreeMap<String, Array>,
    has_samples: bool,
) -> PyResult<CompileOptions> {
    let given: Options =
        serde_json::from_str(text).map_err(|e| PleatError::new_err(e.to_string()))?;
    let bind = bind.into_iter().map(|(name, values)| {
        let values = array(&values)?.mapv(f64::from);
        Ok((name, values))
    });
    Ok(CompileOptions {
        digit_bits: given.digit_bits,
        headroom: given
            .headroom
            .unwrap_or(if has_samples { 0.25 } else { 0.5 }),
        row_bits: given.row_bits,
        input_scales: given.input_scales,
        bind: bind.collect::<PyResult<_>>()?,
        dims: given.dims,
        best: given.best,
        hide: given.hide,
        tokens: given.tokens,
        last: given.last,
    })
}

/// JSON of the inputs that samples have to fit.
#[pyfunction]
pub fn input_specs(
    py: Python<'_>,
    path: PathBuf,
    options_json: &str,
    bind: BTreeMap<String, Array>,
) -> PyResult<String> {
    let options = options(options_json, bind, true)?;
    let specs = py.detach(|| input_specs_with(&path, &options));
    let specs = specs.map_err(|e| e.raised(py))?.into_iter();
    let specs: Vec<Spec> = specs
        .map(|spec| Spec {
            name: spec.name,
            shape: spec.shape,
            dtype: spec.dtype,
        })
        .collect();
    json(&specs)
}

/// Compiles a model and commits to its weights. `calibration` has an array of samples for each input; a folder can do without.
#[pyfunction]
#[pyo3(signature = (path, calibration, options_json, bind, weights_of=None, progress=None))]
pub fn compile(
    py: Python<'_>,
    path: PathBuf,
    calibration: Option<Vec<Array>>,
    options_json: &str,
    bind: BTreeMap<String, Array>,
    weights_of: Option<&Bound<'_, Model>>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Model> {
    let mut options = options(options_json, bind, calibration.is_some())?;
    let other = weights_of.map(|model| model.get().shared());
    if let Some(other) = &other {
        let bits = u32::try_from(other.network().row_bits()).ok();
        options.row_bits = options.row_bits.or(bits);
    }
    let specs = py.detach(|| input_specs_with(&path, &options));
    let specs = specs.map_err(|e| e.raised(py))?;
    let samples = match calibration {
        Some(arrays) => {
            let stacks = arrays.iter().zip(&specs);
            let stacks = stacks.map(|(values, spec)| {
                samples(array(values)?, &spec.shape).map_err(|e| e.raised(py))
            });
            let stacks: Vec<_> = stacks.collect::<PyResult<_>>()?;
            let count = stacks.iter().map(pleat_prover::data::Samples::len).min();
            let sample = |i| stacks.iter().map(|stack| stack.get(i)).collect();
            let all: Result<Vec<Vec<ArrayD<f32>>>, _> =
                (0..count.unwrap_or(0)).map(sample).collect();
            all.map_err(|e: pleat_prover::data::DataError| e.raised(py))?
        }
        None => random_ids(&path, &options, RANDOM_SAMPLES).map_err(|e| e.raised(py))?,
    };
    let compiled = interruptible(py, progress, |heard| {
        compiler::compile(&path, &samples, &options, &mut |stage, done, total| {
            heard.tell(name(stage), done, total)
        })
    })?;
    let compiled = compiled.map_err(|e| e.raised(py))?;
    let report = json(&compiled.report)?;
    let model = interruptible(py, progress, |heard| {
        let with = Committing {
            other: other.as_deref(),
            // Commitments cannot be interrupted: they are heard, and Ctrl-C waits for their end.
            heard: Some(&mut |done, total| {
                let _: ControlFlow<()> = heard.tell("commit", done, total);
            }),
            ..Committing::default()
        };
        ProvingModel::commit_with(
            compiled.descriptor,
            compiled.weights,
            report,
            &mut OsRng,
            with,
        )
    })?;
    let model = model.map_err(|e: ProvingModelError| e.raised(py))?;
    Ok(Model::new(model))
}

const fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Import => "import",
        Stage::Calibrate => "calibrate",
        Stage::Quantize => "quantize",
        Stage::Compare => "compare",
    }
}
