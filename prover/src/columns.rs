//! The witness columns (PROTOCOL.md §1). Digits, quotients and values stay small integers for as long as they can; only the
//! fractions are field elements. Cells beyond a vector's end are zero.

use ff::BatchInvert;
use pleat_nova_circuits::cycle::{F, field_from_i64};
use pleat_verifier::columns::{TableEntry, field_from_usize};
use pleat_verifier::network::{Column, Network};
use rayon::prelude::*;

use crate::execute::{Trace, block_cells};

/// All witness columns but the mask rows.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// What the rest of the network reads; `2^ν`.
    pub y: Vec<i32>,
    /// Quotients; `2^ν`.
    pub p: Vec<i32>,
    /// High remainder digits; `2^ν`.
    pub r1: Vec<u16>,
    /// Low remainder digits; `2^ν`.
    pub r0: Vec<u16>,
    /// Fractions of `(P, Y, tag)`; `2^ν`, empty before `α, β`.
    pub f0: Vec<F>,
    /// Fractions of `(R0, 0, RNG)`.
    pub f1: Vec<F>,
    /// Fractions of `(R1, 0, RNG)`.
    pub f2: Vec<F>,
    /// Multiplicities; whole rows that cover the table.
    pub m: Vec<u32>,
    /// Fractions of table entries, likewise.
    pub ht: Vec<F>,
}

/// A column's cells.
#[derive(Clone, Copy, Debug)]
pub enum Cells<'a> {
    /// `Y`, `P`, `W`.
    Signed(&'a [i32]),
    /// `R1`, `R0`.
    Digits(&'a [u16]),
    /// `M`.
    Counts(&'a [u32]),
    /// Fractions and mask rows.
    Field(&'a [F]),
}

impl<'a> Cells<'a> {
    /// Cells stored; those beyond are zero.
    pub const fn len(&self) -> usize {
        match self {
            Self::Signed(v) => v.len(),
            Self::Digits(v) => v.len(),
            Self::Counts(v) => v.len(),
            Self::Field(v) => v.len(),
        }
    }

    /// Whether no cell is stored.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A cell as a field element.
    pub fn get(&self, i: usize) -> F {
        let int = |v: Option<i64>| v.map_or(F::zero(), field_from_i64);
        match self {
            Self::Signed(v) => int(v.get(i).map(|v| i64::from(*v))),
            Self::Digits(v) => int(v.get(i).map(|v| i64::from(*v))),
            Self::Counts(v) => int(v.get(i).map(|v| i64::from(*v))),
            Self::Field(v) => v.get(i).copied().unwrap_or(F::zero()),
        }
    }

    /// The cells of one row of `2^κ`; shorter at the end.
    pub fn row(&self, address: usize, row_bits: usize) -> Self {
        fn part<T>(v: &[T], address: usize, row_bits: usize) -> &[T] {
            let start = (address << row_bits).min(v.len());
            let end = ((address + 1) << row_bits).min(v.len());
            v.get(start..end).unwrap_or(&[])
        }
        match self {
            Self::Signed(v) => Self::Signed(part(v, address, row_bits)),
            Self::Digits(v) => Self::Digits(part(v, address, row_bits)),
            Self::Counts(v) => Self::Counts(part(v, address, row_bits)),
            Self::Field(v) => Self::Field(part(v, address, row_bits)),
        }
    }

    /// `Σ_i cell[i]·weights[i]`.
    pub fn dot(&self, weights: &[F]) -> F {
        let n = self.len().min(weights.len());
        let sum = |range: std::ops::Range<usize>| {
            let term = |i: usize| weights.get(i).map_or(F::zero(), |w| *w * self.get(i));
            range.map(term).fold(F::zero(), |s, v| s + v)
        };
        let chunk = 1 << 11;
        if n <= chunk {
            return sum(0..n);
        }
        (0..n.div_ceil(chunk))
            .into_par_iter()
            .map(|k| sum(k * chunk..((k + 1) * chunk).min(n)))
            .reduce(F::zero, |a, b| a + b)
    }
}

impl Columns {
    /// From an executed trace; counts the lookups.
    pub fn new(network: &Network, trace: Trace) -> Self {
        let Trace { y, p, r1, r0 } = trace;
        let mut columns = Self {
            y,
            p,
            r1,
            r0,
            ..Self::default()
        };
        columns.count(network);
        columns
    }

    /// A witness column's cells; nothing for `W`.
    pub fn cells(&self, column: Column) -> Cells<'_> {
        match column {
            Column::Y => Cells::Signed(&self.y),
            Column::P => Cells::Signed(&self.p),
            Column::R1 => Cells::Digits(&self.r1),
            Column::R0 => Cells::Digits(&self.r0),
            Column::F0 => Cells::Field(&self.f0),
            Column::F1 => Cells::Field(&self.f1),
            Column::F2 => Cells::Field(&self.f2),
            Column::M => Cells::Counts(&self.m),
            Column::HT => Cells::Field(&self.ht),
            Column::W => Cells::Field(&[]),
        }
    }

    /// The three lookups of a row.
    fn lookups(&self, i: usize, tag: usize, range: usize) -> [TableEntry; 3] {
        let int = |v: Option<i64>| v.unwrap_or(0);
        let digit = |input| TableEntry {
            input,
            output: 0,
            tag: range,
        };
        let input = int(self.p.get(i).map(|v| i64::from(*v)));
        let output = int(self.y.get(i).map(|v| i64::from(*v)));
        [
            TableEntry { input, output, tag },
            digit(int(self.r0.get(i).map(|v| i64::from(*v)))),
            digit(int(self.r1.get(i).map(|v| i64::from(*v)))),
        ]
    }

    /// Sets the multiplicities: how often each table entry is looked up. A lookup that is in no entry counts nowhere; an
    /// executed trace has none.
    pub fn count(&mut self, network: &Network) {
        let rows = network.rows(Column::M).len();
        let mut counts = vec![0_u32; rows << network.row_bits()];
        let table = Table::new(network);
        for (node_index, node) in network.nodes().iter().enumerate() {
            let tag = network.function(node).1;
            for i in block_cells(network, node_index) {
                for entry in self.lookups(i, tag, table.range) {
                    if let Some(count) = table.place(&entry).and_then(|j| counts.get_mut(j)) {
                        *count += 1;
                    }
                }
            }
        }
        self.m = counts;
    }

    /// Sets the LogUp fractions. Returns `false` if a denominator is zero: then the proof starts again with fresh blinds.
    pub fn fractions(&mut self, network: &Network, alpha: F, beta: F) -> bool {
        let beta2 = beta * beta;
        let phi = |e: &TableEntry| {
            alpha
                + field_from_i64(e.input)
                + beta * field_from_i64(e.output)
                + beta2 * field_from_usize(e.tag)
        };
        let tags = network_tags(network);
        let table = Table::new(network);
        // Few distinct lookups occur, at most N_T in an honest trace: each is inverted once.
        let mut inverses: Vec<F> = table.entries.iter().map(phi).collect();
        if inverses.contains(&F::zero()) {
            return false;
        }
        inverses.iter_mut().batch_invert();
        let fraction = |e: &TableEntry| match table.place(e).and_then(|j| inverses.get(j)) {
            Some(inverse) => Some(*inverse),
            None => ff::Field::invert(&phi(e)).into(),
        };
        let column = |this: &Self, k: usize| -> Option<Vec<F>> {
            let cell = |(i, tag): (usize, &u16)| match tag {
                0 => Some(F::zero()),
                _ => this
                    .lookups(i, usize::from(*tag), table.range)
                    .get(k)
                    .and_then(fraction),
            };
            tags.par_iter().enumerate().map(cell).collect()
        };
        let (Some(f0), Some(f1), Some(f2)) = (column(self, 0), column(self, 1), column(self, 2))
        else {
            return false;
        };
        (self.f0, self.f1, self.f2) = (f0, f1, f2);
        let entries = self.m.iter().enumerate();
        self.ht = entries
            .map(|(j, m)| {
                inverses
                    .get(j)
                    .map_or(F::zero(), |inverse| F::from(u64::from(*m)) * inverse)
            })
            .collect();
        true
    }
}

/// The table's entries, and where each of them is.
struct Table {
    entries: Vec<TableEntry>,
    digit_bits: u32,
    range: usize,
}

impl Table {
    fn new(network: &Network) -> Self {
        Self {
            entries: network.table().collect(),
            digit_bits: network.digit_bits(),
            range: network.range_tag(),
        }
    }

    /// The row of an entry; `None` if the table has no such entry.
    fn place(&self, entry: &TableEntry) -> Option<usize> {
        let half = 1_i64 << (self.digit_bits - 1);
        let offset = if entry.tag == self.range {
            entry.input
        } else {
            entry.input.checked_add(half)?
        };
        let offset = usize::try_from(offset)
            .ok()
            .filter(|o| *o < 1 << self.digit_bits)?;
        let row = (entry.tag.checked_sub(1)? << self.digit_bits) + offset;
        (self.entries.get(row) == Some(entry)).then_some(row)
    }
}

/// The function tag of every row, 0 on rows that are not real: column `tag`, of length `2^ν`.
pub fn network_tags(network: &Network) -> Vec<u16> {
    let mut tags = vec![0_u16; 1 << network.nu()];
    for (index, node) in network.nodes().iter().enumerate() {
        let tag = u16::try_from(network.function(node).1).unwrap_or(u16::MAX);
        for i in block_cells(network, index) {
            if let Some(t) = tags.get_mut(i) {
                *t = tag;
            }
        }
    }
    tags
}
