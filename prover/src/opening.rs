//! Revealing a hidden input or output later: the blinds of its row commitments, which the prover keeps.
//!
//! The prover's secret file holds values and blinds of every input and output of one proof. An opening file holds those of
//! one of them; the verifier's crate checks it.

use pleat_nova_circuits::cycle::F;
use pleat_verifier::encoding::{Reader, Writer};
use pleat_verifier::error::FormatError;
use pleat_verifier::network::{Column, Network};
use pleat_verifier::opened::PortOpening;

use crate::execute::block_values;
use crate::stages::Ledger;

/// First bytes of a secret file.
pub const SECRET_MAGIC: [u8; 8] = *b"PLEATSE\n";
/// Version of the format.
pub const SECRET_VERSION: u16 = 1;
const WHAT: &str = "secret file";

/// Openings of all inputs and outputs of a proof.
#[derive(Clone, Debug, PartialEq)]
pub struct PrivateOpenings {
    ports: Vec<PortOpening>,
}

impl PrivateOpenings {
    /// From a prover that has committed to its trace.
    pub(crate) fn new(ledger: &Ledger<'_>) -> Self {
        let network = ledger.network();
        let rows = network.rows(Column::Y);
        let blinds = ledger
            .blinds
            .get(Column::Y.index())
            .map_or(&[][..], |b| b.rows.as_slice());
        let opening = |(index, port): (usize, &pleat_verifier::descriptor::Port)| {
            let own = network.port_rows(port);
            let in_port = rows
                .iter()
                .zip(blinds)
                .filter(|(row, _)| own.contains(*row));
            let blinds: Vec<F> = in_port.map(|(_, blind)| *blind).collect();
            PortOpening {
                model: ledger.model.verification().id(),
                port: index,
                values: block_values(network, port.node, &ledger.columns.y),
                blinds,
            }
        };
        Self {
            ports: network
                .descriptor()
                .ports()
                .enumerate()
                .map(opening)
                .collect(),
        }
    }

    /// One opening per port, inputs then outputs.
    pub fn ports(&self) -> &[PortOpening] {
        &self.ports
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(SECRET_MAGIC, SECRET_VERSION);
        for port in &self.ports {
            out.prefixed(&port.to_bytes());
        }
        out.finish()
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// If they are no secret file of a proof about this network.
    pub fn from_bytes(bytes: &[u8], network: &Network) -> Result<Self, FormatError> {
        let mut input = Reader::new(bytes, SECRET_MAGIC, SECRET_VERSION, WHAT)?;
        let mut ports = Vec::new();
        while input.left() > 0 {
            ports.push(PortOpening::from_bytes(
                input.prefixed(bytes.len())?,
                network,
            )?);
        }
        Ok(Self { ports })
    }
}
