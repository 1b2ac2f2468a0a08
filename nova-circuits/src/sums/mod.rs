//! Long sums `Σ vᵢ·wᵢ` of integers times field elements, reduced once instead of once per term.
//!
//! A field element is stored as an integer `m < q` that represents it linearly (Montgomery's form), so `Σ vᵢ·mᵢ`, taken as an
//! integer and reduced, represents the sum. Each of the four 64-bit limbs of the `mᵢ` has an accumulator of 128 bits; integers of
//! 32 bits (signed ones are shifted to be positive, which is made up for once) leave room for `2^31` terms.
//!
//! Where the processor has lanes, eight sums are added up at once, in limbs of 52 bits.

mod lanes;

use crate::cycle::F;
use ff::{Field, PrimeField};
use pleat_lanes::{LANES, Modulus, Vector};
use rayon::prelude::*;

/// An integer of at most 32 bits.
pub trait Small: Copy + Send + Sync {
    /// What makes every value of the type positive.
    const SHIFT: u64;

    /// The value plus [`Self::SHIFT`], below `2^32`.
    fn shifted(self) -> u64;

    /// Eight values, each plus [`Self::SHIFT`].
    fn eight<M: Modulus, V: Vector<M>>(values: &[Self; LANES]) -> V::Integers;
}

impl Small for i32 {
    const SHIFT: u64 = 1 << 31;

    #[inline(always)]
    fn shifted(self) -> u64 {
        u64::from(self.cast_unsigned() ^ (1 << 31))
    }

    #[inline(always)]
    fn eight<M: Modulus, V: Vector<M>>(values: &[Self; LANES]) -> V::Integers {
        V::from_i32(values)
    }
}

impl Small for i16 {
    const SHIFT: u64 = 1 << 15;

    #[inline(always)]
    fn shifted(self) -> u64 {
        u64::from(self.cast_unsigned() ^ (1 << 15))
    }

    #[inline(always)]
    fn eight<M: Modulus, V: Vector<M>>(values: &[Self; LANES]) -> V::Integers {
        V::from_u16(&values.map(|v| v.cast_unsigned() ^ (1 << 15)))
    }
}

impl Small for u32 {
    const SHIFT: u64 = 0;

    #[inline(always)]
    fn shifted(self) -> u64 {
        u64::from(self)
    }

    #[inline(always)]
    fn eight<M: Modulus, V: Vector<M>>(values: &[Self; LANES]) -> V::Integers {
        V::from_u32(values)
    }
}

impl Small for u16 {
    const SHIFT: u64 = 0;

    #[inline(always)]
    fn shifted(self) -> u64 {
        u64::from(self)
    }

    #[inline(always)]
    fn eight<M: Modulus, V: Vector<M>>(values: &[Self; LANES]) -> V::Integers {
        V::from_u16(values)
    }
}

/// A sum of up to `2^31` products, not reduced, of integers plus their type's shift.
#[derive(Clone, Copy, Debug, Default)]
pub struct LongSum([u128; 4]);

impl LongSum {
    /// Adds `(v + shift)·w`.
    #[inline(always)]
    pub fn add<T: Small>(&mut self, v: T, w: &F) {
        let v = u128::from(v.shifted());
        for (sum, limb) in self.0.iter_mut().zip(w.0) {
            *sum += v * u128::from(limb);
        }
    }

    /// `Σ v·w`, where the integers were of type `T` and `weights` is `Σ w`.
    pub fn value<T: Small>(&self, weights: &F) -> F {
        match T::SHIFT {
            0 => self.reduce(),
            shift => self.reduce() - F::from(shift) * weights,
        }
    }

    /// The sum as a field element: its lowest 254 bits represent one, as `q > 2^254`; the rest is a small multiple of the
    /// element that `2^254` represents.
    fn reduce(&self) -> F {
        let (mut low, mut carry) = (F::ZERO, 0);
        for (limb, sum) in low.0.iter_mut().zip(self.0) {
            let sum = sum + carry;
            *limb = sum as u64;
            carry = sum >> 64;
        }
        let high = carry << 2 | u128::from(low.0[3] >> 62);
        low.0[3] &= (1 << 62) - 1;
        let mut unit = F::ZERO;
        unit.0[3] = 1 << 62;
        low + F::from_u128(high) * unit
    }
}

/// `Σ_i cells[i]·weights[i]` over the shorter length.
#[must_use]
pub fn dot<T: Small>(cells: &[T], weights: &[F]) -> F {
    let mut sum = LongSum::default();
    for (v, w) in cells.iter().zip(weights) {
        sum.add(*v, w);
    }
    let total = match T::SHIFT {
        0 => F::ZERO,
        _ => weights.iter().take(cells.len()).sum(),
    };
    sum.value::<T>(&total)
}

/// [`dot`] of each row.
#[must_use]
pub fn dots<T: Small>(rows: &[&[T]], weights: &[F]) -> Vec<F> {
    let total: F = weights.iter().sum();
    if pleat_lanes::available() && weights.len().is_multiple_of(LANES) {
        return dots_by_lanes(rows, weights, &total);
    }
    let row = |cells: &&[T]| {
        if cells.len() < weights.len() {
            return dot(cells, weights);
        }
        let mut sum = LongSum::default();
        for (v, w) in cells.iter().zip(weights) {
            sum.add(*v, w);
        }
        sum.value::<T>(&total)
    };
    let least = TASK.div_ceil(weights.len().max(1));
    rows.par_iter().with_min_len(least).map(row).collect()
}

fn dots_by_lanes<T: Small>(rows: &[&[T]], weights: &[F], total: &F) -> Vec<F> {
    let shift = F::from(T::SHIFT) * total;
    // The weights are put into lanes once for so many rows.
    let share = rows.len().div_ceil(rayon::current_num_threads());
    let together = TASK.div_ceil(weights.len().max(1)).max(share.min(64));
    let whole = rows.iter().position(|row| row.len() < weights.len());
    let (whole, rest) = rows.split_at(whole.unwrap_or(rows.len()));
    let part = |rows: &[&[T]]| {
        let mut sums = lanes::dots(rows, weights);
        sums.iter_mut().for_each(|sum| *sum -= shift);
        sums
    };
    let mut out: Vec<F> = whole.par_chunks(together).flat_map_iter(part).collect();
    out.extend(rest.iter().map(|row| dot(row, weights)));
    out
}

/// A row, and the factor by which it counts.
pub type Weighted<'a, T> = (&'a [T], F);

/// Terms below which splitting over threads does not pay.
const TASK: usize = 1 << 12;
/// Cells whose sums stay in the first-level cache.
const TILE: usize = 1 << 8;
/// Rows between two visits to a sum.
const TOGETHER: usize = 8;

/// `[Σ_rows factor·row[i]]` for every `i < width`; rows may be shorter.
#[must_use]
pub fn combine<T: Small>(rows: &[Weighted<'_, T>], width: usize) -> Vec<F> {
    let shift = match T::SHIFT {
        0 => F::ZERO,
        shift => F::from(shift) * rows.iter().map(|(_, w)| w).sum::<F>(),
    };
    let uneven = T::SHIFT != 0 && rows.iter().any(|(row, _)| row.len() < width);
    let shift_of = |cell: usize| {
        if uneven {
            let met = rows.iter().filter(|(row, _)| row.len() > cell);
            F::from(T::SHIFT) * met.map(|(_, w)| w).sum::<F>()
        } else {
            shift
        }
    };
    let tasks = (rows.len() * width / TASK).clamp(1, 2 * rayon::current_num_threads());
    let parts = tasks.div_ceil(width.div_ceil(TILE).max(1));
    let part = rows.len().div_ceil(parts).max(1);
    let mut out = vec![F::ZERO; width];
    let least = if tasks == 1 { usize::MAX } else { 1 };
    out.par_chunks_mut(TILE)
        .enumerate()
        .with_min_len(least)
        .for_each(|(tile, out)| {
            let start = tile * TILE;
            let partial = rows.par_chunks(part).with_min_len(least);
            let sums = partial
                .map(|rows| tile_sums(rows, start, out.len()))
                .reduce_with(|mut a, b| {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                    a
                });
            for (i, (out, sum)) in out.iter_mut().zip(sums.iter().flatten()).enumerate() {
                *out = *sum - shift_of(start + i);
            }
        });
    out
}

/// The `n` sums from `start` on, at most [`TILE`], with the type's shift in them.
fn tile_sums<T: Small>(rows: &[Weighted<'_, T>], start: usize, n: usize) -> Vec<F> {
    let mut sums = vec![F::ZERO; n];
    let by_lanes = pleat_lanes::available() && n.is_multiple_of(LANES);
    let reaches = |(row, _): &Weighted<'_, T>| by_lanes && row.len() >= start + n;
    let (whole, rest): (Vec<Weighted<'_, T>>, Vec<_>) = rows.iter().copied().partition(reaches);
    let whole: Vec<Weighted<'_, T>> = whole
        .into_iter()
        .map(|(row, weight)| (&row[start..start + n], weight))
        .collect();
    lanes::combine(&whole, &mut sums);
    if !rest.is_empty() {
        let mut long = [LongSum::default(); TILE];
        accumulate(&rest, start, &mut long[..n]);
        let pairs = sums.iter_mut().zip(&long);
        pairs.for_each(|(sum, more)| *sum += more.reduce());
    }
    sums
}

/// Adds the rows' cells from `start` on, times their factors.
fn accumulate<T: Small>(rows: &[Weighted<'_, T>], start: usize, sums: &mut [LongSum]) {
    let n = sums.len();
    let whole = |rows: &[Weighted<'_, T>]| rows.iter().all(|(row, _)| row.len() >= start + n);
    let mut left = rows;
    while let Some((group, rest)) = left.split_first_chunk::<TOGETHER>() {
        if !whole(group) {
            break;
        }
        let cells = group.map(|(row, _)| &row[start..start + n]);
        for (i, sum) in sums.iter_mut().enumerate() {
            for (cells, (_, weight)) in cells.iter().zip(group) {
                sum.add(cells[i], weight);
            }
        }
        left = rest;
    }
    for (row, weight) in left {
        let cells = row.get(start..).unwrap_or_default();
        for (sum, v) in sums.iter_mut().zip(cells) {
            sum.add(*v, weight);
        }
    }
}
