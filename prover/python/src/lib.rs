//! Compiling, running, proving and opening for Python, beside what the verifier's extension has. What a user of the package meets is in
//! `python/pleat`, which turns JSON into objects.

mod compile;
mod errors;
mod heard;
mod model;
mod text;

use pyo3::prelude::*;

/// The wheel's extension.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    pleat_verifier_python::add_to(module)?;
    errors::add_to(module)?;
    module.add_class::<model::Model>()?;
    module.add_class::<text::Tokenizer>()?;
    module.add_function(wrap_pyfunction!(compile::compile, module)?)?;
    module.add_function(wrap_pyfunction!(compile::input_specs, module)?)?;
    module.add_function(wrap_pyfunction!(model::open, module)?)?;
    module.add_function(wrap_pyfunction!(model::write_files, module)?)
}
