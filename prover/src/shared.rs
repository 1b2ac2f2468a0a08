//! Rows of weights that another model has committed to already: the same cells may go under the same commitment, so that whoever has both
//! models sees that they are the same.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use pleat_nova_circuits::cycle::F;
use pleat_verifier::commitments::RowCommitment;
use rayon::prelude::*;

use crate::weights::Weights;

/// A row's commitment and its blind.
pub(crate) type Known = (RowCommitment, F);

/// What another model has committed to.
pub(crate) struct Committed<'a> {
    pub weights: &'a Weights,
    /// Addresses, commitments and blinds of its rows.
    pub rows: Vec<usize>,
    pub commitments: &'a [RowCommitment],
    pub blinds: &'a [F],
}

/// A row's integers.
pub(crate) fn row_cells(
    weights: &Weights,
    row: usize,
    row_bits: usize,
) -> impl Iterator<Item = i32> {
    let start = row << row_bits;
    (start..start + (1 << row_bits)).map(|i| weights.get(i))
}

/// For each row, what `other`, whose rows are as long, has for the same cells, if anything. No row of `other` serves twice, wherever it
/// is: two equal commitments in one model would show that two rows of it are equal.
pub(crate) fn known(
    weights: &Weights,
    rows: &[usize],
    row_bits: usize,
    other: &Committed<'_>,
) -> Vec<Option<Known>> {
    let digest = |weights: &Weights, row: usize| {
        let mut hash = DefaultHasher::new();
        row_cells(weights, row, row_bits).for_each(|v| hash.write_i32(v));
        hash.finish()
    };
    let theirs = &other.rows;
    let digests: Vec<u64> = theirs
        .par_iter()
        .map(|row| digest(other.weights, *row))
        .collect();
    let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
    for (place, digest) in digests.into_iter().enumerate() {
        places.entry(digest).or_default().push(place);
    }
    let own: Vec<u64> = rows.par_iter().map(|row| digest(weights, *row)).collect();
    let mut find = |(row, digest): (&usize, u64)| {
        let candidates = places.get_mut(&digest)?;
        let equal = |place: &usize| {
            let own = row_cells(weights, *row, row_bits);
            let theirs = theirs.get(*place);
            theirs.is_some_and(|row| row_cells(other.weights, *row, row_bits).eq(own))
        };
        let found = candidates.iter().position(equal)?;
        let place = candidates.remove(found);
        let commitment = other.commitments.get(place)?;
        Some((*commitment, *other.blinds.get(place)?))
    };
    rows.iter().zip(own).map(&mut find).collect()
}
