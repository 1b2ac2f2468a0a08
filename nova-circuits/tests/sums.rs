//! The long sums against their definitions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use ff::Field;
use pleat_nova_circuits::cycle::{F, field_from_i64};
use pleat_nova_circuits::sums::{Small, combine, dot, dots};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Random elements, and those that fill all limbs or none.
fn elements(n: usize, rng: &mut ChaCha20Rng) -> Vec<F> {
    let special = [F::ZERO, F::ONE, -F::ONE, F::from(2).pow([255]), -F::from(2)];
    let mut one = || match rng.next_u32() as usize % 8 {
        i if i < special.len() => special[i],
        _ => F::random(&mut *rng),
    };
    (0..n).map(|_| one()).collect()
}

/// `Σ cells[i]·weights[i]`, term by term.
fn sum<T: Into<i64> + Copy>(cells: &[T], weights: &[F]) -> F {
    let terms = cells.iter().zip(weights);
    terms.fold(F::ZERO, |sum, (v, w)| sum + field_from_i64((*v).into()) * w)
}

fn agree<T: Small + Into<i64>>(
    draw: impl Fn(u32) -> T,
    rows: usize,
    width: usize,
    short: usize,
    seed: u64,
) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let edges = [0, u32::MAX, 1 << 31, (1 << 31) - 1];
    let mut cells = |n: usize| -> Vec<T> {
        let value = |rng: &mut ChaCha20Rng| match rng.next_u32() as usize % 8 {
            i if i < edges.len() => draw(edges[i]),
            _ => draw(rng.next_u32()),
        };
        (0..n).map(|_| value(&mut rng)).collect()
    };
    let mut table: Vec<Vec<T>> = (0..rows).map(|_| cells(width)).collect();
    if let Some(last) = table.last_mut() {
        last.truncate(width.saturating_sub(short));
    }
    let along = elements(width, &mut rng);
    let across = elements(rows, &mut rng);
    let views: Vec<&[T]> = table.iter().map(Vec::as_slice).collect();
    let expected: Vec<F> = views.iter().map(|row| sum(row, &along)).collect();
    assert_eq!(dots(&views, &along), expected);
    for (row, expected) in views.iter().zip(&expected) {
        assert_eq!(dot(row, &along), *expected);
    }
    let weighted: Vec<(&[T], F)> = views.iter().copied().zip(across).collect();
    let column = |i: usize| {
        let met = weighted.iter().filter(|(row, _)| i < row.len());
        met.map(|(row, w)| sum(&row[i..=i], &[*w])).sum()
    };
    let expected: Vec<F> = (0..width).map(column).collect();
    assert_eq!(combine(&weighted, width), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_sums_are_their_definition(
        rows in 0..40_usize,
        width in prop_oneof![0..20_usize, 250..600_usize],
        short in prop_oneof![Just(0), 1..300_usize],
        seed in any::<u64>(),
    ) {
        agree(|v| v as i32, rows, width, short, seed);
        agree(|v| v, rows, width, short, seed);
        agree(|v| v as u16, rows, width, short, seed);
    }
}

/// The largest terms, as many as tell whether sums carry.
#[test]
fn long_sums_of_the_largest_terms() {
    let weights = vec![-F::ONE; 1 << 16];
    for v in [i32::MIN, i32::MAX, -1, 0] {
        assert_eq!(
            dot(&vec![v; weights.len()], &weights),
            field_from_i64(-(i64::from(v) << 16))
        );
    }
    assert_eq!(
        dot(&vec![u32::MAX; weights.len()], &weights),
        field_from_i64(-(i64::from(u32::MAX) << 16))
    );
}
