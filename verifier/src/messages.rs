//! The messages that proofs of both modes have: what is shown, commitments to rows, the columns' values at `z` and their opening.

use pleat_nova_circuits::cycle::F;

use crate::commitments::{Commitments, RowCommitment};
use crate::descriptor::Port;
use crate::model::ModelId;
use crate::network::{Column, Network};
use crate::pcs::{Columns, Opening};
use crate::public::PublicValues;

/// The messages that proofs of both modes have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    /// The model it is about.
    pub model: ModelId,
    /// What is shown.
    pub public: PublicValues,
    /// Row and mask commitments.
    pub commitments: Commitments,
    /// `col~(z)` in the order of [`Column::OPENED`].
    pub values: [F; 10],
    /// Opening of the columns.
    pub opening: Opening,
}

impl Messages {
    /// What the opening is about, once `η` and `z` are known.
    pub fn columns<'a>(&'a self, eta: &'a F, z: &'a [F]) -> Columns<'a> {
        Columns {
            commitments: &self.commitments,
            values: &self.values,
            opening: &self.opening,
            eta,
            z,
        }
    }

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
