//! A language model's answer, read off a proof's public indices: the words of the given sequence that are the network's first choices
//! after those before them (PROTOCOL.md §2.5).
//!
//! A causal network shows, for its last positions, the index of its largest logit. Where the next given word *is* that index, the
//! sequence goes on as the network would have written it; so by induction a whole answer is, whatever follows it. That the answer
//! at a position is about the words up to there, and no later ones, is a property of the network, which the model id stands for.

use thiserror::Error;

use crate::descriptor::{Descriptor, IndexPort, IndexRole, Indices};

/// Why no answer can be read off.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodingError {
    /// It is another prompt.
    #[error("word {position} of what the network was given is {got}, and {expected} in the prompt")]
    Prompt {
        /// The first that differs, counted from 0.
        position: usize,
        /// In the proof.
        got: u32,
        /// In the prompt.
        expected: u32,
    },
    /// The indices are not those of one run of the network.
    #[error("the proof's indices are not those of one run of this model")]
    OtherNetwork,
    /// The network shows no choice after so few words, or has no place for so many.
    #[error("a prompt of {got} words; the model shows its choices after {least} to {most}")]
    Length {
        /// Words of the prompt.
        got: usize,
        /// At least.
        least: usize,
        /// At most.
        most: usize,
    },
}

/// Where a network's words and choices are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoding {
    given: usize,
    answer: usize,
    tokens: usize,
    /// Position of the given word after which the first choice is.
    first: usize,
}

impl Decoding {
    /// Of a network with one sequence of given words and the choices after the last of them, among the same words.
    pub fn of(descriptor: &Descriptor) -> Option<Self> {
        let only = |role: IndexRole| {
            let mut ports = descriptor.indices.iter().enumerate();
            let found = ports.by_ref().find(|(_, port)| port.role == role);
            let more = ports.any(|(_, port)| port.role == role);
            found.filter(|_| !more)
        };
        let (given, words) = only(IndexRole::Given)?;
        let (answer, choices) = only(IndexRole::Answer)?;
        let one_axis = |port: &IndexPort| port.lens().len() <= 1;
        let (tokens, shown) = (words.elements(), choices.elements());
        let fits = one_axis(words) && one_axis(choices) && words.len == choices.len;
        let first = tokens.checked_sub(shown).filter(|_| fits)?;
        Some(Self {
            given,
            answer,
            tokens,
            first,
        })
    }

    /// The index port of the given words.
    pub const fn given(&self) -> usize {
        self.given
    }

    /// How many words are given.
    pub const fn tokens(&self) -> usize {
        self.tokens
    }

    /// Words that a prompt may have.
    ///
    /// # Errors
    /// [`DecodingError::Length`].
    pub const fn check_length(&self, prompt: usize) -> Result<(), DecodingError> {
        let least = self.first.saturating_add(1);
        if prompt < least || prompt > self.tokens {
            return Err(DecodingError::Length {
                got: prompt,
                least,
                most: self.tokens,
            });
        }
        Ok(())
    }

    /// The network's choice after the given word at `position`.
    pub fn choice(&self, indices: &Indices, position: usize) -> Option<u32> {
        let place = position.checked_sub(self.first)?;
        indices.of(self.answer).get(place).copied()
    }

    /// What the network answers to this prompt: its choice after it, and on as long as the given words are its choices.
    ///
    /// # Errors
    /// If the proof is about another prompt, or there is no choice after it.
    pub fn answer(&self, indices: &Indices, prompt: &[u32]) -> Result<Vec<u32>, DecodingError> {
        self.check_length(prompt.len())?;
        let given = indices.of(self.given);
        let choices = indices.of(self.answer).len();
        if given.len() != self.tokens || choices.checked_add(self.first) != Some(self.tokens) {
            return Err(DecodingError::OtherNetwork);
        }
        let mut pairs = given.iter().zip(prompt).enumerate();
        if let Some((position, (got, expected))) = pairs.find(|(_, (got, own))| got != own) {
            return Err(DecodingError::Prompt {
                position,
                got: *got,
                expected: *expected,
            });
        }
        let mut answer = Vec::new();
        let mut position = prompt.len();
        while let Some(choice) = position
            .checked_sub(1)
            .and_then(|last| self.choice(indices, last))
        {
            answer.push(choice);
            if given.get(position) != Some(&choice) {
                break;
            }
            position = position.saturating_add(1);
        }
        Ok(answer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ports(given: usize, answered: usize, len: usize) -> Vec<IndexPort> {
        let port = |name: &str, n, len, role| IndexPort {
            name: name.into(),
            shape: vec![1, n],
            len,
            role,
        };
        vec![
            port("ids", given, 50, IndexRole::Given),
            port("logits", answered, len, IndexRole::Answer),
        ]
    }

    fn descriptor(indices: Vec<IndexPort>) -> Descriptor {
        Descriptor {
            digit_bits: 4,
            row_bits: 4,
            functions: Vec::new(),
            weights: Vec::new(),
            constants: Vec::new(),
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            indices,
            agreements: Vec::new(),
        }
    }

    fn indices(answered: usize, values: [&[u32]; 2]) -> (Decoding, Indices) {
        let ports = ports(values[0].len(), answered, 50);
        let indices = Indices::new(&ports, values.map(<[u32]>::to_vec).to_vec());
        (Decoding::of(&descriptor(ports)).unwrap(), indices)
    }

    #[test]
    fn an_answer_goes_on_while_the_words_are_the_choices() {
        // After 7 8 the network says 9, after that 3, after that 4; then other words were given.
        let given = [7, 8, 9, 3, 0, 0];
        let (decoding, shown) = indices(6, [&given, &[1, 9, 3, 4, 0, 5]]);
        assert_eq!(decoding.answer(&shown, &[7, 8]).unwrap(), [9, 3, 4]);
        assert_eq!(decoding.answer(&shown, &[7, 8, 9]).unwrap(), [3, 4]);
        // The network's own choice after 7 is none of the prompt's words.
        assert_eq!(decoding.answer(&shown, &[7]).unwrap(), [1]);
        assert_eq!(decoding.answer(&shown, &given).unwrap(), [5]);
    }

    #[test]
    fn only_the_last_choices_may_be_shown() {
        let (decoding, shown) = indices(2, [&[7, 8, 9], &[9, 4]]);
        assert_eq!(decoding.answer(&shown, &[7, 8]).unwrap(), [9, 4]);
        let few = decoding.answer(&shown, &[7]).unwrap_err();
        assert_eq!(
            few,
            DecodingError::Length {
                got: 1,
                least: 2,
                most: 3
            }
        );
        assert!(decoding.answer(&shown, &[7, 8, 9, 4]).is_err());
    }

    #[test]
    fn another_prompt_is_refused() {
        let (decoding, shown) = indices(3, [&[7, 8, 9], &[8, 9, 4]]);
        let other = decoding.answer(&shown, &[7, 9]).unwrap_err();
        assert_eq!(
            other,
            DecodingError::Prompt {
                position: 1,
                got: 8,
                expected: 9
            }
        );
    }

    #[test]
    fn other_networks_do_not_write() {
        assert_eq!(Decoding::of(&descriptor(ports(4, 5, 50))), None);
        assert_eq!(Decoding::of(&descriptor(ports(4, 4, 49))), None);
        assert_eq!(
            Decoding::of(&descriptor(ports(4, 4, 50).into_iter().take(1).collect())),
            None
        );
        let twice = [ports(4, 4, 50), ports(4, 4, 50)].concat();
        assert_eq!(Decoding::of(&descriptor(twice)), None);
    }
}
