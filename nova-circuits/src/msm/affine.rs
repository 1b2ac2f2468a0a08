//! Sums of affine points of a curve `y² = x³ + b` of odd order, many at a time: one inversion serves a whole batch
//! (Montgomery's trick), so that an addition costs six multiplications.
//!
//! Every case is covered: equal points are doubled, opposite points and neutral elements are seen.

use ff::Field;
use pleat_lanes::{Kernel, LANES, Limbs, Modulus, Vector};

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

/// A base field of the cycle as [`pleat_lanes`] sees it.
pub trait Lanes: Field {
    /// Its modulus.
    type Modulus: Modulus;

    /// As it is in memory.
    fn limbs(&self) -> Limbs;

    /// From what [`Self::limbs`] gives.
    fn from_limbs(limbs: Limbs) -> Self;
}

/// Additions waiting for their common inversion: for each, what it needs beside the place that its sum goes to. Lists, so that lanes
/// read eight elements that stand side by side.
pub(crate) struct Adder<B> {
    to: Vec<usize>,
    /// The left points.
    x: Vec<Limbs>,
    y: Vec<Limbs>,
    /// Sums of the two abscissas.
    abscissas: Vec<Limbs>,
    /// Denominators of the slopes of chords or tangents; never zero.
    denominators: Vec<Limbs>,
    /// The slopes' numerators; then, without lanes, times the denominators before.
    numerators: Vec<Limbs>,
    /// What lanes keep between going forward and backward.
    kept: Vec<[Limbs; LANES]>,
    product: B,
    lanes: bool,
}

/// An inversion costs some 150 multiplications; the batch stays in the second-level cache.
const BATCH: usize = 512;

impl<B: Lanes> Adder<B> {
    pub(crate) fn new() -> Self {
        let list = || Vec::with_capacity(BATCH);
        Self {
            to: Vec::with_capacity(BATCH),
            x: list(),
            y: list(),
            abscissas: list(),
            denominators: list(),
            numerators: list(),
            kept: Vec::new(),
            product: B::ONE,
            lanes: pleat_lanes::available(),
        }
    }

    /// `out[to] = left + right`: at once, when the batch is full, or by [`Adder::flush`].
    #[inline(always)]
    pub(crate) fn push(&mut self, left: Xy<B>, right: Xy<B>, to: usize, out: &mut [Xy<B>]) {
        let mut denominator = right.x - left.x;
        let mut numerator = right.y - left.y;
        if left.is_neutral() {
            out[to] = right;
            return;
        }
        if right.is_neutral() {
            out[to] = left;
            return;
        }
        if denominator == B::ZERO {
            if numerator != B::ZERO {
                out[to] = Xy::NEUTRAL;
                return;
            }
            let square = left.x.square();
            numerator = square.double() + square;
            denominator = left.y.double();
        }
        if !self.lanes {
            numerator *= self.product;
            self.product *= denominator;
        }
        self.to.push(to);
        self.x.push(left.x.limbs());
        self.y.push(left.y.limbs());
        self.abscissas.push((left.x + right.x).limbs());
        self.denominators.push(denominator.limbs());
        self.numerators.push(numerator.limbs());
        if self.to.len() == BATCH {
            self.flush(out);
        }
    }

    /// Does what is scheduled.
    pub(crate) fn flush(&mut self, out: &mut [Xy<B>]) {
        if self.to.is_empty() {
            return;
        }
        if self.lanes {
            self.add_by_lanes();
            let sums = self.x.iter().zip(&self.y);
            for (to, (x, y)) in self.to.iter().zip(sums) {
                out[*to] = Xy {
                    x: B::from_limbs(*x),
                    y: B::from_limbs(*y),
                };
            }
        } else {
            self.add(out);
        }
        self.to.clear();
        for list in [
            &mut self.x,
            &mut self.y,
            &mut self.abscissas,
            &mut self.denominators,
            &mut self.numerators,
        ] {
            list.clear();
        }
        self.product = B::ONE;
    }

    fn add(&self, out: &mut [Xy<B>]) {
        // No factor is zero, so the default is never taken.
        let mut inverse = self.product.invert().unwrap_or(B::ZERO);
        for i in (0..self.to.len()).rev() {
            let [x, y, abscissas, denominator, numerator] = [
                &self.x,
                &self.y,
                &self.abscissas,
                &self.denominators,
                &self.numerators,
            ]
            .map(|list| B::from_limbs(list[i]));
            let slope = inverse * numerator;
            inverse *= denominator;
            let sum_x = slope.square() - abscissas;
            let sum_y = slope * (x - sum_x) - y;
            out[self.to[i]] = Xy { x: sum_x, y: sum_y };
        }
    }

    /// Replaces the left points by the sums; lists are filled up to whole vectors.
    fn add_by_lanes(&mut self) {
        let whole = self.to.len().next_multiple_of(LANES);
        let zero = B::ZERO.limbs();
        for list in [
            &mut self.x,
            &mut self.y,
            &mut self.abscissas,
            &mut self.numerators,
        ] {
            list.resize(whole, zero);
        }
        self.denominators.resize(whole, B::ONE.limbs());
        let products = pleat_lanes::run::<B::Modulus, _>(Forward {
            denominators: &self.denominators,
            numerators: &self.numerators,
            kept: &mut self.kept,
        });
        let inverses = inverses(products.map(B::from_limbs)).map(|v| v.limbs());
        pleat_lanes::run::<B::Modulus, _>(Backward {
            inverses: &inverses,
            denominators: &self.denominators,
            abscissas: &self.abscissas,
            kept: &self.kept,
            x: &mut self.x,
            y: &mut self.y,
        });
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

/// The lanes' products of all denominators; keeps the numerators times the products before them.
struct Forward<'a> {
    denominators: &'a [Limbs],
    numerators: &'a [Limbs],
    kept: &'a mut Vec<[Limbs; LANES]>,
}

impl<M: Modulus> Kernel<M> for Forward<'_> {
    type Output = [Limbs; LANES];

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> Self::Output {
        let (denominators, _) = self.denominators.as_chunks::<LANES>();
        let (numerators, _) = self.numerators.as_chunks::<LANES>();
        let zeros = [[0; 4]; LANES];
        self.kept.resize(denominators.len(), zeros);
        let mut product = V::splat(&M::ONE);
        let vectors = denominators.iter().zip(numerators).zip(self.kept);
        for ((denominator, numerator), kept) in vectors {
            V::load(numerator).mul(product).reduced().store(kept);
            product = product.mul(V::load(denominator));
        }
        let mut products = zeros;
        product.reduced().store(&mut products);
        products
    }
}

/// The sums, in place of the left points.
struct Backward<'a> {
    inverses: &'a [Limbs; LANES],
    denominators: &'a [Limbs],
    abscissas: &'a [Limbs],
    kept: &'a [[Limbs; LANES]],
    x: &'a mut [Limbs],
    y: &'a mut [Limbs],
}

impl<M: Modulus> Kernel<M> for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<M>>(self) {
        let (denominators, _) = self.denominators.as_chunks::<LANES>();
        let (abscissas, _) = self.abscissas.as_chunks::<LANES>();
        let (x, _) = self.x.as_chunks_mut::<LANES>();
        let (y, _) = self.y.as_chunks_mut::<LANES>();
        let mut inverse = V::load(self.inverses);
        let points = x.iter_mut().zip(y);
        let vectors = denominators
            .iter()
            .zip(abscissas)
            .zip(self.kept)
            .zip(points);
        for (((denominator, abscissas), kept), (x, y)) in vectors.rev() {
            let slope = inverse.mul(V::load(kept));
            inverse = inverse.mul(V::load(denominator));
            let sum_x = slope.mul(slope).sub(V::load(abscissas)).reduced();
            let rise = slope.mul(V::load(x).sub(sum_x));
            rise.sub(V::load(y)).reduced().store(y);
            sum_x.store(x);
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
const GROUP: usize = 1 << 11;

impl<B: Lanes> Summer<B> {
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
