//! The public columns `tag, act, Tin, Tout, Ttag` (PROTOCOL.md §1), evaluated at a point.

use pleat_nova_circuits::cycle::{F, field_from_i64};

use crate::descriptor::{Function, Node};
use crate::mle::{Coordinates, bits, eq_index, eq_table, indicator, zeros_at};
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

impl Network {
    /// The table's entries in row order: each function's graph, then the digits (PROTOCOL.md §1).
    pub fn table(&self) -> impl Iterator<Item = TableEntry> {
        let half = 1_i64 << self.digit_bits().saturating_sub(1);
        let digits = half.saturating_mul(2);
        let graph = move |(i, f): (usize, &Function)| {
            let tag = i.saturating_add(1);
            let values: Vec<TableEntry> = (half.saturating_neg()..half)
                .map(|p| TableEntry {
                    input: p,
                    output: f.apply(p, self.digit_bits()).unwrap_or(0),
                    tag,
                })
                .collect();
            values
        };
        let range = self.range_tag();
        let functions = self
            .descriptor()
            .functions
            .iter()
            .enumerate()
            .flat_map(graph);
        functions.chain((0..digits).map(move |j| TableEntry {
            input: j,
            output: 0,
            tag: range,
        }))
    }

    /// The coordinates of `point`, which indexes a trace column, that index the node's block, and `θ = eq(high, address)`.
    pub fn block_point<'p>(&self, node: &Node, point: &'p [F]) -> (&'p [F], F) {
        let n = node.block_bits();
        let (low, high) = point.split_at_checked(n).unwrap_or((point, &[]));
        (low, eq_index(high, node.address >> n))
    }

    /// The node's `act~` at a point: its indicator times `θ`.
    fn act(&self, node: &Node, point: &[F]) -> F {
        let (low, theta) = self.block_point(node, point);
        let coordinates = Coordinates::split(&node.out, low);
        node.out.iter().fold(theta, |product, a| {
            product * indicator(a.len, coordinates.of(a.id))
        })
    }

    /// `act~` at a point of `ν` coordinates.
    pub fn act_at(&self, point: &[F]) -> F {
        self.nodes()
            .iter()
            .fold(F::zero(), |sum, n| sum + self.act(n, point))
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
        for node in self.nodes() {
            let act = self.act(node, point);
            columns.act += act;
            columns.tag += act * field_from_usize(self.function(node).1);
        }
        // The table ends at N_T; only the coordinates that index it are expanded.
        let (low, high) = point
            .split_at_checked(bits(self.table_rows()))
            .unwrap_or((point, &[]));
        let beyond = zeros_at(high);
        for (entry, eq) in self.table().zip(eq_table(low)) {
            columns.tin += field_from_i64(entry.input) * eq;
            columns.tout += field_from_i64(entry.output) * eq;
            columns.ttag += field_from_usize(entry.tag) * eq;
        }
        columns.tin *= beyond;
        columns.tout *= beyond;
        columns.ttag *= beyond;
        columns
    }
}

/// A size as a field element.
pub fn field_from_usize(v: usize) -> F {
    F::from(u64::try_from(v).unwrap_or(u64::MAX))
}
