//! The bytes that a proof of the mode `tree` has beyond the same sumchecks in the clear (PROTOCOL.md §5).

use pleat_nova_circuits::cycle::FIELD_BYTES;
use pleat_nova_circuits::tree::step::SEGMENTS;
use pleat_verifier::descriptor::{DescriptorError, Limits};
use pleat_verifier::fold::tree::{self, Layout};
use pleat_verifier::network::Network;

use crate::nets::{Shape, descriptor};

/// Bytes of the parts in which the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// Claims, round messages and evaluations as field elements, in the clear.
    pub elements: usize,
    /// The commitments that stand for them.
    pub points: usize,
    /// Shares, products, cross terms, the mask instance, and the blind of the shares.
    pub folding: usize,
    /// Spartan's proof of the root and its opening.
    pub last: usize,
}

impl Bytes {
    /// Of proofs about this network.
    #[must_use]
    pub fn of(network: &Network) -> Self {
        let layout = Layout::new(network);
        let rounds = layout.rounds().total();
        let points = FIELD_BYTES * (rounds + 2 * layout.slot_steps() + 1);
        let folding = FIELD_BYTES * (3 * layout.steps() + 1 + SEGMENTS + 1);
        Self {
            elements: FIELD_BYTES * (5 * network.slots().count() + 3 * rounds + 9),
            points,
            folding,
            last: tree::bytes(network) - points - folding,
        }
    }

    /// Of proofs about a uniform network.
    ///
    /// # Errors
    /// If there is no such network.
    pub fn of_uniform(shape: Shape, depth: usize) -> Result<Self, DescriptorError> {
        let network = Network::new(descriptor(shape, depth), &Limits::default())?;
        Ok(Self::of(&network))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use pleat_verifier::fold::Mode;
    use pleat_verifier::places::{Place, Places};
    use pleat_verifier::proof::proof_bytes;

    #[test]
    fn the_parts_make_up_the_difference() {
        let shape = Shape::Dense {
            batch: 1,
            width: 16,
        };
        for depth in [1, 4, 256] {
            let network = Network::new(descriptor(shape, depth), &Limits::default()).unwrap();
            let shown = 2 * 16;
            let Bytes {
                elements,
                points,
                folding,
                last,
            } = Bytes::of(&network);
            // One packs public integers, the other does not.
            let places = Places::new(&network, Place::Elsewhere, Place::Elsewhere);
            let clear = crate::clear::proof_bytes(&network, shown);
            // Model and mode, and a flag for each of two ports.
            let named = 32 + 1 + 2;
            assert_eq!(
                proof_bytes(&network, Mode::Tree, &places) + elements + 4 * shown,
                clear + named + points + folding + last,
                "{depth} layers"
            );
        }
    }
}
