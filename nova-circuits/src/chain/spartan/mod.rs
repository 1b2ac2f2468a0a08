//! Spartan for relaxed R1CS, as nova-snark has it (its `spartan::snark`): the same proofs, verified with a small key.
//!
//! nova-snark's verifier key holds the matrices entry by entry, 40 bytes each, and hashes them once in every process. This
//! one holds each coefficient once ([`Matrix`]), and the digest beside it; whoever loads such a key checks that it is the right
//! one, as a whole. Proving is left to nova-snark, which is also the reference that the verifier is tested against.

mod blob;
mod matrix;
mod verify;

pub(crate) use blob::Blob;
pub use matrix::Matrix;

use crate::ipa::{self, Argument, EvaluationEngine};
use crate::msm::EndoGroup;
use crate::pedersen::Commitments;
use crate::points::Form;
use ff::PrimeField;
use nova_snark::{
    errors::NovaError,
    r1cs::{R1CSShape, RelaxedR1CSInstance, RelaxedR1CSWitness},
    spartan::{snark as nova, sumcheck::SumcheckProof},
    traits::{
        Engine,
        commitment::CommitmentEngineTrait,
        snark::{DigestHelperTrait, RelaxedR1CSSNARKTrait},
    },
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _,
};

/// An engine whose commitments the inner-product argument opens.
pub trait OpenedEngine: Engine<CE: Commitments<Self>, GE: EndoGroup> {}
impl<E: Engine<CE: Commitments<E>, GE: EndoGroup>> OpenedEngine for E {}

type CommitmentKey<E> = <<E as Engine>::CE as CommitmentEngineTrait<E>>::CommitmentKey;

/// nova-snark's own.
pub type Reference<E> = nova::RelaxedR1CSSNARK<E, EvaluationEngine<E>>;

/// The proof; serde's form is that of [`Reference`].
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Spartan<E: OpenedEngine> {
    sc_proof_outer: SumcheckProof<E>,
    claims_outer: (E::Scalar, E::Scalar, E::Scalar),
    eval_e: E::Scalar,
    sc_proof_inner: SumcheckProof<E>,
    eval_w: E::Scalar,
    sc_proof_batch: SumcheckProof<E>,
    evals_batch: Vec<E::Scalar>,
    eval_arg: Argument<E::GE>,
}

/// What the prover needs; serde's form is that of nova-snark's key.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct ProverKey<E: OpenedEngine> {
    inner: ipa::ProverKey<E>,
    digest: E::Scalar,
}

/// What the verifier needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey<E: OpenedEngine> {
    /// nova-snark's digest of its key for the same shape and generators; the transcript starts with it.
    digest: E::Scalar,
    /// Constraints, and variables: both are padded to `2^variables`.
    variables: usize,
    matrices: [Matrix<E::Scalar>; 3],
    argument: ipa::VerifierKey<E>,
}

impl<E: OpenedEngine> ProverKey<E> {
    fn new(digest: E::Scalar) -> Self {
        Self {
            inner: ipa::ProverKey::derive(),
            digest,
        }
    }

    /// The prover's key that belongs to the verifier's with these bytes, which start with its digest.
    #[cfg(feature = "cache")]
    pub(crate) fn beside(mut verifier: &[u8]) -> Option<Self> {
        matrix::read_scalar(&mut verifier).map(Self::new)
    }
}

impl<E: OpenedEngine> VerifierKey<E> {
    fn new(key: &CommitmentKey<E>, shape: &R1CSShape<E>) -> Result<Self, NovaError> {
        let (_, reference) = Reference::<E>::setup(key, shape)?;
        let (_, argument) =
            <EvaluationEngine<E> as nova_snark::traits::evaluation::EvaluationEngineTrait<E>>::setup(
                key,
            )?;
        let padded = shape.pad();
        if padded.num_cons() != padded.num_vars() || !padded.num_vars().is_power_of_two() {
            return Err(NovaError::InvalidInputLength);
        }
        Ok(Self {
            digest: reference.digest(),
            variables: padded.num_vars().ilog2() as usize,
            matrices: [padded.A(), padded.B(), padded.C()].map(Matrix::new),
            argument,
        })
    }

    /// Digest, size, matrices, generators.
    pub(crate) fn to_bytes(&self, form: Form) -> Vec<u8> {
        let mut bytes = self.digest.to_repr().as_ref().to_vec();
        bytes.push(self.variables as u8);
        for matrix in &self.matrices {
            matrix.write(&mut bytes);
        }
        self.argument.write(form, &mut bytes);
        bytes
    }

    /// Reads what [`VerifierKey::to_bytes`] wrote, in either form.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let digest = matrix::read_scalar(&mut rest)?;
        let (variables, mut rest) = rest.split_first()?;
        let variables = usize::from(*variables);
        let read = |rest: &mut &[u8]| Matrix::read(rest).filter(|matrix| matrix.fits(variables));
        let matrices = [read(&mut rest)?, read(&mut rest)?, read(&mut rest)?];
        let argument = ipa::VerifierKey::read(&mut rest)?;
        rest.is_empty().then_some(Self {
            digest,
            variables,
            matrices,
            argument,
        })
    }
}

impl<E: OpenedEngine> Serialize for VerifierKey<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Blob(self.to_bytes(Form::Compressed)).serialize(serializer)
    }
}

impl<'de, E: OpenedEngine> Deserialize<'de> for VerifierKey<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Blob(bytes) = Blob::deserialize(deserializer)?;
        Self::from_bytes(&bytes).ok_or_else(|| D::Error::custom("not a verifier key"))
    }
}

impl<E: OpenedEngine> DigestHelperTrait<E> for VerifierKey<E> {
    fn digest(&self) -> E::Scalar {
        self.digest
    }
}

impl<E: OpenedEngine> RelaxedR1CSSNARKTrait<E> for Spartan<E> {
    type ProverKey = ProverKey<E>;
    type VerifierKey = VerifierKey<E>;

    fn setup(
        key: &CommitmentKey<E>,
        shape: &R1CSShape<E>,
    ) -> Result<(ProverKey<E>, VerifierKey<E>), NovaError> {
        let verifier = VerifierKey::new(key, shape)?;
        Ok((ProverKey::new(verifier.digest), verifier))
    }

    fn prove(
        key: &CommitmentKey<E>,
        prover: &ProverKey<E>,
        shape: &R1CSShape<E>,
        instance: &RelaxedR1CSInstance<E>,
        witness: &RelaxedR1CSWitness<E>,
    ) -> Result<Self, NovaError> {
        let proof = Reference::prove(key, &mirrored(prover)?, shape, instance, witness)?;
        mirrored(&proof)
    }

    fn verify(
        &self,
        key: &VerifierKey<E>,
        instance: &RelaxedR1CSInstance<E>,
    ) -> Result<(), NovaError> {
        verify::verify(self, key, instance)
    }
}

/// The same value as another type with the same serde form: how nova-snark's private fields are read.
fn mirrored<T: DeserializeOwned>(value: &impl Serialize) -> Result<T, NovaError> {
    let config = bincode::config::standard();
    let bytes = bincode::serde::encode_to_vec(value, config);
    bytes
        .ok()
        .and_then(|bytes| bincode::serde::decode_from_slice(&bytes, config).ok())
        .map(|(value, _)| value)
        .ok_or(NovaError::InternalError)
}
