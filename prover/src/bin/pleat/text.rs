//! Prompts and answers in words: what `--prompt` means for a network of words.

use std::fmt;
use std::path::{Path, PathBuf};

use pleat_prover::execute::Executor;
use pleat_prover::model::ProvingModel;
use pleat_prover::text::{Words, written};
use pleat_verifier::decoding::{Decoding, DecodingError};
use pleat_verifier::descriptor::Indices;
use pleat_verifier::network::Network;
use serde::Serialize;

use crate::args::PromptOptions;
use crate::console::Console;
use crate::error::CliError;
use crate::paths::with_suffix;

/// Ends the name of a model's tokenizer, which `pleat compile` puts beside the model.
pub const TOKENIZER_SUFFIX: &str = ".tokenizer.json";

/// A folder's tokenizer.
pub const TOKENIZER: &str = "tokenizer.json";

/// A prompt for a network.
pub struct Prompt {
    words: Words,
    decoding: Decoding,
    tokens: Vec<u32>,
}

/// What a network answers to a prompt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The text that was asked.
    pub prompt: String,
    /// Its words.
    pub prompt_tokens: Vec<u32>,
    /// The text by which the network goes on.
    pub answer: String,
    /// Its words: each is the network's first choice after all before it.
    pub answer_tokens: Vec<u32>,
}

impl Prompt {
    /// That of the options, if there is one; the tokenizer is the one beside the model unless they name another.
    pub fn new(
        options: &PromptOptions,
        model: &Path,
        network: &Network,
    ) -> Result<Option<Self>, CliError> {
        let Some(text) = &options.prompt else {
            return Ok(None);
        };
        let beside = || with_suffix(&model.with_extension(""), TOKENIZER_SUFFIX);
        let path = options.tokenizer.clone().unwrap_or_else(beside);
        let descriptor = network.descriptor();
        let decoding = Decoding::of(descriptor).filter(|_| descriptor.inputs.is_empty());
        let decoding = decoding.ok_or_else(|| CliError::NoWords {
            model: model.to_owned(),
        })?;
        let words = Words::load(&path)?;
        let tokens = words.encode(text)?;
        Ok(Some(Self {
            words,
            decoding,
            tokens,
        }))
    }

    /// The given words of the run in which the network writes `count` words.
    pub fn written(
        &self,
        model: &ProvingModel,
        count: usize,
        console: &Console,
    ) -> Result<Vec<u32>, CliError> {
        let executor = Executor::new(model.network(), model.weights())?;
        let mut heard = |done, total| console.progress("write", done, total);
        Ok(written(
            &executor,
            &self.decoding,
            &self.tokens,
            count,
            &mut heard,
        )?)
    }

    /// What a run's public indices say is the answer.
    pub fn answer(&self, indices: &Indices) -> Result<Result<Answer, DecodingError>, CliError> {
        let tokens = match self.decoding.answer(indices, &self.tokens) {
            Ok(tokens) => tokens,
            Err(error) => return Ok(Err(error)),
        };
        Ok(Ok(Answer {
            prompt: self.words.decode(&self.tokens)?,
            prompt_tokens: self.tokens.clone(),
            answer: self.words.continuation(&self.tokens, &tokens)?,
            answer_tokens: tokens,
        }))
    }
}

/// The tokenizer of a folder, if it has one.
pub fn tokenizer_of(folder: &Path) -> Option<PathBuf> {
    Some(folder.join(TOKENIZER)).filter(|path| path.is_file())
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  prompt  {:?}", self.prompt)?;
        writeln!(
            f,
            "  answer  {:?}: each of its {} words is the model's first choice after those before",
            self.answer,
            self.answer_tokens.len()
        )
    }
}
