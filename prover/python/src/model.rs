//! Proving models: running, proving, opening.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use ndarray::{ArrayD, IxDyn};
use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::Parameters;
use pleat_prover::artifacts::{Artifacts, LeftOut, Order, Words};
use pleat_prover::data::{InputSpec, samples};
use pleat_prover::execute::{Executor, block_values};
use pleat_prover::files::{Access, NewFile, write_together};
use pleat_prover::inputs::{Given, given, wanted};
use pleat_prover::link::{Link, Previous};
use pleat_prover::model::ProvingModel;
use pleat_prover::opening::PrivateOpenings;
use pleat_prover::prove::{Event, Folding, Keys, Visibility};
use pleat_verifier::command::PortValues;
use pleat_verifier::descriptor::{Indices, Port};
use pleat_verifier::fold::Mode;
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::receipt::{IndexTensor, Sha3Hash};
use pleat_verifier_python::{Array, Named, PleatError, json};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::{Deserialize, Serialize};

use crate::errors::{DataError, order};
use crate::heard::interruptible;

/// A proving model, with the generators that its proofs need once one was made.
#[pyclass(frozen, module = "pleat", name = "NativeModel")]
pub struct Model {
    model: Arc<ProvingModel>,
    opening: OnceLock<OpeningKey>,
}

/// How a run is to be proved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    hide: Vec<Side>,
    leave_out: Vec<Side>,
    fold: Option<Fold>,
    receipt: bool,
    claims: serde_json::Map<String, serde_json::Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Input,
    Output,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fold {
    Tree,
    Chain,
}

/// What a run gave.
#[derive(Serialize)]
struct Run {
    model_id: String,
    output: Vec<PortValues>,
    indices: Vec<IndexTensor>,
}

/// What was proved.
#[derive(Serialize)]
struct Summary {
    #[serde(flatten)]
    run: Run,
    samples: usize,
    fold: Mode,
    steps: usize,
    rows: usize,
    hidden_inputs: Vec<String>,
    seconds: serde_json::Map<String, serde_json::Value>,
}

type Files<'py> = (
    Bound<'py, PyBytes>,
    Option<Bound<'py, PyBytes>>,
    Option<Bound<'py, PyBytes>>,
    String,
);

/// An array of Python's.
pub fn array(given: &Array) -> PyResult<ArrayD<f32>> {
    ArrayD::from_shape_vec(IxDyn(&given.shape), given.values())
        .map_err(|e| DataError::new_err(e.to_string()))
}

impl Model {
    pub fn new(model: ProvingModel) -> Self {
        Self {
            model: Arc::new(model),
            opening: OnceLock::new(),
        }
    }

    /// The library's.
    pub fn shared(&self) -> Arc<ProvingModel> {
        self.model.clone()
    }

    fn ports(&self) -> Vec<&Port> {
        self.model.network().descriptor().inputs.iter().collect()
    }

    /// Row-major values of all samples.
    fn values(
        &self,
        py: Python<'_>,
        arrays: &[Array],
        specs: &[InputSpec],
    ) -> PyResult<Vec<Vec<f64>>> {
        if arrays.len() != specs.len() {
            let names: Vec<&str> = specs.iter().map(|s| s.name.as_str()).collect();
            return Err(DataError::new_err(format!(
                "{} arrays are given; the model takes {}: {}",
                arrays.len(),
                specs.len(),
                names.join(", ")
            )));
        }
        let samples_of_model = self.model.verification().samples();
        let one = |(values, spec): (&Array, &InputSpec)| {
            let stack = samples(array(values)?, &spec.shape).map_err(|e| {
                let error = e.raised(py);
                let message = format!("input {}: {}", spec.name, error.value(py));
                DataError::new_err(message)
            })?;
            if stack.len() != samples_of_model {
                return Err(DataError::new_err(format!(
                    "input {}: {} samples are given; a run of this model takes {samples_of_model}. One proof about many samples: \
                     model.batch({}); many proofs: a loop, or pleat.ray.prove_many",
                    spec.name,
                    stack.len(),
                    stack.len()
                )));
            }
            let mut flat = Vec::new();
            for i in 0..stack.len() {
                let sample = stack.get(i).map_err(|e| e.raised(py))?;
                flat.extend(sample.iter().map(|v| f64::from(*v)));
            }
            Ok(flat)
        };
        arrays.iter().zip(specs).map(one).collect()
    }

    fn specs(&self, linked: &[usize]) -> (Vec<&Port>, Vec<InputSpec>) {
        let ports = self.ports().into_iter().enumerate();
        let ports = ports.filter(|(at, _)| !linked.contains(at));
        let ports: Vec<&Port> = ports.map(|(_, port)| port).collect();
        let network = self.model.network();
        let specs = wanted(network, &ports, self.model.verification().samples());
        (ports, specs)
    }

    fn given(&self, py: Python<'_>, arrays: &[Array], linked: &[usize]) -> PyResult<Given> {
        let (ports, specs) = self.specs(linked);
        let values = self.values(py, arrays, &specs)?;
        given(self.model.network(), &ports, &values).map_err(|e| e.raised(py))
    }

    fn summary(&self, outputs: Vec<Vec<i32>>, indices: &Indices, hidden: bool) -> Run {
        let descriptor = self.model.network().descriptor();
        let ports = descriptor.outputs.iter().zip(outputs);
        Run {
            model_id: self.model.verification().origin().to_string(),
            output: ports
                .map(|(port, values)| PortValues::new(port, hidden, Some(values)))
                .collect(),
            indices: IndexTensor::all(descriptor, indices),
        }
    }
}

#[pymethods]
impl Model {
    /// Reads the bytes of a `.pleat` file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        let model = py.detach(|| ProvingModel::from_bytes(bytes));
        model.map(Self::new).map_err(|e| e.raised(py))
    }

    /// The bytes of its file: secret.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.model.to_bytes());
        Ok(PyBytes::new(py, &bytes.map_err(|e| e.raised(py))?))
    }

    /// The bytes of its verification model.
    fn verification<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.model.verification().to_bytes();
        Ok(PyBytes::new(py, &bytes.map_err(|e| e.raised(py))?))
    }

    /// The model of `samples` runs side by side.
    fn batched(&self, py: Python<'_>, samples: usize) -> PyResult<Self> {
        let model = (*self.model).clone();
        let batched = py.detach(|| model.batched(samples));
        batched.map(Self::new).map_err(|e| e.raised(py))
    }

    /// JSON of the compile report.
    fn report(&self) -> String {
        self.model.report().to_owned()
    }

    /// JSON of the arrays that a run takes, but for linked inputs.
    #[pyo3(signature = (linked=Vec::new()))]
    fn wanted(&self, linked: Vec<usize>) -> PyResult<String> {
        let (_, specs) = self.specs(&linked);
        let specs: Vec<(String, Vec<usize>)> =
            specs.into_iter().map(|s| (s.name, s.shape)).collect();
        json(&specs)
    }

    /// Runs the network in integers: JSON of what it gives.
    fn run(&self, py: Python<'_>, arrays: Vec<Array>) -> PyResult<String> {
        let Given { integers, indices } = self.given(py, &arrays, &[])?;
        let network = self.model.network();
        let trace =
            py.detach(|| Executor::new(network, self.model.weights())?.run_on(&integers, &indices));
        let trace = trace.map_err(|e| e.raised(py))?;
        let outputs = network.descriptor().outputs.iter();
        let outputs = outputs.map(|port| block_values(network, port.node, &trace.y));
        json(&self.summary(outputs.collect(), &trace.indices, false))
    }

    /// Proves a run: the proof, what opens it, its receipt, and JSON of what was proved. `links` gives some inputs' positions and
    /// openings.
    #[pyo3(signature = (arrays, settings, links=Vec::new(), previous=Vec::new(), progress=None))]
    fn prove<'py>(
        &self,
        py: Python<'py>,
        arrays: Vec<Array>,
        settings: &str,
        links: Vec<(usize, Vec<u8>)>,
        previous: Vec<Vec<u8>>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Files<'py>> {
        let settings: Settings =
            serde_json::from_str(settings).map_err(|e| PleatError::new_err(e.to_string()))?;
        let network = self.model.network();
        let linked: Vec<usize> = links.iter().map(|(input, _)| *input).collect();
        let ports = self.ports();
        let links = links.iter().map(|(input, bytes)| {
            let port = ports.get(*input).copied();
            let port = port.ok_or_else(|| DataError::new_err("there is no such input"))?;
            Link::from_bytes(bytes, network, *input, port).map_err(|e| e.raised(py))
        });
        let previous = previous.iter().map(|bytes| Previous::from_bytes(bytes));
        let previous = previous.collect::<Result<Vec<_>, _>>();
        let hides = |side| settings.hide.contains(&side);
        let leaves_out = |side| settings.leave_out.contains(&side);
        let asked = Order {
            given: self.given(py, &arrays, &linked)?,
            links: links.collect::<PyResult<_>>()?,
            visibility: Visibility {
                inputs: !hides(Side::Input),
                outputs: !hides(Side::Output),
            },
            left_out: LeftOut {
                inputs: leaves_out(Side::Input),
                outputs: leaves_out(Side::Output),
            },
            receipt: settings.receipt.then_some(Words {
                claims: settings.claims,
                previous: previous.map_err(|e| e.raised(py))?,
            }),
        };
        let fold = match settings.fold {
            None => Mode::shorter(network),
            Some(Fold::Tree) => Mode::Tree,
            Some(Fold::Chain) => Mode::Chain,
        };
        let made = interruptible(py, progress, |heard| {
            let cache = CacheFolder::from_environment();
            let chain = match fold {
                Mode::Tree => None,
                Mode::Chain => {
                    // Like the verifier's, its parameters are built only once on a machine.
                    let _ = heard.tell("setup", 0, 1);
                    Some(Parameters::load_or_build(&cache, &mut |_| ()))
                }
            };
            let chain = chain.transpose().map_err(pleat_prover::ProveError::from)?;
            let opening = || OpeningKey::load_or_derive(network.row_bits(), &cache);
            let keys = Keys {
                opening: self.opening.get_or_init(opening),
                folding: chain.as_ref().map_or(Folding::Tree, Folding::Chain),
            };
            asked.carry_out(&self.model, keys, &mut |event| match event {
                Event::Start(stage) => heard.tell(stage.name(), 0, 1),
                Event::Folded(done, total) => heard.tell("fold", done as u64, total as u64),
            })
        })?;
        let made: Artifacts = made.map_err(|e| order(e, py))?;
        let names = network.descriptor().inputs.iter();
        let names = names.filter(|_| !asked.visibility.inputs);
        let stages = made.proved.timings.stages().iter();
        let summary = Summary {
            run: self.summary(
                made.proved.outputs,
                &made.proved.indices,
                !asked.visibility.outputs,
            ),
            samples: self.model.verification().samples(),
            fold,
            steps: fold.schedule(network).steps,
            rows: network.real_rows(),
            hidden_inputs: names.map(|port| port.name.clone()).collect(),
            seconds: stages
                .map(|(stage, time)| (stage.name().to_owned(), time.as_secs_f64().into()))
                .collect(),
        };
        let bytes = |bytes: Vec<u8>| PyBytes::new(py, &bytes);
        Ok((
            bytes(made.proof),
            made.secret.map(bytes),
            made.receipt.map(bytes),
            json(&summary)?,
        ))
    }

    /// Writes on after given words, and gives all of a run's: the network's own first choices follow.
    #[pyo3(signature = (words, count, progress=None))]
    fn written(
        &self,
        py: Python<'_>,
        words: Vec<u32>,
        count: usize,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<u32>> {
        use pleat_verifier::decoding::Decoding;
        let network = self.model.network();
        let decoding = Decoding::of(network.descriptor());
        let decoding = decoding.ok_or_else(|| {
            DataError::new_err(
                "this is no model of one sequence of words that shows its choices: compile a language model with best=",
            )
        })?;
        let written = interruptible(py, progress, |heard| {
            let executor = Executor::new(network, self.model.weights())?;
            let mut tell = |done, total| {
                let _: ControlFlow<()> = heard.tell("write", done, total);
            };
            pleat_prover::text::written(&executor, &decoding, &words, count, &mut tell)
        })?;
        written.map_err(|e| e.raised(py))
    }
}

/// Opens one tensor of a secret file: the opening's bytes, and JSON of the tensor.
#[pyfunction]
pub fn open<'py>(
    py: Python<'py>,
    secret: &[u8],
    model: &Bound<'py, pleat_verifier_python::Model>,
    port: &str,
) -> PyResult<(Bound<'py, PyBytes>, String)> {
    let model = model.get().model();
    let network = model.network();
    let ports: Vec<&Port> = network.descriptor().ports().collect();
    let no_port = || {
        let names: Vec<&str> = ports.iter().map(|p| p.name.as_str()).collect();
        DataError::new_err(format!(
            "the model has no input or output {port}; it has: {}",
            names.join(", ")
        ))
    };
    let at = ports
        .iter()
        .position(|p| p.name == port)
        .ok_or_else(no_port)?;
    let secret = PrivateOpenings::from_bytes(secret, network).map_err(|e| e.raised(py))?;
    let opening = secret.ports().iter().find(|o| o.port == at);
    let opening = opening.ok_or_else(no_port)?;
    if opening.model != model.id() {
        return Err(DataError::new_err(format!(
            "the secret is about model {}, not {}",
            opening.model,
            model.id()
        )));
    }
    let port = ports.get(at).copied().ok_or_else(no_port)?;
    let tensor = PortValues::new(port, true, Some(opening.values.clone()));
    Ok((PyBytes::new(py, &opening.to_bytes()), json(&tensor)?))
}

/// Writes files that belong together, whole or not at all: path, bytes, and whether they are secret. Gives their hashes.
#[pyfunction]
pub fn write_files(py: Python<'_>, files: Vec<(PathBuf, Vec<u8>, bool)>) -> PyResult<Vec<String>> {
    let new = files.iter().map(|(path, bytes, secret)| NewFile {
        path,
        bytes,
        access: if *secret {
            Access::Private
        } else {
            Access::Shared
        },
    });
    let new: Vec<NewFile<'_>> = new.collect();
    py.detach(|| write_together(&new))
        .map_err(|e| e.raised(py))?;
    let hashes = files
        .iter()
        .map(|(_, bytes, _)| Sha3Hash::of(bytes).to_string());
    Ok(hashes.collect())
}
