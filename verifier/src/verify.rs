//! Verification (PROTOCOL.md §6).

use pleat_nova_circuits::chain::params::VerifierKey;

use crate::descriptor::Port;
use crate::error::VerifyError;
use crate::fold::{Folded, chain, tree};
use crate::model::VerificationModel;
use crate::pcs::OpeningKey;
use crate::proof::Proof;
use crate::transcript::Statement;

/// What a verifier has before it sees a proof.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Generators for the model's `κ`.
    pub opening: &'a OpeningKey,
    /// The chain's key; proofs of committed steps need none.
    pub chain: Option<&'a VerifierKey>,
}

/// Checks a proof of either mode against a model.
///
/// On success, the proof's public values are the integers of a run of the model's network; hidden inputs and outputs are
/// those that the proof's row commitments commit to.
///
/// # Errors
/// The check that refuses it; [`VerifyError::NoChainKey`] if the proof is of the chain and there is no key for it.
pub fn verify(keys: Keys<'_>, model: &VerificationModel, proof: &Proof) -> Result<(), VerifyError> {
    let network = model.network();
    let messages = &proof.messages;
    if messages.model != model.id() {
        return Err(VerifyError::OtherModel {
            got: messages.model.to_string(),
            expected: model.id().to_string(),
        });
    }
    let statement = Statement::new(proof.mode(), &model.id().0, &messages.public);
    let fixed = statement
        .trace(&messages.commitments)
        .fractions(network, &messages.commitments);
    match &proof.folded {
        Folded::Tree(own) => tree::verify(keys.opening, model, messages, own, fixed),
        Folded::Chain(own) => {
            let key = keys.chain.ok_or(VerifyError::NoChainKey)?;
            chain::verify(key, keys.opening, model, messages, own, fixed)
        }
    }
}

/// Real values of a port's integers.
pub fn dequantize(port: &Port, values: &[i32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v) * port.scale).collect()
}
