//! The proof and its file format. Every length follows from the descriptor and the visibility flags, and is checked before
//! anything is decoded; one proof has one encoding.
//!
//! File: magic, version, model id, flags, public values, row commitments, mask commitments, advice, values at `z`, blind of
//! the opening, inner-product argument, Nova proof.

use pleat_nova_circuits::chain::params::{NOVA_PROOF_BYTES, NovaProof};
use pleat_nova_circuits::cycle::F;

use crate::commitments::{Commitments, RowCommitment};
use crate::descriptor::{Node, Port};
use crate::encoding::{HEADER_BYTES, Reader, Writer};
use crate::error::{FormatError, VerifyError};
use crate::model::ModelId;
use crate::network::{Column, Network};
use crate::pcs::{Opening, argument_bytes};
use crate::program::Advice;

/// First bytes of a proof file.
pub const PROOF_MAGIC: [u8; 8] = *b"PLEATPF\n";
/// Version of the format.
pub const PROOF_VERSION: u16 = 1;
const WHAT: &str = "proof";

/// What the prover chose to show: integers of each input and output, row-major over the true shape, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicValues {
    ports: Vec<Option<Vec<i32>>>,
}

impl PublicValues {
    /// One entry per port, inputs then outputs; `None` hides it.
    pub const fn new(ports: Vec<Option<Vec<i32>>>) -> Self {
        Self { ports }
    }

    /// One entry per port, inputs then outputs.
    pub fn ports(&self) -> &[Option<Vec<i32>>] {
        &self.ports
    }

    /// One byte per port: 1 if it is shown.
    pub fn flags(&self) -> Vec<u8> {
        self.ports.iter().map(|p| u8::from(p.is_some())).collect()
    }

    /// The values shown, in order.
    pub fn shown(&self) -> impl Iterator<Item = &[i32]> {
        self.ports.iter().filter_map(Option::as_deref)
    }

    /// The values shown, with the nodes whose blocks they are.
    pub fn shown_nodes<'a>(
        &'a self,
        network: &'a Network,
    ) -> impl Iterator<Item = (&'a Node, &'a [i32])> {
        let ports = network.descriptor().ports().zip(&self.ports);
        ports.filter_map(|(port, values)| {
            Some((network.nodes().get(port.node)?, values.as_deref()?))
        })
    }
}

/// Elements of a port's tensor.
pub fn elements(port: &Port) -> usize {
    port.shape.iter().fold(1, |n, len| n.saturating_mul(*len))
}

/// All messages of a proof but Nova's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    /// The model it is about.
    pub model: ModelId,
    /// What is shown.
    pub public: PublicValues,
    /// Row and mask commitments.
    pub commitments: Commitments,
    /// Challenges of the inside transcript.
    pub advice: Advice,
    /// `col~(z)` in the order of [`Column::OPENED`].
    pub values: [F; 10],
    /// Opening of the columns.
    pub opening: Opening,
}

/// A proof, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// All messages but Nova's.
    pub messages: Messages,
    /// The folded and compressed steps.
    pub nova: NovaProof,
}

/// Length of a proof about `network` that shows `shown` integers.
pub fn proof_bytes(network: &Network, shown: usize) -> usize {
    let rounds = network.rounds();
    let advice = rounds
        .contract
        .saturating_add(rounds.lookup)
        .saturating_add(rounds.open)
        .saturating_add(3);
    let elements = Commitments::count(network)
        .saturating_add(advice)
        .saturating_add(11);
    let ports = network.descriptor().ports().count();
    HEADER_BYTES
        .saturating_add(32)
        .saturating_add(ports)
        .saturating_add(shown.saturating_mul(4))
        .saturating_add(elements.saturating_mul(32))
        .saturating_add(argument_bytes(network.row_bits()))
        .saturating_add(NOVA_PROOF_BYTES)
}

/// The model that a proof file says it is about; nothing else of it is looked at.
///
/// # Errors
/// If it is no proof file of this version.
pub fn model_of(bytes: &[u8]) -> Result<ModelId, FormatError> {
    let mut input = Reader::new(bytes, PROOF_MAGIC, PROOF_VERSION, WHAT)?;
    Ok(ModelId(input.array()?))
}

impl Proof {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Messages {
            model,
            public,
            commitments,
            advice,
            values,
            opening,
        } = &self.messages;
        let mut out = Writer::new(PROOF_MAGIC, PROOF_VERSION);
        out.bytes(&model.0);
        out.bytes(&public.flags());
        for value in public.shown().flatten() {
            out.bytes(&value.to_le_bytes());
        }
        let rows = Column::WITNESS.iter().flat_map(|c| commitments.rows(*c));
        for row in rows.chain(commitments.masks()) {
            out.bytes(row.bytes());
        }
        let Advice {
            sigma,
            x,
            tau,
            u,
            rho,
            z,
        } = advice;
        out.fields(&[*sigma]);
        out.fields(x);
        out.fields(&[*tau]);
        out.fields(u);
        out.fields(&[*rho]);
        out.fields(z);
        out.fields(values);
        out.fields(&[opening.blind]);
        out.bytes(&opening.argument);
        out.bytes(self.nova.to_bytes());
        out.finish()
    }

    /// Reads a file's bytes as a proof about a network.
    ///
    /// # Errors
    /// If any length, field element or point is not the canonical one.
    pub fn from_bytes(bytes: &[u8], network: &Network) -> Result<Self, VerifyError> {
        let mut input = Reader::new(bytes, PROOF_MAGIC, PROOF_VERSION, WHAT)?;
        let model = ModelId(input.array()?);
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
        let expected = proof_bytes(network, shown);
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
        let mut commitments = Commitments::default();
        for column in Column::WITNESS {
            commitments.set_rows(column, input.points(network.rows(column).len())?);
        }
        commitments.set_masks(input.points(Column::OPENED.len())?);
        let rounds = network.rounds();
        let advice = Advice {
            sigma: input.field()?,
            x: input.fields(rounds.contract)?,
            tau: input.field()?,
            u: input.fields(rounds.lookup)?,
            rho: input.field()?,
            z: input.fields(rounds.open)?,
        };
        let values = <[F; 10]>::try_from(input.fields(10)?)
            .map_err(|_| FormatError::Truncated { what: WHAT })?;
        let blind = input.field()?;
        let argument = input.bytes(argument_bytes(network.row_bits()))?.to_vec();
        let opening = Opening::parse(blind, argument, network.row_bits())?;
        let nova = NovaProof::parse(input.bytes(NOVA_PROOF_BYTES)?)
            .map_err(|e| VerifyError::Nova(e.into()))?;
        input.finish()?;
        let public = PublicValues::new(public);
        Ok(Self {
            messages: Messages {
                model,
                public,
                commitments,
                advice,
                values,
                opening,
            },
            nova,
        })
    }
}

impl Messages {
    /// Row commitments of an input or output: what two proofs share if they are about the same tensor.
    pub fn port_commitment(&self, network: &Network, port: &Port) -> Vec<RowCommitment> {
        let own = network.port_rows(port);
        let rows = network.rows(Column::Y);
        let all = rows.iter().zip(self.commitments.rows(Column::Y));
        all.filter(|(row, _)| own.contains(*row))
            .map(|(_, c)| *c)
            .collect()
    }
}
