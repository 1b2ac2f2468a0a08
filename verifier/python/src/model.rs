//! Verification models, and what is checked against them.

use std::path::PathBuf;

use pleat_nova_circuits::chain::params::VerifierKey;
use pleat_verifier::CacheFolder;
use pleat_verifier::command::{
    self, ChainFile, DataRequest, Demands, Files, ManyArgs, Samples, TensorRole, check,
};
use pleat_verifier::descriptor::{IndexRole, Limits, Port};
use pleat_verifier::model::VerificationModel;
use pleat_verifier::receipt::{Receipt, Sha3Hash};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;

use crate::arrays::Array;
use crate::errors::{Named, json};

/// A verification model.
#[pyclass(frozen, module = "pleat", name = "NativeVerificationModel")]
pub struct Model(VerificationModel);

/// A tensor of a model.
#[derive(Serialize)]
struct TensorSpec<'a> {
    name: &'a str,
    shape: &'a [usize],
    scale: f64,
}

/// A tensor of indices.
#[derive(Serialize)]
struct IndexSpec<'a> {
    name: &'a str,
    shape: &'a [usize],
    role: IndexRole,
    /// Each is below it.
    len: usize,
}

#[derive(Serialize)]
struct Description<'a> {
    model_id: String,
    samples: usize,
    input: Vec<TensorSpec<'a>>,
    output: Vec<TensorSpec<'a>>,
    indices: Vec<IndexSpec<'a>>,
    nodes: usize,
    rows: usize,
    weights: usize,
    digit_bits: u32,
    row_bits: usize,
}

impl Model {
    /// The library's.
    pub const fn model(&self) -> &VerificationModel {
        &self.0
    }
}

fn tensors(ports: &[Port]) -> Vec<TensorSpec<'_>> {
    let spec = ports.iter().map(|port| TensorSpec {
        name: &port.name,
        shape: &port.shape,
        scale: port.scale,
    });
    spec.collect()
}

#[pymethods]
impl Model {
    /// Reads the bytes of a `.vmodel` file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        let model = py.detach(|| VerificationModel::from_bytes(bytes, &Limits::default()));
        model.map(Self).map_err(|e| e.raised(py))
    }

    /// The bytes of its file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.0.to_bytes().map_err(|e| e.raised(py))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The model of `samples` runs side by side.
    fn batched(&self, py: Python<'_>, samples: usize) -> PyResult<Self> {
        let model = self.0.clone();
        let batched = py.detach(|| model.batched(samples, &Limits::default()));
        batched.map(Self).map_err(|e| e.raised(py))
    }

    /// JSON of what it is.
    fn describe(&self) -> PyResult<String> {
        let network = self.0.network();
        let descriptor = network.descriptor();
        json(&Description {
            model_id: self.0.origin().to_string(),
            samples: self.0.samples(),
            input: tensors(&descriptor.inputs),
            output: tensors(&descriptor.outputs),
            indices: descriptor
                .indices
                .iter()
                .map(|port| IndexSpec {
                    name: &port.name,
                    shape: &port.shape,
                    role: port.role,
                    len: port.len,
                })
                .collect(),
            nodes: network.nodes().len(),
            rows: network.real_rows(),
            weights: descriptor
                .weights
                .iter()
                .map(|block| block.shape.iter().product::<usize>())
                .sum(),
            digit_bits: network.digit_bits(),
            row_bits: network.row_bits(),
        })
    }

    /// Checks a proof: JSON of the verdict.
    #[pyo3(signature = (proof, opening=None, receipt=None, model_id=None, input=None, output=None, value=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's arguments, by name")]
    fn check(
        &self,
        py: Python<'_>,
        proof: &[u8],
        opening: Option<&[u8]>,
        receipt: Option<&[u8]>,
        model_id: Option<&str>,
        input: Option<Vec<Array>>,
        output: Option<Vec<Array>>,
        value: Option<Vec<Array>>,
    ) -> PyResult<String> {
        let model_id = model_id.map(str::parse).transpose();
        let named = |arrays: &Option<Vec<Array>>| arrays.as_ref().map(|_| String::new());
        let demands = Demands {
            model_id: model_id.map_err(|e: pleat_verifier::ModelError| e.raised(py))?,
            input: named(&input),
            index: Samples {
                first: 0,
                count: self.0.samples(),
            },
            output: named(&output),
            value: named(&value),
        };
        let mut load = |_: &str, request: &DataRequest<'_>| {
            let arrays = match (request.flag, request.role) {
                ("--value", _) => &value,
                (_, TensorRole::Input) => &input,
                (_, TensorRole::Output) => &output,
            };
            numbers(arrays.as_deref().unwrap_or_default(), request)
        };
        let files = Files {
            proof,
            opening,
            receipt,
        };
        let verdict = py.detach(|| check(&self.0, &files, &demands, &mut load, &mut key));
        json(&verdict.map_err(|e| e.raised(py))?)
    }

    /// Checks proofs together, each with a name: JSON of the verdicts.
    #[pyo3(signature = (proofs, model_id=None))]
    fn check_several(
        &self,
        py: Python<'_>,
        proofs: Vec<(String, Vec<u8>)>,
        model_id: Option<&str>,
    ) -> PyResult<String> {
        let model_id = model_id.map(str::parse).transpose();
        let model_id = model_id.map_err(|e: pleat_verifier::ModelError| e.raised(py))?;
        let verdicts = py.detach(|| command::check_several(&self.0, &proofs, model_id, &mut key));
        json(&verdicts.map_err(|e| e.raised(py))?)
    }
}

/// Checks a chain of receipts, each with its name and its proof, against their models: JSON of the verdict.
#[pyfunction]
pub fn check_chain(
    py: Python<'_>,
    files: Vec<(String, Vec<u8>, Vec<u8>)>,
    models: Vec<Py<Model>>,
) -> PyResult<String> {
    let models: Vec<VerificationModel> = models.iter().map(|m| m.get().0.clone()).collect();
    let file = |(name, receipt, proof)| ChainFile {
        name: PathBuf::from(name),
        receipt,
        proof,
    };
    let files = files.into_iter().map(file).collect();
    let verdict = py.detach(|| command::check_chain(files, &models, &mut key));
    json(&verdict.map_err(|e: command::CommandError| e.raised(py))?)
}

/// Checks a manifest's proofs: JSON of the verdict.
#[pyfunction]
#[pyo3(signature = (manifest, model=None, model_id=None))]
pub fn check_many(
    py: Python<'_>,
    manifest: PathBuf,
    model: Option<PathBuf>,
    model_id: Option<&str>,
) -> PyResult<String> {
    let model_id = model_id.map(str::parse).transpose();
    let args = ManyArgs {
        manifest,
        model,
        model_id: model_id.map_err(|e: pleat_verifier::ModelError| e.raised(py))?,
    };
    let verdict = py.detach(|| command::run_many(&args, &mut key));
    json(&verdict.map_err(|e| e.raised(py))?)
}

/// SHA3-256 in hexadecimal digits, by which receipts name files.
#[pyfunction]
pub fn hash(bytes: &[u8]) -> String {
    Sha3Hash::of(bytes).to_string()
}

/// JSON of a receipt, which is checked for its form only.
#[pyfunction]
pub fn read_receipt(py: Python<'_>, bytes: &[u8]) -> PyResult<String> {
    json(&Receipt::from_bytes(bytes).map_err(|e| e.raised(py))?)
}

fn key() -> Result<VerifierKey, pleat_nova_circuits::chain::Error> {
    VerifierKey::load_or_build(&CacheFolder::from_environment(), &mut |_| ())
}

/// Row-major values of the tensors that are asked for.
fn numbers(arrays: &[Array], request: &DataRequest<'_>) -> Result<Vec<Vec<f64>>, String> {
    if arrays.len() != request.ports.len() {
        return Err(format!(
            "{} arrays are given, and {} tensors are asked for",
            arrays.len(),
            request.ports.len()
        ));
    }
    let tensor = |(port, array): (&&Port, &Array)| {
        let values = array.values();
        let shape = request.sample_shape(port);
        let count = request.index.count;
        if Some(values.len()) == shape.iter().try_fold(count, |n, len| n.checked_mul(*len)) {
            return Ok(values.into_iter().map(f64::from).collect());
        }
        let samples = if count == 1 {
            String::new()
        } else {
            format!("{count} samples of ")
        };
        Err(format!(
            "tensor {} takes {samples}shape {shape:?}; the array has shape {:?}",
            port.name, array.shape
        ))
    };
    request.ports.iter().zip(arrays).map(tensor).collect()
}
