//! Arithmetic on lists against its definitions, in both fields.
#![allow(clippy::indexing_slicing, reason = "tests")]

use nova_snark::provider::pasta::{pallas, vesta};
use pleat_lanes::Element;
use pleat_nova_circuits::vectors::{
    add_scaled, bind, eq_table, inner_product, invert, multiply, pair_products, scale,
};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Random elements, and those at the ends.
fn elements<E: Element>(n: usize, rng: &mut ChaCha20Rng) -> Vec<E> {
    let special = [E::ZERO, E::ONE, -E::ONE, E::from(2).pow([253]), -E::from(2)];
    let mut one = || match rng.next_u32() as usize % 8 {
        i if i < special.len() => special[i],
        _ => E::random(&mut *rng),
    };
    (0..n).map(|_| one()).collect()
}

fn agree<E: Element>(n: usize, more: usize, seed: u64) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let a: Vec<E> = elements(n, &mut rng);
    let b: Vec<E> = elements(n + more, &mut rng);
    let factor = elements::<E>(1, &mut rng)[0];

    let products = a.iter().zip(&b).map(|(a, b)| *a * b);
    assert_eq!(inner_product(&a, &b), products.clone().sum::<E>());
    assert_eq!(inner_product(&b, &a), products.sum::<E>());

    let pairs = a.chunks_exact(2).zip(b.chunks_exact(2));
    let expected = pairs.fold([E::ZERO; 2], |[s, t], (a, b)| {
        [s + a[0] * b[0], t + (a[1] - a[0]) * (b[1] - b[0])]
    });
    assert_eq!(pair_products(&a, &b), expected);

    let mut bound = b.clone();
    bind(&mut bound, factor);
    let pairs = b.chunks_exact(2);
    let expected: Vec<E> = pairs.map(|p| p[0] + factor * (p[1] - p[0])).collect();
    assert_eq!(bound[..expected.len()], expected);

    let mut sums = a.clone();
    add_scaled(&mut sums, factor, &b);
    let expected: Vec<E> = a.iter().zip(&b).map(|(a, b)| *a + factor * b).collect();
    assert_eq!(sums, expected);

    let mut products = a.clone();
    multiply(&mut products, &b);
    let expected: Vec<E> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();
    assert_eq!(products, expected);

    let nonzero: Vec<E> = b.iter().copied().filter(|v| *v != E::ZERO).collect();
    let mut inverses = nonzero.clone();
    invert(&mut inverses);
    let products = nonzero.iter().zip(&inverses).map(|(a, b)| *a * b);
    assert!(products.into_iter().all(|v| v == E::ONE));

    let mut scaled = a.clone();
    scale(&mut scaled, factor);
    let expected: Vec<E> = a.iter().map(|a| *a * factor).collect();
    assert_eq!(scaled, expected);
}

fn equality<E: Element>(variables: usize, seed: u64) {
    let point: Vec<E> = elements(variables, &mut ChaCha20Rng::seed_from_u64(seed));
    let entry = |i: usize| {
        let factor = |(j, p): (usize, &E)| if i >> j & 1 == 1 { *p } else { E::ONE - p };
        point.iter().enumerate().map(factor).product::<E>()
    };
    let expected: Vec<E> = (0..1 << variables).map(entry).collect();
    assert_eq!(eq_table(&point), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_are_their_definitions(n in 0_usize..100, more in 0_usize..40, seed in any::<u64>()) {
        agree::<pallas::Base>(n, more, seed);
        agree::<vesta::Base>(n, more, seed);
    }

    #[test]
    fn equality_tables_are_products(variables in 0_usize..8, seed in any::<u64>()) {
        equality::<pallas::Base>(variables, seed);
        equality::<vesta::Base>(variables, seed);
    }
}

/// More terms than are added up at once.
#[test]
fn long_lists() {
    let n = pleat_lanes::PRODUCTS * pleat_lanes::TERMS * pleat_lanes::LANES + 37;
    agree::<pallas::Base>(n, 1, 1);
}
