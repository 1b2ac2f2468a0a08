//! The fast multi-scalar multiplications against their definitions, on both curves.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use ff::{Field, PrimeField};
use nova_snark::provider::traits::DlogGroup;
use nova_snark::traits::Engine;
use pleat_nova_circuits::cycle::{Primary, Secondary};
use pleat_nova_circuits::msm::{self, EndoGroup};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

type P = <Primary as Engine>::GE;
type S = <Secondary as Engine>::GE;

fn integer<S: PrimeField>(k: i64) -> S {
    let magnitude = S::from(k.unsigned_abs());
    if k < 0 { -magnitude } else { magnitude }
}

/// How scalars and bases are drawn; the special ones are those that make buckets collide, double and cancel.
#[derive(Clone, Copy, Debug)]
enum Draw {
    Random,
    Same,
    SmallSigned,
    ZerosAndOnes,
    Mixed,
    PlusMinus,
    Neutral,
}

const DRAWS: [Draw; 7] = [
    Draw::Random,
    Draw::Same,
    Draw::SmallSigned,
    Draw::ZerosAndOnes,
    Draw::Mixed,
    Draw::PlusMinus,
    Draw::Neutral,
];

fn scalars<S: PrimeField>(draw: Draw, n: usize, rng: &mut ChaCha20Rng) -> Vec<S> {
    let same = S::random(&mut *rng);
    let special = [
        S::ZERO,
        S::ONE,
        -S::ONE,
        same,
        -same,
        S::ROOT_OF_UNITY,
        S::TWO_INV,
    ];
    let mut one = || match draw {
        Draw::Random | Draw::Neutral => S::random(&mut *rng),
        Draw::Same => same,
        Draw::SmallSigned => integer(i64::from(rng.next_u32() as i16)),
        Draw::ZerosAndOnes => S::from(u64::from(rng.next_u32() & 1)),
        Draw::Mixed => special[rng.next_u32() as usize % special.len()],
        Draw::PlusMinus => [same, -same][rng.next_u32() as usize & 1],
    };
    (0..n).map(|_| one()).collect()
}

fn bases<G: EndoGroup>(draw: Draw, n: usize, rng: &mut ChaCha20Rng) -> Vec<G::AffineGroupElement> {
    let all = G::from_label(b"msm test", n.max(1));
    let same = all[0];
    let negative = (G::zero() - G::group(&same)).affine();
    let neutral = G::zero().affine();
    let choices = [same, negative, neutral];
    let mut one = |i: usize| match draw {
        Draw::Random | Draw::SmallSigned | Draw::ZerosAndOnes => all[i],
        Draw::Same => same,
        Draw::Mixed => [all[i], all[i / 2], same, negative, neutral][rng.next_u32() as usize % 5],
        Draw::PlusMinus => choices[rng.next_u32() as usize % 2],
        Draw::Neutral => neutral,
    };
    (0..n).map(&mut one).collect()
}

fn agrees<G: EndoGroup>(n: usize, of_scalars: Draw, of_bases: Draw, seed: u64) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let scalars = scalars::<G::Scalar>(of_scalars, n, &mut rng);
    let bases = bases::<G>(of_bases, n, &mut rng);
    assert!(
        msm::msm::<G>(&scalars, &bases) == msm::reference::<G>(&scalars, &bases),
        "{n} terms, scalars {of_scalars:?}, bases {of_bases:?}, seed {seed}"
    );
}

/// Terms that share few values, some of them zero and some places beyond the values.
fn indexed_agrees<G: EndoGroup>(n: usize, distinct: usize, of_bases: Draw, seed: u64) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut values = scalars::<G::Scalar>(Draw::Mixed, distinct, &mut rng);
    values.extend(scalars::<G::Scalar>(Draw::Random, distinct, &mut rng));
    let bases = bases::<G>(of_bases, n, &mut rng);
    let places: Vec<u32> = (0..n)
        .map(|_| rng.next_u32() % (values.len() as u32 + 1))
        .collect();
    let value = |place: &u32| values.get(*place as usize).copied();
    let terms: Vec<G::Scalar> = places
        .iter()
        .map(|p| value(p).unwrap_or_default())
        .collect();
    assert!(
        msm::msm_indexed::<G>(&places, &values, &bases) == msm::reference::<G>(&terms, &bases),
        "{n} terms of {distinct} values, bases {of_bases:?}, seed {seed}"
    );
}

#[test]
fn indexed_terms_are_their_values() {
    for of_bases in DRAWS {
        indexed_agrees::<P>(60, 5, of_bases, 1);
        indexed_agrees::<S>(60, 5, of_bases, 2);
    }
    for (n, distinct) in [(0, 3), (1, 0), (1, 1), (3000, 2), (3000, 400)] {
        indexed_agrees::<P>(n, distinct, Draw::Random, 3);
    }
}

#[test]
fn every_kind_of_scalars_and_bases() {
    for of_scalars in DRAWS {
        for of_bases in DRAWS {
            agrees::<P>(40, of_scalars, of_bases, 1);
            agrees::<S>(40, of_scalars, of_bases, 2);
        }
    }
}

#[test]
fn many_terms_in_many_tasks() {
    for (of_scalars, of_bases) in [
        (Draw::Random, Draw::Random),
        (Draw::Mixed, Draw::Mixed),
        (Draw::Same, Draw::Random),
        (Draw::Same, Draw::Same),
        (Draw::Same, Draw::PlusMinus),
    ] {
        agrees::<P>(3000, of_scalars, of_bases, 3);
        agrees::<S>(3001, of_scalars, of_bases, 4);
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(64)
        .build()
        .unwrap();
    pool.install(|| agrees::<P>(5000, Draw::Random, Draw::Random, 5));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    pool.install(|| agrees::<P>(1500, Draw::Mixed, Draw::Random, 6));
}

#[test]
fn nothing_adds_up_to_nothing() {
    assert!(msm::msm::<P>(&[], &[]) == P::zero());
    assert!(msm::msm_small::<P>([0_i64; 0], &[]) == P::zero());
    assert!(msm::fold::<P>(&[], &[]).is_empty());
    let bases = P::from_label(b"msm test", 2);
    let zero = <Primary as Engine>::Scalar::ZERO;
    assert!(msm::msm::<P>(&[zero, zero], &bases) == P::zero());
    assert!(msm::msm_small::<P>([0, 0], &bases) == P::zero());
    // The shorter slice decides.
    let ones = [zero + integer::<<Primary as Engine>::Scalar>(1); 3];
    assert!(msm::msm::<P>(&ones, &bases[..1]) == P::group(&bases[0]));
    assert!(msm::msm::<P>(&ones[..1], &bases) == P::group(&bases[0]));
}

/// `λ·P = (ζ·x, y)`: the endomorphism belongs to the lattice's `λ`, so that `k₁ + λ·k₂ = k` for one-term products too.
fn single_terms<G: EndoGroup>() {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let base = G::from_label(b"msm test", 1);
    let extremes = [
        -G::Scalar::ONE,
        G::Scalar::TWO_INV,
        -G::Scalar::TWO_INV,
        G::Scalar::from(2).pow([127]),
        -G::Scalar::from(2).pow([127]),
        G::Scalar::from(2).pow([253]),
    ];
    let random = (0..200).map(|_| G::Scalar::random(&mut rng));
    for k in random.chain(extremes) {
        assert!(
            msm::msm::<G>(&[k], &base) == G::group(&base[0]) * k,
            "{k:?}"
        );
    }
}

#[test]
fn single_terms_on_both_curves() {
    single_terms::<P>();
    single_terms::<S>();
}

fn folds<G: EndoGroup>(lists: usize, outputs: usize, of_scalars: Draw, of_bases: Draw) {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let scalars = scalars::<G::Scalar>(of_scalars, lists, &mut rng);
    let bases = bases::<G>(of_bases, lists * outputs, &mut rng);
    assert!(
        msm::fold::<G>(&scalars, &bases) == msm::fold_reference::<G>(&scalars, &bases),
        "{lists} lists of {outputs}, {of_scalars:?}, {of_bases:?}"
    );
}

#[test]
fn folding_agrees() {
    for draw in DRAWS {
        for (lists, outputs) in [(1, 3), (2, 1), (4, 7), (16, 5)] {
            folds::<P>(lists, outputs, Draw::Random, draw);
            folds::<S>(lists, outputs, draw, Draw::Random);
            folds::<P>(lists, outputs, Draw::Mixed, draw);
        }
    }
    folds::<P>(4, 300, Draw::Random, Draw::Random);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn products_agree(n in 0_usize..300, of_scalars in 0_usize..7, of_bases in 0_usize..7, seed: u64) {
        agrees::<P>(n, DRAWS[of_scalars], DRAWS[of_bases], seed);
        agrees::<S>(n, DRAWS[of_scalars], DRAWS[of_bases], seed);
    }

    #[test]
    fn small_products_agree(values in proptest::collection::vec(any::<i64>(), 0..200), shift in 0_u32..64, of_bases in 0_usize..7) {
        let values: Vec<i64> = values.iter().map(|v| v >> shift).collect();
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        let bases = bases::<P>(DRAWS[of_bases], values.len(), &mut rng);
        let scalars: Vec<_> = values.iter().map(|v| integer(*v)).collect();
        let small = msm::msm_small::<P>(values.iter().copied(), &bases);
        prop_assert!(small == msm::reference::<P>(&scalars, &bases));
    }
}

#[test]
fn small_products_at_the_ends() {
    let bases = P::from_label(b"msm test", 4);
    let values = [i64::MIN, i64::MAX, -1, 1];
    let scalars = values.map(integer);
    assert!(msm::msm_small::<P>(values, &bases) == msm::reference::<P>(&scalars, &bases));
}
