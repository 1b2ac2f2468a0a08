//! The proof and its file format. Every length follows from the descriptor and the visibility flags, and is checked before
//! anything is decoded; one proof has one encoding.
//!
//! File: magic, version, model id, mode, flags, public values, public indices, row commitments, mask commitments, the mode's messages, values at
//! `z`, blind of the opening, inner-product argument, the mode's proof of its steps.

use crate::commitments::Commitments;
use crate::descriptor::{Indices, Port};
use crate::encoding::{HEADER_BYTES, Reader, Writer};
use crate::error::{FormatError, VerifyError};
use crate::fold::{self, Folded, Mode};
pub use crate::messages::Messages;
use crate::model::ModelId;
use crate::network::{Column, Network};
use crate::pcs::{Opening, argument_bytes};
pub use crate::public::{PublicValues, elements};

/// First bytes of a proof file.
pub const PROOF_MAGIC: [u8; 8] = *b"PLEATPF\n";
/// Version of the format.
pub const PROOF_VERSION: u16 = 3;
const WHAT: &str = "proof";

/// A proof, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The messages that proofs of both modes have.
    pub messages: Messages,
    /// The mode's own.
    pub folded: Folded,
}

/// Length of a proof of this mode about `network` that shows `shown` integers.
pub fn proof_bytes(network: &Network, mode: Mode, shown: usize) -> usize {
    let elements = Commitments::count(network).saturating_add(11);
    let folded = match mode {
        Mode::Tree => fold::tree::bytes(network),
        Mode::Chain => fold::chain::bytes(network),
    };
    let ports = network.descriptor().ports().count();
    let indices = network.descriptor().indices.iter();
    let indices = indices.fold(0_usize, |n, p| n.saturating_add(p.elements()));
    HEADER_BYTES
        .saturating_add(33)
        .saturating_add(ports)
        .saturating_add(shown.saturating_add(indices).saturating_mul(4))
        .saturating_add(elements.saturating_mul(32))
        .saturating_add(argument_bytes(network.row_bits()))
        .saturating_add(folded)
}

/// The mode's messages that precede the columns' values.
enum First {
    Tree(fold::tree::Commitments),
    Chain(fold::chain::Advice),
}

/// The model that a proof file says it is about; nothing else of it is looked at.
///
/// # Errors
/// If it is no proof file of this version.
pub fn model_of(bytes: &[u8]) -> Result<ModelId, FormatError> {
    let mut input = Reader::new(bytes, PROOF_MAGIC, PROOF_VERSION, WHAT)?;
    Ok(ModelId(input.array()?))
}

/// The mode that a proof file says it is of; nothing else of it is looked at.
///
/// # Errors
/// If it is no proof file of this version.
pub fn mode_of(bytes: &[u8]) -> Result<Mode, FormatError> {
    let mut input = Reader::new(bytes, PROOF_MAGIC, PROOF_VERSION, WHAT)?;
    let _: [u8; 32] = input.array()?;
    let [got] = input.array()?;
    Mode::of_number(got).ok_or(FormatError::Mode { got })
}

impl Proof {
    /// How it hides and proves.
    pub const fn mode(&self) -> Mode {
        self.folded.mode()
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Messages {
            model,
            public,
            commitments,
            values,
            opening,
        } = &self.messages;
        let mut out = Writer::new(PROOF_MAGIC, PROOF_VERSION);
        out.bytes(&model.0);
        out.bytes(&[self.mode().number()]);
        out.bytes(&public.flags());
        for value in public.shown().flatten() {
            out.bytes(&value.to_le_bytes());
        }
        for index in public.indices().values().flatten() {
            out.bytes(&index.to_le_bytes());
        }
        let rows = Column::WITNESS.iter().flat_map(|c| commitments.rows(*c));
        for row in rows.chain(commitments.masks()) {
            out.bytes(row.bytes());
        }
        match &self.folded {
            Folded::Tree(own) => own.write_first(&mut out),
            Folded::Chain(own) => own.write_first(&mut out),
        }
        out.fields(values);
        out.fields(&[opening.blind]);
        out.bytes(&opening.argument);
        match &self.folded {
            Folded::Tree(own) => own.write_last(&mut out),
            Folded::Chain(own) => own.write_last(&mut out),
        }
        out.finish()
    }

    /// Reads a file's bytes as a proof about a network.
    ///
    /// # Errors
    /// If any length, field element or point is not the canonical one.
    pub fn from_bytes(bytes: &[u8], network: &Network) -> Result<Self, VerifyError> {
        let mut input = Reader::new(bytes, PROOF_MAGIC, PROOF_VERSION, WHAT)?;
        let model = ModelId(input.array()?);
        let [mode] = input.array()?;
        let mode = Mode::of_number(mode).ok_or(FormatError::Mode { got: mode })?;
        let ports: Vec<&Port> = network.descriptor().ports().collect();
        let flags = input.bytes(ports.len())?;
        if flags.iter().any(|f| *f > 1) {
            return Err(FormatError::Flag { what: WHAT }.into());
        }
        let shown = ports
            .iter()
            .zip(flags)
            .filter(|(_, f)| **f == 1)
            .fold(0_usize, |n, (p, _)| n.saturating_add(elements(p)));
        let expected = proof_bytes(network, mode, shown);
        if bytes.len() != expected {
            return Err(FormatError::Length {
                what: WHAT,
                got: bytes.len(),
                expected,
            }
            .into());
        }
        let mut public = Vec::with_capacity(ports.len());
        for (port, flag) in ports.iter().zip(flags) {
            public.push(if *flag == 1 {
                Some(input.integers(elements(port))?)
            } else {
                None
            });
        }
        let ports = &network.descriptor().indices;
        let indices = ports.iter().map(|port| input.indices(port.elements()));
        let indices = Indices::new(ports, indices.collect::<Result<_, _>>()?);
        let mut commitments = Commitments::default();
        for column in Column::WITNESS {
            commitments.set_rows(column, input.points(network.rows(column).len())?);
        }
        commitments.set_masks(input.points(Column::OPENED.len())?);
        let first = match mode {
            Mode::Tree => First::Tree(fold::tree::read_first(&mut input, network)?),
            Mode::Chain => First::Chain(fold::chain::read_first(&mut input, network)?),
        };
        let values = input.field_array()?;
        let blind = input.field()?;
        let argument = input.bytes(argument_bytes(network.row_bits()))?.to_vec();
        let opening = Opening::parse(blind, argument, network.row_bits())?;
        let folded = match first {
            First::Tree(first) => {
                Folded::Tree(Box::new(fold::tree::read_last(&mut input, network, first)?))
            }
            First::Chain(first) => Folded::Chain(fold::chain::read_last(&mut input, first)?),
        };
        input.finish()?;
        let public = PublicValues::new(public, indices);
        Ok(Self {
            messages: Messages {
                model,
                public,
                commitments,
                values,
                opening,
            },
            folded,
        })
    }
}
