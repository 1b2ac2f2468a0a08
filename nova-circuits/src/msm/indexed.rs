//! `Σ values[placesᵢ]·Pᵢ` where few values are distinct: points that share a value are added up first, which costs one addition
//! each instead of one for every window of digits.

use super::affine::{Summer, Xy};
use super::{EndoGroup, PARALLEL, msm};
use ff::Field;
use rayon::prelude::*;

/// `Σ values[places[i]]·bases[i]`; a place beyond the values is that of zero. The shorter slice decides how many terms there are.
#[must_use]
pub fn msm_indexed<G: EndoGroup>(
    places: &[u32],
    values: &[G::Scalar],
    bases: &[G::AffineGroupElement],
) -> G {
    // How often each value that counts occurs; then, while they are sorted, where its next point goes.
    let mut next = vec![0_usize; values.len()];
    let counts = |place: &usize| values.get(*place).is_some_and(|v| *v != G::Scalar::ZERO);
    let terms = || {
        let places = places.iter().zip(bases).map(|(place, _)| *place as usize);
        places.enumerate().filter(|(_, place)| counts(place))
    };
    for (_, place) in terms() {
        next[place] += 1;
    }
    let (distinct, lengths): (Vec<G::Scalar>, Vec<usize>) = values
        .iter()
        .zip(&next)
        .filter(|(_, length)| **length > 0)
        .map(|(value, length)| (*value, *length))
        .unzip();
    let mut filled = 0;
    for next in &mut next {
        let start = filled;
        filled += *next;
        *next = start;
    }
    let mut entries = vec![0_u32; filled];
    for (i, place) in terms() {
        entries[next[place]] = i as u32;
        next[place] += 1;
    }
    let sums = segment_sums::<G>(&lengths, &entries, bases);
    let sums: Vec<_> = sums.into_iter().map(G::from_coordinates).collect();
    msm(&distinct, &sums)
}

/// Sums of consecutive segments of the entries, which are numbers of points.
fn segment_sums<G: EndoGroup>(
    lengths: &[usize],
    entries: &[u32],
    bases: &[G::AffineGroupElement],
) -> Vec<Xy<G::Base>> {
    // Tasks of about as many points, each of whole segments.
    let share = entries
        .len()
        .div_ceil(rayon::current_num_threads())
        .max(PARALLEL);
    let mut tasks: Vec<(usize, usize, usize)> = Vec::new();
    let (mut first, mut start, mut end) = (0, 0, 0);
    for (i, length) in lengths.iter().enumerate() {
        end += length;
        if end - start >= share || i + 1 == lengths.len() {
            tasks.push((first, i + 1, start));
            (first, start) = (i + 1, end);
        }
    }
    let sums: Vec<Vec<Xy<G::Base>>> = tasks
        .into_par_iter()
        .map(|(first, last, start)| {
            Summer::new().sums(lengths[first..last].iter().copied(), |i| {
                G::coordinates(&bases[entries[start + i] as usize])
            })
        })
        .collect();
    sums.concat()
}
