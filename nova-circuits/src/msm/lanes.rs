//! Sums of segments of points in vectors: each of eight lanes has a segment of its own, of about the same length, and points are added
//! in pairs until every segment has one. Nothing but the first fetch and the last sums crosses lanes.
//!
//! Points are taken as different, not opposite and not neutral, which is what random ones are. That it was not so shows in a denominator
//! of zero, and then there is no result: [`Summer`](super::affine::Summer) covers every case.

use super::point::Line;
use super::slopes::{Additions, Products, add};
use pleat_lanes::{Element, Kernel, LANES, Vector};

/// Points whose partial sums are kept in the cache; they share an inversion for each halving.
const BLOCK: usize = 1 << 13;
/// Longer segments are cut, so that no lane is alone with one.
const LONGEST: usize = 1 << 9;

/// Sums of consecutive segments, of these lengths, of entries: a point's number, and in the lowest bit whether it is negated. None of the
/// points is neutral; the sum of nothing is. No result if denominators are zero.
pub(super) fn segment_sums<B: Element>(
    points: &[Line<B>],
    entries: &[u32],
    lengths: &[usize],
) -> Option<Vec<Line<B>>> {
    let pieces = lengths.iter().map(|length| length.div_ceil(LONGEST));
    let counts: Vec<usize> = pieces.collect();
    if counts.iter().all(|count| *count <= 1) {
        return pleat_lanes::run::<B::Modulus, _>(Sums {
            points,
            entries,
            lengths,
        });
    }
    let mut cut = Vec::new();
    for length in lengths {
        cut.extend(core::iter::repeat_n(LONGEST, length / LONGEST));
        cut.extend(Some(length % LONGEST).filter(|rest| *rest > 0));
    }
    let sums = segment_sums(points, entries, &cut)?;
    let entries: Vec<u32> = (0..sums.len() as u32).map(|i| i << 1).collect();
    segment_sums(&sums, &entries, &counts)
}

struct Sums<'a, B> {
    points: &'a [Line<B>],
    entries: &'a [u32],
    lengths: &'a [usize],
}

impl<B: Element> Kernel<B::Modulus> for Sums<'_, B> {
    type Output = Option<Vec<Line<B>>>;

    #[inline(always)]
    fn run<V: Vector<B::Modulus>>(self) -> Self::Output {
        let mut sums = vec![Line::NEUTRAL; self.lengths.len()];
        let mut segments = by_length(self.lengths);
        segments.truncate(segments.iter().take_while(|s| s.length > 0).count());
        let mut block = Block::<V>::new(self.entries.len());
        let mut groups = segments.chunks(LANES).peekable();
        let mut first = 0;
        while let Some(group) = groups.next() {
            block.fetch(self.points, self.entries, group);
            if groups.peek().is_none() || LANES * block.points.len() >= BLOCK {
                if !block.sum::<B>() {
                    return None;
                }
                let filled = block.groups.len();
                block.take(&segments[LANES * first..], &mut sums);
                first += filled;
            }
        }
        Some(sums)
    }
}

#[derive(Clone, Copy)]
struct Segment {
    /// Its number.
    number: usize,
    /// Its first entry.
    start: usize,
    length: usize,
}

/// The longest first.
fn by_length(lengths: &[usize]) -> Vec<Segment> {
    let mut start = 0;
    let segment = |(number, length): (usize, &usize)| {
        let own = Segment {
            number,
            start,
            length: *length,
        };
        start += length;
        own
    };
    let mut segments: Vec<Segment> = lengths.iter().enumerate().map(segment).collect();
    segments.sort_unstable_by_key(|s| core::cmp::Reverse(s.length));
    segments
}

/// Rows of points of eight segments each.
struct Block<V> {
    points: Vec<[V; 2]>,
    /// The lanes that have a point in each row.
    lanes: Vec<u8>,
    /// First row and number of rows.
    groups: Vec<(usize, usize)>,
    /// Rows to which others are added.
    left: Vec<u32>,
    /// Products of the denominators before; denominators.
    products: Products<V>,
}

impl<V> Block<V> {
    /// For the rows of at most so many entries.
    fn new(entries: usize) -> Self {
        let rows = entries.min(BLOCK) / LANES + LONGEST.min(entries);
        Self {
            points: Vec::with_capacity(rows),
            lanes: Vec::with_capacity(rows),
            groups: Vec::new(),
            left: Vec::with_capacity(rows / 2),
            products: Vec::with_capacity(rows / 2),
        }
    }

    #[inline(always)]
    fn fetch<B: Element>(&mut self, points: &[Line<B>], entries: &[u32], segments: &[Segment])
    where
        V: Vector<B::Modulus>,
    {
        let rows = segments.iter().map(|s| s.length).max().unwrap_or(0);
        self.groups.push((self.points.len(), rows));
        let zero = V::splat(&[0; 4]);
        for row in 0..rows {
            let mut places = [&[[0; 4]; 2]; LANES];
            let (mut filled, mut negative) = (0, 0);
            for (lane, s) in segments.iter().enumerate() {
                let entry = entries[s.start + row.min(s.length - 1)];
                if let Some(both) = points[(entry >> 1) as usize].limbs().first_chunk() {
                    places[lane] = both;
                }
                filled |= u8::from(row < s.length) << lane;
                negative |= ((entry & 1) as u8) << lane;
            }
            let [x, y] = V::load_pairs_of(places);
            self.points.push([x, y.blend(zero.sub(y), negative)]);
            self.lanes.push(filled);
        }
    }

    /// Each group's sum is in its first row then.
    #[inline(always)]
    fn sum<B: Element>(&mut self) -> bool
    where
        V: Vector<B::Modulus>,
    {
        let mut stride = 1;
        loop {
            self.left.clear();
            for (start, rows) in &self.groups {
                let rows = (0..rows.saturating_sub(stride)).step_by(2 * stride);
                self.left.extend(rows.map(|row| (start + row) as u32));
            }
            if self.left.is_empty() {
                return true;
            }
            let pairs = Pairs {
                points: &mut self.points,
                lanes: &self.lanes,
                left: &self.left,
                stride,
            };
            if !add::<B, V>(pairs, &mut self.products) {
                return false;
            }
            stride *= 2;
        }
    }

    /// Writes the groups' sums, and leaves nothing.
    #[inline(always)]
    fn take<B: Element>(&mut self, segments: &[Segment], sums: &mut [Line<B>])
    where
        V: Vector<B::Modulus>,
    {
        for ((start, _), segments) in self.groups.iter().zip(segments.chunks(LANES)) {
            let [x, y] = self.points[*start];
            let mut own = [[0; 4]; 2 * LANES];
            V::store_pairs(x.reduced(), y.reduced(), &mut own);
            let (own, _) = own.as_chunks::<2>();
            for (segment, sum) in segments.iter().zip(own) {
                sums[segment.number].limbs_mut().copy_from_slice(sum);
            }
        }
        self.points.clear();
        self.lanes.clear();
        self.groups.clear();
    }
}

/// Rows, to each of which another is added in the lanes that have points there.
struct Pairs<'a, V> {
    points: &'a mut [[V; 2]],
    lanes: &'a [u8],
    left: &'a [u32],
    /// From each row to the one that is added.
    stride: usize,
}

impl<B: Element, V: Vector<B::Modulus>> Additions<B, V> for Pairs<'_, V> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.left.len()
    }

    #[inline(always)]
    fn points(&self, i: usize) -> [[V; 2]; 2] {
        let left = self.left[i] as usize;
        [self.points[left], self.points[left + self.stride]]
    }

    #[inline(always)]
    fn denominator(&self, i: usize) -> V {
        let lanes = self.lanes[self.left[i] as usize + self.stride];
        let [[x, _], [right_x, _]] = Additions::<B, V>::points(self, i);
        V::splat(&B::ONE.limbs()).blend(right_x.minus(x), lanes)
    }

    #[inline(always)]
    fn numerator(&self, i: usize) -> V {
        let [[_, y], [_, right_y]] = Additions::<B, V>::points(self, i);
        right_y.minus(y)
    }

    #[inline(always)]
    fn set(&mut self, i: usize, [sum_x, sum_y]: [V; 2]) {
        let left = self.left[i] as usize;
        let lanes = self.lanes[left + self.stride];
        let [x, y] = self.points[left];
        self.points[left] = [x.blend(sum_x, lanes), y.blend(sum_y, lanes)];
    }
}
