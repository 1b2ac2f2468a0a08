//! `Σ values[placesᵢ]·Pᵢ` where few values are distinct: points that share a value are added up first, which costs one addition
//! each instead of one for every window of digits.

use super::affine::Summer;
use super::point::Line;
use super::{EndoGroup, PARALLEL, msm};
use ff::Field;
use pleat_lanes::Element;
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
    let points: Vec<Line<G::Base>> = bases.iter().map(|b| G::coordinates(b).into()).collect();
    let terms = || {
        let terms = places.iter().map(|place| *place as usize).zip(&points);
        let terms = terms.enumerate();
        let terms = terms.filter(|(_, (place, point))| counts(place) && !point.is_neutral());
        terms.map(|(i, (place, _))| (i, place))
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
        entries[next[place]] = (i as u32) << 1;
        next[place] += 1;
    }
    let sums = segment_sums(&lengths, &entries, &points);
    let sums: Vec<_> = sums
        .iter()
        .map(|sum| G::from_coordinates(sum.point()))
        .collect();
    msm(&distinct, &sums)
}

/// [`Summer::segment_sums`] by all threads.
fn segment_sums<B: Element>(
    lengths: &[usize],
    entries: &[u32],
    points: &[Line<B>],
) -> Vec<Line<B>> {
    // Tasks of about as many points, each of whole segments.
    let share = entries
        .len()
        .div_ceil(rayon::current_num_threads())
        .max(PARALLEL);
    let mut tasks: Vec<(&[usize], &[u32])> = Vec::new();
    let (mut first, mut start, mut end) = (0, 0, 0);
    for (i, length) in lengths.iter().enumerate() {
        end += length;
        if end - start >= share || i + 1 == lengths.len() {
            tasks.push((&lengths[first..=i], &entries[start..end]));
            (first, start) = (i + 1, end);
        }
    }
    let sums: Vec<Vec<Line<B>>> = tasks
        .into_par_iter()
        .map(|(lengths, entries)| Summer::new().segment_sums(points, entries, lengths))
        .collect();
    sums.concat()
}
