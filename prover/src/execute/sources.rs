//! What terms read of an executed trace, as integers (PROTOCOL.md §2).

use pleat_verifier::descriptor::{Indices, Offset, Read, Relation, Term};
use pleat_verifier::network::Network;

use super::{Cells, Trace};
use crate::weights::{Part, Weights};

/// Cells of one kind.
#[derive(Clone, Copy)]
pub(super) enum Integers<'a> {
    Short(&'a [i32]),
    Narrow(&'a [i16]),
    Digit(&'a [u16]),
    Long(&'a [i64]),
}

/// Columns that follow from others, filled block by block where some term reads them.
#[derive(Default)]
pub(super) struct Derived {
    wide: Vec<i32>,
    exact: Vec<i64>,
}

/// Which nodes' blocks are read wide and exactly, and the constants in padded blocks.
pub(super) struct Reading {
    wide: Vec<bool>,
    exact: Vec<bool>,
    constants: Vec<Vec<i32>>,
    /// First cells of the weight blocks.
    blocks: Vec<usize>,
}

impl Reading {
    pub(super) fn new(network: &Network) -> Self {
        let relations = network.relations().len();
        let mut reading = Self {
            wide: vec![false; relations],
            exact: vec![false; relations],
            constants: Vec::new(),
            blocks: network
                .descriptor()
                .weights
                .iter()
                .map(|b| b.address)
                .collect(),
        };
        for slot in network.slots() {
            for (_, view, _) in slot.views() {
                for term in &view.terms {
                    let flags = match term.read {
                        Read::Wide => &mut reading.wide,
                        Read::Exact => &mut reading.exact,
                        _ => continue,
                    };
                    if let Some(flag) = flags.get_mut(term.block) {
                        *flag = true;
                    }
                }
            }
        }
        let constants = network.descriptor().constants.iter().map(|constant| {
            let size = constant.shape.iter().map(|n| n.next_power_of_two());
            let mut cells = vec![0; size.product()];
            for (cell, v) in Cells::new(0, &constant.shape).zip(&constant.values) {
                cells[cell] = *v;
            }
            cells
        });
        reading.constants = constants.collect();
        reading
    }

    /// Empty columns.
    pub(super) fn derived(&self, network: &Network) -> Derived {
        let column = 1 << network.nu();
        let length = |flags: &[bool]| if flags.contains(&true) { column } else { 0 };
        Derived {
            wide: vec![0; length(&self.wide)],
            exact: vec![0; length(&self.exact)],
        }
    }

    /// Fills a relation's block from the trace.
    pub(super) fn fill(
        &self,
        network: &Network,
        index: usize,
        trace: &Trace,
        derived: &mut Derived,
    ) {
        let (wide, exact) = (self.wide[index], self.exact[index]);
        if !wide && !exact {
            return;
        }
        let relation = &network.relations()[index];
        let digit_bits = network.digit_bits();
        for cell in Cells::new(relation.address, &relation.shape()) {
            let z = exact_of(relation, trace, digit_bits, cell);
            if wide {
                derived.wide[cell] = (z >> digit_bits) as i32;
            }
            if exact {
                derived.exact[cell] = z;
            }
        }
    }
}

/// `2^(2B)·P + 2^B·R1 + R0 - offset`.
fn exact_of(relation: &Relation, trace: &Trace, digit_bits: u32, cell: usize) -> i64 {
    (i64::from(trace.p[cell]) << (2 * digit_bits))
        + (i64::from(trace.r1[cell]) << digit_bits)
        + i64::from(trace.r0[cell])
        - match relation.offset {
            Offset::Constant(offset) => offset,
            Offset::Before(_) => 0,
        }
}

/// All that terms read.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) y: &'a [i32],
    pub(super) r1: &'a [u16],
    pub(super) derived: &'a Derived,
    pub(super) reading: &'a Reading,
    pub(super) weights: &'a Weights,
}

impl<'a> Sources<'a> {
    /// The cells in which a term's addresses are.
    pub(super) fn cells(&self, read: Read, block: usize) -> Integers<'a> {
        match read {
            Read::Value => Integers::Short(self.y),
            // From the block's first cell on.
            Read::Weight => match self.weights.from(self.reading.blocks[block]) {
                Part::Narrow(cells) => Integers::Narrow(cells),
                Part::Wide(cells) => Integers::Short(cells),
            },
            Read::Wide => Integers::Short(&self.derived.wide),
            Read::Exact => Integers::Long(&self.derived.exact),
            Read::Middle => Integers::Digit(self.r1),
            Read::Constant => Integers::Short(&self.reading.constants[block]),
            // No node reads these.
            Read::Low | Read::One | Read::OneHot => Integers::Short(&[]),
        }
    }
}

/// Where terms of a network's nodes read.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) network: &'a Network,
    /// Values of the index ports that are given.
    pub(super) indices: &'a Indices,
}

impl Place<'_> {
    /// Address and shape of what a node's term reads.
    pub(super) fn of(&self, term: &Term) -> (usize, Vec<usize>) {
        let block = if term.read.of_trace() {
            let first = self.network.first_relation(term.block);
            first.unwrap_or(usize::MAX)
        } else {
            term.block
        };
        self.network.block(term.read, block)
    }
}
