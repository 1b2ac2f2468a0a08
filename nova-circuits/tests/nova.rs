//! Folding, compressing, verifying; the proof's layout; the pinned parameters.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod common;

use common::{Flags, random_state, random_step};
use ff::{Field, PrimeField};
use nova_snark::{
    nova::{CompressedSNARK, PublicParams},
    provider::traits::DlogGroup,
    spartan::snark::RelaxedR1CSSNARK,
    traits::{Engine, Group},
};
use pleat_nova_circuits::{
    chain::Error,
    chain::params::{
        Curve, NOVA_PROOF_BYTES, NovaProof, PARAMETERS_DIGEST, Parameters, Part, ProofFormat,
        VerifierKey, fold, prove_steps, verify,
    },
    chain::step::{Check, STATE, State, UniversalStep, Unsatisfied, Witness, Words, step},
    cycle::{F, Primary, Secondary},
    ipa::EvaluationEngine,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::sync::LazyLock;

struct Fixture {
    parameters: Parameters,
    start: State,
    end: State,
    steps: Vec<(Words, Witness)>,
    proof: NovaProof,
}

/// Parameters, and three steps proved with them: each sumcheck in one step, as in a small network.
static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let parameters = Parameters::build().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let start = random_state(&mut rng);
    let (mut end, mut steps) = (start, Vec::new());
    for flags in [
        Flags {
            start_c: true,
            live: true,
            end_c: true,
            ..Flags::default()
        },
        Flags {
            start_l: true,
            live: true,
            end_l: true,
            ..Flags::default()
        },
        Flags {
            start_o: true,
            live: true,
            ..Flags::default()
        },
    ] {
        let (words, witness) = random_step(&mut rng, &end, flags);
        end = step(&end, &words, &witness).unwrap();
        steps.push((words, witness));
    }
    let mut progress = Vec::new();
    let proof = prove_steps(&parameters, &start, &steps, &mut |done| progress.push(done)).unwrap();
    assert_eq!(progress, [1, 2, 3]);
    Fixture {
        parameters,
        start,
        end,
        steps,
        proof,
    }
});

impl Fixture {
    fn key(&self) -> &VerifierKey {
        self.parameters.verifier_key()
    }
}

#[test]
fn pinned_parameters() {
    let sizes = FIXTURE.parameters.sizes();
    assert_eq!(
        (sizes.primary_constraints, sizes.primary_variables),
        (28_163, 28_406)
    );
    assert_eq!(
        (sizes.secondary_constraints, sizes.secondary_variables),
        (10_349, 10_331)
    );
    assert!(sizes.primary_constraints.max(sizes.primary_variables) < 1 << 15);
    let hex: String = FIXTURE
        .parameters
        .digest()
        .iter()
        .rev()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hex,
        "0221bde718ef0b678f68edfeebfdbdf3aab503dc145776d22b887efc3ec531a8"
    );
    assert_eq!(FIXTURE.parameters.digest(), PARAMETERS_DIGEST);
    assert_eq!(FIXTURE.key().digest(), PARAMETERS_DIGEST);
}

#[test]
fn a_program_proves_and_verifies() {
    let Fixture {
        start,
        end,
        steps,
        proof,
        ..
    } = &*FIXTURE;
    assert_eq!(
        verify(FIXTURE.key(), proof, steps.len(), start).unwrap(),
        *end
    );
    let parsed = NovaProof::parse(proof.to_bytes()).unwrap();
    assert_eq!(&parsed, proof);
    assert_eq!(
        verify(FIXTURE.key(), &parsed, steps.len(), start).unwrap(),
        *end
    );
}

#[test]
fn another_statement_is_refused() {
    let Fixture {
        start,
        steps,
        proof,
        ..
    } = &*FIXTURE;
    for i in 0..STATE {
        let mut other = start.to_array();
        other[i] += F::ONE;
        let verdict = verify(FIXTURE.key(), proof, steps.len(), &State::from_array(other));
        assert!(
            matches!(verdict, Err(Error::Verify(_))),
            "start state {i}: {verdict:?}"
        );
    }
    for n in [0, 1, 2, 4, usize::MAX] {
        let verdict = verify(FIXTURE.key(), proof, n, start);
        assert!(
            matches!(verdict, Err(Error::Verify(_))),
            "{n} steps: {verdict:?}"
        );
    }
}

/// One step leaves nova's running instances with neutral commitments; the layout is the same.
#[test]
fn one_step_proves_and_verifies() {
    let Fixture {
        parameters,
        start,
        steps,
        ..
    } = &*FIXTURE;
    let proof = prove_steps(parameters, start, &steps[..1], &mut |_| {}).unwrap();
    let end = step(start, &steps[0].0, &steps[0].1).unwrap();
    let parsed = NovaProof::parse(proof.to_bytes()).unwrap();
    assert_eq!(verify(FIXTURE.key(), &parsed, 1, start).unwrap(), end);
    assert!(matches!(
        verify(FIXTURE.key(), &parsed, 2, start),
        Err(Error::Verify(_))
    ));
}

#[test]
fn a_wrong_witness_is_named() {
    let Fixture {
        parameters,
        start,
        steps,
        ..
    } = &*FIXTURE;
    let mut steps = steps.clone();
    steps[1].1.evaluations.nonces[2] += F::ONE;
    let mut done = 0;
    let error = fold(parameters, start, &steps, &mut |n| done = n)
        .err()
        .expect("an unsatisfied step");
    let expected = Unsatisfied {
        check: Check::EvaluationsHash,
    };
    assert!(
        matches!(error, Error::Step { step: 1, source } if source == expected),
        "{error}"
    );
    assert_eq!(done, 1, "steps before the wrong one were folded");
    let none: [(Words, Witness); 0] = [];
    assert!(matches!(
        fold(parameters, start, none, &mut |_| {}),
        Err(Error::NoSteps)
    ));
}

#[test]
fn layout_covers_the_proof() {
    let mut offset = 0;
    let mut names = std::collections::HashSet::new();
    for field in NovaProof::layout() {
        assert_eq!(field.offset, offset, "{}", field.name);
        assert!(names.insert(&field.name), "{} twice", field.name);
        offset += field.part.bytes();
    }
    assert_eq!(offset, NOVA_PROOF_BYTES);
    assert_eq!(FIXTURE.proof.to_bytes().len(), NOVA_PROOF_BYTES);
}

#[test]
fn other_lengths_are_refused() {
    let bytes = FIXTURE.proof.to_bytes();
    for n in (0..bytes.len()).rev() {
        assert_eq!(
            NovaProof::parse(&bytes[..n]),
            Err(ProofFormat::Size { got: n })
        );
    }
    for extra in [1, 32, 10_000_000] {
        let longer = [bytes, &vec![0; extra]].concat();
        assert_eq!(
            NovaProof::parse(&longer),
            Err(ProofFormat::Size { got: longer.len() })
        );
    }
}

/// `bytes + modulus`, little-endian; it does not overflow, for the moduli have 255 bits.
fn plus_modulus(bytes: &[u8], modulus_minus_one: &[u8]) -> Vec<u8> {
    let mut carry = 1_u16;
    let sum = bytes.iter().zip(modulus_minus_one).map(|(a, b)| {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        carry = digit >> 8;
        digit.to_le_bytes()[0]
    });
    sum.collect()
}

fn minus_one<S: PrimeField>() -> Vec<u8> {
    (-S::ONE).to_repr().as_ref().to_vec()
}

#[test]
fn non_canonical_fields_are_refused() {
    let bytes = FIXTURE.proof.to_bytes();
    for field in NovaProof::layout() {
        let (offset, end) = (field.offset, field.offset + field.part.bytes());
        let parse_with = |replacement: &[u8]| {
            let mut changed = bytes.to_vec();
            changed[offset..end].copy_from_slice(replacement);
            NovaProof::parse(&changed)
        };
        let old = &bytes[offset..end];
        match field.part {
            Part::Length(expected) => {
                for got in (0..=255).filter(|got| *got != expected) {
                    let error = ProofFormat::VectorLength {
                        offset,
                        expected,
                        got,
                    };
                    assert_eq!(parse_with(&[got]), Err(error), "{}", field.name);
                }
            }
            Part::Scalar(curve) => {
                let modulus = match curve {
                    Curve::Primary => minus_one::<<Primary as Engine>::Scalar>(),
                    Curve::Secondary => minus_one::<<Secondary as Engine>::Scalar>(),
                };
                for replacement in [plus_modulus(old, &modulus), vec![0xff; 32]] {
                    assert_eq!(
                        parse_with(&replacement),
                        Err(ProofFormat::Scalar { offset }),
                        "{}",
                        field.name
                    );
                }
            }
            Part::Point(curve) => {
                let modulus = match curve {
                    Curve::Primary => minus_one::<<Primary as Engine>::Base>(),
                    Curve::Secondary => minus_one::<<Secondary as Engine>::Base>(),
                };
                let sign = old[31] & 0x80;
                let mut abscissa = old.to_vec();
                abscissa[31] ^= sign;
                let mut beyond = plus_modulus(&abscissa, &modulus);
                assert_eq!(beyond[31] & 0x80, 0);
                beyond[31] |= sign;
                let off_curve = off_curve(curve);
                for replacement in [beyond, vec![0x7f; 32], vec![0xff; 32], off_curve] {
                    assert_eq!(
                        parse_with(&replacement),
                        Err(ProofFormat::Point { offset }),
                        "{}",
                        field.name
                    );
                }
            }
        }
    }
}

/// The first small abscissa that no point of the curve has.
fn off_curve(curve: Curve) -> Vec<u8> {
    fn has_point<E: Engine>(abscissa: u64) -> bool {
        let (a, b, ..) = E::GE::group_params();
        let x = E::Base::from(abscissa);
        bool::from((x.cube() + a * x + b).sqrt().is_some())
    }
    let missing = (1..100_u64).find(|x| match curve {
        Curve::Primary => !has_point::<Primary>(*x),
        Curve::Secondary => !has_point::<Secondary>(*x),
    });
    let mut bytes = vec![0; 32];
    bytes[..8].copy_from_slice(&missing.unwrap().to_le_bytes());
    bytes
}

/// Every field replaced by another well-formed value parses, and does not verify.
#[test]
fn every_field_is_bound() {
    fn generator<E: Engine>() -> Vec<u8>
    where
        E::GE: DlogGroup,
    {
        let point = E::GE::from_label(b"another point", 1)[0];
        bincode::serde::encode_to_vec(point, bincode::config::standard()).unwrap()
    }
    fn successor<S: PrimeField>(bytes: &[u8]) -> Vec<u8> {
        let mut repr = S::Repr::default();
        repr.as_mut().copy_from_slice(bytes);
        (S::from_repr(repr).unwrap() + S::ONE)
            .to_repr()
            .as_ref()
            .to_vec()
    }
    let Fixture {
        start,
        steps,
        proof,
        ..
    } = &*FIXTURE;
    for field in NovaProof::layout() {
        let mut bytes = proof.to_bytes().to_vec();
        let old = &mut bytes[field.offset..field.offset + field.part.bytes()];
        let new = match field.part {
            Part::Length(_) => continue,
            Part::Scalar(Curve::Primary) => successor::<<Primary as Engine>::Scalar>(old),
            Part::Scalar(Curve::Secondary) => successor::<<Secondary as Engine>::Scalar>(old),
            Part::Point(Curve::Primary) => generator::<Primary>(),
            Part::Point(Curve::Secondary) => generator::<Secondary>(),
        };
        assert_ne!(old, new);
        old.copy_from_slice(&new);
        let changed = NovaProof::parse(&bytes).unwrap();
        let verdict = verify(FIXTURE.key(), &changed, steps.len(), start);
        assert!(
            matches!(verdict, Err(Error::Verify(_))),
            "{}: {verdict:?}",
            field.name
        );
    }
}

/// nova-snark's verifier of the compressed proof, with its own keys, agrees with ours.
#[test]
fn the_reference_agrees() {
    type Reference = CompressedSNARK<
        Primary,
        Secondary,
        UniversalStep,
        RelaxedR1CSSNARK<Primary, EvaluationEngine<Primary>>,
        RelaxedR1CSSNARK<Secondary, EvaluationEngine<Secondary>>,
    >;
    let public = PublicParams::setup(&UniversalStep::blank(), &|_| 0, &|_| 0).unwrap();
    let (_, key) = Reference::setup(&public).unwrap();
    let Fixture {
        start,
        steps,
        proof,
        ..
    } = &*FIXTURE;
    let agree = |bytes: &[u8], what: &str| {
        let (reference, _): (Reference, usize) =
            bincode::serde::decode_from_slice(bytes, bincode::config::standard()).unwrap();
        let expected = reference.verify(&key, steps.len(), &start.to_array());
        let parsed = NovaProof::parse(bytes).unwrap();
        let got = verify(FIXTURE.key(), &parsed, steps.len(), start);
        match (&got, &expected) {
            (Ok(got), Ok(expected)) => assert_eq!(&got.to_array()[..], &expected[..]),
            (Err(Error::Verify(got)), Err(expected)) => {
                assert_eq!(got.to_string(), expected.to_string(), "{what}");
            }
            _ => panic!("{what}: {got:?}, but the reference says {expected:?}"),
        }
        got.is_ok()
    };
    let bytes = proof.to_bytes();
    assert!(agree(bytes, "the proof"));
    // A small change of a scalar leaves it canonical.
    let scalars = NovaProof::layout()
        .iter()
        .filter(|field| matches!(field.part, Part::Scalar(_)));
    for field in scalars.step_by(5) {
        let mut changed = bytes.to_vec();
        changed[field.offset] ^= 1;
        assert!(!agree(&changed, &field.name));
    }
}
