//! A row's factors in LOOKUP, read from the columns as they are.
//!
//! All of a row follows from its three places in the lookup table if it is what an executed trace has: then every factor, times
//! whatever a round needs, is looked up, and the braces are `Z + 2^(2B-1)`. Other rows, which only a cheating prover has, are
//! computed from the definition.

use ff::Field;
use pleat_nova_circuits::cycle::{F, field_from_i64};
use pleat_nova_circuits::relation::LookupScalars;
use pleat_nova_circuits::sums::combine;
use pleat_nova_circuits::vectors::{self, multiply};
use pleat_verifier::columns::{EntryLists, TableEntry, field_from_usize};

use super::braces::Row;
use super::table::TableColumns;
use crate::columns::{Columns, Fractions};

/// The columns as LOOKUP reads them.
#[derive(Clone, Copy)]
pub struct LookupColumns<'a> {
    /// Witness columns.
    pub columns: &'a Columns,
    /// Function tag by row; 0 on rows that are not real.
    pub tags: &'a [u16],
    /// The table's entries.
    pub table: &'a [TableEntry],
    /// Challenges and digit constants.
    pub scalars: &'a LookupScalars,
}

/// Factors by place in the lookup table, all times one scale.
pub(super) struct RowTables {
    scale: F,
    /// By entry, those of the range table included: `F0 φ0 y`, and `2^(2B)·P - G`.
    functions: Vec<[F; 4]>,
    /// By digit: `F1 φ1 R0`.
    low: Vec<[F; 3]>,
    /// By digit: `F2 φ2 2^B·R1`.
    high: Vec<[F; 3]>,
    /// A row that is not real.
    empty: Row,
}

/// The columns, and what the rows' factors are made of.
pub(super) struct Rows<'a> {
    source: LookupColumns<'a>,
    /// `1 γ γ² γ³ γ⁴ γ⁵`.
    gamma: [F; 6],
    /// `γ + γ² + γ³`.
    all: F,
    /// The denominator of digit 0.
    range: F,
    lists: EntryLists,
    /// `α + φ` of the entries.
    denominators: Vec<F>,
    /// Where the digits' entries start.
    digits: usize,
    /// Whether the columns' values at every place of the table are the inverses of its denominators.
    inverses: bool,
}

/// How a row was read.
#[derive(Clone, Copy)]
enum Kind {
    Empty,
    /// Number of the function's entry, low and high digit.
    Looked(usize, usize, usize),
    Strange,
}

impl<'a> Rows<'a> {
    pub(super) fn new(source: LookupColumns<'a>) -> Self {
        let scalars = source.scalars;
        let g = scalars.gamma;
        let (g2, g3) = (g * g, g * g * g);
        let range_tag = source.table.last().map_or(0, |e| e.tag);
        let digits = source.table.iter().position(|e| e.tag == range_tag);
        let mut rows = Self {
            source,
            gamma: [F::ONE, g, g2, g3, g3 * g, g3 * g2],
            all: g + g2 + g3,
            range: scalars.alpha + scalars.beta2 * scalars.rng,
            lists: EntryLists::new(source.table),
            denominators: Vec::new(),
            digits: digits.unwrap_or(0),
            inverses: false,
        };
        let columns = source.columns;
        rows.denominators = rows.lists.weighted([F::ONE, scalars.beta, scalars.beta2]);
        rows.denominators
            .iter_mut()
            .for_each(|v| *v += scalars.alpha);
        let inverses = |column: &Fractions, first: usize| {
            let mut products = column.values_from(first, source.table.len());
            multiply(
                &mut products,
                rows.denominators.get(first..).unwrap_or_default(),
            );
            products.iter().all(|v| *v == F::ONE)
        };
        rows.inverses = field_from_usize(range_tag) == scalars.rng
            && inverses(&columns.f0, 0)
            && inverses(&columns.f1, rows.digits)
            && inverses(&columns.f2, rows.digits);
        rows
    }

    /// The factors of rows that were looked up, times `scale`.
    pub(super) fn tables(&self, scale: F) -> RowTables {
        let s = self.source.scalars;
        let columns = self.source.columns;
        let [_, g1, g2, g3, _, g5] = self.gamma.map(|g| g * scale);
        let all = self.all * scale;
        let (two_2b, two_b) = (s.two_2b * scale, s.two_b * scale);
        let entries = self.source.table.len();
        let zero = F::ZERO;
        let mut f0 = columns.f0.values_from(0, entries);
        vectors::scale(&mut f0, scale);
        let mut p0 = self.denominators.clone();
        vectors::scale(&mut p0, g1);
        let y = self.lists.weighted([zero, g5, zero]);
        let p = self.lists.weighted([two_2b, zero, zero]);
        let own = f0.into_iter().zip(p0).zip(y).zip(p);
        let functions = own.map(|(((f0, p0), y), p)| [f0, p0, y + all, p - all]);
        let digit = |column: &Fractions, g: F, unit: F| -> Vec<[F; 3]> {
            let mut values = column.values_from(self.digits, entries);
            vectors::scale(&mut values, scale);
            let mut phi = self
                .denominators
                .get(self.digits..)
                .unwrap_or_default()
                .to_vec();
            vectors::scale(&mut phi, g);
            let digits = self.lists.weighted([unit, zero, zero]).into_iter();
            let own = values.into_iter().zip(phi).zip(digits.skip(self.digits));
            own.map(|((value, phi), digit)| [value, phi, digit])
                .collect()
        };
        RowTables {
            scale,
            functions: functions.collect(),
            low: digit(&columns.f1, g2, scale),
            high: digit(&columns.f2, g3, two_b),
            empty: self.empty(scale),
        }
    }

    /// How many rows there are before all others are empty, and the lookup table's counts add nothing to them.
    pub(super) fn live(&self) -> usize {
        let LookupColumns {
            columns: c, tags, ..
        } = self.source;
        let real = tags.iter().rposition(|tag| *tag != 0).map_or(0, |i| i + 1);
        fn zero<T: Copy + Default + PartialEq>(column: &[T], first: usize) -> bool {
            let rest = column.get(first..).unwrap_or_default();
            rest.iter().all(|v| *v == T::default())
        }
        let integers =
            zero(&c.y, real) && zero(&c.p, real) && zero(&c.r1, real) && zero(&c.r0, real);
        let fractions = [&c.f0, &c.f1, &c.f2].map(|f| f.is_zero_from(real));
        if integers && fractions == [true; 3] {
            real.max(c.m.len())
        } else {
            usize::MAX
        }
    }

    /// The factors of a row that is empty, times `scale`.
    pub(super) fn empty(&self, scale: F) -> Row {
        let alpha = self.source.scalars.alpha;
        let [_, g1, g2, g3, ..] = self.gamma.map(|g| g * scale);
        let all = self.all * scale;
        [
            F::ZERO,
            g1 * alpha,
            F::ZERO,
            g2 * self.range,
            F::ZERO,
            g3 * self.range,
            scale,
            all,
            -all,
        ]
    }

    fn kind(&self, i: usize) -> Kind {
        let c = self.source.columns;
        let int = |v: Option<&i32>| v.map_or(0, |v| i64::from(*v));
        let digit = |v: Option<&u16>| v.map_or(0, |v| usize::from(*v));
        let (input, output) = (int(c.p.get(i)), int(c.y.get(i)));
        let (low, high) = (digit(c.r0.get(i)), digit(c.r1.get(i)));
        let places = [c.f0.place(i), c.f1.place(i), c.f2.place(i)];
        let tag = self.source.tags.get(i).map_or(0, |t| usize::from(*t));
        if tag == 0 {
            let empty = places == [0; 3] && (input, output, low, high) == (0, 0, 0, 0);
            return if empty { Kind::Empty } else { Kind::Strange };
        }
        let [function, ..] = places;
        let entry = function.checked_sub(1);
        let same = |j: &usize| {
            let own = TableEntry { input, output, tag };
            self.source.table.get(*j) == Some(&own)
        };
        let size = self.source.table.len() - self.digits;
        let digits = low < size
            && high < size
            && places == [function, self.digits + low + 1, self.digits + high + 1];
        match entry.filter(same) {
            Some(j) if digits && self.inverses => Kind::Looked(j, low, high),
            _ => Kind::Strange,
        }
    }

    /// Row `i`'s factors, times the tables' scale.
    pub(super) fn row(&self, i: usize, tables: &RowTables) -> Row {
        let parts = match self.kind(i) {
            Kind::Empty => return tables.empty,
            Kind::Strange => None,
            Kind::Looked(j, low, high) => {
                let (function, digits) = (tables.functions.get(j), tables.low.get(low));
                function.zip(digits).zip(tables.high.get(high))
            }
        };
        let Some((([f0, p0, y, p], [f1, p1, r0]), [f2, p2, r1])) = parts else {
            return self.strange(i).map(|v| v * tables.scale);
        };
        [*f0, *p0, *f1, *p1, *f2, *p2, F::ZERO, *y, *p + r0 + r1]
    }

    /// The braces of row `i`, whose factors are given, without those of the lookup table's own columns.
    pub(super) fn braces(&self, i: usize, row: &Row) -> F {
        let [f0, p0, f1, p1, f2, p2, na, y, linear] = row;
        match self.kind(i) {
            Kind::Empty => F::ZERO,
            // The fractions are inverses of the denominators.
            Kind::Looked(..) => *linear + self.all,
            Kind::Strange => f0 * p0 + f1 * p1 + f2 * p2 + na * y + linear,
        }
    }

    /// A row from the definition.
    fn strange(&self, i: usize) -> Row {
        let s = self.source.scalars;
        let [_, g1, g2, g3, _, g5] = self.gamma;
        let c = self.source.columns;
        let int = |v: Option<i64>| v.map_or(F::ZERO, field_from_i64);
        let y = int(c.y.get(i).map(|v| i64::from(*v)));
        let p = int(c.p.get(i).map(|v| i64::from(*v)));
        let r1 = int(c.r1.get(i).map(|v| i64::from(*v)));
        let r0 = int(c.r0.get(i).map(|v| i64::from(*v)));
        let tag = self.source.tags.get(i).copied().unwrap_or(0);
        let na = if tag == 0 { F::ONE } else { F::ZERO };
        [
            c.f0.get(i),
            g1 * (s.alpha + p + s.beta * y + s.beta2 * F::from(u64::from(tag))),
            c.f1.get(i),
            g2 * (self.range + r0),
            c.f2.get(i),
            g3 * (self.range + r1),
            na,
            g5 * y + self.all,
            s.two_2b * p + s.two_b * r1 + r0 - self.all,
        ]
    }

    /// `-γ⁴·M`, times the tables' scale.
    pub(super) fn counts(&self, tables: &RowTables) -> Vec<F> {
        let [_, _, _, _, g4, _] = self.gamma;
        let counts = self.source.columns.m.as_slice();
        combine(&[(counts, -(g4 * tables.scale))], counts.len())
    }

    /// `HT`, `γ⁴·(α + φ)` of the entries, the latter's value beyond the table, and `-γ⁴·M`.
    pub(super) fn table_columns(&self) -> TableColumns {
        let [_, _, _, _, g4, _] = self.gamma;
        let ht = self.source.columns.ht.clone();
        let beyond = g4 * self.source.scalars.alpha;
        let mut phi = self.denominators.clone();
        vectors::scale(&mut phi, g4);
        phi.resize(ht.len(), beyond);
        let counts = self.source.columns.m.as_slice();
        TableColumns {
            ht,
            phi,
            beyond,
            counts: combine(&[(counts, -g4)], counts.len()),
        }
    }
}
