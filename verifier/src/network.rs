//! A descriptor that passed every rule, with all that follows from it: the sizes of the trace, which rows are committed,
//! the rounds of the sumchecks (PROTOCOL.md §0–§3).

use crate::descriptor::{
    Checked, Descriptor, DescriptorError, Function, Limits, Node, Operation, Read, Relation, Slot,
    Tag,
};

/// A committed column, in the order of the opened values (PROTOCOL.md §4.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// What the rest of the network reads.
    Y,
    /// Quotient.
    P,
    /// High remainder digit.
    R1,
    /// Low remainder digit.
    R0,
    /// LogUp fraction of `(P, Y, tag)`.
    F0,
    /// LogUp fraction of `(R0, 0, RNG)`.
    F1,
    /// LogUp fraction of `(R1, 0, RNG)`.
    F2,
    /// Multiplicity of a table entry.
    M,
    /// LogUp fraction of a table entry.
    HT,
    /// The model column: all weights.
    W,
}

impl Column {
    /// The columns opened at `z`, in order of the powers of `η`.
    pub const OPENED: [Self; 10] = [
        Self::Y,
        Self::P,
        Self::R1,
        Self::R0,
        Self::F0,
        Self::F1,
        Self::F2,
        Self::M,
        Self::HT,
        Self::W,
    ];
    /// The witness columns, in order of the evaluations at `u`.
    pub const WITNESS: [Self; 9] = [
        Self::Y,
        Self::P,
        Self::R1,
        Self::R0,
        Self::F0,
        Self::F1,
        Self::F2,
        Self::M,
        Self::HT,
    ];
    /// The columns committed before `α`, `β`, in transcript order.
    pub const TRACE: [Self; 5] = [Self::Y, Self::P, Self::R1, Self::R0, Self::M];
    /// The columns committed after `α`, `β`, in transcript order.
    pub const FRACTIONS: [Self; 4] = [Self::F0, Self::F1, Self::F2, Self::HT];

    /// Position in [`Self::OPENED`].
    pub const fn index(self) -> usize {
        match self {
            Self::Y => 0,
            Self::P => 1,
            Self::R1 => 2,
            Self::R0 => 3,
            Self::F0 => 4,
            Self::F1 => 5,
            Self::F2 => 6,
            Self::M => 7,
            Self::HT => 8,
            Self::W => 9,
        }
    }

    /// Name on the protocol page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Y => "Y",
            Self::P => "P",
            Self::R1 => "R1",
            Self::R0 => "R0",
            Self::F0 => "F0",
            Self::F1 => "F1",
            Self::F2 => "F2",
            Self::M => "M",
            Self::HT => "HT",
            Self::W => "W",
        }
    }
}

/// Rounds of the three sumchecks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// CONTRACT.
    pub contract: usize,
    /// LOOKUP.
    pub lookup: usize,
    /// OPEN.
    pub open: usize,
}

impl Rounds {
    /// Of all three.
    pub fn total(&self) -> usize {
        self.contract
            .saturating_add(self.lookup)
            .saturating_add(self.open)
    }
}

/// A checked descriptor and the sizes that follow from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    descriptor: Descriptor,
    relations: Vec<Relation>,
    firsts: Vec<usize>,
    functions: Vec<Function>,
    nu: usize,
    nu_w: usize,
    row_bits: usize,
    table_rows: usize,
    trace_rows: Vec<usize>,
    weight_rows: Vec<usize>,
}

impl Network {
    /// Checks a descriptor.
    ///
    /// # Errors
    /// The first rule of PROTOCOL.md §2 or §3 that it breaks.
    pub fn new(descriptor: Descriptor, limits: &Limits) -> Result<Self, DescriptorError> {
        let Checked {
            relations,
            firsts,
            functions,
            sizes,
        } = descriptor.check(limits)?;
        let row_bits = usize::try_from(descriptor.row_bits).unwrap_or(usize::MAX);
        let trace = relations.iter().map(|r| (r.address, r.block_bits()));
        let trace_rows = cover(trace, row_bits);
        let weights = descriptor.weights.iter();
        let weights = weights.map(|b| (b.address, crate::mle::shape_bits(&b.shape)));
        let weight_rows = cover(weights, row_bits);
        Ok(Self {
            nu: sizes.nu,
            nu_w: sizes.nu_w,
            row_bits,
            table_rows: sizes.table_rows,
            trace_rows,
            weight_rows,
            relations,
            firsts,
            functions,
            descriptor,
        })
    }

    /// The descriptor.
    pub const fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The functions listed, then those that lowering appended; the tag of the one at index `i` is `i + 1`.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.descriptor.nodes
    }

    /// What the nodes are lowered to; each owns one trace block.
    pub fn relations(&self) -> &[Relation] {
        &self.relations
    }

    /// Index of the relation of a node's first block, the one that others read.
    pub fn first_relation(&self, node: usize) -> Option<usize> {
        self.firsts.get(node).copied()
    }

    /// The relation of a node's first block.
    pub fn relation(&self, node: usize) -> Option<&Relation> {
        self.relations.get(self.first_relation(node)?)
    }

    /// The slots, in the order of their claims.
    pub fn slots(&self) -> impl Iterator<Item = Slot<'_>> {
        self.relations.iter().flat_map(Relation::slots)
    }

    /// Address and true lengths of what a term of a relation reads; a constant has no address.
    pub fn block(&self, read: Read, block: usize) -> (usize, Vec<usize>) {
        let own = match read {
            Read::Weight => {
                let block = self.descriptor.weights.get(block);
                block.map(|b| (b.address, b.shape.clone()))
            }
            Read::Constant => {
                let constant = self.descriptor.constants.get(block);
                constant.map(|c| (0, c.shape.clone()))
            }
            Read::One => None,
            Read::OneHot => {
                let port = self.descriptor.indices.get(block);
                port.map(|p| (0, [p.lens().as_slice(), &[p.len]].concat()))
            }
            _ => self.relations.get(block).map(|r| (r.address, r.shape())),
        };
        own.unwrap_or_default()
    }

    /// The columns that a read adds up, with their factors. None for a constant.
    pub fn read_columns(&self, read: Read) -> Vec<(Column, i64)> {
        let digit = |digits: u32| 1_i64 << self.digit_bits().saturating_mul(digits).min(62);
        match read {
            Read::Value => vec![(Column::Y, 1)],
            Read::Weight => vec![(Column::W, 1)],
            Read::Wide => vec![(Column::P, digit(1)), (Column::R1, 1)],
            Read::Exact => vec![
                (Column::P, digit(2)),
                (Column::R1, digit(1)),
                (Column::R0, 1),
            ],
            Read::Middle => vec![(Column::R1, 1)],
            Read::Low => vec![(Column::R1, digit(1)), (Column::R0, 1)],
            Read::Constant | Read::One | Read::OneHot => Vec::new(),
        }
    }

    /// `B`.
    pub const fn digit_bits(&self) -> u32 {
        self.descriptor.digit_bits
    }

    /// `κ`.
    pub const fn row_bits(&self) -> usize {
        self.row_bits
    }

    /// `ν`: variables of the trace columns.
    pub const fn nu(&self) -> usize {
        self.nu
    }

    /// `νW`: variables of column `W`.
    pub const fn nu_w(&self) -> usize {
        self.nu_w
    }

    /// `ν' = max(ν, νW)`: the variable that the mask rows' address sets.
    pub fn mask_variable(&self) -> usize {
        self.nu.max(self.nu_w)
    }

    /// `N = ν' + 1`: variables of OPEN.
    pub fn open_variables(&self) -> usize {
        self.mask_variable().saturating_add(1)
    }

    /// Variables of one column.
    pub fn variables(&self, column: Column) -> usize {
        if column == Column::W {
            self.nu_w
        } else {
            self.nu
        }
    }

    /// Row address of the mask rows.
    pub fn mask_row(&self) -> usize {
        1_usize << self.mask_variable().saturating_sub(self.row_bits)
    }

    /// `N_T`: entries of the table.
    pub const fn table_rows(&self) -> usize {
        self.table_rows
    }

    /// The function that looks up a relation's quotients, and its tag; none for the range table.
    pub fn function(&self, relation: &Relation) -> (Option<&Function>, usize) {
        match relation.tag {
            Tag::Function(f) => (self.functions.get(f), f.saturating_add(1)),
            Tag::Range => (None, self.range_tag()),
        }
    }

    /// What a node does, for messages: a map's function, or the operation.
    pub fn operation_name(&self, node: &Node) -> &str {
        match node.operation {
            Operation::Map { function } => {
                let function = self.functions.get(function);
                function.map_or("", Function::name)
            }
            _ => node.operation.name(),
        }
    }

    /// `RNG`: the tag of the range table.
    pub fn range_tag(&self) -> usize {
        self.functions.len().saturating_add(1)
    }

    /// Addresses of the committed rows of a column, ascending, the mask row excepted; they depend on the descriptor alone.
    pub fn rows(&self, column: Column) -> Vec<usize> {
        match column {
            Column::M | Column::HT => {
                let cells = 1_usize << self.row_bits;
                (0..self.table_rows.div_ceil(cells)).collect()
            }
            Column::W => self.weight_rows.clone(),
            _ => self.trace_rows.clone(),
        }
    }

    /// Rounds of the three sumchecks: a variable of their sums each.
    pub fn rounds(&self) -> Rounds {
        let contraction = self.slots().map(|s| s.contraction_bits()).max();
        Rounds {
            contract: contraction.unwrap_or(0),
            lookup: self.nu,
            open: self.open_variables(),
        }
    }

    /// Trace rows that are real: the sum of the blocks' true sizes.
    pub fn real_rows(&self) -> usize {
        self.nodes().iter().map(Node::rows).sum()
    }
}

/// Addresses of the rows that meet a block, ascending.
fn cover(blocks: impl Iterator<Item = (usize, usize)>, row_bits: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = blocks
        .flat_map(|(address, bits)| {
            let first = address >> row_bits;
            let count = 1_usize << bits.saturating_sub(row_bits);
            first..first.saturating_add(count)
        })
        .collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}
