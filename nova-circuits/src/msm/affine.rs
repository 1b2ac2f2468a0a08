//! Sums of affine points of a curve `y² = x³ + b` of odd order, many at a time: one inversion serves a whole batch
//! (Montgomery's trick), so that an addition costs six multiplications.
//!
//! Every case is covered: equal points are doubled, opposite points and neutral elements are seen.

use ff::Field;
use pleat_lanes::{Element, Kernel, LANES, Limbs, Modulus, Vector, limbs_of, limbs_of_mut};

/// An affine point; `(0, 0)` is the neutral element. As the order is odd, no other point has `y = 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Xy<B> {
    /// Abscissa.
    pub x: B,
    /// Ordinate.
    pub y: B,
}

impl<B: Element> Xy<B> {
    pub(crate) const NEUTRAL: Self = Self {
        x: B::ZERO,
        y: B::ZERO,
    };

    #[inline(always)]
    pub(super) fn is_neutral(&self) -> bool {
        self.y == B::ZERO
    }

    #[inline(always)]
    pub(super) fn negated_if(self, negative: bool) -> Self {
        // No branch: signs are random.
        let (own, other) = (self.y.limbs(), (-self.y).limbs());
        let mask = u64::from(negative).wrapping_neg();
        let limb = |i: usize| own[i] ^ (own[i] ^ other[i]) & mask;
        let y = B::from_limbs(core::array::from_fn(limb));
        Self { x: self.x, y }
    }
}

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
            add::<B, _>(AtPlaces {
                points: limbs_of(points.as_flattened()).as_chunks().0,
                left,
                sums: limbs_of_mut(sums.as_flattened_mut()).as_chunks_mut().0,
                to,
            });
        }
    }
}

/// Additions of points, eight of which are read and written together. There is at least one.
trait Operands {
    /// Whether an addition is repeated where there are not eight.
    const REPEATS: bool;

    /// How many additions.
    fn count(&self) -> usize;

    /// Left and right point of an addition: four coordinates.
    fn points<B: Element>(&self, i: usize) -> [B; 4];

    /// Takes the sum.
    fn set<B: Element>(&mut self, i: usize, sum: [B; 2]);

    /// The coordinates of the points of eight additions, of which one may be there more than once.
    fn load<M: Modulus, V: Vector<M>>(&self, start: usize) -> [V; 4];

    /// Takes the sums.
    fn store<M: Modulus, V: Vector<M>>(&mut self, start: usize, x: V, y: V);
}

/// Neighbours in a list.
struct AtPlaces<'a> {
    points: &'a [[Limbs; 2]],
    /// The left points' numbers.
    left: &'a [u32],
    sums: &'a mut [[Limbs; 2]],
    /// Where their sums go.
    to: &'a [u32],
}

impl Operands for AtPlaces<'_> {
    const REPEATS: bool = true;

    #[inline(always)]
    fn count(&self) -> usize {
        self.left.len()
    }

    #[inline(always)]
    fn points<B: Element>(&self, i: usize) -> [B; 4] {
        let left = self.left[i] as usize;
        let [[x, y], [right_x, right_y]] = [self.points[left], self.points[left + 1]];
        [x, y, right_x, right_y].map(B::from_limbs)
    }

    #[inline(always)]
    fn set<B: Element>(&mut self, i: usize, sum: [B; 2]) {
        self.sums[self.to[i] as usize] = sum.map(|v| v.limbs());
    }

    /// The last addition is repeated until there are eight.
    #[inline(always)]
    fn load<M: Modulus, V: Vector<M>>(&self, start: usize) -> [V; 4] {
        let mut rows = [&[[0; 4]; 4]; LANES];
        for (lane, row) in rows.iter_mut().enumerate() {
            let i = (start + lane).min(self.left.len() - 1);
            let both = self.points[self.left[i] as usize..].as_flattened();
            if let Some(both) = both.first_chunk() {
                *row = both;
            }
        }
        V::load_rows(rows)
    }

    #[inline(always)]
    fn store<M: Modulus, V: Vector<M>>(&mut self, start: usize, x: V, y: V) {
        let mut sums = [[0; 4]; 2 * LANES];
        V::store_pairs(x, y, &mut sums);
        let (sums, _) = sums.as_chunks::<2>();
        for (to, sum) in self.to[start..].iter().zip(sums) {
            self.sums[*to as usize] = *sum;
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
        self.each(Some((limbs_of(x), limbs_of(y), negative)));
    }

    fn each(&mut self, right: Option<(&[Limbs], &[Limbs], bool)>) {
        let n = self.x.len();
        let whole = n - n % LANES;
        for range in [0..whole, whole..n] {
            if !range.is_empty() {
                add::<B, _>(SideBySide {
                    x: &mut limbs_of_mut(&mut self.x)[range.clone()],
                    y: &mut limbs_of_mut(&mut self.y)[range.clone()],
                    right: right
                        .map(|(x, y, negative)| (&x[range.clone()], &y[range.clone()], negative)),
                });
            }
        }
    }
}

/// Additions to the points of a list, or doublings. Lanes need a multiple of eight.
struct SideBySide<'a> {
    x: &'a mut [Limbs],
    y: &'a mut [Limbs],
    /// What is added, and whether negated; nothing if points are doubled.
    right: Option<(&'a [Limbs], &'a [Limbs], bool)>,
}

impl Operands for SideBySide<'_> {
    const REPEATS: bool = false;

    #[inline(always)]
    fn count(&self) -> usize {
        self.x.len()
    }

    #[inline(always)]
    fn points<B: Element>(&self, i: usize) -> [B; 4] {
        let [x, y] = [self.x[i], self.y[i]].map(B::from_limbs);
        let Some((right_x, right_y, negative)) = self.right else {
            return [x, y, x, y];
        };
        let [right_x, right_y] = [right_x[i], right_y[i]].map(B::from_limbs);
        [x, y, right_x, if negative { -right_y } else { right_y }]
    }

    #[inline(always)]
    fn set<B: Element>(&mut self, i: usize, sum: [B; 2]) {
        [self.x[i], self.y[i]] = sum.map(|v| v.limbs());
    }

    #[inline(always)]
    fn load<M: Modulus, V: Vector<M>>(&self, start: usize) -> [V; 4] {
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
    fn store<M: Modulus, V: Vector<M>>(&mut self, start: usize, x: V, y: V) {
        for (list, sums) in [(&mut *self.x, x), (&mut *self.y, y)] {
            if let Some(place) = list[start..].first_chunk_mut() {
                sums.store(place);
            }
        }
    }
}

#[inline(always)]
fn part<M: Modulus, V: Vector<M>>(list: &[Limbs], start: usize) -> V {
    match list[start..].first_chunk() {
        Some(elements) => V::load(elements),
        None => V::splat(&[0; 4]),
    }
}

/// Adds.
fn add<B: Element, O: Operands>(mut operands: O) {
    if pleat_lanes::available() && (O::REPEATS || operands.count().is_multiple_of(LANES)) {
        pleat_lanes::run::<B::Modulus, _>(Eight {
            operands,
            inverses: |elements| inverses(elements.map(B::from_limbs)).map(|v| v.limbs()),
        });
        return;
    }
    // Numerators of the slopes of chords or tangents, times the denominators before; denominators, never zero.
    let mut slopes = Vec::with_capacity(operands.count());
    let mut product = B::ONE;
    for i in 0..operands.count() {
        let [x, y, right_x, right_y]: [B; 4] = operands.points(i);
        let mut denominator = right_x - x;
        let mut numerator = right_y - y;
        if y == B::ZERO || right_y == B::ZERO {
            slopes.push(None);
            continue;
        }
        if denominator == B::ZERO {
            if numerator != B::ZERO {
                slopes.push(None);
                continue;
            }
            let square = x.square();
            numerator = square.double() + square;
            denominator = y.double();
        }
        slopes.push(Some((numerator * product, denominator)));
        product *= denominator;
    }
    // No factor is zero, so the default is never taken.
    let mut inverse = product.invert().unwrap_or(B::ZERO);
    for (i, slope) in slopes.into_iter().enumerate().rev() {
        let points: [B; 4] = operands.points(i);
        let Some((numerator, denominator)) = slope else {
            operands.set(i, without_slope(points));
            continue;
        };
        let [x, y, right_x, _] = points;
        let slope = inverse * numerator;
        inverse *= denominator;
        let sum_x = slope.square() - (x + right_x);
        operands.set(i, [sum_x, slope * (x - sum_x) - y]);
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

/// The inverses of elements that are not zero.
fn inverses<B: Field>(mut elements: [B; LANES]) -> [B; LANES] {
    let mut product = B::ONE;
    let before = elements.map(|v| {
        let before = product;
        product *= v;
        before
    });
    let mut inverse = product.invert().unwrap_or(B::ZERO);
    for (element, before) in elements.iter_mut().zip(before).rev() {
        let own = inverse * before;
        inverse *= *element;
        *element = own;
    }
    elements
}

/// [`add`], eight sums at a time: the first lane's have one product of denominators, and so on.
struct Eight<O> {
    operands: O,
    inverses: fn([Limbs; LANES]) -> [Limbs; LANES],
}

impl<M: Modulus, O: Operands> Kernel<M> for Eight<O> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<M>>(mut self) {
        let (zero, one) = (V::splat(&[0; 4]), V::splat(&M::ONE));
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
        let mut products = [[0; 4]; LANES];
        product.reduced().store(&mut products);
        let mut inverse = V::load(&(self.inverses)(products));
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
