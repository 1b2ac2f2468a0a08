//! Text for networks of words: a tokenizer, and greedy decoding by the integer network.

use std::path::{Path, PathBuf};

use pleat_verifier::decoding::{Decoding, DecodingError};
use thiserror::Error;
use tokenizers::Tokenizer;

use crate::execute::{ExecuteError, Executor};

/// Why a text is none for a network.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TextError {
    /// The tokenizer's file cannot be used.
    #[error("{}: {reason}; a tokenizer is the tokenizer.json of a model's folder", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The text has no words, or words no text.
    #[error("the tokenizer refuses: {0}")]
    Refused(String),
    /// The network does not answer, or not to this prompt.
    #[error(transparent)]
    Decoding(#[from] DecodingError),
    /// The answer is too long.
    #[error(
        "{prompt} words of prompt and {answer} of answer; the model was compiled for {tokens} in all, and the last of an answer need \
             not be among them"
    )]
    TooLong {
        /// Words of the prompt.
        prompt: usize,
        /// Words that are asked for.
        answer: usize,
        /// Words of a run.
        tokens: usize,
    },
    /// The network does not run on these words.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

/// A tokenizer as Hugging Face's folders have them.
#[derive(Debug)]
pub struct Words(Tokenizer);

impl Words {
    /// Reads `tokenizer.json`.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`].
    pub fn load(path: &Path) -> Result<Self, TextError> {
        let tokenizer = Tokenizer::from_file(path).map_err(|e| TextError::Tokenizer {
            path: path.to_owned(),
            reason: e.to_string(),
        });
        Ok(Self(tokenizer?))
    }

    /// The words of a text, with those that the tokenizer puts around it.
    ///
    /// # Errors
    /// [`TextError::Refused`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TextError> {
        let encoding = self.0.encode(text, true).map_err(refused)?;
        if encoding.is_empty() {
            return Err(TextError::Refused("the text has no words".to_owned()));
        }
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of words, special ones included.
    ///
    /// # Errors
    /// [`TextError::Refused`].
    pub fn decode(&self, words: &[u32]) -> Result<String, TextError> {
        self.0.decode(words, false).map_err(refused)
    }

    /// The text by which `answer` goes on after `prompt`; what stands between them depends on both.
    ///
    /// # Errors
    /// [`TextError::Refused`].
    pub fn continuation(&self, prompt: &[u32], answer: &[u32]) -> Result<String, TextError> {
        let (before, all) = (
            self.decode(prompt)?,
            self.decode(&[prompt, answer].concat())?,
        );
        match all.strip_prefix(&before) {
            Some(rest) => Ok(rest.to_owned()),
            None => self.decode(answer),
        }
    }

    /// Stretches of so many words, one after another, from a text; what is left at its end is not used.
    ///
    /// # Errors
    /// [`TextError::Refused`] if there is not one.
    pub fn stretches(&self, text: &str, tokens: usize) -> Result<Vec<Vec<u32>>, TextError> {
        let words = self.encode(text)?;
        let stretches: Vec<_> = words
            .chunks_exact(tokens.max(1))
            .map(<[u32]>::to_vec)
            .collect();
        if stretches.is_empty() {
            let reason = format!("the text has {} words, and a sample {tokens}", words.len());
            return Err(TextError::Refused(reason));
        }
        Ok(stretches)
    }
}

fn refused(error: impl std::fmt::Display) -> TextError {
    TextError::Refused(error.to_string())
}

/// The given words of the run in which the network writes `count` words after `prompt`, each its first choice after those before;
/// the last is no given word, but the choice that the run ends on. Places that are left hold word 0.
///
/// `heard` is told how many words of how many are written.
///
/// # Errors
/// If prompt or answer do not fit the network, or it does not run on some word.
pub fn written(
    executor: &Executor<'_>,
    decoding: &Decoding,
    prompt: &[u32],
    count: usize,
    heard: &mut dyn FnMut(u64, u64),
) -> Result<Vec<u32>, TextError> {
    decoding.check_length(prompt.len())?;
    let inside = count.saturating_sub(1);
    let tokens = decoding.tokens();
    if prompt.len() + inside > tokens {
        return Err(TextError::TooLong {
            prompt: prompt.len(),
            answer: count,
            tokens,
        });
    }
    let mut given = prompt.to_vec();
    given.resize(tokens, 0);
    for place in prompt.len()..prompt.len() + inside {
        heard((place - prompt.len()) as u64, count as u64);
        let trace = executor.run_on(&[], &[given.clone()])?;
        let choice = decoding.choice(&trace.indices, place - 1);
        if let (Some(word), Some(choice)) = (given.get_mut(place), choice) {
            *word = choice;
        }
    }
    heard(inside as u64, count as u64);
    Ok(given)
}
