//! A sparse matrix with each coefficient stored once: R1CS has many entries and few coefficients.

use ff::PrimeField;
use nova_snark::r1cs::SparseMatrix;
use rayon::prelude::*;
use std::collections::HashMap;

/// A matrix, row by row. The coefficients' first is 1, whether it occurs or not, and the second -1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix<S> {
    coefficients: Vec<S>,
    /// Where each row's entries end.
    ends: Vec<u32>,
    /// Each entry's column.
    columns: Vec<u32>,
    /// Each entry's coefficient, by number.
    numbers: Vec<u32>,
}

impl<S: PrimeField> Matrix<S> {
    /// nova-snark's matrix.
    #[must_use]
    pub fn new(matrix: &SparseMatrix<S>) -> Self {
        let mut coefficients = vec![S::ONE, -S::ONE];
        let mut known: HashMap<Vec<u8>, u32> = (0..)
            .zip(&coefficients)
            .map(|(i, c)| (c.to_repr().as_ref().to_vec(), i))
            .collect();
        let numbers = matrix.data.iter().map(|value| {
            *known
                .entry(value.to_repr().as_ref().to_vec())
                .or_insert_with(|| {
                    coefficients.push(*value);
                    coefficients.len() as u32 - 1
                })
        });
        let numbers = numbers.collect();
        Self {
            coefficients,
            ends: matrix
                .indptr
                .iter()
                .skip(1)
                .map(|end| *end as u32)
                .collect(),
            columns: matrix.indices.iter().map(|c| *c as u32).collect(),
            numbers,
        }
    }

    /// Whether it has `2^variables` rows and at most twice as many columns.
    #[must_use]
    pub(super) fn fits(&self, variables: usize) -> bool {
        let rows = 1_usize.checked_shl(variables as u32);
        Some(self.ends.len()) == rows
            && self
                .columns
                .iter()
                .all(|c| *c as usize >> 1 < self.ends.len())
    }

    /// `Σ M_ij·x_i·y_j`.
    #[must_use]
    pub fn evaluate(&self, x: &[S], y: &[S]) -> S {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        let rows: Vec<(u32, u32)> = starts.zip(self.ends.iter().copied()).collect();
        let row = |(x, (start, end)): (&S, &(u32, u32))| {
            let range = *start as usize..*end as usize;
            let entries = self.columns[range.clone()].iter().zip(&self.numbers[range]);
            let sum = entries.fold(S::ZERO, |sum, (column, number)| {
                let y = y[*column as usize];
                match number {
                    0 => sum + y,
                    1 => sum - y,
                    _ => sum + self.coefficients[*number as usize] * y,
                }
            });
            sum * x
        };
        x.par_iter().zip(&rows).with_min_len(1 << 8).map(row).sum()
    }

    /// Numbers as LEB128: how many coefficients beyond the first two, and these; how many rows, and their lengths; columns,
    /// as differences; the coefficients' numbers.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let own = self.coefficients.get(2..).unwrap_or_default();
        write_number(bytes, own.len() as u32);
        for c in own {
            bytes.extend_from_slice(c.to_repr().as_ref());
        }
        write_number(bytes, self.ends.len() as u32);
        let mut start = 0;
        for end in &self.ends {
            write_number(bytes, end - start);
            start = *end;
        }
        let mut last = 0;
        for column in &self.columns {
            let difference = *column as i32 - last;
            write_number(bytes, (difference << 1 ^ difference >> 31) as u32);
            last = *column as i32;
        }
        for number in &self.numbers {
            write_number(bytes, *number);
        }
    }

    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut coefficients = vec![S::ONE, -S::ONE];
        for _ in 0..read_number(bytes)? {
            coefficients.push(read_scalar(bytes)?);
        }
        let (mut ends, mut end) = (Vec::new(), 0_u32);
        for _ in 0..read_number(bytes)? {
            end = end.checked_add(read_number(bytes)?)?;
            ends.push(end);
        }
        let (mut columns, mut last) = (Vec::new(), 0_u32);
        for _ in 0..end {
            let zigzag = read_number(bytes)?;
            let difference = (zigzag >> 1) as i32 ^ -((zigzag & 1) as i32);
            last = last.checked_add_signed(difference)?;
            columns.push(last);
        }
        let mut numbers = Vec::new();
        for _ in 0..end {
            let number = read_number(bytes)?;
            coefficients.get(number as usize)?;
            numbers.push(number);
        }
        Some(Self {
            coefficients,
            ends,
            columns,
            numbers,
        })
    }
}

pub(super) fn read_scalar<S: PrimeField>(bytes: &mut &[u8]) -> Option<S> {
    let mut repr = S::Repr::default();
    let (head, rest) = bytes.split_at_checked(repr.as_ref().len())?;
    repr.as_mut().copy_from_slice(head);
    *bytes = rest;
    S::from_repr(repr).into()
}

fn write_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[inline]
fn read_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return u32::try_from(number).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::cycle::F;
    use ff::Field;
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{RngCore, SeedableRng},
    };

    /// 64 rows, 128 columns; few coefficients, and rows without entries.
    fn random(rng: &mut ChaCha20Rng) -> SparseMatrix<F> {
        let values = [F::ONE, -F::ONE, F::from(2), F::random(&mut *rng)];
        let mut entries = Vec::new();
        for row in (0..64).filter(|row| row % 5 != 3) {
            for column in 0..128 {
                if !rng.next_u32().is_multiple_of(9) {
                    continue;
                }
                entries.push((row, column, values[rng.next_u32() as usize % 4]));
            }
        }
        SparseMatrix::new(&entries, 64, 128)
    }

    #[test]
    fn it_evaluates_as_it_is_defined() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for _ in 0..10 {
            let entries = random(&mut rng);
            let x: Vec<F> = (0..64).map(|_| F::random(&mut rng)).collect();
            let y: Vec<F> = (0..128).map(|_| F::random(&mut rng)).collect();
            let terms = entries.iter().map(|(i, j, m)| m * x[i] * y[j]);
            assert_eq!(Matrix::new(&entries).evaluate(&x, &y), terms.sum::<F>());
        }
    }

    #[test]
    fn its_bytes_are_read_again() {
        let matrix = Matrix::new(&random(&mut ChaCha20Rng::seed_from_u64(2)));
        assert!(matrix.fits(6) && !matrix.fits(5) && !matrix.fits(7));
        let mut bytes = Vec::new();
        matrix.write(&mut bytes);
        assert_eq!(Matrix::read(&mut bytes.as_slice()), Some(matrix));
        for end in 0..bytes.len() {
            assert_eq!(Matrix::<F>::read(&mut &bytes[..end]), None);
        }
    }

    #[test]
    fn numbers_are_read_again() {
        for number in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u32::MAX] {
            let mut bytes = Vec::new();
            write_number(&mut bytes, number);
            assert_eq!(read_number(&mut bytes.as_slice()), Some(number));
        }
        assert_eq!(read_number(&mut [0xff; 4].as_slice()), None);
        assert_eq!(
            read_number(&mut [0xff, 0xff, 0xff, 0xff, 0x7f].as_slice()),
            None
        );
    }
}
