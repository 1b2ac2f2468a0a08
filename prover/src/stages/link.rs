//! Inputs that are tensors of another proof: committed to with that proof's blinds, so that the commitments are the same.

use super::Traced;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::network::Column;

/// An input that is to carry another proof's row commitments.
///
/// Sharing blinds shows that the values are the same and nothing else: all else that depends on them is masked afresh in
/// every proof (PROTOCOL.md §7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedInput {
    /// Position among the inputs.
    pub input: usize,
    /// Blinds of the tensor's rows, in ascending address.
    pub blinds: Vec<F>,
}

impl Traced<'_> {
    /// Commits to an input with these blinds. Does nothing, and returns `false`, if the network has no such input or its rows
    /// are not so many.
    #[must_use]
    pub fn link(&mut self, linked: &LinkedInput) -> bool {
        let network = self.0.model.network();
        let Some(port) = network.descriptor().inputs.get(linked.input) else {
            return false;
        };
        let own = network.port_rows(port);
        if own.len() != linked.blinds.len() {
            return false;
        }
        let rows = network.rows(Column::Y);
        let Some(blinds) = self.0.blinds.get_mut(Column::Y.index()) else {
            return false;
        };
        let in_port = rows.iter().zip(&mut blinds.rows);
        let in_port = in_port.filter(|(row, _)| own.contains(*row));
        for ((_, blind), other) in in_port.zip(&linked.blinds) {
            *blind = *other;
        }
        true
    }
}
