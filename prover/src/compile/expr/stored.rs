//! Matrices of weights that stay in their file: they are read in stretches of rows, whenever somebody needs them.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::atom::{Atom, Atoms, Rename, renamed};
use crate::compile::error::CompileError;

/// Cells that are read at once, unless a row has more.
const STRETCH: usize = 1 << 20;

/// What a matrix is read from.
pub(in crate::compile) trait Rows: std::fmt::Debug + Send + Sync {
    /// These rows, row-major.
    fn read(&self, rows: Range<usize>) -> Result<Vec<f32>, CompileError>;
}

/// A matrix that is not in memory.
#[derive(Debug)]
pub(in crate::compile) struct Matrix {
    /// Outputs, or entries of a table.
    pub rows: usize,
    /// Inputs, or the width of an entry.
    pub columns: usize,
    largest: f32,
    /// Whether nobody asks for its values.
    sketch: bool,
    source: Box<dyn Rows>,
}

impl Matrix {
    /// Reads all of it once, to know its largest absolute value. `invalid` is the error if a value is not finite.
    pub fn new(
        (rows, columns): (usize, usize),
        source: Box<dyn Rows>,
        invalid: impl Fn(f32) -> CompileError + Sync,
    ) -> Result<Self, CompileError> {
        let mut matrix = Self {
            rows,
            columns,
            largest: 0.0,
            sketch: false,
            source,
        };
        let largest = matrix.stretches().into_par_iter().map(|rows| {
            let values = matrix.read(rows)?;
            match values.iter().find(|v| !v.is_finite()) {
                Some(v) => Err(invalid(*v)),
                None => Ok(values.iter().fold(0.0_f32, |m, v| m.max(v.abs()))),
            }
        });
        let largest = largest.try_reduce(|| 0.0, |a, b| Ok(a.max(b)))?;
        matrix.largest = largest;
        Ok(matrix)
    }

    /// One of which only the shape is of interest; it is not read.
    pub const fn sketched((rows, columns): (usize, usize), source: Box<dyn Rows>) -> Self {
        Self {
            rows,
            columns,
            largest: 1.0,
            sketch: true,
            source,
        }
    }

    /// Whether only its shape is of interest.
    pub const fn is_sketch(&self) -> bool {
        self.sketch
    }

    /// The largest absolute value.
    pub fn largest(&self) -> f64 {
        f64::from(self.largest)
    }

    /// These rows, row-major.
    pub fn read(&self, rows: Range<usize>) -> Result<Vec<f32>, CompileError> {
        self.source.read(rows)
    }

    /// All rows, in stretches that are worth reading at once.
    pub fn stretches(&self) -> Vec<Range<usize>> {
        let step = (STRETCH / self.columns.max(1)).max(1);
        let starts = (0..self.rows).step_by(step);
        starts
            .map(|first| first..(first + step).min(self.rows))
            .collect()
    }

    /// `Σ_column matrix[row, column]·vector[column]`.
    pub fn times(&self, vector: &[f32]) -> Result<Vec<f32>, CompileError> {
        if self.sketch {
            return Ok(vec![0.0; self.rows]);
        }
        let dot = |row: &[f32]| -> f32 { row.iter().zip(vector).map(|(a, b)| a * b).sum() };
        let parts: Result<Vec<Vec<f32>>, CompileError> = (self.stretches().into_par_iter())
            .map(|rows| Ok(self.read(rows)?.chunks(self.columns).map(dot).collect()))
            .collect();
        Ok(parts?.concat())
    }
}

/// A matrix, indexed by atoms.
#[derive(Clone, Debug)]
pub(in crate::compile) struct Stored {
    pub matrix: Arc<Matrix>,
    /// Index of the rows, last least significant.
    pub rows: Vec<Atom>,
    /// Index of the columns.
    pub columns: Vec<Atom>,
}

impl Stored {
    /// All of its atoms.
    pub fn atoms(&self) -> Vec<Atom> {
        [self.rows.as_slice(), &self.columns].concat()
    }

    pub(super) fn rename(&self, rename: &Rename) -> Self {
        Self {
            matrix: Arc::clone(&self.matrix),
            rows: renamed(&self.rows, rename),
            columns: renamed(&self.columns, rename),
        }
    }

    /// Strides with which these atoms, all of an axis, count.
    pub fn strides(axis: &[Atom], atoms: &Atoms) -> Vec<(Atom, usize)> {
        let mut stride = 1;
        let mut strides: Vec<(Atom, usize)> = Vec::with_capacity(axis.len());
        for atom in axis.iter().rev() {
            strides.insert(0, (*atom, stride));
            stride *= atoms.len(*atom);
        }
        strides
    }
}
