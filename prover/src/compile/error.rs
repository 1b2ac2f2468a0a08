//! Why a model cannot be compiled.

use std::path::PathBuf;

use pleat_verifier::descriptor::DescriptorError;
use thiserror::Error;

use crate::execute::ExecuteError;

/// A node of the model that cannot be proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Its name in the ONNX file, or that of its first output.
    pub node: String,
    /// The ONNX operator.
    pub operator: String,
    /// What about it is not supported; empty if the operator as such is not.
    pub why: String,
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "  {} (node {})", self.operator, self.node)?;
        if self.why.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.why)
        }
    }
}

/// Why a model cannot be compiled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The file cannot be read.
    #[error("cannot read {file}: {source}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not an ONNX model, or its graph is inconsistent.
    #[error("{file} cannot be imported as an ONNX model: {reason}")]
    NotOnnx {
        /// The file.
        file: PathBuf,
        /// What the parser says.
        reason: String,
    },
    /// The folder is none of those that can be compiled.
    #[error("{} cannot be compiled: {reason}", folder.display())]
    NotFolder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// A setting of a folder that has no translation.
    #[error("{} describes a network that cannot be compiled: {what}", file.display())]
    UnsupportedConfig {
        /// The file of settings.
        file: PathBuf,
        /// Which setting, and its value.
        what: String,
    },
    /// The file is not safetensors.
    #[error("{} is no file of safetensors: {reason}", file.display())]
    NotSafetensors {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor of weights is missing.
    #[error(
        "the files of {} have no tensor {tensor} of floats, which config.json implies; check that the folder is complete",
        folder.display()
    )]
    NoTensor {
        /// The folder.
        folder: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor of weights has another shape than the settings imply.
    #[error("{}: tensor {tensor} has shape {got:?}, config.json implies {expected:?}", file.display())]
    TensorShape {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        got: Vec<usize>,
        /// The one expected.
        expected: Vec<usize>,
    },
    /// A weight is not finite.
    #[error("{}: tensor {tensor} has a value {value}; weights have to be finite", file.display())]
    TensorValue {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// The value.
        value: f32,
    },
    /// More tokens than the network has positions for.
    #[error(
        "{} is asked for {tokens} tokens, and has positions for 1 to {most}; choose another --tokens",
        folder.display()
    )]
    Tokens {
        /// The folder.
        folder: PathBuf,
        /// Tokens wanted.
        tokens: usize,
        /// Most tokens.
        most: usize,
    },
    /// Operators that have no translation, all of them.
    #[error("{file} uses operators that cannot be proved:\n{}\nSupported operators: {}", list(nodes), super::operators::SUPPORTED.join(", "))]
    Unsupported {
        /// The file.
        file: PathBuf,
        /// Every offending node.
        nodes: Vec<Unsupported>,
    },
    /// An option is out of range.
    #[error("option {option} is {value}; it must be {range}")]
    BadOption {
        /// Which one.
        option: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// A scale is chosen for an input that the model does not have.
    #[error("the model has no input {input}; it has: {}", inputs.join(", "))]
    NoInput {
        /// Its name.
        input: String,
        /// The model's inputs.
        inputs: Vec<String>,
    },
    /// An input is to be hidden that is none of indices.
    #[error(
        "no input {input} selects from a constant table; {}",
        if indices.is_empty() { "no input is public unless a proof shows it".to_owned() } else { format!("these can be hidden: {}", indices.join(", ")) }
    )]
    NoIndices {
        /// Its name.
        input: String,
        /// Inputs that do.
        indices: Vec<String>,
    },
    /// An output is named that the model does not have.
    #[error("the model has no output {output}; its outputs are: {}", outputs.join(", "))]
    NoOutput {
        /// Its name.
        output: String,
        /// The model's outputs.
        outputs: Vec<String>,
    },
    /// A length is chosen for a dimension that the model's inputs do not have.
    #[error("no input of the model has a dimension named {dimension}; named dimensions are: {}", dimensions.join(", "))]
    NoDimension {
        /// Its name.
        dimension: String,
        /// The named dimensions.
        dimensions: Vec<String>,
    },
    /// The caller wants no more.
    #[error("cancelled")]
    Cancelled,
    /// No calibration samples.
    #[error(
        "there are no calibration samples; give at least one, better a hundred typical inputs: they fix the ranges of all tensors"
    )]
    NoCalibration,
    /// A sample does not fit the model.
    #[error(
        "calibration sample {sample} does not fit {file}: {what}; the model takes {}",
        expected.join(", ")
    )]
    BadSample {
        /// The model file.
        file: PathBuf,
        /// Which sample, from 0.
        sample: usize,
        /// What is wrong.
        what: String,
        /// The model's inputs.
        expected: Vec<String>,
    },
    /// A sample has a value that is no number.
    #[error(
        "calibration sample {sample}, input {input}: element {element} is {value}; remove or mend this sample"
    )]
    NotFinite {
        /// Which sample, from 0.
        sample: usize,
        /// Which input.
        input: String,
        /// Which element, row-major.
        element: usize,
        /// Its value.
        value: f32,
    },
    /// A tensor becomes infinite or no number on a calibration sample.
    #[error(
        "node {node} computes a value that is not finite on calibration sample {sample}; check that the samples are scaled as the model expects"
    )]
    Overflow {
        /// The node.
        node: String,
        /// Which sample, from 0.
        sample: usize,
    },
    /// A divisor that no integer from 1 on stands for.
    #[error(
        "node {node} divides by a tensor that is not positive, or too wide, on the samples: {low}; only positive divisors can be proved"
    )]
    Divisor {
        /// The node.
        node: String,
        /// The value.
        low: f64,
    },
    /// A product's range does not fit its factors.
    #[error(
        "node {node}: the product of two activations spreads over too wide a range for {digit_bits}-bit digits; use more digit bits"
    )]
    ProductTooWide {
        /// The node.
        node: String,
        /// `B`.
        digit_bits: u32,
    },
    /// The float evaluation of the translated network differs from the model's own.
    #[error(
        "{file} was not translated faithfully: output {output} of sample {sample} is {got} instead of {expected}; please report this model"
    )]
    Unfaithful {
        /// The model file.
        file: PathBuf,
        /// The output tensor.
        output: String,
        /// The sample, from 0.
        sample: usize,
        /// By the translation.
        got: f32,
        /// By the model.
        expected: f32,
    },
    /// The descriptor breaks a rule.
    #[error("the compiled network breaks a rule of the protocol: {0}")]
    Descriptor(#[from] DescriptorError),
    /// The integer network cannot be run.
    #[error("the compiled network cannot be run: {0}")]
    Execute(#[from] ExecuteError),
}

impl CompileError {
    /// With the operator beside the node's name, where `operator` knows it.
    pub(super) fn of(mut self, operator: impl Fn(&str) -> Option<String>) -> Self {
        if let Self::Overflow { node, .. }
        | Self::Divisor { node, .. }
        | Self::ProductTooWide { node, .. } = &mut self
            && let Some(operator) = operator(node)
        {
            *node = format!("{node} ({operator})");
        }
        self
    }
}

fn list(nodes: &[Unsupported]) -> String {
    let lines: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
