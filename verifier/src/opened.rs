//! Checking what a prover reveals later about a hidden input or output: values and blinds against the row commitments that
//! a proof carries (PROTOCOL.md §3: these rows of `Y` are the input and output commitments).

use pleat_nova_circuits::cycle::{F, FIELD_BYTES, field_from_i64};

use crate::commitments::{Generators, RowCommitment};
use crate::descriptor::{Port, element_cells};
use crate::encoding::{HEADER_BYTES, Reader, Writer};
use crate::error::{FormatError, VerifyError};
use crate::messages::Messages;
use crate::model::{ModelId, VerificationModel};
use crate::network::Network;
use crate::public::elements;

/// First bytes of an opening file.
pub const OPENING_MAGIC: [u8; 8] = *b"PLEATOP\n";
/// Version of the format.
pub const OPENING_VERSION: u16 = 1;
const WHAT: &str = "opening file";

/// Values and blinds of one input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortOpening {
    /// The model.
    pub model: ModelId,
    /// Position among inputs, then outputs.
    pub port: usize,
    /// Integers, row-major over the true shape.
    pub values: Vec<i32>,
    /// Blinds of the port's rows, in ascending address.
    pub blinds: Vec<F>,
}

impl Network {
    /// Row addresses of an input's or output's block.
    pub fn port_rows(&self, port: &Port) -> std::ops::Range<usize> {
        let Some(node) = self.nodes().get(port.node) else {
            return 0..0;
        };
        let first = node.address() >> self.row_bits();
        let count = 1_usize << node.block_bits().saturating_sub(self.row_bits());
        first..first.saturating_add(count)
    }
}

impl PortOpening {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(OPENING_MAGIC, OPENING_VERSION);
        out.bytes(&self.model.0);
        out.bytes(&u32::try_from(self.port).unwrap_or(u32::MAX).to_le_bytes());
        for v in &self.values {
            out.bytes(&v.to_le_bytes());
        }
        out.fields(&self.blinds);
        out.finish()
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// If they are no opening of a port of this network.
    pub fn from_bytes(bytes: &[u8], network: &Network) -> Result<Self, FormatError> {
        let mut input = Reader::new(bytes, OPENING_MAGIC, OPENING_VERSION, WHAT)?;
        let model = ModelId(input.array()?);
        let index = u32::from_le_bytes(input.array()?);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let port = network
            .descriptor()
            .ports()
            .nth(index)
            .ok_or(FormatError::NoSuchPort {
                what: WHAT,
                port: index,
            })?;
        Self::rest(input, model, index, network, port)
    }

    /// Reads an opening of some model's tensor as the values and blinds of an input of `network`, which is to share its
    /// commitments: it has as many elements and rows.
    ///
    /// # Errors
    /// If the bytes are no opening of a tensor of this size.
    pub fn for_input(bytes: &[u8], network: &Network, port: &Port) -> Result<Self, FormatError> {
        let mut input = Reader::new(bytes, OPENING_MAGIC, OPENING_VERSION, WHAT)?;
        let model = ModelId(input.array()?);
        let index = u32::from_le_bytes(input.array()?);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let size = elements(port)
            .saturating_mul(4)
            .saturating_add(network.port_rows(port).len().saturating_mul(FIELD_BYTES))
            .saturating_add(HEADER_BYTES + 32 + 4);
        if bytes.len() != size {
            return Err(FormatError::Length {
                what: WHAT,
                got: bytes.len(),
                expected: size,
            });
        }
        Self::rest(input, model, index, network, port)
    }

    fn rest(
        mut input: Reader<'_>,
        model: ModelId,
        index: usize,
        network: &Network,
        port: &Port,
    ) -> Result<Self, FormatError> {
        let values = input.integers(elements(port))?;
        let blinds = input.fields(network.port_rows(port).len())?;
        input.finish()?;
        Ok(Self {
            model,
            port: index,
            values,
            blinds,
        })
    }

    /// The row commitments that these values and blinds have as a port of `network`; nothing if their numbers are not the
    /// port's.
    pub fn commit(
        &self,
        generators: &Generators,
        network: &Network,
        port: &Port,
    ) -> Option<Vec<RowCommitment>> {
        let node = network.nodes().get(port.node)?;
        let rows = network.port_rows(port).len();
        if self.values.len() != elements(port) || self.blinds.len() != rows {
            return None;
        }
        let row_cells = 1_usize << network.row_bits();
        let mut block = vec![F::zero(); row_cells.saturating_mul(rows)];
        for (value, cell) in self.values.iter().zip(element_cells(&node.shape())) {
            if let Some(cell) = block.get_mut(cell) {
                *cell = field_from_i64(i64::from(*value));
            }
        }
        let rows = block.chunks(row_cells).zip(&self.blinds);
        Some(
            rows.map(|(row, blind)| generators.commit(row, blind))
                .collect(),
        )
    }

    /// Checks that the proof's commitments of this port commit to these values.
    ///
    /// # Errors
    /// [`VerifyError::OtherModel`] if the opening is about another model, [`VerifyError::Revealed`] if a commitment differs.
    pub fn check(
        &self,
        generators: &Generators,
        model: &VerificationModel,
        proof: &Messages,
    ) -> Result<(), VerifyError> {
        let network = model.network();
        if self.model != model.id() {
            return Err(VerifyError::OtherModel {
                got: self.model.to_string(),
                expected: model.id().to_string(),
            });
        }
        let ports: Vec<&Port> = network.descriptor().ports().collect();
        let port = ports.get(self.port).ok_or(FormatError::NoSuchPort {
            what: WHAT,
            port: self.port,
        })?;
        let recomputed = self.commit(generators, network, port);
        if recomputed.is_some_and(|rows| rows == proof.port_commitment(network, port)) {
            Ok(())
        } else {
            Err(VerifyError::Revealed {
                port: port.name.clone(),
            })
        }
    }
}
