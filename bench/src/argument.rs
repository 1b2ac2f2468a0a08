//! The project's inner-product argument and nova-snark's, opening the same commitment of nova-snark's engine.

use ff::Field;
use nova_snark::errors::NovaError;
use nova_snark::provider::keccak::Keccak256Transcript;
use nova_snark::provider::pedersen::{Commitment, CommitmentEngine, CommitmentKey};
use nova_snark::provider::{PallasEngine as Primary, ipa_pc};
use nova_snark::traits::TranscriptEngineTrait;
use nova_snark::traits::commitment::CommitmentEngineTrait;
use nova_snark::traits::evaluation::EvaluationEngineTrait;
use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::ipa;
use pleat_prover::commit::random;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// The project's.
pub type Ours = ipa::EvaluationEngine<Primary>;
/// nova-snark's.
pub type Novas = ipa_pc::EvaluationEngine<Primary>;

const LABEL: &[u8] = b"bench";

/// A vector of `2^m` random elements, committed to, with its evaluation at a random point.
pub struct Opened<A: EvaluationEngineTrait<Primary>> {
    key: CommitmentKey<Primary>,
    keys: (A::ProverKey, A::VerifierKey),
    vector: Vec<F>,
    point: Vec<F>,
    value: F,
    commitment: Commitment<Primary>,
}

/// Generators for vectors of `2^m` elements.
///
/// # Errors
/// nova-snark's.
pub fn key(m: usize) -> Result<CommitmentKey<Primary>, NovaError> {
    CommitmentEngine::<Primary>::setup(LABEL, 1 << m)
}

impl<A> Opened<A>
where
    A: EvaluationEngineTrait<Primary>,
{
    /// The same for every argument; the key is that of [`key`] for this size.
    ///
    /// # Errors
    /// nova-snark's.
    pub fn new(key: &CommitmentKey<Primary>, m: usize) -> Result<Self, NovaError> {
        let mut rng = ChaCha20Rng::seed_from_u64(10);
        let key = key.clone();
        let keys = A::setup(&key)?;
        let vector = random(1 << m, &mut rng);
        let point = random(m, &mut rng);
        Ok(Self {
            commitment: CommitmentEngine::<Primary>::commit(&key, &vector, &F::ZERO),
            value: evaluated(&vector, &point),
            key,
            keys,
            vector,
            point,
        })
    }

    /// Opens it.
    ///
    /// # Errors
    /// nova-snark's.
    pub fn prove(&self) -> Result<A::EvaluationArgument, NovaError> {
        A::prove(
            &self.key,
            &self.keys.0,
            &mut Keccak256Transcript::<Primary>::new(LABEL),
            &self.commitment,
            &self.vector,
            &self.point,
            &self.value,
        )
    }

    /// Checks an opening to the value plus `error`.
    ///
    /// # Errors
    /// If it is refused.
    pub fn verify(&self, argument: &A::EvaluationArgument, error: F) -> Result<(), NovaError> {
        A::verify(
            &self.keys.1,
            &mut Keccak256Transcript::<Primary>::new(LABEL),
            &self.commitment,
            &self.point,
            &(self.value + error),
            argument,
        )
    }
}

/// The vector's multilinear extension; the first coordinate is of the most significant bit.
fn evaluated(vector: &[F], point: &[F]) -> F {
    let mut folded = vector.to_vec();
    for p in point {
        let (low, high) = folded.split_at(folded.len() / 2);
        folded = low
            .iter()
            .zip(high)
            .map(|(l, h)| *l + *p * (*h - *l))
            .collect();
    }
    folded.first().copied().unwrap_or(F::ZERO)
}
