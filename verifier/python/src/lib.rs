//! The verifier for Python: bytes in, the JSON of `pleat-verify --json` out. What a user of the package meets is in
//! `python/pleat_verifier`, which turns JSON into objects; the wheel `pleat` has the same functions, through [`add_to`].

mod arrays;
mod errors;
mod model;

use pyo3::prelude::*;

pub use arrays::Array;
pub use errors::{FormatError, Named, PleatError, json};
pub use model::Model;

/// What the two packages share.
///
/// # Errors
/// Those of Python.
pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    errors::add_to(module)?;
    module.add_class::<Model>()?;
    module.add_function(wrap_pyfunction!(model::check_chain, module)?)?;
    module.add_function(wrap_pyfunction!(model::check_many, module)?)?;
    module.add_function(wrap_pyfunction!(model::hash, module)?)?;
    module.add_function(wrap_pyfunction!(model::read_receipt, module)?)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}

/// The wheel's extension.
#[pymodule]
fn _checks(module: &Bound<'_, PyModule>) -> PyResult<()> {
    add_to(module)
}
