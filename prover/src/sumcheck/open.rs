//! OPEN (PROTOCOL.md §4.8): `Σ_x Σ_col col(x)·E_col(x)` over `N = ν'+1` variables, columns with their mask rows.
//!
//! Columns and functionals are zero-padded to `2^N`, so variables between a column's own and `ν'` give both the factor
//! `1-X`; at variable `ν'` the column's upper half is its mask row and the functional's is zero. Variables from `N` on are
//! zero-extended once for the whole sum.

use pleat_nova_circuits::cycle::F;
use pleat_verifier::mle::{eq_table, inner_product, zeros_at};
use rayon::prelude::*;

use super::{Message, Summand, add, bind_table};

/// One column (or a combination of columns that share a functional) and its functional.
#[derive(Clone, Debug)]
pub struct OpenItem {
    /// The column's own cells, without the mask row.
    pub column: Vec<F>,
    /// The functional on them.
    pub functional: Vec<F>,
    /// The mask row's cells from position 0; the rest are zero.
    pub mask: Vec<F>,
}

/// All of OPEN's items.
#[derive(Clone, Debug, Default)]
pub struct Open {
    items: Vec<OpenItem>,
    /// `κ`.
    row_bits: usize,
    /// `ν'`.
    mask_variable: usize,
    /// Challenges so far.
    bound: Vec<F>,
}

impl Open {
    /// Tables of each item have the column's own length.
    pub fn new(items: Vec<OpenItem>, row_bits: usize, mask_variable: usize) -> Self {
        Self {
            items,
            row_bits,
            mask_variable,
            bound: Vec::new(),
        }
    }

    /// The true sum.
    pub fn sum(&self) -> F {
        self.items
            .iter()
            .map(|i| inner_product(&i.column, &i.functional))
            .fold(F::zero(), |s, v| s + v)
    }

    /// The mask row's part at the challenges so far, its own variable apart.
    fn mask_at(&self, item: &OpenItem) -> F {
        let (low, high) = self
            .bound
            .split_at_checked(self.row_bits)
            .unwrap_or((&self.bound, &[]));
        inner_product(&item.mask, &eq_table(low)) * zeros_at(high)
    }

    fn item_message(&self, item: &OpenItem) -> Message {
        if let ([c], [e]) = (item.column.as_slice(), item.functional.as_slice()) {
            let value = c * e;
            let round = self.bound.len();
            return match round.cmp(&self.mask_variable) {
                // v·(1-X)²
                std::cmp::Ordering::Less => [value, value, F::zero()],
                // (c + (mask - c)·X)·e·(1-X)
                std::cmp::Ordering::Equal => [value, (c - self.mask_at(item)) * e, F::zero()],
                // v·(1-X)
                std::cmp::Ordering::Greater => [value, F::zero(), F::zero()],
            };
        }
        let pair = |(c, e): (&[F], &[F])| -> Message {
            let ([c0, c1], [e0, e1]) = (c, e) else {
                return [F::zero(); 3];
            };
            [c0 * e0, (c1 - c0) * (e1 - e0), F::zero()]
        };
        let zero = [F::zero(); 3];
        if item.column.len() < 1 << 11 {
            item.column
                .chunks_exact(2)
                .zip(item.functional.chunks_exact(2))
                .map(pair)
                .fold(zero, add)
        } else {
            item.column
                .par_chunks_exact(2)
                .zip(item.functional.par_chunks_exact(2))
                .map(pair)
                .reduce(|| zero, add)
        }
    }
}

impl Summand for Open {
    fn message(&self) -> Message {
        self.items
            .iter()
            .map(|i| self.item_message(i))
            .fold([F::zero(); 3], add)
    }

    fn bind(&mut self, challenge: F) {
        let round = self.bound.len();
        let masks: Vec<F> = if round == self.mask_variable {
            self.items.iter().map(|i| self.mask_at(i)).collect()
        } else {
            vec![F::zero(); self.items.len()]
        };
        let shrink = F::one() - challenge;
        for (item, mask) in self.items.iter_mut().zip(masks) {
            if let ([c], [e]) = (item.column.as_mut_slice(), item.functional.as_mut_slice()) {
                *e *= shrink;
                if round <= self.mask_variable {
                    *c = *c * shrink + challenge * mask;
                }
            } else {
                bind_table(&mut item.column, challenge);
                bind_table(&mut item.functional, challenge);
            }
        }
        self.bound.push(challenge);
    }
}
