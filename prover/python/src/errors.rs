//! Exceptions of the prover's enums.

use pleat_prover::artifacts::OrderError;
use pleat_prover::compile::CompileError as Compile;
use pleat_prover::data::DataError as Data;
use pleat_prover::execute::ExecuteError as Execute;
use pleat_prover::files::WriteError as Write;
use pleat_prover::model::ProvingModelError as Model;
use pleat_prover::prove::ProveError as Prove;
use pleat_prover::text::TextError as Text;
use pleat_verifier_python::{Named, PleatError};
use pyo3::create_exception;
use pyo3::prelude::*;

create_exception!(
    pleat,
    CompileError,
    PleatError,
    "A model cannot be compiled."
);
create_exception!(
    pleat,
    ProvingModelError,
    PleatError,
    "A proving model cannot be made or read."
);
create_exception!(
    pleat,
    DataError,
    PleatError,
    "Arrays do not fit a model's inputs."
);
create_exception!(
    pleat,
    ExecuteError,
    PleatError,
    "A network does not run on an input, for example because a value leaves its range."
);
create_exception!(pleat, ProveError, PleatError, "No proof was made.");
create_exception!(
    pleat,
    TextError,
    PleatError,
    "A text cannot be used with a model of words."
);
create_exception!(pleat, WriteError, PleatError, "A file cannot be written.");

impl Named<CompileError> for Compile {}
impl Named<ProvingModelError> for Model {}
impl Named<DataError> for Data {}
impl Named<ExecuteError> for Execute {}
impl Named<ProveError> for Prove {}
impl Named<ProveError> for OrderError {}
impl Named<TextError> for Text {}
impl Named<WriteError> for Write {}

/// The exception of the innermost error.
pub fn order(error: OrderError, py: Python<'_>) -> PyErr {
    match error {
        OrderError::Prove(Prove::Execute(error)) => error.raised(py),
        OrderError::Prove(error) => error.raised(py),
        OrderError::Receipt(error) => error.raised(py),
        other => other.raised(py),
    }
}

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("CompileError", py.get_type::<CompileError>())?;
    module.add("ProvingModelError", py.get_type::<ProvingModelError>())?;
    module.add("DataError", py.get_type::<DataError>())?;
    module.add("ExecuteError", py.get_type::<ExecuteError>())?;
    module.add("ProveError", py.get_type::<ProveError>())?;
    module.add("TextError", py.get_type::<TextError>())?;
    module.add("WriteError", py.get_type::<WriteError>())
}
