//! Sums of affine points of a curve `y² = x³ + b` of odd order, many at a time: one inversion serves a whole batch
//! (Montgomery's trick), so that an addition costs six multiplications.
//!
//! Every case is covered: equal points are doubled, opposite points and neutral elements are seen.

use ff::Field;

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

/// Additions waiting for their common inversion.
pub(crate) struct Adder<B> {
    waiting: Vec<Addition<B>>,
    product: B,
}

/// `left + right` where neither is neutral and they are not opposite.
struct Addition<B> {
    left: Xy<B>,
    /// Sum of the two abscissas.
    abscissas: B,
    /// Denominator of the slope of chord or tangent; never zero.
    denominator: B,
    /// The slope's numerator, times the denominators before this one.
    numerator: B,
    to: usize,
}

/// An inversion costs some 150 multiplications; the batch stays in the second-level cache.
const BATCH: usize = 512;

impl<B: Field> Adder<B> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Vec::with_capacity(BATCH),
            product: B::ONE,
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
        self.waiting.push(Addition {
            left,
            abscissas: left.x + right.x,
            denominator,
            numerator: self.product * numerator,
            to,
        });
        self.product *= denominator;
        if self.waiting.len() == BATCH {
            self.flush(out);
        }
    }

    /// Does what is scheduled.
    pub(crate) fn flush(&mut self, out: &mut [Xy<B>]) {
        // No factor is zero, so the default is never taken.
        let mut inverse = self.product.invert().unwrap_or(B::ZERO);
        for addition in self.waiting.iter().rev() {
            let slope = inverse * addition.numerator;
            inverse *= addition.denominator;
            let x = slope.square() - addition.abscissas;
            let y = slope * (addition.left.x - x) - addition.left.y;
            out[addition.to] = Xy { x, y };
        }
        self.waiting.clear();
        self.product = B::ONE;
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

impl<B: Field> Summer<B> {
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
