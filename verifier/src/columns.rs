//! The public columns `tag, act, Tin, Tout, Ttag` (PROTOCOL.md §1), evaluated at a point.

use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::sums::{Weighted, combine, dots};

use crate::coordinates::Coordinates;
use crate::descriptor::{Function, Relation};
use crate::mle::{bits, eq_index, eq_table, indicator, zeros_at};
use crate::network::Network;

/// One entry of the table: `(in, out, tag)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableEntry {
    /// Argument, or the digit of the range table.
    pub input: i64,
    /// The function's value; 0 in the range table.
    pub output: i64,
    /// Tag of the function, or `RNG`.
    pub tag: usize,
}

/// The public columns at one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicColumns {
    /// Function of the row's block; 0 on rows that are not real.
    pub tag: F,
    /// 1 on real rows.
    pub act: F,
    /// Table: arguments.
    pub tin: F,
    /// Table: values.
    pub tout: F,
    /// Table: tags.
    pub ttag: F,
}

/// A table's entries as lists of integers.
pub struct EntryLists {
    lists: [Vec<i32>; 3],
}

impl EntryLists {
    /// From entries of a network, which fit 32 bits.
    pub fn new(entries: &[TableEntry]) -> Self {
        let list = |of: fn(&TableEntry) -> i64| {
            let integers = entries.iter().map(of);
            integers
                .map(|v| i32::try_from(v).unwrap_or(i32::MAX))
                .collect()
        };
        let lists = [
            list(|e| e.input),
            list(|e| e.output),
            list(|e| i64::try_from(e.tag).unwrap_or(i64::MAX)),
        ];
        Self { lists }
    }

    /// Each entry's input, output and tag, weighted.
    pub fn weighted(&self, weights: [F; 3]) -> Vec<F> {
        let [first, ..] = &self.lists;
        let rows = self.lists.iter().map(Vec::as_slice).zip(weights);
        let rows: Vec<Weighted<'_, i32>> = rows.filter(|(_, w)| *w != F::zero()).collect();
        combine(&rows, first.len())
    }

    /// `Σ_j weights[j]·(input, output, tag)` of entry `j`.
    pub fn at(&self, weights: &[F]) -> [F; 3] {
        let [first, ..] = &self.lists;
        let weights = weights.get(..first.len()).unwrap_or(weights);
        let rows = self.lists.each_ref().map(Vec::as_slice);
        let sums = dots(&rows, weights);
        sums.try_into().unwrap_or([F::zero(); 3])
    }
}

impl Network {
    /// The table's entries in row order: each function's graph, then the digits (PROTOCOL.md §1).
    pub fn table(&self) -> impl Iterator<Item = TableEntry> {
        let digit_bits = self.digit_bits();
        let digits = 1_i64 << digit_bits;
        let graph = move |(i, f): (usize, &Function)| {
            let tag = i.saturating_add(1);
            let entry = |j| {
                let (input, output) = f.entry(j, digit_bits);
                TableEntry { input, output, tag }
            };
            (0..1_usize << digit_bits).map(entry).collect::<Vec<_>>()
        };
        let range = self.range_tag();
        let functions = self.functions().iter().enumerate().flat_map(graph);
        functions.chain((0..digits).map(move |j| TableEntry {
            input: j,
            output: 0,
            tag: range,
        }))
    }

    /// The coordinates of `point`, which indexes a trace column, that index the relation's block, and `θ = eq(high, address)`.
    pub fn block_point<'p>(&self, relation: &Relation, point: &'p [F]) -> (&'p [F], F) {
        let n = relation.block_bits();
        let (low, high) = point.split_at_checked(n).unwrap_or((point, &[]));
        (low, eq_index(high, relation.address >> n))
    }

    /// The relation's `act~` at a point: its indicator times `θ`.
    pub(crate) fn act(&self, relation: &Relation, point: &[F]) -> F {
        let (low, theta) = self.block_point(relation, point);
        let coordinates = Coordinates::split(&relation.out, low);
        relation.out.iter().fold(theta, |product, a| {
            product * indicator(a.len, coordinates.of(a.id))
        })
    }

    /// All public columns at a point of `ν` coordinates.
    pub fn public_columns_at(&self, point: &[F]) -> PublicColumns {
        let mut columns = PublicColumns {
            tag: F::zero(),
            act: F::zero(),
            tin: F::zero(),
            tout: F::zero(),
            ttag: F::zero(),
        };
        for relation in self.relations() {
            let act = self.act(relation, point);
            columns.act += act;
            columns.tag += act * field_from_usize(self.function(relation).1);
        }
        // The table ends at N_T; only the coordinates that index it are expanded.
        let (low, high) = point
            .split_at_checked(bits(self.table_rows()))
            .unwrap_or((point, &[]));
        let beyond = zeros_at(high);
        let entries: Vec<TableEntry> = self.table().collect();
        let sums = EntryLists::new(&entries).at(&eq_table(low));
        [columns.tin, columns.tout, columns.ttag] = sums.map(|sum| sum * beyond);
        columns
    }
}

/// A size as a field element.
pub fn field_from_usize(v: usize) -> F {
    F::from(u64::try_from(v).unwrap_or(u64::MAX))
}
