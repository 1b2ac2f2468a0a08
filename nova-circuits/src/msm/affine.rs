//! Sums of affine points of a curve `y² = x³ + b` of odd order, many at a time: one inversion serves a whole batch
//! (Montgomery's trick), so that an addition costs six multiplications.
//!
//! Every case is covered: equal points are doubled, opposite points and neutral elements are seen.

use core::marker::PhantomData;

use super::lanes;
use super::point::{Line, Xy};
use crate::vectors::inverted;
use pleat_lanes::{Element, Kernel, LANES, Vector, limbs_of, limbs_of_mut};

/// An inversion costs some 150 multiplications; the batch stays in the second-level cache.
const BATCH: usize = 1024;

/// Which neighbours are to be added.
#[derive(Default)]
struct Additions {
    /// The left points' numbers.
    left: Vec<u32>,
    /// Where their sums go.
    to: Vec<u32>,
}

impl Additions {
    fn clear(&mut self) {
        self.left.clear();
        self.to.clear();
    }

    #[inline(always)]
    fn push(&mut self, left: usize, to: usize) {
        self.left.push(left as u32);
        self.to.push(to as u32);
    }

    /// `sums[to] = points[left] + points[left + 1]`.
    fn run<B: Element>(&self, points: &[[B; 2]], sums: &mut [[B; 2]]) {
        let batches = self.left.chunks(BATCH).zip(self.to.chunks(BATCH));
        for (left, to) in batches {
            add(AtPlaces {
                points,
                left,
                sums,
                to,
            });
        }
    }
}

/// Additions of points, eight of which are read and written together. There is at least one.
trait Operands<B: Element> {
    /// Whether an addition is repeated where there are not eight.
    const REPEATS: bool;

    /// How many additions.
    fn count(&self) -> usize;

    /// Abscissa and ordinate of the left point, abscissa of the right one; and its ordinate.
    fn points(&self, i: usize) -> ([&B; 3], B);

    /// Takes the sum.
    fn set(&mut self, i: usize, sum: [B; 2]);

    /// The coordinates of the points of eight additions, of which one may be there more than once.
    fn load<V: Vector<B::Modulus>>(&self, start: usize) -> [V; 4];

    /// Takes the sums.
    fn store<V: Vector<B::Modulus>>(&mut self, start: usize, x: V, y: V);
}

/// Neighbours in a list.
struct AtPlaces<'a, B> {
    points: &'a [[B; 2]],
    /// The left points' numbers.
    left: &'a [u32],
    sums: &'a mut [[B; 2]],
    /// Where their sums go.
    to: &'a [u32],
}

impl<B: Element> Operands<B> for AtPlaces<'_, B> {
    const REPEATS: bool = true;

    #[inline(always)]
    fn count(&self) -> usize {
        self.left.len()
    }

    #[inline(always)]
    fn points(&self, i: usize) -> ([&B; 3], B) {
        let left = self.left[i] as usize;
        let ([x, y], [right_x, right_y]) = (&self.points[left], &self.points[left + 1]);
        ([x, y, right_x], *right_y)
    }

    #[inline(always)]
    fn set(&mut self, i: usize, sum: [B; 2]) {
        self.sums[self.to[i] as usize] = sum;
    }

    /// The last addition is repeated until there are eight.
    #[inline(always)]
    fn load<V: Vector<B::Modulus>>(&self, start: usize) -> [V; 4] {
        let points = limbs_of(self.points.as_flattened());
        let mut rows = [&[[0; 4]; 4]; LANES];
        for (lane, row) in rows.iter_mut().enumerate() {
            let i = (start + lane).min(self.left.len() - 1);
            if let Some(both) = points[2 * self.left[i] as usize..].first_chunk() {
                *row = both;
            }
        }
        V::load_rows(rows)
    }

    #[inline(always)]
    fn store<V: Vector<B::Modulus>>(&mut self, start: usize, x: V, y: V) {
        let mut own = [[0; 4]; 2 * LANES];
        V::store_pairs(x, y, &mut own);
        let (own, _) = own.as_chunks::<2>();
        let (sums, _) = limbs_of_mut(self.sums.as_flattened_mut()).as_chunks_mut::<2>();
        for (to, sum) in self.to[start..].iter().zip(own) {
            sums[*to as usize] = *sum;
        }
    }
}

/// Points as lists of their coordinates.
#[derive(Clone, Debug)]
pub(super) struct Points<B> {
    pub(super) x: Vec<B>,
    pub(super) y: Vec<B>,
}

impl<B: Element> Points<B> {
    pub(super) fn neutral(n: usize) -> Self {
        let zeros = vec![B::ZERO; n];
        Self {
            x: zeros.clone(),
            y: zeros,
        }
    }

    pub(super) fn at(&self, i: usize) -> Xy<B> {
        Xy {
            x: self.x[i],
            y: self.y[i],
        }
    }

    /// Doubles every point.
    pub(super) fn double(&mut self) {
        self.each(None);
    }

    /// Adds to every point the one at its place, or its opposite.
    pub(super) fn add(&mut self, x: &[B], y: &[B], negative: bool) {
        self.each(Some((x, y, negative)));
    }

    fn each(&mut self, right: Option<(&[B], &[B], bool)>) {
        let n = self.x.len();
        let whole = n - n % LANES;
        for range in [0..whole, whole..n] {
            if !range.is_empty() {
                add(SideBySide {
                    x: &mut self.x[range.clone()],
                    y: &mut self.y[range.clone()],
                    right: right
                        .map(|(x, y, negative)| (&x[range.clone()], &y[range.clone()], negative)),
                });
            }
        }
    }
}

/// Additions to the points of a list, or doublings. Lanes need a multiple of eight.
struct SideBySide<'a, B> {
    x: &'a mut [B],
    y: &'a mut [B],
    /// What is added, and whether negated; nothing if points are doubled.
    right: Option<(&'a [B], &'a [B], bool)>,
}

impl<B: Element> Operands<B> for SideBySide<'_, B> {
    const REPEATS: bool = false;

    #[inline(always)]
    fn count(&self) -> usize {
        self.x.len()
    }

    #[inline(always)]
    fn points(&self, i: usize) -> ([&B; 3], B) {
        let (x, y) = (&self.x[i], &self.y[i]);
        let Some((right_x, right_y, negative)) = self.right else {
            return ([x, y, x], *y);
        };
        let right_y = right_y[i];
        (
            [x, y, &right_x[i]],
            if negative { -right_y } else { right_y },
        )
    }

    #[inline(always)]
    fn set(&mut self, i: usize, sum: [B; 2]) {
        [self.x[i], self.y[i]] = sum;
    }

    #[inline(always)]
    fn load<V: Vector<B::Modulus>>(&self, start: usize) -> [V; 4] {
        let x = part(self.x, start);
        let y = part(self.y, start);
        let Some((right_x, right_y, negative)) = self.right else {
            return [x, y, x, y];
        };
        let mut right: V = part(right_y, start);
        if negative {
            right = V::splat(&[0; 4]).sub(right).reduced();
        }
        [x, y, part(right_x, start), right]
    }

    #[inline(always)]
    fn store<V: Vector<B::Modulus>>(&mut self, start: usize, x: V, y: V) {
        for (list, sums) in [(&mut *self.x, x), (&mut *self.y, y)] {
            if let Some(place) = limbs_of_mut(list)[start..].first_chunk_mut() {
                sums.store(place);
            }
        }
    }
}

#[inline(always)]
fn part<B: Element, V: Vector<B::Modulus>>(list: &[B], start: usize) -> V {
    match limbs_of(list)[start..].first_chunk() {
        Some(elements) => V::load(elements),
        None => V::splat(&[0; 4]),
    }
}

/// Adds.
fn add<B: Element, O: Operands<B>>(operands: O) {
    if pleat_lanes::available() && (O::REPEATS || operands.count().is_multiple_of(LANES)) {
        pleat_lanes::run::<B::Modulus, _>(Eight {
            operands,
            field: PhantomData::<B>,
        });
    } else {
        one_by_one(operands);
    }
}

#[inline(never)]
fn one_by_one<B: Element, O: Operands<B>>(mut operands: O) {
    // Numerators of the slopes of chords or tangents, times the denominators before; denominators, never zero.
    let mut slopes = Vec::with_capacity(operands.count());
    let mut product = B::ONE;
    for i in 0..operands.count() {
        let ([x, y, right_x], right_y) = operands.points(i);
        let mut denominator = *right_x - x;
        let mut numerator = right_y - y;
        if *y == B::ZERO || right_y == B::ZERO {
            slopes.push([B::ZERO; 2]);
            continue;
        }
        if denominator == B::ZERO {
            if numerator != B::ZERO {
                slopes.push([B::ZERO; 2]);
                continue;
            }
            let square = x.square();
            numerator = square.double() + square;
            denominator = y.double();
        }
        slopes.push([numerator * product, denominator]);
        product *= denominator;
    }
    // No factor is zero, so the default is never taken.
    let mut inverse = product.invert().unwrap_or(B::ZERO);
    for (i, [numerator, denominator]) in slopes.iter().enumerate().rev() {
        let ([x, y, right_x], right_y) = operands.points(i);
        let sum = if *denominator == B::ZERO {
            without_slope([*x, *y, *right_x, right_y])
        } else {
            let slope = inverse * numerator;
            inverse *= denominator;
            let sum_x = slope.square() - (*x + right_x);
            [sum_x, slope * (*x - sum_x) - y]
        };
        operands.set(i, sum);
    }
}

/// The sum of points of which one is neutral, or which are opposite.
fn without_slope<B: Element>([x, y, right_x, right_y]: [B; 4]) -> [B; 2] {
    if y == B::ZERO {
        [right_x, right_y]
    } else if right_y == B::ZERO {
        [x, y]
    } else {
        [B::ZERO; 2]
    }
}

/// [`one_by_one`], eight sums at a time: the first lane's have one product of denominators, and so on.
struct Eight<B, O> {
    operands: O,
    field: PhantomData<B>,
}

impl<B: Element, O: Operands<B>> Kernel<B::Modulus> for Eight<B, O> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<B::Modulus>>(mut self) {
        let (zero, one) = (V::splat(&[0; 4]), V::splat(&B::ONE.limbs()));
        let count = self.operands.count();
        // Numerators times the denominators before; denominators.
        let mut slopes: Vec<(V, V)> = Vec::with_capacity(count.div_ceil(LANES));
        // Vectors with sums that have no slope, and in which lanes.
        let mut others: Vec<(usize, u8)> = Vec::new();
        let mut product = one;
        for start in (0..count).step_by(LANES) {
            let [x, y, right_x, right_y]: [V; 4] = self.operands.load(start);
            let mut denominator = right_x.sub(x);
            let mut numerator = right_y.sub(y);
            let neutral = y.equal(zero) | right_y.equal(zero);
            let upright = right_x.equal(x);
            if neutral | upright != 0 {
                let equal = upright & right_y.equal(y) & !neutral;
                let square = x.mul(x).reduced();
                let tangent = square.add(square).reduced().add(square);
                numerator = numerator.blend(tangent, equal);
                denominator = denominator.blend(y.add(y), equal);
                let other = (neutral | upright) & !equal;
                denominator = denominator.blend(one, other);
                if other != 0 {
                    others.push((start, other));
                }
            }
            slopes.push((numerator.mul(product), denominator));
            product = product.mul(denominator);
        }
        let mut inverse = inverted::<B, V>(product);
        for (i, (numerator, denominator)) in slopes.into_iter().enumerate().rev() {
            let start = LANES * i;
            let [x, y, right_x, right_y]: [V; 4] = self.operands.load(start);
            let slope = inverse.mul(numerator);
            inverse = inverse.mul(denominator);
            let abscissas = x.add(right_x).reduced();
            let mut sum_x = slope.mul(slope).sub(abscissas).reduced();
            let mut sum_y = slope.mul(x.sub(sum_x)).sub(y).reduced();
            if let Some((_, lanes)) = others.pop_if(|(other, _)| *other == start) {
                let left_neutral = y.equal(zero);
                let right_neutral = right_y.equal(zero) & !left_neutral;
                sum_x = sum_x.blend(zero, lanes).blend(x, lanes & right_neutral);
                sum_y = sum_y.blend(zero, lanes).blend(y, lanes & right_neutral);
                sum_x = sum_x.blend(right_x, lanes & left_neutral);
                sum_y = sum_y.blend(right_y, lanes & left_neutral);
            }
            self.operands.store(start, sum_x, sum_y);
        }
    }
}

/// Sums of segments of points, with memory that is used again.
pub(crate) struct Summer<B> {
    additions: Additions,
    from: Vec<[B; 2]>,
    to: Vec<[B; 2]>,
    lengths: Vec<usize>,
}

/// Segments are summed in groups of about this many points, so that all partial sums stay in the cache.
const GROUP: usize = 1 << 12;

impl<B: Element> Summer<B> {
    pub(crate) fn new() -> Self {
        Self {
            additions: Additions::default(),
            from: Vec::new(),
            to: Vec::new(),
            lengths: Vec::new(),
        }
    }

    /// Sums of consecutive segments of points of these lengths.
    pub(crate) fn sums(
        &mut self,
        lengths: impl IntoIterator<Item = usize>,
        load: impl Fn(usize) -> Xy<B>,
    ) -> Vec<Xy<B>> {
        let mut sums = Vec::new();
        let (mut start, mut end) = (0, 0);
        for length in lengths {
            self.lengths.push(length);
            end += length;
            if end - start >= GROUP {
                self.sum_group(&mut sums, |i| load(start + i));
                start = end;
            }
        }
        self.sum_group(&mut sums, |i| load(start + i));
        sums
    }

    /// Sums of consecutive segments, of these lengths, of entries: a point's number, and in the lowest bit whether it is negated. No
    /// such point is neutral.
    pub(super) fn segment_sums(
        &mut self,
        points: &[Line<B>],
        entries: &[u32],
        lengths: &[usize],
    ) -> Vec<Line<B>> {
        let in_lanes =
            pleat_lanes::available().then(|| lanes::segment_sums(points, entries, lengths));
        in_lanes.flatten().unwrap_or_else(|| {
            let sums = self.sums(lengths.iter().copied(), |i| {
                let point = points[(entries[i] >> 1) as usize].point();
                point.negated_if(entries[i] & 1 == 1)
            });
            sums.into_iter().map(Line::from).collect()
        })
    }

    /// Adds the points of each segment in pairs until each segment has one. Points are fetched before any is added: so
    /// the processor waits for many cache misses at once.
    fn sum_group(&mut self, sums: &mut Vec<Xy<B>>, load: impl Fn(usize) -> Xy<B>) {
        let total = self.lengths.iter().sum();
        self.to.clear();
        self.to.extend((0..total).map(load).map(|p| [p.x, p.y]));
        while self.lengths.iter().any(|length| *length > 1) {
            core::mem::swap(&mut self.from, &mut self.to);
            self.halve();
        }
        let mut points = self.to.iter().map(|[x, y]| Xy { x: *x, y: *y });
        let own = self.lengths.drain(..).map(|length| match length {
            0 => Xy::NEUTRAL,
            _ => points.next().unwrap_or(Xy::NEUTRAL),
        });
        sums.extend(own);
    }

    /// Adds neighbours; the last of an odd number is kept.
    fn halve(&mut self) {
        let Self {
            additions,
            from,
            to,
            lengths,
        } = self;
        to.resize(
            lengths.iter().map(|length| length.div_ceil(2)).sum(),
            [B::ZERO; 2],
        );
        additions.clear();
        let (mut read, mut written) = (0, 0);
        for length in lengths {
            let end = read + *length;
            while read + 1 < end {
                additions.push(read, written);
                read += 2;
                written += 1;
            }
            if read < end {
                to[written] = from[read];
                read += 1;
                written += 1;
            }
            *length = length.div_ceil(2);
        }
        additions.run(from, to);
    }
}
