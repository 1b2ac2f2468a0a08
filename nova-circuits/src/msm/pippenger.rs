//! `Σ kᵢ·Pᵢ` for signed integers `kᵢ` of at most 128 bits (Pippenger): the integers are cut into windows of signed digits, the points
//! of each window are sorted into buckets by digit, and buckets are summed in affine batches.

use super::EndoGroup;
use super::affine::Summer;
use super::point::Line;
use pleat_lanes::Element;
use rayon::prelude::*;

/// At most this many points in one task: they and their sorted indices stay in the third-level cache.
const CHUNK: usize = 1 << 17;
/// A task has at least this many additions, so that its inversions and bookkeeping are shared by many.
const TASK: usize = 1 << 12;
/// The same in lanes, eight of which share an inversion.
const TASK_IN_LANES: usize = 1 << 15;

/// How the integers are cut.
#[derive(Clone, Copy, Debug)]
struct Windows {
    bits: u32,
    count: usize,
}

impl Windows {
    /// The cut that needs the fewest additions for `terms` integers which fit `width` bits, the sign's included.
    fn choose(terms: usize, width: u32) -> Self {
        let cut = |bits| Self {
            bits,
            count: width.div_ceil(bits) as usize,
        };
        (2..=16)
            .map(cut)
            .min_by_key(|cut| cut.count * (terms + cut.bucket_cost()))
            .unwrap_or(cut(8))
    }

    const fn buckets(self) -> usize {
        1 << (self.bits - 1)
    }

    /// Additions that weigh a window's buckets: two each, then half of the rows' and columns' sums for each bit of their number; and
    /// the bits' sums and doublings, in coordinates in which an addition costs several times as much.
    const fn bucket_cost(self) -> usize {
        2 * self.buckets() + (self.bits as usize) * (10 + (1 << self.column_bits()) / 2)
    }

    /// Buckets are arranged in columns of this many bits of their index.
    const fn column_bits(self) -> u32 {
        (self.bits - 1).div_ceil(2)
    }

    /// The digit of window `i`, in `[-2^(bits-1), 2^(bits-1)]`: the window's bits as a signed integer, plus the bit below
    /// (Booth).
    #[inline(always)]
    fn digit(self, k: i128, i: usize) -> i32 {
        let low = i as u32 * self.bits;
        let shifted = if low == 0 { k << 1 } else { k >> (low - 1) };
        let window = shifted as i32 & ((2 << self.bits) - 1);
        ((window + 1) >> 1) - ((window >> self.bits) << self.bits)
    }
}

/// Bits that hold every integer, sign included; 0 if all are zero.
fn width(scalars: &[i128]) -> u32 {
    let magnitudes = |part: &[i128]| part.iter().fold(0, |all, k| all | (k ^ (k >> 127)));
    let all = scalars
        .par_chunks(1 << 12)
        .map(magnitudes)
        .reduce(|| 0, |a, b| a | b);
    if all == 0 && scalars.iter().all(|k| *k == 0) {
        0
    } else {
        129 - all.leading_zeros()
    }
}

/// `Σ scalars[i]·points[i]`.
pub(super) fn pippenger<G: EndoGroup>(scalars: &[i128], points: &[Line<G::Base>]) -> G {
    let width = width(scalars);
    if width == 0 {
        return G::zero();
    }
    let windows = Windows::choose(scalars.len(), width);
    let chunk = chunk_length(scalars.len(), windows.count);
    let own_cost = chunk + windows.bucket_cost();
    let task = if pleat_lanes::available() {
        let all = windows.count * scalars.len().div_ceil(chunk) * own_cost;
        (all / rayon::current_num_threads()).clamp(TASK, TASK_IN_LANES)
    } else {
        TASK
    };
    let together = task.div_ceil(own_cost).clamp(1, windows.count);
    let tasks: Vec<(usize, usize)> = (0..scalars.len())
        .step_by(chunk)
        .flat_map(|start| {
            (0..windows.count)
                .step_by(together)
                .map(move |w| (start, w))
        })
        .collect();
    let sums: Vec<Vec<G>> = tasks
        .into_par_iter()
        .with_max_len(1)
        .map_init(Summer::new, |summer, (start, window)| {
            let end = (start + chunk).min(scalars.len());
            let last = (window + together).min(windows.count);
            let (scalars, points) = (&scalars[start..end], &points[start..end]);
            window_sums(summer, scalars, points, windows, window..last)
        })
        .collect();
    let sums = sums.concat();
    let mut total = G::zero();
    for window in (0..windows.count).rev() {
        for _ in 0..windows.bits {
            total = total + total;
        }
        for sum in sums.iter().skip(window).step_by(windows.count) {
            total += *sum;
        }
    }
    total
}

/// Chunks are as long as possible, so that buckets are weighted seldom, yet there is a task for every thread.
fn chunk_length(terms: usize, windows: usize) -> usize {
    let threads = rayon::current_num_threads();
    let for_threads = threads.div_ceil(windows);
    let for_cache = terms.div_ceil(CHUNK);
    terms
        .div_ceil(for_threads.max(for_cache))
        .max(terms.min(TASK / 4))
}

/// For each window of the range, `Σ digit(kᵢ)·Pᵢ`.
fn window_sums<G: EndoGroup>(
    summer: &mut Summer<G::Base>,
    scalars: &[i128],
    points: &[Line<G::Base>],
    windows: Windows,
    range: core::ops::Range<usize>,
) -> Vec<G> {
    let count = windows.buckets();
    let digits: Vec<Vec<i32>> = range
        .map(|w| scalars.iter().map(|k| windows.digit(*k, w)).collect())
        .collect();
    // (window, point, digit), without what adds nothing; points are not neutral.
    let placed = || {
        digits.iter().enumerate().flat_map(|(w, digits)| {
            let used = digits.iter().enumerate().filter(|(_, digit)| **digit != 0);
            used.map(move |(i, digit)| (w, i as u32, *digit))
        })
    };
    let bucket = |w: usize, digit: i32| w * count + digit.unsigned_abs() as usize - 1;
    // Each bucket's length; then, while they are filled, where its next entry goes.
    let mut lengths = vec![0_usize; count * digits.len()];
    for (w, _, digit) in placed() {
        lengths[bucket(w, digit)] += 1;
    }
    let mut filled = 0;
    let mut next: Vec<usize> = lengths
        .iter()
        .map(|length| {
            let start = filled;
            filled += length;
            start
        })
        .collect();
    // The point's index, and the digit's sign in the lowest bit.
    let mut entries = vec![0_u32; filled];
    for (w, index, digit) in placed() {
        let next = &mut next[bucket(w, digit)];
        entries[*next] = index << 1 | u32::from(digit < 0);
        *next += 1;
    }
    let buckets = summer.segment_sums(points, &entries, &lengths);
    weigh(summer, &buckets, windows)
}

/// `Σ_b (b+1)·bucket_b` for each window's buckets. With `b = row·2^h + column` that is
/// `2^h·Σ row·(sum of the row) + Σ column·(sum of the column) + Σ (sum of the column)`, and a number counts as its bits do.
fn weigh<G: EndoGroup>(
    summer: &mut Summer<G::Base>,
    buckets: &[Line<G::Base>],
    windows: Windows,
) -> Vec<G> {
    let (per_window, columns) = (windows.buckets(), 1 << windows.column_bits());
    let rows = per_window / columns;
    let count = buckets.len() / per_window;
    let mut lines = Segments::default();
    for first in (0..buckets.len()).step_by(per_window) {
        let own = first..first + per_window;
        for row in own.clone().step_by(columns) {
            lines.push(buckets, row..row + columns);
        }
        for column in 0..columns {
            lines.push(buckets, own.clone().skip(column).step_by(columns));
        }
    }
    let sums = lines.sums(summer, buckets);
    // For each window and each bit of a row's number, then of a column's, the sum of those whose number has it; and the sum of all.
    let mut bits = Segments::default();
    for first in (0..count).map(|window| window * (rows + columns)) {
        let row_bits = (0..rows.trailing_zeros()).rev();
        let column_bits = (0..columns.trailing_zeros()).rev();
        let row = row_bits.map(|bit| (bit, first, rows));
        let column = column_bits.map(|bit| (bit, first + rows, columns));
        for (bit, first, length) in row.chain(column) {
            let has = (0..length).filter(|i| i >> bit & 1 == 1);
            bits.push(&sums, has.map(|i| first + i));
        }
        bits.push(&sums, first + rows..first + rows + columns);
    }
    let bits = bits.sums(summer, &sums);
    let group = |point: &Line<G::Base>| G::group(&G::from_coordinates(point.point()));
    bits.chunks(windows.bits as usize)
        .map(|own| {
            let [bits @ .., all] = own else {
                return G::zero();
            };
            let sum = bits.iter().fold(G::zero(), |sum, bit| {
                let double = sum + sum;
                double + group(bit)
            });
            sum + group(all)
        })
        .collect()
}

/// Segments of points that have yet to be summed.
#[derive(Default)]
struct Segments {
    entries: Vec<u32>,
    lengths: Vec<usize>,
}

impl Segments {
    /// A segment of the points of these numbers, without those that are neutral.
    fn push<B: Element>(&mut self, points: &[Line<B>], numbers: impl Iterator<Item = usize>) {
        let before = self.entries.len();
        let counts = numbers.filter(|i| !points[*i].is_neutral());
        self.entries.extend(counts.map(|i| (i as u32) << 1));
        self.lengths.push(self.entries.len() - before);
    }

    fn sums<B: Element>(self, summer: &mut Summer<B>, points: &[Line<B>]) -> Vec<Line<B>> {
        summer.segment_sums(points, &self.entries, &self.lengths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digits_recompose(k in any::<i128>(), shift in 1_u32..100, bits in 2_u32..=16) {
            let k = k >> shift;
            let width = width(&[k]).max(1);
            let windows = Windows { bits, count: width.div_ceil(bits) as usize };
            let sum = (0..windows.count).rev().fold(0_i128, |sum, i| {
                let digit = windows.digit(k, i);
                assert!(digit.unsigned_abs() as usize <= windows.buckets());
                (sum << bits) + i128::from(digit)
            });
            prop_assert_eq!(sum, k);
        }
    }
}
