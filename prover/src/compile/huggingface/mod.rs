//! Folders as Hugging Face has them, `config.json` and `model.safetensors`, straight to our graph: GPT-2, Llama and BERT.
//!
//! Weights stay in their files until somebody needs them. A norm's factors go into the matrices that read it, its summands into their
//! biases; what was an embedding and is a head as well is one matrix.

mod bert;
mod config;
mod gpt2;
mod layers;
mod llama;
mod safetensors;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::error::CompileError;
use super::graph::Graph;
use super::onnx::InputSpec;
use super::translate::Refusal;
use config::Config;
use safetensors::Tensors;

/// Name of the token ids.
pub(super) const IDS: &str = "input_ids";

/// What is wanted of a folder's network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub tokens: usize,
    /// Only the last so many tokens' logits.
    pub last: Option<usize>,
    /// The index of the largest logit instead.
    pub best: bool,
    /// What stands for minus infinity in scores.
    pub masked: f64,
}

/// The families.
enum Family {
    Gpt2(gpt2::Shape),
    Llama(llama::Shape),
    Bert(bert::Shape),
}

/// A folder that has been looked at.
pub(super) struct Folder {
    path: PathBuf,
    family: Family,
    tensors: Tensors,
}

impl Folder {
    pub fn open(path: &Path) -> Result<Self, CompileError> {
        Self::opened(path, false)
    }

    /// For shapes only: no matrix is read.
    pub fn sketch(path: &Path) -> Result<Self, CompileError> {
        Self::opened(path, true)
    }

    fn opened(path: &Path, sketch: bool) -> Result<Self, CompileError> {
        let config = Config::open(path)?;
        let family = match config.family() {
            "gpt2" => Family::Gpt2(gpt2::Shape::read(&config)?),
            "llama" => Family::Llama(llama::Shape::read(&config)?),
            "bert" => Family::Bert(bert::Shape::read(path, &config)?),
            other => {
                return Err(config.unsupported(format!(
                    "model_type is {other:?}; supported families are gpt2, llama and bert"
                )));
            }
        };
        Ok(Self {
            path: path.to_owned(),
            family,
            tensors: Tensors::open(path, sketch)?,
        })
    }

    /// Token ids are below it.
    pub fn vocabulary(&self) -> usize {
        match &self.family {
            Family::Gpt2(s) => s.vocabulary,
            Family::Llama(s) => s.vocabulary,
            Family::Bert(s) => s.vocabulary,
        }
    }

    /// Most tokens that the network has positions for.
    pub fn positions(&self) -> usize {
        match &self.family {
            Family::Gpt2(s) => s.positions,
            Family::Llama(s) => s.positions,
            Family::Bert(s) => s.positions,
        }
    }

    /// The output's name.
    pub const fn output(&self) -> &'static str {
        match &self.family {
            Family::Gpt2(_) | Family::Llama(_) => "logits",
            Family::Bert(s) => s.output(),
        }
    }

    /// Demands that the network has so many positions.
    pub fn check(&self, tokens: usize, last: Option<usize>) -> Result<(), CompileError> {
        let bad = |option, value: usize, range| CompileError::BadOption {
            option,
            value: value.to_string(),
            range,
        };
        if tokens == 0 || tokens > self.positions() {
            return Err(CompileError::Tokens {
                folder: self.path.clone(),
                tokens,
                most: self.positions(),
            });
        }
        match last {
            Some(n) if n == 0 || n > tokens => Err(bad("last", n, "1 to the number of tokens")),
            Some(n) if matches!(self.family, Family::Bert(_)) => {
                Err(bad("last", n, "left out: this network has no logits"))
            }
            _ => Ok(()),
        }
    }

    /// The network's one input.
    pub fn specs(&self, tokens: usize) -> Vec<InputSpec> {
        vec![InputSpec {
            name: IDS.to_owned(),
            shape: vec![1, tokens],
            dtype: "int64".to_owned(),
        }]
    }

    /// The network in real numbers.
    pub fn graph(&self, wish: &Wish) -> Result<Graph, CompileError> {
        let built = match &self.family {
            Family::Gpt2(s) => s.graph(&self.tensors, wish),
            Family::Llama(s) => s.graph(&self.tensors, wish),
            Family::Bert(s) => s.graph(&self.tensors, wish),
        };
        let mut graph = built.map_err(|e| match e {
            BuildError::Compile(e) => e,
            BuildError::Refused(Refusal(reason)) => CompileError::NotFolder {
                folder: self.path.clone(),
                reason,
            },
        })?;
        graph.number_names();
        Ok(graph)
    }
}

/// Why a graph cannot be built.
enum BuildError {
    Compile(CompileError),
    Refused(Refusal),
}

impl From<CompileError> for BuildError {
    fn from(e: CompileError) -> Self {
        Self::Compile(e)
    }
}

impl From<Refusal> for BuildError {
    fn from(e: Refusal) -> Self {
        Self::Refused(e)
    }
}

type Built<T> = Result<T, BuildError>;

/// A file of JSON.
fn json<T: DeserializeOwned>(file: &Path) -> Result<T, CompileError> {
    let bytes = std::fs::read(file).map_err(|source| CompileError::Unreadable {
        file: file.to_owned(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|e| CompileError::UnsupportedConfig {
        file: file.to_owned(),
        what: e.to_string(),
    })
}
