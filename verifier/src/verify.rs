//! Verification (PROTOCOL.md §6).

use pleat_nova_circuits::chain::params::VerifierKey;
use pleat_nova_circuits::cycle::{F, Point, field_from_uniform};
use pleat_nova_circuits::ipa::Claim;
use pleat_nova_circuits::tree::{Check, Key};
use rayon::prelude::*;
use sha3::{Digest, Sha3_512};

use crate::descriptor::{Descriptor, Indices, Port};
use crate::error::VerifyError;
use crate::fold::{Folded, chain, tree};
use crate::model::VerificationModel;
use crate::pcs::OpeningKey;
use crate::points::Challenges;
use crate::proof::Proof;
use crate::quantize::unflatten;
use crate::transcript::{FractionsFixed, Statement};

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
    let fixed = checked(model, proof)?;
    match &proof.folded {
        Folded::Tree(own) => tree::verify(keys.opening, model, &proof.messages, own, fixed),
        Folded::Chain(own) => {
            let key = keys.chain.ok_or(VerifyError::NoChainKey)?;
            chain::verify(key, keys.opening, model, &proof.messages, own, fixed)
        }
    }
}

/// [`verify`] for several proofs about one model. The arguments of proofs of committed steps are multiplied out together, weighted by
/// what all the proofs' bytes hash to; only if that sum is not zero, each is by itself. So every proof gets the verdict that
/// [`verify`] gives it, up to a probability of `2^-250`.
///
/// # Errors
/// One result for each proof, in order.
pub fn verify_all(
    keys: Keys<'_>,
    model: &VerificationModel,
    proofs: &[Proof],
) -> Vec<Result<(), VerifyError>> {
    let reduced: Vec<Result<Option<[Claim<Point>; 2]>, VerifyError>> = proofs
        .par_iter()
        .map(|proof| match &proof.folded {
            Folded::Tree(own) => {
                let fixed = checked(model, proof)?;
                let claims = tree::claims(keys.opening, model, &proof.messages, own, fixed);
                Ok(Some([claims.folding?, claims.columns?]))
            }
            Folded::Chain(_) => verify(keys, model, proof).map(|()| None),
        })
        .collect();
    let bases = [Key::embedded().bases(), keys.opening.bases()];
    let mut together = [Claim::empty(), Claim::empty()];
    for (claims, weight) in reduced.iter().zip(weights(model, proofs)) {
        let claims = claims.as_ref().ok().and_then(Option::as_ref);
        for (sum, claim) in together.iter_mut().zip(claims.into_iter().flatten()) {
            sum.add(claim, &weight);
        }
    }
    let hold = |claims: &[Claim<Point>; 2]| {
        let [folding, columns] = claims;
        let [steps, rows] = &bases;
        rayon::join(|| folding.holds(steps), || columns.holds(rows))
    };
    let all = hold(&together) == (true, true);
    let verdict = |claims: Result<Option<[Claim<Point>; 2]>, VerifyError>| match claims? {
        Some(claims) if !all => match hold(&claims) {
            (false, _) => Err(VerifyError::Steps(Check::Opening)),
            (true, false) => Err(VerifyError::Opening),
            (true, true) => Ok(()),
        },
        _ => Ok(()),
    };
    reduced.into_par_iter().map(verdict).collect()
}

/// A weight for each proof, which depends on all of them.
fn weights(model: &VerificationModel, proofs: &[Proof]) -> impl Iterator<Item = F> {
    let mut hash = Sha3_512::new();
    hash.update(b"pleat/verify-all");
    for proof in proofs {
        let bytes = proof.to_bytes(model.network());
        hash.update(bytes.len().to_le_bytes());
        hash.update(bytes);
    }
    (0_u64..).map(move |i| {
        let own = hash.clone().chain_update(i.to_le_bytes());
        field_from_uniform(&own.finalize().into())
    })
}

/// What precedes a mode's own checks.
fn checked(
    model: &VerificationModel,
    proof: &Proof,
) -> Result<(FractionsFixed, Challenges), VerifyError> {
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
    let trace = statement.trace(&messages.commitments);
    Ok(trace.fractions(network, &messages.commitments))
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
