//! Nova's public parameters and keys for the universal step: built once, shared by all models; folding, compressing and
//! verifying with them.
//!
//! The parameters are deterministic (generators are hashed from labels), so that a verifier can build or pin them itself.
//! Nova's folding randomness comes from the operating system, inside nova-snark.

mod fold;
mod proof;

pub use fold::{Folded, compress, fold, prove_steps, verify};
pub use proof::{NOVA_PROOF_BYTES, NovaProof, ProofFormat};

use crate::{
    Error,
    cycle::{self, FIELD_BYTES, Primary, Secondary},
    step::UniversalStep,
};
use nova_snark::{
    nova::{self, CompressedSNARK},
    provider::ipa_pc,
    spartan::snark::RelaxedR1CSSNARK,
    traits::snark::RelaxedR1CSSNARKTrait,
};
use std::sync::Arc;

/// How the compressed proof opens its commitments.
type EvaluationEngine<E> = ipa_pc::EvaluationEngine<E>;
type Spartan<E> = RelaxedR1CSSNARK<E, EvaluationEngine<E>>;
type Public = nova::PublicParams<Primary, Secondary, UniversalStep>;
type Compressed =
    CompressedSNARK<Primary, Secondary, UniversalStep, Spartan<Primary>, Spartan<Secondary>>;
type CompressionKey =
    nova::ProverKey<Primary, Secondary, UniversalStep, Spartan<Primary>, Spartan<Secondary>>;
type NovaVerifierKey =
    nova::VerifierKey<Primary, Secondary, UniversalStep, Spartan<Primary>, Spartan<Secondary>>;

/// What the prover needs: parameters to fold with, keys to compress and to verify with.
pub struct Parameters {
    public: Public,
    compression: CompressionKey,
    verifier: VerifierKey,
}

/// What a verifier needs.
#[derive(Clone)]
pub struct VerifierKey {
    nova: Arc<NovaVerifierKey>,
    digest: [u8; FIELD_BYTES],
}

/// Sizes of the two circuits that Nova folds, its own part included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitSizes {
    /// Constraints of the primary circuit, which holds the step.
    pub primary_constraints: usize,
    /// Variables of the primary circuit.
    pub primary_variables: usize,
    /// Constraints of the secondary circuit.
    pub secondary_constraints: usize,
    /// Variables of the secondary circuit.
    pub secondary_variables: usize,
}

impl Parameters {
    /// Builds them: some seconds.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn build() -> Result<Self, Error> {
        let public = Public::setup(
            &UniversalStep::blank(),
            &*Spartan::<Primary>::ck_floor(),
            &*Spartan::<Secondary>::ck_floor(),
        )
        .map_err(Error::Setup)?;
        Self::with_public(public)
    }

    fn with_public(public: Public) -> Result<Self, Error> {
        let (compression, nova) = Compressed::setup(&public).map_err(Error::Setup)?;
        let verifier = VerifierKey {
            nova: Arc::new(nova),
            digest: cycle::field_to_bytes(&public.digest()),
        };
        Ok(Self {
            public,
            compression,
            verifier,
        })
    }

    /// nova-snark's digest of the public parameters; it binds the step circuit, the generators and nova's own constants.
    #[must_use]
    pub fn digest(&self) -> [u8; FIELD_BYTES] {
        self.verifier.digest
    }

    /// The verifier's part.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Keeps the verifier's part only.
    #[must_use]
    pub fn into_verifier_key(self) -> VerifierKey {
        self.verifier
    }

    /// Sizes of the circuits.
    #[must_use]
    pub fn sizes(&self) -> CircuitSizes {
        let (primary_constraints, secondary_constraints) = self.public.num_constraints();
        let (primary_variables, secondary_variables) = self.public.num_variables();
        CircuitSizes {
            primary_constraints,
            primary_variables,
            secondary_constraints,
            secondary_variables,
        }
    }
}

impl VerifierKey {
    /// See [`Parameters::digest`].
    #[must_use]
    pub fn digest(&self) -> [u8; FIELD_BYTES] {
        self.digest
    }
}
