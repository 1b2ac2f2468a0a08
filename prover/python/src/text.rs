//! Tokenizers.

use std::path::PathBuf;

use pleat_prover::text::Words;
use pleat_verifier_python::Named;
use pyo3::prelude::*;

/// A tokenizer.
#[pyclass(frozen, module = "pleat", name = "Tokenizer")]
pub struct Tokenizer(Words);

#[pymethods]
impl Tokenizer {
    /// Reads a `tokenizer.json`.
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Words::load(&path).map(Self).map_err(|e| e.raised(py))
    }

    /// The words of a text.
    fn encode(&self, py: Python<'_>, text: &str) -> PyResult<Vec<u32>> {
        self.0.encode(text).map_err(|e| e.raised(py))
    }

    /// The text of words.
    fn decode(&self, py: Python<'_>, words: Vec<u32>) -> PyResult<String> {
        self.0.decode(&words).map_err(|e| e.raised(py))
    }

    /// The text by which `answer` goes on after `prompt`.
    fn continuation(&self, py: Python<'_>, prompt: Vec<u32>, answer: Vec<u32>) -> PyResult<String> {
        let text = self.0.continuation(&prompt, &answer);
        text.map_err(|e| e.raised(py))
    }
}
