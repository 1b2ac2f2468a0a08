//! The verifier: nova-snark's equations in nova-snark's order, as the transcript and the tests demand.

use super::{OpenedEngine, Spartan, VerifierKey, mirrored};
use crate::ipa::{EvaluationEngine, equality};
use ff::Field;
use nova_snark::{
    errors::NovaError,
    r1cs::RelaxedR1CSInstance,
    spartan::polys::multilinear::SparsePolynomial,
    traits::{
        Engine, TranscriptEngineTrait, commitment::CommitmentEngineTrait,
        evaluation::EvaluationEngineTrait,
    },
};
use rayon::prelude::*;
use serde::Deserialize;

type Commitment<E> = <<E as Engine>::CE as CommitmentEngineTrait<E>>::Commitment;

/// nova-snark's instance, whose fields are private.
#[derive(Deserialize)]
#[serde(bound = "")]
#[expect(non_snake_case, reason = "nova-snark's names")]
struct Instance<E: OpenedEngine> {
    comm_W: Commitment<E>,
    comm_E: Commitment<E>,
    X: Vec<E::Scalar>,
    u: E::Scalar,
}

/// `eq(a, b)`.
fn eq<S: Field>(a: &[S], b: &[S]) -> S {
    let pairs = a.iter().zip(b);
    pairs.fold(S::ONE, |product, (a, b)| {
        product * (*a * b + (S::ONE - a) * (S::ONE - b))
    })
}

pub(super) fn verify<E: OpenedEngine>(
    proof: &Spartan<E>,
    key: &VerifierKey<E>,
    instance: &RelaxedR1CSInstance<E>,
) -> Result<(), NovaError> {
    let mut transcript = E::TE::new(b"RelaxedR1CSSNARK");
    transcript.absorb(b"vk", &key.digest);
    transcript.absorb(b"U", instance);
    let Instance::<E> {
        comm_W,
        comm_E,
        X,
        u,
    } = mirrored(instance)?;
    let (rounds_x, rounds_y) = (key.variables, key.variables.saturating_add(1));

    // Az·Bz = u·Cz + E at a random point.
    let tau = (0..rounds_x)
        .map(|_| transcript.squeeze(b"t"))
        .collect::<Result<Vec<E::Scalar>, _>>()?;
    let (claim, r_x) =
        proof
            .sc_proof_outer
            .verify(E::Scalar::ZERO, rounds_x, 3, &mut transcript)?;
    let (az, bz, cz) = proof.claims_outer;
    if claim != eq(&tau, &r_x) * (az * bz - u * cz - proof.eval_e) {
        return Err(NovaError::InvalidSumcheckProof);
    }
    transcript.absorb(b"claims_outer", &[az, bz, cz, proof.eval_e].as_slice());

    // (A + r·B + r²·C)(r_x, ·) times z.
    let r = transcript.squeeze(b"r")?;
    let (claim, r_y) =
        proof
            .sc_proof_inner
            .verify(az + r * bz + r * r * cz, rounds_y, 2, &mut transcript)?;
    let (first, low) = r_y.split_first().ok_or(NovaError::InvalidSumcheckProof)?;
    let public = [&[u], X.as_slice()].concat();
    let eval_x = SparsePolynomial::new(low.len(), public).evaluate(low);
    let eval_z = (E::Scalar::ONE - first) * proof.eval_w + *first * eval_x;
    let (t_x, t_y) = rayon::join(|| equality(&r_x), || equality(&r_y));
    let evaluations: Vec<E::Scalar> = key
        .matrices
        .par_iter()
        .map(|matrix| matrix.evaluate(&t_x, &t_y))
        .collect();
    let combined = evaluations
        .iter()
        .rev()
        .fold(E::Scalar::ZERO, |sum, m| sum * r + m);
    if claim != combined * eval_z {
        return Err(NovaError::InvalidSumcheckProof);
    }
    transcript.absorb(b"w", &[proof.eval_w].as_slice());

    // W(low) and E(r_x), both of `rounds_x` variables, become one claim at a common point.
    let [eval_w, eval_e] = *proof.evals_batch.as_slice() else {
        return Err(NovaError::InvalidSumcheckProof);
    };
    let rho: E::Scalar = transcript.squeeze(b"r")?;
    let (claim, point) = proof.sc_proof_batch.verify(
        proof.eval_w + rho * proof.eval_e,
        rounds_x,
        2,
        &mut transcript,
    )?;
    if claim != eq(&point, low) * eval_w + eq(&point, &r_x) * eval_e * rho {
        return Err(NovaError::InvalidSumcheckProof);
    }
    transcript.absorb(b"l", &proof.evals_batch.as_slice());
    let c = transcript.squeeze(b"c")?;
    EvaluationEngine::<E>::verify(
        &key.argument,
        &mut transcript,
        &(comm_W + comm_E * c),
        &point,
        &(eval_w + eval_e * c),
        &proof.eval_arg,
    )
}
