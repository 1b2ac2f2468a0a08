//! Verification (PROTOCOL.md §6).

use pleat_nova_circuits::chain::params::VerifierKey;

use crate::descriptor::{Descriptor, Indices, Port};
use crate::error::VerifyError;
use crate::fold::{Folded, chain, tree};
use crate::model::VerificationModel;
use crate::pcs::OpeningKey;
use crate::proof::Proof;
use crate::quantize::unflatten;
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
    check_indices(network.descriptor(), messages.public.indices())?;
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

/// Demands that public indices are in range, and agree where the descriptor says so.
///
/// # Errors
/// [`VerifyError::IndexRange`] or [`VerifyError::Agreement`]: the first that does not.
pub fn check_indices(descriptor: &Descriptor, indices: &Indices) -> Result<(), VerifyError> {
    for (port, values) in descriptor.indices.iter().zip(indices.values()) {
        let inside = |k: &u32| usize::try_from(*k).is_ok_and(|k| k < port.len);
        if let Some((flat, value)) = values.iter().enumerate().find(|(_, k)| !inside(k)) {
            return Err(VerifyError::IndexRange {
                port: port.name.clone(),
                index: unflatten(&port.shape, flat),
                value: *value,
                len: port.len,
            });
        }
    }
    let name = |port: usize| descriptor.indices.get(port).map(|p| p.name.clone());
    for own in &descriptor.agreements {
        let (answer, given) = (indices.of(own.answer), indices.of(own.given));
        let pairs = answer.iter().zip(given.iter().skip(own.shift)).enumerate();
        let mut different = pairs.filter(|(_, (got, expected))| got != expected);
        if let Some((index, (got, expected))) = different.next() {
            return Err(VerifyError::Agreement {
                answer: name(own.answer).unwrap_or_default(),
                index,
                got: *got,
                given: name(own.given).unwrap_or_default(),
                at: index.saturating_add(own.shift),
                expected: *expected,
            });
        }
    }
    Ok(())
}

/// Real values of a port's integers.
pub fn dequantize(port: &Port, values: &[i32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v) * port.scale).collect()
}
