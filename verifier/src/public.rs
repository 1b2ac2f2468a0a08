//! What a proof shows.

use crate::descriptor::{Indices, Port, Relation};
use crate::network::Network;

/// What the prover chose to show: integers of each input and output, row-major over the true shape, or nothing; and all public
/// indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicValues {
    ports: Vec<Option<Vec<i32>>>,
    indices: Indices,
}

impl PublicValues {
    /// One entry per port, inputs then outputs; `None` hides it.
    pub const fn new(ports: Vec<Option<Vec<i32>>>, indices: Indices) -> Self {
        Self { ports, indices }
    }

    /// The values of the index ports.
    pub const fn indices(&self) -> &Indices {
        &self.indices
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

    /// The values shown, with the relations whose blocks they are.
    pub fn shown_blocks<'a>(
        &'a self,
        network: &'a Network,
    ) -> impl Iterator<Item = (&'a Relation, &'a [i32])> {
        let ports = network.descriptor().ports().zip(&self.ports);
        ports.filter_map(|(port, values)| Some((network.relation(port.node)?, values.as_deref()?)))
    }
}

/// Elements of a port's tensor.
pub fn elements(port: &Port) -> usize {
    port.shape.iter().fold(1, |n, len| n.saturating_mul(*len))
}
