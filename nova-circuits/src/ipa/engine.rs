//! The argument as nova-snark's evaluation engine, for engines with Pedersen commitments.

use super::{
    Argument, Bases, Functional, IpaError, Statement, Sum, Transcript, inner_generator, prove,
    verify,
};
use crate::msm::EndoGroup;
use crate::pedersen::Commitments;
use crate::points::Form;
use core::marker::PhantomData;
use nova_snark::{
    errors::NovaError,
    provider::traits::DlogGroup,
    traits::{
        Engine, Group, TranscriptEngineTrait, TranscriptReprTrait,
        commitment::CommitmentEngineTrait, evaluation::EvaluationEngineTrait,
    },
};
use serde::{Deserialize, Serialize};

type AffineOf<E> = <<E as Engine>::GE as DlogGroup>::AffineGroupElement;
type Key<E> = <<E as Engine>::CE as CommitmentEngineTrait<E>>::CommitmentKey;
type Commitment<E> = <<E as Engine>::CE as CommitmentEngineTrait<E>>::Commitment;

/// Opens Pedersen commitments by the argument of [`super`].
#[derive(Clone, Debug)]
pub struct EvaluationEngine<E: Engine> {
    engine: PhantomData<E>,
}

/// What the prover needs besides the commitment key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct ProverKey<E: Engine<GE: EndoGroup>> {
    inner: AffineOf<E>,
}

/// What the verifier needs; Nova's digest of its key binds all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct VerifierKey<E: Engine<GE: EndoGroup>> {
    generators: Vec<AffineOf<E>>,
    inner: AffineOf<E>,
}

impl<E: Engine<GE: EndoGroup>> ProverKey<E> {
    /// The key, which is the same for all generators.
    pub(crate) fn derive() -> Self {
        let inner = inner_generator::<E::GE>();
        Self { inner }
    }
}

impl<E: Engine<GE: EndoGroup>> VerifierKey<E> {
    pub(crate) fn write(&self, form: Form, bytes: &mut Vec<u8>) {
        form.write_list::<E::GE>(&self.generators, bytes);
        form.write_list::<E::GE>(core::slice::from_ref(&self.inner), bytes);
    }

    pub(crate) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let generators = Form::read_list::<E::GE>(bytes)?;
        let [inner] = *Form::read_list::<E::GE>(bytes)?.as_slice() else {
            return None;
        };
        Some(Self { generators, inner })
    }
}

/// Nova's transcript.
struct NovaTranscript<'a, E: Engine>(&'a mut E::TE);

struct Bytes<'a>(&'a [u8]);

impl<G: Group> TranscriptReprTrait<G> for Bytes<'_> {
    fn to_transcript_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl<E: Engine> Transcript<E::Scalar> for NovaTranscript<'_, E> {
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        self.0.absorb(label.as_bytes(), &Bytes(bytes));
    }

    fn challenge(&mut self, label: &'static str) -> Option<E::Scalar> {
        self.0.squeeze(label.as_bytes()).ok()
    }
}

impl From<IpaError> for NovaError {
    fn from(error: IpaError) -> Self {
        match error {
            IpaError::Size => Self::InvalidInputLength,
            IpaError::Challenge => Self::InternalTranscriptError,
            IpaError::Refused => Self::InvalidPCS,
        }
    }
}

impl<E> EvaluationEngineTrait<E> for EvaluationEngine<E>
where
    E: Engine<CE: Commitments<E>, GE: EndoGroup>,
{
    type ProverKey = ProverKey<E>;
    type VerifierKey = VerifierKey<E>;
    type EvaluationArgument = Argument<E::GE>;

    fn setup(key: &Key<E>) -> Result<(ProverKey<E>, VerifierKey<E>), NovaError> {
        let prover = ProverKey::derive();
        let verifier = VerifierKey {
            generators: E::CE::generators(key).to_vec(),
            inner: prover.inner,
        };
        Ok((prover, verifier))
    }

    fn prove(
        key: &Key<E>,
        prover: &ProverKey<E>,
        transcript: &mut E::TE,
        commitment: &Commitment<E>,
        vector: &[E::Scalar],
        point: &[E::Scalar],
        value: &E::Scalar,
    ) -> Result<Argument<E::GE>, NovaError> {
        let bases = Bases {
            generators: E::CE::generators(key),
            inner: &prover.inner,
        };
        let statement = Statement {
            functional: Functional::Point(point),
            value,
        };
        let mut transcript = NovaTranscript::<E>(transcript);
        statement.bind(&mut transcript, &E::CE::point(commitment));
        Ok(prove(&bases, &mut transcript, &statement, vector)?)
    }

    fn verify(
        key: &VerifierKey<E>,
        transcript: &mut E::TE,
        commitment: &Commitment<E>,
        point: &[E::Scalar],
        value: &E::Scalar,
        argument: &Argument<E::GE>,
    ) -> Result<(), NovaError> {
        let bases = Bases {
            generators: &key.generators,
            inner: &key.inner,
        };
        let statement = Statement {
            functional: Functional::Point(point),
            value,
        };
        let mut transcript = NovaTranscript::<E>(transcript);
        let commitment = E::CE::point(commitment);
        statement.bind(&mut transcript, &commitment);
        let commitment = Sum::from(&commitment);
        Ok(verify(
            &bases,
            &mut transcript,
            &statement,
            commitment,
            argument,
        )?)
    }
}
