//! Public indices (PROTOCOL.md §2): tensors of integers that a proof lists, that maps gather by, and that are answers about the
//! largest of several numbers.

use std::fmt;

use super::Port;
use serde::{Deserialize, Serialize};

/// What an index port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexRole {
    /// Part of the question: maps may gather by it.
    Given,
    /// What exactly one [`super::Operation::Best`] proves. No map gathers by it: it would be its own premise.
    Answer,
}

/// A public tensor of indices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexPort {
    /// The model's own name for the tensor.
    pub name: String,
    /// True lengths, last axis least significant.
    pub shape: Vec<usize>,
    /// `n`: indices are below it.
    pub len: usize,
    /// What it is for.
    pub role: IndexRole,
}

impl fmt::Display for IndexRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "given",
            Self::Answer => "answer",
        })
    }
}

impl IndexPort {
    /// The port as a tensor of DATA, in which indices are numbers.
    pub fn tensor(&self) -> Port {
        Port {
            name: self.name.clone(),
            node: usize::MAX,
            shape: self.shape.clone(),
            scale: 1.0,
        }
    }

    /// The lengths of its axes that are longer than 1: those of the index axes of what it selects for.
    pub fn lens(&self) -> Vec<usize> {
        self.shape.iter().copied().filter(|n| *n != 1).collect()
    }

    /// Indices that it has; saturating.
    pub fn elements(&self) -> usize {
        self.shape.iter().fold(1, |n, len| n.saturating_mul(*len))
    }
}

/// A demand that an answer is the given sequence, shifted: `answer[i] = given[i + shift]` wherever both are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// An index port of one axis that is an answer.
    pub answer: usize,
    /// An index port of one axis that is given.
    pub given: usize,
    /// How far ahead.
    pub shift: usize,
}

/// The values of all index ports, each with [`IndexPort::lens`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indices(Vec<(Vec<usize>, Vec<u32>)>);

impl Indices {
    /// The values of `ports`, row-major; ports without values have none.
    pub fn new(ports: &[IndexPort], values: Vec<Vec<u32>>) -> Self {
        let values = values.into_iter().chain(std::iter::repeat_with(Vec::new));
        let shapes = ports.iter().map(IndexPort::lens);
        Self(shapes.zip(values).collect())
    }

    /// Each port's values, row-major.
    pub fn values(&self) -> impl Iterator<Item = &[u32]> {
        self.0.iter().map(|(_, values)| values.as_slice())
    }

    /// One port's values, row-major; none if there is no such port.
    pub fn of(&self, port: usize) -> &[u32] {
        self.0.get(port).map_or(&[], |(_, values)| values)
    }

    /// Sets one port's values, row-major; does nothing if there is no such port.
    pub fn set(&mut self, port: usize, values: Vec<u32>) {
        if let Some((_, own)) = self.0.get_mut(port) {
            *own = values;
        }
    }

    /// `k[i]`.
    pub fn at(&self, port: usize, index: &[usize]) -> Option<usize> {
        let (shape, values) = self.0.get(port)?;
        let flat = shape.iter().zip(index).fold(0_usize, |flat, (len, i)| {
            flat.saturating_mul(*len).saturating_add(*i)
        });
        values.get(flat).and_then(|k| usize::try_from(*k).ok())
    }
}
