//! Inputs that are tensors of other proofs.

use pleat_verifier::commitments::Generators;
use pleat_verifier::descriptor::Port;
use pleat_verifier::error::FormatError;
use pleat_verifier::network::Network;
use pleat_verifier::opened::PortOpening;
use pleat_verifier::receipt::{Origin, Receipt, ReceiptError, Role, Sha3Hash};
use thiserror::Error;

use crate::stages::LinkedInput;

/// A receipt that is referred to.
#[derive(Clone, Debug)]
pub struct Previous {
    /// What it says.
    pub receipt: Receipt,
    /// Its file's hash.
    pub hash: Sha3Hash,
}

impl Previous {
    /// Reads a receipt's bytes.
    ///
    /// # Errors
    /// If they are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReceiptError> {
        Ok(Self {
            receipt: Receipt::from_bytes(bytes)?,
            hash: Sha3Hash::of(bytes),
        })
    }
}

/// Why an input is no tensor of another proof that a receipt is about.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The model has no such input.
    #[error("there is no such input")]
    NoInput,
    /// No receipt is about the model that the opening is of.
    #[error("no receipt given with --previous is about the model that it belongs to")]
    NoReceipt,
    /// No receipt has the opening's commitments.
    #[error(
        "its commitments are not those of the --previous receipt: it belongs to another proof, or the input is laid out differently from that tensor (compile with the same --row-bits)"
    )]
    OtherCommitments,
    /// An integer means something else.
    #[error(
        "one unit of tensor {tensor} stands for {from}, one of input {input} for {to}; compile this model with --input-like"
    )]
    Scale {
        /// The other proof's tensor.
        tensor: String,
        /// Real value of its unit.
        from: String,
        /// The input.
        input: String,
        /// Real value of its unit.
        to: f64,
    },
}

/// An input that comes from another proof.
#[derive(Clone, Debug)]
pub struct Link {
    /// Position among the inputs.
    pub input: usize,
    opening: PortOpening,
}

impl Link {
    /// Reads an opening's bytes for an input.
    ///
    /// # Errors
    /// If it opens no tensor of as many values, in as many rows.
    pub fn from_bytes(
        bytes: &[u8],
        network: &Network,
        input: usize,
        port: &Port,
    ) -> Result<Self, FormatError> {
        let opening = PortOpening::for_input(bytes, network, port)?;
        Ok(Self { input, opening })
    }

    /// The input's integers.
    pub fn values(&self) -> &[i32] {
        &self.opening.values
    }

    /// What the prover commits with.
    pub fn linked(&self) -> LinkedInput {
        LinkedInput {
            input: self.input,
            blinds: self.opening.blinds.clone(),
        }
    }

    /// The tensor that this is according to one of the receipts, after checking that the commitments will be the same and
    /// that an integer means the same.
    ///
    /// # Errors
    /// Which of these does not hold.
    pub fn origin(
        &self,
        previous: &[Previous],
        generators: &Generators,
        network: &Network,
    ) -> Result<Origin, LinkError> {
        let port: &Port = network
            .descriptor()
            .inputs
            .get(self.input)
            .ok_or(LinkError::NoInput)?;
        let rows = self.opening.commit(generators, network, port);
        let commitment = Sha3Hash::of_tensor(&rows.unwrap_or_default());
        let of_model = previous
            .iter()
            .filter(|p| p.receipt.model.0 == self.opening.model.0);
        let mut tensors = of_model.filter_map(|p| {
            let inputs = p.receipt.inputs.len();
            let (role, at) = match self.opening.port.checked_sub(inputs) {
                Some(output) => (Role::Output, output),
                None => (Role::Input, self.opening.port),
            };
            Some((p, role, p.receipt.tensors(role).get(at)?))
        });
        let Some(first) = tensors.next() else {
            return Err(LinkError::NoReceipt);
        };
        let mut candidates = std::iter::once(first).chain(tensors);
        let Some((receipt, role, tensor)) =
            candidates.find(|(_, _, tensor)| tensor.commitment == commitment)
        else {
            return Err(LinkError::OtherCommitments);
        };
        if tensor.scale != port.scale.to_string() {
            return Err(LinkError::Scale {
                tensor: tensor.name.clone(),
                from: tensor.scale.clone(),
                input: port.name.clone(),
                to: port.scale,
            });
        }
        Ok(Origin {
            receipt: receipt.hash,
            role,
            name: tensor.name.clone(),
        })
    }
}
