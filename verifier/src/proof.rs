//! The proof and its file format. Every length follows from the descriptor and the visibility flags, and is checked before
//! anything is decoded; one proof has one encoding.
//!
//! File: magic, version, model id, mode, flags, public values and public indices as far as the file holds them, row commitments, mask commitments, the mode's messages, values at
//! `z`, blind of the opening, inner-product argument, the mode's proof of its steps.

use crate::commitments::Commitments;
use crate::descriptor::{Indices, Port};
use crate::encoding::{HEADER_BYTES, Reader, Writer};
use crate::error::{FormatError, VerifyError};
use crate::fold::{self, Folded, Mode};
pub use crate::messages::Messages;
use crate::model::ModelId;
use crate::network::{Column, Network};
use crate::packing::{BitReader, BitWriter, Packing};
use crate::pcs::{Opening, argument_bytes};
use crate::places::{Place, Places, Supplied};
pub use crate::public::{PublicValues, elements};

/// First bytes of a proof file.
pub const PROOF_MAGIC: [u8; 8] = *b"PLEATPF\n";
/// Version of the format.
pub const PROOF_VERSION: u16 = 4;
const WHAT: &str = "proof";

/// A proof, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The messages that proofs of both modes have.
    pub messages: Messages,
    /// The mode's own.
    pub folded: Folded,
}

/// Length of a proof of this mode about `network` whose public values are in these places.
pub fn proof_bytes(network: &Network, mode: Mode, places: &Places) -> usize {
    let elements = Commitments::count(network).saturating_add(11);
    let folded = match mode {
        Mode::Tree => fold::tree::bytes(network),
        Mode::Chain => fold::chain::bytes(network),
    };
    HEADER_BYTES
        .saturating_add(33)
        .saturating_add(places.bytes(network))
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
    read_mode(&mut input)
}

fn read_mode(input: &mut Reader<'_>) -> Result<Mode, FormatError> {
    let [got] = input.array()?;
    Mode::of_number(got).ok_or(FormatError::Mode { got })
}

/// Where the public values of a proof file are; nothing that follows its flags is looked at.
///
/// # Errors
/// If it is no proof file of this version, or has other flags, or another length, than a proof about `network`.
pub fn places_of(bytes: &[u8], network: &Network) -> Result<Places, FormatError> {
    let mut input = Reader::new(bytes, PROOF_MAGIC, PROOF_VERSION, WHAT)?;
    let _: [u8; 32] = input.array()?;
    read_places(&mut input, bytes.len(), network).map(|(_, places)| places)
}

/// Mode and flags, which the length has to fit.
fn read_places(
    input: &mut Reader<'_>,
    got: usize,
    network: &Network,
) -> Result<(Mode, Places), FormatError> {
    let mode = read_mode(input)?;
    let places = Places::read(input, network, WHAT)?;
    let expected = proof_bytes(network, mode, &places);
    if got == expected {
        return Ok((mode, places));
    }
    Err(FormatError::Length {
        what: WHAT,
        got,
        expected,
    })
}

impl Proof {
    /// How it hides and proves.
    pub const fn mode(&self) -> Mode {
        self.folded.mode()
    }

    /// The file's bytes, all public values included.
    pub fn to_bytes(&self, network: &Network) -> Vec<u8> {
        self.to_bytes_with(network, &Places::all_here(&self.messages.public))
    }

    /// The file's bytes, with the public values that are [`Place::Here`].
    pub fn to_bytes_with(&self, network: &Network, places: &Places) -> Vec<u8> {
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
        out.bytes(&places.flags());
        let mut packed = BitWriter::default();
        let ports = network.descriptor().ports().zip(public.ports());
        for ((port, values), place) in ports.zip(places.ports()) {
            if let (Some(values), Place::Here) = (values, place) {
                packed.write(Packing::of(network, port), values);
            }
        }
        out.bytes(&packed.finish());
        for (values, place) in public.indices().values().zip(places.indices()) {
            if *place == Place::Here {
                values.iter().for_each(|k| out.bytes(&k.to_le_bytes()));
            }
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
    /// If any length, field element or point is not the canonical one, or the file leaves out public values.
    pub fn from_bytes(bytes: &[u8], network: &Network) -> Result<Self, VerifyError> {
        Self::from_bytes_with(bytes, network, &Supplied::default())
    }

    /// Reads a file's bytes as a proof about a network that shows what is in the file, and what is supplied where the file leaves it
    /// out. What is supplied besides is not looked at.
    ///
    /// # Errors
    /// As [`Self::from_bytes`]; [`VerifyError::LeftOut`], [`VerifyError::Supplied`].
    pub fn from_bytes_with(
        bytes: &[u8],
        network: &Network,
        supplied: &Supplied,
    ) -> Result<Self, VerifyError> {
        let mut input = Reader::new(bytes, PROOF_MAGIC, PROOF_VERSION, WHAT)?;
        let model = ModelId(input.array()?);
        let (mode, places) = read_places(&mut input, bytes.len(), network)?;
        let public = read_public(&mut input, network, &places, supplied)?;
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

/// All public values, from the file or from whoever verifies.
fn read_public(
    input: &mut Reader<'_>,
    network: &Network,
    places: &Places,
    supplied: &Supplied,
) -> Result<PublicValues, VerifyError> {
    let mut packed = BitReader::new(input.bytes(places.packed_bytes(network))?, WHAT);
    let mut ports = Vec::with_capacity(places.ports().len());
    let own = network.descriptor().ports().zip(places.ports());
    for (number, (port, place)) in own.enumerate() {
        let Port { name, .. } = port;
        ports.push(match place {
            Place::Hidden => None,
            Place::Here => Some(packed.read(Packing::of(network, port), elements(port))?),
            Place::Elsewhere => Some(given(name, elements(port), supplied.port(number))?),
        });
    }
    packed.finish()?;
    let own = &network.descriptor().indices;
    let mut indices = Vec::with_capacity(own.len());
    for (number, (port, place)) in own.iter().zip(places.indices()).enumerate() {
        indices.push(match place {
            Place::Elsewhere => given(&port.name, port.elements(), supplied.index(number))?,
            Place::Hidden | Place::Here => input.indices(port.elements())?,
        });
    }
    Ok(PublicValues::new(ports, Indices::new(own, indices)))
}

/// What is supplied for a tensor with so many values.
fn given<T: Clone>(
    tensor: &str,
    expected: usize,
    values: Option<&[T]>,
) -> Result<Vec<T>, VerifyError> {
    let tensor = || tensor.to_owned();
    let values = values.ok_or_else(|| VerifyError::LeftOut { tensor: tensor() })?;
    if values.len() == expected {
        return Ok(values.to_vec());
    }
    Err(VerifyError::Supplied {
        tensor: tensor(),
        got: values.len(),
        expected,
    })
}
