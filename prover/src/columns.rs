//! The witness columns (PROTOCOL.md §1). Digits, quotients and values stay small integers for as long as they can; only the
//! fractions are field elements. Cells beyond a vector's end are zero.

use std::borrow::Cow;
use std::ops::Range;

use pleat_nova_circuits::cycle::{F, field_from_i64};
use pleat_nova_circuits::sums::{Weighted, combine, dot, dots};
use pleat_nova_circuits::vectors::{add_scaled, inner_product, invert, multiply};
use pleat_verifier::columns::{EntryLists, TableEntry, field_from_usize};
use pleat_verifier::descriptor::{Function, Indices};
use pleat_verifier::network::{Column, Network};
use rayon::prelude::*;

use crate::execute::{Trace, runs};
use crate::weights::{Part, Weights};

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
    pub f0: Fractions,
    /// Fractions of `(R0, 0, RNG)`.
    pub f1: Fractions,
    /// Fractions of `(R1, 0, RNG)`.
    pub f2: Fractions,
    /// Multiplicities; whole rows that cover the table.
    pub m: Vec<u32>,
    /// Fractions of table entries, likewise.
    pub ht: Vec<F>,
    /// Public indices, no column.
    pub indices: Indices,
}

/// A column of field elements of which few are distinct: cell `i` is `values[places[i]]`.
#[derive(Clone, Debug, Default)]
pub struct Fractions {
    /// The first is zero.
    values: Vec<F>,
    places: Vec<u32>,
}

impl Fractions {
    /// A cell; zero beyond the end.
    pub fn get(&self, i: usize) -> F {
        self.value(self.place(i))
    }

    /// Place of a cell's value; that of zero beyond the end.
    pub fn place(&self, i: usize) -> usize {
        self.places.get(i).map_or(0, |place| *place as usize)
    }

    /// The value at a place; zero if there is none.
    pub fn value(&self, place: usize) -> F {
        self.values.get(place).copied().unwrap_or(F::zero())
    }

    /// The values at places from `first + 1` up to `end`.
    pub fn values_from(&self, first: usize, end: usize) -> Vec<F> {
        (first..end).map(|j| self.value(j + 1)).collect()
    }

    /// Whether all cells from `first` on have the first value, which is zero.
    pub fn is_zero_from(&self, first: usize) -> bool {
        let rest = self.places.get(first..).unwrap_or_default();
        rest.iter().all(|place| *place == 0)
    }

    /// Sets a cell; does nothing beyond the end.
    pub fn set(&mut self, i: usize, value: F) {
        if let Some(place) = self.places.get_mut(i) {
            *place = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
            self.values.push(value);
        }
    }

    /// All cells.
    pub fn iter(&self) -> impl Iterator<Item = F> {
        (0..self.places.len()).map(|i| self.get(i))
    }

    /// The cells.
    pub fn cells(&self) -> Cells<'_> {
        Cells::Indexed(&self.places, &self.values)
    }
}

impl FromIterator<F> for Fractions {
    fn from_iter<T: IntoIterator<Item = F>>(cells: T) -> Self {
        let values: Vec<F> = [F::zero()].into_iter().chain(cells).collect();
        let places = (1..).take(values.len() - 1).collect();
        Self { values, places }
    }
}

/// A column's cells.
#[derive(Clone, Copy, Debug)]
pub enum Cells<'a> {
    /// `Y`, `P`, a row of `W`.
    Signed(&'a [i32]),
    /// A row of `W` whose integers are small.
    Narrow(&'a [i16]),
    /// `W`.
    Weights(&'a Weights),
    /// `R1`, `R0`.
    Digits(&'a [u16]),
    /// `M`.
    Counts(&'a [u32]),
    /// `HT` and mask rows.
    Field(&'a [F]),
    /// `F0`, `F1`, `F2`: each cell's place among the values.
    Indexed(&'a [u32], &'a [F]),
}

impl<'a> From<Part<'a>> for Cells<'a> {
    fn from(part: Part<'a>) -> Self {
        match part {
            Part::Narrow(cells) => Self::Narrow(cells),
            Part::Wide(cells) => Self::Signed(cells),
        }
    }
}

impl<'a> Cells<'a> {
    /// Cells stored; those beyond are zero.
    pub const fn len(&self) -> usize {
        match self {
            Self::Signed(v) => v.len(),
            Self::Narrow(v) => v.len(),
            Self::Weights(v) => v.len(),
            Self::Digits(v) => v.len(),
            Self::Counts(v) => v.len(),
            Self::Field(v) => v.len(),
            Self::Indexed(places, _) => places.len(),
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
            Self::Narrow(v) => int(v.get(i).map(|v| i64::from(*v))),
            Self::Weights(v) => field_from_i64(i64::from(v.get(i))),
            Self::Digits(v) => int(v.get(i).map(|v| i64::from(*v))),
            Self::Counts(v) => int(v.get(i).map(|v| i64::from(*v))),
            Self::Field(v) => v.get(i).copied().unwrap_or(F::zero()),
            Self::Indexed(places, values) => {
                let value = places.get(i).and_then(|p| values.get(*p as usize));
                value.copied().unwrap_or(F::zero())
            }
        }
    }

    /// A small integer's cell; 0 in columns of field elements.
    pub fn integer(&self, i: usize) -> i64 {
        match self {
            Self::Signed(v) => v.get(i).map_or(0, |v| i64::from(*v)),
            Self::Narrow(v) => v.get(i).map_or(0, |v| i64::from(*v)),
            Self::Weights(v) => i64::from(v.get(i)),
            Self::Digits(v) => v.get(i).map_or(0, |v| i64::from(*v)),
            Self::Counts(v) => v.get(i).map_or(0, |v| i64::from(*v)),
            Self::Field(_) | Self::Indexed(..) => 0,
        }
    }

    /// The cells of one row of `2^κ`; shorter at the end.
    pub fn row(&self, address: usize, row_bits: usize) -> Self {
        match self {
            Self::Signed(v) => Self::Signed(part(v, address, row_bits)),
            Self::Narrow(v) => Self::Narrow(part(v, address, row_bits)),
            Self::Weights(v) => v
                .part(address << row_bits..(address + 1) << row_bits)
                .into(),
            Self::Digits(v) => Self::Digits(part(v, address, row_bits)),
            Self::Counts(v) => Self::Counts(part(v, address, row_bits)),
            Self::Field(v) => Self::Field(part(v, address, row_bits)),
            Self::Indexed(places, values) => Self::Indexed(part(places, address, row_bits), values),
        }
    }

    /// `Σ_i cell[i]·weights[i]`.
    pub fn dot(&self, weights: &[F]) -> F {
        match self {
            Self::Signed(v) => dot(v, weights),
            Self::Narrow(v) => dot(v, weights),
            Self::Digits(v) => dot(v, weights),
            Self::Counts(v) => dot(v, weights),
            Self::Field(v) => inner_product(v, weights),
            Self::Indexed(..) | Self::Weights(_) => inner_product(&self.elements(), weights),
        }
    }

    /// All cells as field elements.
    fn elements(&self) -> Cow<'_, [F]> {
        match self {
            Self::Field(v) => Cow::Borrowed(*v),
            _ => (0..self.len()).map(|i| self.get(i)).collect(),
        }
    }

    /// [`Self::dot`] of each of these rows of `2^row_bits` cells.
    pub fn dots(&self, rows: Range<usize>, row_bits: usize, weights: &[F]) -> Vec<F> {
        let least = (TASK >> row_bits).max(1);
        let field = |address: usize| self.row(address, row_bits).dot(weights);
        match self {
            Self::Signed(v) => dots(&parts(v, rows, row_bits), weights),
            Self::Narrow(v) => dots(&parts(v, rows, row_bits), weights),
            Self::Weights(v) => {
                // A block's rows, or one row.
                let own = Self::from(v.part(rows.start << row_bits..rows.end << row_bits));
                own.dots(0..rows.len(), row_bits, weights)
            }
            Self::Digits(v) => dots(&parts(v, rows, row_bits), weights),
            Self::Counts(v) => dots(&parts(v, rows, row_bits), weights),
            Self::Field(_) | Self::Indexed(..) => {
                let rows = rows.into_par_iter().with_min_len(least);
                rows.map(field).collect()
            }
        }
    }

    /// `[Σ_rows weight·row[i]]` for `i < 2^row_bits`; rows are given by their addresses.
    pub fn combine(&self, rows: &[(usize, F)], row_bits: usize) -> Vec<F> {
        fn weighted<'a, T>(
            v: &'a [T],
            rows: &[(usize, F)],
            row_bits: usize,
        ) -> Vec<Weighted<'a, T>> {
            let row = |(address, weight): &(usize, F)| (part(v, *address, row_bits), *weight);
            let rows = rows.iter().map(row);
            rows.filter(|(row, _)| !row.is_empty()).collect()
        }
        let width = 1 << row_bits;
        match self {
            Self::Signed(v) => combine(&weighted(v, rows, row_bits), width),
            Self::Narrow(v) => combine(&weighted(v, rows, row_bits), width),
            Self::Weights(v) => {
                let (mut narrow, mut wide) = (Vec::new(), Vec::new());
                for (address, weight) in rows {
                    match v.part(address << row_bits..(address + 1) << row_bits) {
                        Part::Narrow([]) => {}
                        Part::Narrow(row) => narrow.push((row, *weight)),
                        Part::Wide(row) => wide.push((row, *weight)),
                    }
                }
                let mut sums = combine(&narrow, width);
                if !wide.is_empty() {
                    add_scaled(&mut sums, F::one(), &combine(&wide, width));
                }
                sums
            }
            Self::Digits(v) => combine(&weighted(v, rows, row_bits), width),
            Self::Counts(v) => combine(&weighted(v, rows, row_bits), width),
            Self::Field(_) | Self::Indexed(..) => {
                let add = |mut sums: Vec<F>, (address, weight): &(usize, F)| {
                    let row = self.row(*address, row_bits);
                    add_scaled(&mut sums, *weight, &row.elements());
                    sums
                };
                let none = || vec![F::zero(); width];
                let join = |mut a: Vec<F>, b: Vec<F>| {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                    a
                };
                let threads = rayon::current_num_threads();
                let part = rows.len().div_ceil(threads).max(TASK >> row_bits).max(1);
                let sums = rows.par_chunks(part);
                sums.map(|rows| rows.iter().fold(none(), add))
                    .reduce_with(join)
                    .unwrap_or_else(none)
            }
        }
    }
}

/// Cells below which splitting over threads does not pay.
const TASK: usize = 1 << 11;

/// The cells of one row of `2^row_bits`; fewer, or none, at the end.
fn part<T>(v: &[T], address: usize, row_bits: usize) -> &[T] {
    let start = (address << row_bits).min(v.len());
    let end = ((address + 1) << row_bits).min(v.len());
    v.get(start..end).unwrap_or(&[])
}

fn parts<T>(v: &[T], rows: Range<usize>, row_bits: usize) -> Vec<&[T]> {
    rows.map(|address| part(v, address, row_bits)).collect()
}

impl Columns {
    /// From an executed trace; counts the lookups.
    pub fn new(network: &Network, trace: Trace) -> Self {
        let Trace {
            y,
            p,
            r1,
            r0,
            indices,
        } = trace;
        let mut columns = Self {
            y,
            p,
            r1,
            r0,
            indices,
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
            Column::F0 => self.f0.cells(),
            Column::F1 => self.f1.cells(),
            Column::F2 => self.f2.cells(),
            Column::M => Cells::Counts(&self.m),
            Column::HT => Cells::Field(&self.ht),
            Column::W => Cells::Field(&[]),
        }
    }

    /// The three lookups of a row whose function has this tag.
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
        let len = rows << network.row_bits();
        let table = Table::new(network);
        let tags = network_tags(network);
        let this = &*self;
        let count = |start: usize, tags: &[u16]| {
            let mut counts = vec![0_u32; len];
            for (i, tag) in (start..).zip(tags).filter(|(_, tag)| **tag != 0) {
                for entry in this.lookups(i, usize::from(*tag), table.range) {
                    if let Some(count) = table.place(&entry).and_then(|j| counts.get_mut(j)) {
                        *count += 1;
                    }
                }
            }
            counts
        };
        let part = tags.len().div_ceil(rayon::current_num_threads()).max(TASK);
        let counts = tags.par_chunks(part).enumerate();
        let counts = counts.map(|(k, tags)| count(k * part, tags));
        self.m = counts
            .reduce_with(|mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                a
            })
            .unwrap_or_default();
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
        let lists = EntryLists::new(&table.entries);
        let mut inverses = lists.weighted([F::one(), beta, beta2]);
        inverses.iter_mut().for_each(|v| *v += alpha);
        if inverses.contains(&F::zero()) {
            return false;
        }
        invert(&mut inverses);
        let values: Vec<F> = [F::zero()].into_iter().chain(inverses).collect();
        let column = |this: &Self, k: usize| -> Option<Fractions> {
            let lookup = |i: usize, tag: u16| {
                let lookups = this.lookups(i, usize::from(tag), table.range);
                lookups.get(k).copied()
            };
            let place = |(i, tag): (usize, &u16)| match tag {
                0 => 0,
                _ => lookup(i, *tag)
                    .and_then(|e| table.place(&e))
                    .and_then(|j| u32::try_from(j + 1).ok())
                    .unwrap_or(u32::MAX),
            };
            let mut column = Fractions {
                values: values.clone(),
                places: tags.par_iter().enumerate().map(place).collect(),
            };
            // Lookups that no table has: the trace was not executed.
            let strangers = column.places.iter().enumerate();
            let strangers = strangers.filter(|(_, place)| **place == u32::MAX);
            for i in strangers.map(|(i, _)| i).collect::<Vec<_>>() {
                let stranger = lookup(i, tags.get(i).copied().unwrap_or(0))?;
                let inverse: Option<F> = ff::Field::invert(&phi(&stranger)).into();
                column.set(i, inverse?);
            }
            Some(column)
        };
        let (Some(f0), Some(f1), Some(f2)) = (column(self, 0), column(self, 1), column(self, 2))
        else {
            return false;
        };
        (self.f0, self.f1, self.f2) = (f0, f1, f2);
        self.ht = combine(&[(self.m.as_slice(), F::one())], self.m.len());
        let inverses = values.get(1..).unwrap_or_default();
        multiply(&mut self.ht, inverses);
        self.ht
            .iter_mut()
            .skip(inverses.len())
            .for_each(|v| *v = F::zero());
        true
    }
}

/// The table's entries, and where each of them is.
struct Table<'a> {
    entries: Vec<TableEntry>,
    functions: &'a [Function],
    digit_bits: u32,
    range: usize,
}

impl<'a> Table<'a> {
    fn new(network: &'a Network) -> Self {
        Self {
            functions: network.functions(),
            entries: network.table().collect(),
            digit_bits: network.digit_bits(),
            range: network.range_tag(),
        }
    }

    /// The row of an entry; `None` if the table has no such entry.
    fn place(&self, entry: &TableEntry) -> Option<usize> {
        let own = entry.tag.checked_sub(1)?;
        let offset = match self.functions.get(own) {
            Some(function) => function.place(entry.input, entry.output, self.digit_bits)?,
            None => usize::try_from(entry.input).ok()?,
        };
        if offset >= 1 << self.digit_bits {
            return None;
        }
        let row = (own << self.digit_bits) + offset;
        (self.entries.get(row) == Some(entry)).then_some(row)
    }
}

/// The function tag of every row, 0 on rows that are not real: column `tag`, of length `2^ν`.
pub fn network_tags(network: &Network) -> Vec<u16> {
    let mut tags = vec![0_u16; 1 << network.nu()];
    for relation in network.relations() {
        let tag = u16::try_from(network.function(relation).1).unwrap_or(u16::MAX);
        for run in runs(relation.address, &relation.shape()) {
            tags.get_mut(run).unwrap_or_default().fill(tag);
        }
    }
    tags
}
