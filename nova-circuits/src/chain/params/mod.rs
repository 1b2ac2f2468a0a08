//! Nova's public parameters and keys for the universal step: built once, shared by all models; folding, compressing and
//! verifying with them.
//!
//! The parameters are deterministic (generators are hashed from labels), so that a verifier can build or pin them itself.
//! Nova's folding randomness comes from the operating system, inside nova-snark.

#[cfg(feature = "cache")]
mod cache;
#[cfg(feature = "cache")]
mod contents;
mod fold;
mod key;
mod proof;

#[cfg(feature = "cache")]
pub use cache::SetupEvent;
pub use fold::{Folded, compress, fold, prove_steps, verify};
pub use key::{VERIFIER_KEY_SHA3, VerifierKey};
pub use proof::{Curve, LayoutField, NOVA_PROOF_BYTES, NovaProof, Part, ProofFormat};

use crate::{
    chain::{Error, spartan::Spartan, step::UniversalStep},
    cycle::{self, FIELD_BYTES, Primary, Secondary},
};
use nova_snark::{
    nova::{self, CompressedSNARK},
    traits::snark::RelaxedR1CSSNARKTrait,
};

type Public = nova::PublicParams<Primary, Secondary, UniversalStep>;
type Compressed =
    CompressedSNARK<Primary, Secondary, UniversalStep, Spartan<Primary>, Spartan<Secondary>>;
type CompressionKey =
    nova::ProverKey<Primary, Secondary, UniversalStep, Spartan<Primary>, Spartan<Secondary>>;
type NovaVerifierKey =
    nova::VerifierKey<Primary, Secondary, UniversalStep, Spartan<Primary>, Spartan<Secondary>>;

/// [`Parameters::digest`] of this version of the crate, which every prover and verifier shares. Building anything else is an
/// error: a change of the circuit has to change this constant, knowingly.
pub const PARAMETERS_DIGEST: [u8; FIELD_BYTES] = [
    168, 49, 197, 62, 252, 126, 136, 43, 210, 118, 87, 20, 220, 3, 181, 170, 243, 189, 253, 235,
    254, 237, 104, 143, 103, 11, 239, 24, 231, 189, 33, 2,
];

/// What the prover needs: parameters to fold with, keys to compress and to verify with.
pub struct Parameters {
    public: Public,
    compression: CompressionKey,
    verifier: VerifierKey,
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
    /// [`Error::Setup`]; [`Error::Digest`] if they are not those of [`PARAMETERS_DIGEST`].
    pub fn build() -> Result<Self, Error> {
        Self::with_public(build_public()?)
    }

    fn with_public(public: Public) -> Result<Self, Error> {
        let (compression, nova) = Compressed::setup(&public).map_err(Error::Setup)?;
        Ok(Self {
            public,
            compression,
            verifier: VerifierKey::new(nova)?,
        })
    }

    /// nova-snark's digest of the public parameters; it binds the step circuit, the generators and nova's own constants.
    #[must_use]
    pub fn digest(&self) -> [u8; FIELD_BYTES] {
        self.verifier.digest()
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

/// The parameters, once their digest is the expected one.
fn build_public() -> Result<Public, Error> {
    let step = UniversalStep::blank();
    let public = Public::setup(
        &step,
        &*Spartan::<Primary>::ck_floor(),
        &*Spartan::<Secondary>::ck_floor(),
    )
    .map_err(Error::Setup)?;
    let got = cycle::field_to_bytes(&public.digest());
    if got == PARAMETERS_DIGEST {
        Ok(public)
    } else {
        Err(Error::Digest { got })
    }
}
