//! Errors as exceptions: a class for each of the library's enums, whose attribute `kind` names the variant.

use std::fmt::Debug;

use pleat_verifier::command::CommandError;
use pleat_verifier::error::{self, ModelError as Model};
use pleat_verifier::quantize::QuantizeError as Quantize;
use pleat_verifier::receipt::ReceiptError as Receipt;
use pyo3::PyTypeInfo;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use serde::Serialize;

create_exception!(
    pleat,
    PleatError,
    PyException,
    "Why a call could not be carried out; `kind` names the case."
);
create_exception!(
    pleat,
    FormatError,
    PleatError,
    "Bytes are not the file they should be."
);
create_exception!(
    pleat,
    ModelError,
    PleatError,
    "A verification model cannot be used."
);
create_exception!(pleat, ReceiptError, PleatError, "Bytes are no receipt.");
create_exception!(
    pleat,
    QuantizeError,
    PleatError,
    "A real number has no integer in the model."
);
create_exception!(
    pleat,
    CheckError,
    PleatError,
    "A verification could not be carried out. A proof that is refused is no error but a verdict."
);

/// Has a class of exceptions.
pub trait Named<Class: PyTypeInfo>: std::error::Error + Debug + Sized {
    /// The name of the variant.
    fn kind(&self) -> String {
        let text = format!("{self:?}");
        let name = text.chars().take_while(char::is_ascii_alphanumeric);
        name.collect()
    }

    /// The exception.
    fn raised(self, py: Python<'_>) -> PyErr {
        let error = PyErr::new::<Class, _>(arguments(&self.to_string()));
        match error.value(py).setattr("kind", self.kind()) {
            Ok(()) => error,
            Err(failed) => failed,
        }
    }
}

/// Messages name options of the command line; here they are arguments.
fn arguments(message: &str) -> String {
    let mut words = message.split("--");
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let end = word.find(|c: char| !c.is_ascii_lowercase() && c != '-');
        let (name, rest) = word.split_at(end.unwrap_or(word.len()));
        // Both packages call it after what it is.
        let name = if name == "opened" { "opening" } else { name };
        text.push_str(&name.replace('-', "_"));
        text.push_str(if name.is_empty() { "--" } else { "=" });
        text.push_str(rest);
    }
    text
}

impl Named<FormatError> for error::FormatError {}
impl Named<ModelError> for Model {}
impl Named<ReceiptError> for Receipt {}
impl Named<QuantizeError> for Quantize {}
impl Named<CheckError> for CommandError {}

/// A value as JSON.
///
/// # Errors
/// If it has none.
pub fn json(value: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|e| PleatError::new_err(e.to_string()))
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("PleatError", py.get_type::<PleatError>())?;
    module.add("FormatError", py.get_type::<FormatError>())?;
    module.add("ModelError", py.get_type::<ModelError>())?;
    module.add("ReceiptError", py.get_type::<ReceiptError>())?;
    module.add("QuantizeError", py.get_type::<QuantizeError>())?;
    module.add("CheckError", py.get_type::<CheckError>())
}
