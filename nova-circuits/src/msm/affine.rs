//! Sums of affine points of a curve `y² = x³ + b` of odd order, many at a time: one inversion serves a whole batch
//! (Montgomery's trick), so that an addition costs six multiplications.
//!
//! Every case is covered: equal points are doubled, opposite points and neutral elements are seen.

use core::marker::PhantomData;

use ff::Field;
use pleat_lanes::{Element, Kernel, LANES, Limbs, Modulus, Vector};

/// An affine point; `(0, 0)` is the neutral element. As the order is odd, no other point has `y = 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Xy<B> {
    /// Abscissa.
    pub x: B,
    /// Ordinate.
    pub y: B,
}

impl<B: Field> Xy<B> {
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
        if negative {
            Self {
                x: self.x,
                y: -self.y,
            }
        } else {
            self
        }
    }
}

/// Additions waiting for their common inversion. A point is two elements that stand side by side, so that lanes read eight.
pub(crate) struct Adder<B> {
    to: Vec<usize>,
    left: Vec<Limbs>,
    right: Vec<Limbs>,
    field: PhantomData<B>,
}

/// An inversion costs some 150 multiplications; the batch stays in the second-level cache.
const BATCH: usize = 1024;

impl<B: Element> Adder<B> {
    pub(crate) fn new() -> Self {
        Self {
            to: Vec::with_capacity(BATCH),
            left: Vec::with_capacity(2 * BATCH),
            right: Vec::with_capacity(2 * BATCH),
            field: PhantomData,
        }
    }

    /// `out[to] = left + right`, when the batch is full or by [`Adder::flush`].
    #[inline(always)]
    pub(crate) fn push(&mut self, left: Xy<B>, right: Xy<B>, to: usize, out: &mut [Xy<B>]) {
        self.to.push(to);
        self.left.extend([left.x.limbs(), left.y.limbs()]);
        self.right.extend([right.x.limbs(), right.y.limbs()]);
        if self.to.len() == BATCH {
            self.flush(out);
        }
    }

    /// Does what is scheduled.
    pub(crate) fn flush(&mut self, out: &mut [Xy<B>]) {
        if self.to.is_empty() {
            return;
        }
        if pleat_lanes::available() {
            self.add_by_lanes();
        } else {
            self.add();
        }
        for (to, sum) in self.to.drain(..).zip(points(&self.left)) {
            out[to] = sum;
        }
        self.left.clear();
        self.right.clear();
    }

    /// Replaces the left points by the sums.
    fn add(&mut self) {
        // Numerators of the slopes of chords or tangents, times the denominators before; denominators, never zero.
        let mut slopes = Vec::with_capacity(self.to.len());
        let mut product = B::ONE;
        for (left, right) in points::<B>(&self.left).zip(points::<B>(&self.right)) {
            let mut denominator = right.x - left.x;
            let mut numerator = right.y - left.y;
            if left.is_neutral() || right.is_neutral() {
                slopes.push(None);
                continue;
            }
            if denominator == B::ZERO {
                if numerator != B::ZERO {
                    slopes.push(None);
                    continue;
                }
                let square = left.x.square();
                numerator = square.double() + square;
                denominator = left.y.double();
            }
            slopes.push(Some((numerator * product, denominator)));
            product *= denominator;
        }
        // No factor is zero, so the default is never taken.
        let mut inverse = product.invert().unwrap_or(B::ZERO);
        let (left, _) = self.left.as_chunks_mut::<2>();
        let (right, _) = self.right.as_chunks::<2>();
        for ((left, right), slope) in left.iter_mut().zip(right).zip(slopes).rev() {
            let Some((numerator, denominator)) = slope else {
                *left = without_slope(left, right);
                continue;
            };
            let [x, y] = left.map(B::from_limbs);
            let slope = inverse * numerator;
            inverse *= denominator;
            let sum_x = slope.square() - (x + B::from_limbs(right[0]));
            let sum_y = slope * (x - sum_x) - y;
            *left = [sum_x.limbs(), sum_y.limbs()];
        }
    }

    /// Replaces the left points by the sums; the last addition is repeated until vectors are whole.
    fn add_by_lanes(&mut self) {
        let whole = 2 * self.to.len().next_multiple_of(LANES);
        while self.left.len() < whole {
            self.left.extend_from_within(self.left.len() - 2..);
            self.right.extend_from_within(self.right.len() - 2..);
        }
        pleat_lanes::run::<B::Modulus, _>(Additions {
            left: &mut self.left,
            right: &self.right,
            inverses: |elements| inverses(elements.map(B::from_limbs)).map(|v| v.limbs()),
        });
    }
}

fn points<B: Element>(limbs: &[Limbs]) -> impl Iterator<Item = Xy<B>> {
    let (points, _) = limbs.as_chunks::<2>();
    points.iter().map(|[x, y]| Xy {
        x: B::from_limbs(*x),
        y: B::from_limbs(*y),
    })
}

/// The sum of points of which one is neutral, or which are opposite.
fn without_slope(left: &[Limbs; 2], right: &[Limbs; 2]) -> [Limbs; 2] {
    const ZERO: Limbs = [0; 4];
    if left[1] == ZERO {
        *right
    } else if right[1] == ZERO {
        *left
    } else {
        [ZERO; 2]
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

/// [`Adder::add`], eight sums at a time: the first lane's have one product of denominators, and so on.
struct Additions<'a> {
    left: &'a mut [Limbs],
    right: &'a [Limbs],
    inverses: fn([Limbs; LANES]) -> [Limbs; LANES],
}

impl<M: Modulus> Kernel<M> for Additions<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<M>>(self) {
        let (left, _) = self.left.as_chunks_mut::<{ 2 * LANES }>();
        let (right, _) = self.right.as_chunks::<{ 2 * LANES }>();
        let (zero, one) = (V::splat(&[0; 4]), V::splat(&M::ONE));
        // Numerators times the denominators before; denominators.
        let mut slopes = Vec::with_capacity(left.len());
        let mut others: Vec<(usize, [Limbs; 2])> = Vec::new();
        let mut product = one;
        for (i, (left, right)) in left.iter().zip(right).enumerate() {
            let ([x, y], [right_x, right_y]) = (V::load_pairs(left), V::load_pairs(right));
            let mut denominator = right_x.sub(x);
            let mut numerator = right_y.sub(y);
            let neutral = y.equal(zero) | right_y.equal(zero);
            let upright = right_x.equal(x);
            if neutral | upright != 0 {
                let equal = upright & right_y.equal(y) & !neutral;
                let square = x.mul(x).reduced();
                let tangent = square.add(square).reduced_once().add(square);
                numerator = numerator.blend(tangent, equal);
                denominator = denominator.blend(y.add(y), equal);
                let other = (neutral | upright) & !equal;
                denominator = denominator.blend(one, other);
                let points = left.as_chunks::<2>().0.iter().zip(right.as_chunks::<2>().0);
                for (lane, (left, right)) in points.enumerate() {
                    if other >> lane & 1 == 1 {
                        others.push((LANES * i + lane, without_slope(left, right)));
                    }
                }
            }
            slopes.push((numerator.mul(product), denominator));
            product = product.mul(denominator);
        }
        let mut products = [[0; 4]; LANES];
        product.reduced().store(&mut products);
        let mut inverse = V::load(&(self.inverses)(products));
        let points = left.iter_mut().zip(right).zip(slopes);
        for ((left, right), (numerator, denominator)) in points.rev() {
            let ([x, y], [right_x, _]) = (V::load_pairs(left), V::load_pairs(right));
            let slope = inverse.mul(numerator);
            inverse = inverse.mul(denominator);
            let abscissas = x.add(right_x).reduced_once();
            let sum_x = slope.mul(slope).sub(abscissas).reduced();
            let sum_y = slope.mul(x.sub(sum_x)).sub(y).reduced();
            V::store_pairs(sum_x, sum_y, left);
        }
        let (left, _) = left.as_flattened_mut().as_chunks_mut::<2>();
        for (i, sum) in others {
            left[i] = sum;
        }
    }
}

/// Sums of segments of points, with memory that is used again.
pub(super) struct Summer<B> {
    adder: Adder<B>,
    from: Vec<Xy<B>>,
    to: Vec<Xy<B>>,
    lengths: Vec<usize>,
}

/// Segments are summed in groups of about this many points, so that all partial sums stay in the cache.
const GROUP: usize = 1 << 12;

impl<B: Element> Summer<B> {
    pub(super) fn new() -> Self {
        Self {
            adder: Adder::new(),
            from: Vec::new(),
            to: Vec::new(),
            lengths: Vec::new(),
        }
    }

    /// Sums of consecutive segments of points of these lengths.
    pub(super) fn sums(
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
        self.to.extend((0..total).map(load));
        while self.lengths.iter().any(|length| *length > 1) {
            core::mem::swap(&mut self.from, &mut self.to);
            self.halve();
        }
        let mut points = self.to.iter().copied();
        let own = self.lengths.drain(..).map(|length| match length {
            0 => Xy::NEUTRAL,
            _ => points.next().unwrap_or(Xy::NEUTRAL),
        });
        sums.extend(own);
    }

    /// Adds neighbours; the last of an odd number is kept.
    fn halve(&mut self) {
        let Self {
            adder,
            from,
            to,
            lengths,
        } = self;
        to.resize(
            lengths.iter().map(|length| length.div_ceil(2)).sum(),
            Xy::NEUTRAL,
        );
        let (mut read, mut written) = (0, 0);
        for length in lengths {
            let end = read + *length;
            while read + 1 < end {
                adder.push(from[read], from[read + 1], written, to);
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
        adder.flush(to);
    }
}
