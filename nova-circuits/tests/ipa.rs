//! The inner-product argument: complete for every size, and refused when anything about it is changed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use ff::Field;
use nova_snark::provider::traits::DlogGroup;
use nova_snark::traits::Engine;
use nova_snark::traits::PrimeFieldExt;
use pleat_nova_circuits::cycle::{Primary, Secondary};
use pleat_nova_circuits::ipa::{
    Argument, Bases, Functional, IpaError, Statement, Sum, Transcript, inner_generator, prove,
    verify,
};
use pleat_nova_circuits::msm::{EndoGroup, reference};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha3::{Digest, Sha3_512};

type P = <Primary as Engine>::GE;
type S = <Secondary as Engine>::GE;
type Affine<G> = <G as DlogGroup>::AffineGroupElement;

type Change<'a, T> = dyn Fn(&mut T) + 'a;

/// A hash chain.
#[derive(Clone, Default)]
struct Chain(Vec<u8>);

impl<S: PrimeFieldExt> Transcript<S> for Chain {
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        self.0.extend([label.as_bytes(), bytes].concat());
    }

    fn challenge(&mut self, label: &'static str) -> Option<S> {
        self.0.extend(label.as_bytes());
        let hash = Sha3_512::digest(&self.0);
        self.0 = hash.to_vec();
        Some(S::from_uniform(&hash))
    }
}

/// Gives only zeros.
struct Zeros;

impl<S: Field> Transcript<S> for Zeros {
    fn absorb(&mut self, _: &'static str, _: &[u8]) {}

    fn challenge(&mut self, _: &'static str) -> Option<S> {
        Some(S::ZERO)
    }
}

/// A vector with its commitment, and its evaluation as defined.
struct Case<G: EndoGroup> {
    generators: Vec<Affine<G>>,
    inner: Affine<G>,
    vector: Vec<G::Scalar>,
    commitment: G,
    point: Vec<G::Scalar>,
    value: G::Scalar,
}

/// `Σ_i vector[i]·Π_j (p_j or 1 - p_j)` by the bits of `i`, the first coordinate's bit highest.
fn evaluated<S: Field>(vector: &[S], point: &[S]) -> S {
    let weight = |i: usize| {
        let bits = point.iter().rev().enumerate();
        bits.fold(S::ONE, |w, (j, p)| {
            w * if i >> j & 1 == 1 { *p } else { S::ONE - p }
        })
    };
    vector.iter().enumerate().map(|(i, v)| *v * weight(i)).sum()
}

impl<G: EndoGroup> Case<G> {
    fn new(rounds: usize, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let random = |n: usize, rng: &mut ChaCha20Rng| -> Vec<G::Scalar> {
            (0..n).map(|_| G::Scalar::random(&mut *rng)).collect()
        };
        let vector = random(1 << rounds, &mut rng);
        let point = random(rounds, &mut rng);
        // Some more than are used.
        let generators = G::from_label(b"ipa test", (1 << rounds) + 3);
        Self {
            commitment: reference::<G>(&vector, &generators),
            value: evaluated(&vector, &point),
            inner: inner_generator::<G>(),
            generators,
            vector,
            point,
        }
    }

    fn bases(&self) -> Bases<'_, G> {
        Bases {
            generators: &self.generators,
            inner: &self.inner,
        }
    }

    fn statement(&self) -> Statement<'_, G::Scalar> {
        Statement {
            functional: Functional::Point(&self.point),
            value: &self.value,
        }
    }

    fn prove(&self) -> Result<Argument<G>, IpaError> {
        let mut transcript = Chain::default();
        self.statement().bind(&mut transcript, &self.commitment);
        prove(
            &self.bases(),
            &mut transcript,
            &self.statement(),
            &self.vector,
        )
    }

    fn verify(&self, argument: &Argument<G>) -> Result<(), IpaError> {
        self.verify_after(Chain::default(), argument)
    }

    fn verify_after(
        &self,
        mut transcript: impl Transcript<G::Scalar>,
        argument: &Argument<G>,
    ) -> Result<(), IpaError> {
        self.statement().bind(&mut transcript, &self.commitment);
        verify(
            &self.bases(),
            &mut transcript,
            &self.statement(),
            Sum::from(&self.commitment),
            argument,
        )
    }
}

fn complete<G: EndoGroup>() {
    for rounds in 0..=11 {
        let case = Case::<G>::new(rounds, 1);
        let argument = case.prove().unwrap();
        assert_eq!(
            (argument.left.len(), argument.right.len()),
            (rounds, rounds)
        );
        assert_eq!(case.verify(&argument), Ok(()), "{rounds} rounds");
    }
}

#[test]
fn every_size_is_proved_and_verified() {
    complete::<P>();
    complete::<S>();
}

#[test]
fn special_vectors_and_points() {
    let special = [
        <Primary as Engine>::Scalar::ZERO,
        <Primary as Engine>::Scalar::ONE,
    ];
    for entry in special {
        for coordinate in special {
            let mut case = Case::<P>::new(4, 2);
            case.vector = vec![entry; 16];
            case.point = vec![coordinate; 4];
            case.commitment = reference::<P>(&case.vector, &case.generators);
            case.value = evaluated(&case.vector, &case.point);
            assert_eq!(case.verify(&case.prove().unwrap()), Ok(()));
        }
    }
}

#[test]
fn every_change_of_the_argument_is_refused() {
    for rounds in [0, 1, 4, 8] {
        let case = Case::<P>::new(rounds, 3);
        let argument = case.prove().unwrap();
        let generator = P::group(&case.generators[0]);
        let mut changed = Vec::new();
        for i in 0..rounds {
            let changes: [&Change<'_, Argument<P>>; 6] = [
                &|a| a.left[i] += generator,
                &|a| a.right[i] += generator,
                &|a| a.left[i] = P::zero(),
                &|a| a.right[i] = P::zero() - a.right[i],
                &|a| core::mem::swap(&mut a.left[i], &mut a.right[i]),
                &|a| {
                    a.left.swap(0, i);
                    a.left[i] += generator;
                },
            ];
            changed.extend(changes.map(|change| {
                let mut argument = argument.clone();
                change(&mut argument);
                argument
            }));
        }
        let mut scalar = argument.clone();
        scalar.scalar += <Primary as Engine>::Scalar::ONE;
        changed.push(scalar);
        for argument in changed {
            assert_eq!(
                case.verify(&argument),
                Err(IpaError::Refused),
                "{rounds} rounds"
            );
        }
        for (left, right) in [(1, 0), (0, 1), (1, 1)] {
            let mut longer = argument.clone();
            longer.left.extend(vec![generator; left]);
            longer.right.extend(vec![generator; right]);
            assert_eq!(case.verify(&longer), Err(IpaError::Size));
        }
    }
}

#[test]
fn every_change_of_the_statement_is_refused() {
    type F = <Primary as Engine>::Scalar;
    let rounds = 5;
    let new = || Case::<P>::new(rounds, 4);
    let argument = new().prove().unwrap();
    let generator = P::group(&new().generators[0]);
    let mut changes: Vec<(String, Box<Change<'_, Case<P>>>)> = vec![
        (
            "commitment".into(),
            Box::new(move |c| c.commitment += generator),
        ),
        ("value".into(), Box::new(|c| c.value += F::ONE)),
        ("H".into(), Box::new(|c| c.inner = c.generators[1])),
        ("point reversed".into(), Box::new(|c| c.point.reverse())),
    ];
    for i in 0..rounds {
        changes.push((
            format!("coordinate {i}"),
            Box::new(move |c| c.point[i] += F::ONE),
        ));
    }
    for i in 0..1 << rounds {
        changes.push((
            format!("generator {i}"),
            Box::new(move |c| c.generators[i] = c.generators[1 << rounds]),
        ));
    }
    for (what, change) in changes {
        let mut case = new();
        change(&mut case);
        assert_eq!(case.verify(&argument), Err(IpaError::Refused), "{what}");
    }
    // Another context.
    let case = new();
    let verdict = case.verify_after(Chain(vec![1]), &argument);
    assert_eq!(verdict, Err(IpaError::Refused));
}

/// A prover that follows the protocol for a value, or at a point, that its vector does not have.
#[test]
fn false_statements_are_refused() {
    type F = <Primary as Engine>::Scalar;
    for rounds in [0, 3, 9] {
        let mut case = Case::<P>::new(rounds, 5);
        case.value += F::ONE;
        assert_eq!(case.verify(&case.prove().unwrap()), Err(IpaError::Refused));
        let mut case = Case::<P>::new(rounds, 6);
        case.vector[0] += F::ONE;
        case.value = evaluated(&case.vector, &case.point);
        assert_eq!(case.verify(&case.prove().unwrap()), Err(IpaError::Refused));
        if rounds > 0 {
            let mut case = Case::<P>::new(rounds, 7);
            case.point[0] += F::ONE;
            assert_eq!(case.verify(&case.prove().unwrap()), Err(IpaError::Refused));
        }
    }
}

#[test]
fn sizes_that_do_not_match_are_errors() {
    let mut case = Case::<P>::new(3, 8);
    let argument = case.prove().unwrap();
    case.vector.pop();
    assert_eq!(case.prove().err(), Some(IpaError::Size));
    case.generators.truncate(7);
    assert_eq!(case.verify(&argument), Err(IpaError::Size));
    case.point = vec![case.value; 64];
    assert_eq!(case.verify(&argument), Err(IpaError::Size));
    assert_eq!(case.prove().err(), Some(IpaError::Size));
}

#[test]
fn a_zero_challenge_is_an_error() {
    let case = Case::<P>::new(2, 9);
    let argument = case.prove().unwrap();
    let proved = prove(&case.bases(), &mut Zeros, &case.statement(), &case.vector);
    assert_eq!(proved.err(), Some(IpaError::Challenge));
    let verdict = case.verify_after(Zeros, &argument);
    assert_eq!(verdict, Err(IpaError::Challenge));
}
