//! Arithmetic on lists of field elements, eight at a time where the processor has lanes ([`pleat_lanes`]) and as halo2curves does it
//! elsewhere. All functions run on the calling thread.

use ff::BatchInvert;
use pleat_lanes::{
    Element, Kernel, LANES, Limbs, Modulus, PRODUCTS, TERMS, Vector, added, available, limbs_of,
    limbs_of_mut, run,
};

/// Elements that lists are cut into for tallies to hold.
const LONGEST: usize = PRODUCTS * TERMS * LANES;

/// How many of `n` elements fill vectors; none where one after the other is faster.
fn in_vectors(n: usize) -> usize {
    if available() { n - n % LANES } else { 0 }
}

/// `Σ aᵢ·bᵢ` over the shorter length.
#[must_use]
pub fn inner_product<E: Element>(a: &[E], b: &[E]) -> E {
    let n = a.len().min(b.len());
    let whole = in_vectors(n);
    let chunks = a[..whole].chunks(LONGEST).zip(b[..whole].chunks(LONGEST));
    let sums = chunks.map(|(a, b)| {
        added::<E>(run::<E::Modulus, _>(InnerProduct {
            a: limbs_of(a),
            b: limbs_of(b),
        }))
    });
    let rest = a[whole..n].iter().zip(&b[whole..n]);
    sums.sum::<E>() + rest.map(|(a, b)| *a * b).sum::<E>()
}

struct InnerProduct<'a> {
    a: &'a [Limbs],
    b: &'a [Limbs],
}

impl<M: Modulus> Kernel<M> for InnerProduct<'_> {
    type Output = [Limbs; LANES];

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> Self::Output {
        let (a, _) = self.a.as_chunks::<LANES>();
        let (b, _) = self.b.as_chunks::<LANES>();
        let mut tally = V::tally();
        for (a, b) in a.chunks(PRODUCTS).zip(b.chunks(PRODUCTS)) {
            let mut sum = V::sum();
            for (a, b) in a.iter().zip(b) {
                V::add_product(&mut sum, V::load(a), V::load(b));
            }
            V::count(&mut tally, V::total(sum).reduced());
        }
        V::counted(tally).reduced().lanes()
    }
}

/// `Σ a₀·b₀` and `Σ (a₁ - a₀)·(b₁ - b₀)` over pairs of neighbours; the lists have the same even length.
#[must_use]
pub fn pair_products<E: Element>(a: &[E], b: &[E]) -> [E; 2] {
    let n = a.len().min(b.len());
    let whole = 2 * in_vectors(n / 2);
    let chunks = a[..whole].chunks(LONGEST).zip(b[..whole].chunks(LONGEST));
    let sums = chunks.map(|(a, b)| {
        run::<E::Modulus, _>(PairProducts {
            a: limbs_of(a),
            b: limbs_of(b),
        })
        .map(added::<E>)
    });
    let (a, _) = a[whole..n].as_chunks::<2>();
    let (b, _) = b[whole..n].as_chunks::<2>();
    let rest = a.iter().zip(b);
    let rest = rest.map(|([a0, a1], [b0, b1])| [*a0 * b0, (*a1 - a0) * (*b1 - b0)]);
    sums.chain(rest)
        .fold([E::ZERO; 2], |[s, t], [u, v]| [s + u, t + v])
}

struct PairProducts<'a> {
    a: &'a [Limbs],
    b: &'a [Limbs],
}

impl<M: Modulus> Kernel<M> for PairProducts<'_> {
    type Output = [[Limbs; LANES]; 2];

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> Self::Output {
        let (a, _) = self.a.as_chunks::<{ 2 * LANES }>();
        let (b, _) = self.b.as_chunks::<{ 2 * LANES }>();
        let mut tallies = [V::tally(); 2];
        for (a, b) in a.chunks(PRODUCTS).zip(b.chunks(PRODUCTS)) {
            let mut sums = [V::sum(); 2];
            for (a, b) in a.iter().zip(b) {
                let ([a0, a1], [b0, b1]) = (V::load_pairs(a), V::load_pairs(b));
                V::add_product(&mut sums[0], a0, b0);
                V::add_product(&mut sums[1], a1.sub(a0), b1.sub(b0));
            }
            for (tally, sum) in tallies.iter_mut().zip(sums) {
                V::count(tally, V::total(sum).reduced());
            }
        }
        let [constant, square] = tallies;
        [
            V::counted(constant).reduced().lanes(),
            V::counted(square).reduced().lanes(),
        ]
    }
}

/// Binds variable 0 of a table: `t[i] = t[2i] + challenge·(t[2i+1] - t[2i])`, in the first half of its place.
pub fn bind<E: Element>(table: &mut [E], challenge: E) {
    let half = table.len() / 2;
    let whole = in_vectors(half);
    if whole > 0 {
        run::<E::Modulus, _>(Bind {
            table: &mut limbs_of_mut(table)[..2 * whole],
            challenge: challenge.limbs(),
        });
    }
    for i in whole..half {
        let (low, high) = (table[2 * i], table[2 * i + 1]);
        table[i] = low + challenge * (high - low);
    }
}

struct Bind<'a> {
    table: &'a mut [Limbs],
    challenge: Limbs,
}

impl<M: Modulus> Kernel<M> for Bind<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<M>>(self) {
        let challenge = V::splat(&self.challenge);
        // What is read is never before what is written.
        for start in (0..self.table.len() / 2).step_by(LANES) {
            let Some(pairs) = self.table[2 * start..].first_chunk() else {
                return;
            };
            let [low, high] = V::load_pairs(pairs);
            let bound = challenge.mul(high.sub(low)).add(low).reduced();
            if let Some(place) = self.table[start..].first_chunk_mut() {
                bound.store(place);
            }
        }
    }
}

/// `sums += factor·terms`, over the shorter length.
pub fn add_scaled<E: Element>(sums: &mut [E], factor: E, terms: &[E]) {
    let n = sums.len().min(terms.len());
    let whole = in_vectors(n);
    if whole > 0 {
        run::<E::Modulus, _>(AddScaled {
            sums: &mut limbs_of_mut(sums)[..whole],
            factor: factor.limbs(),
            terms: &limbs_of(terms)[..whole],
        });
    }
    for (sum, term) in sums[whole..n].iter_mut().zip(&terms[whole..n]) {
        *sum += factor * term;
    }
}

struct AddScaled<'a> {
    sums: &'a mut [Limbs],
    factor: Limbs,
    terms: &'a [Limbs],
}

impl<M: Modulus> Kernel<M> for AddScaled<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<M>>(self) {
        let factor = V::splat(&self.factor);
        let (sums, _) = self.sums.as_chunks_mut::<LANES>();
        let (terms, _) = self.terms.as_chunks::<LANES>();
        for (sum, term) in sums.iter_mut().zip(terms) {
            let more = factor.mul(V::load(term));
            more.add(V::load(sum)).reduced().store(sum);
        }
    }
}

/// `values *= factor`.
pub fn scale<E: Element>(values: &mut [E], factor: E) {
    let n = values.len();
    let whole = in_vectors(n);
    if whole > 0 {
        run::<E::Modulus, _>(Scale {
            values: &mut limbs_of_mut(values)[..whole],
            factor: factor.limbs(),
        });
    }
    for value in &mut values[whole..] {
        *value *= factor;
    }
}

struct Scale<'a> {
    values: &'a mut [Limbs],
    factor: Limbs,
}

impl<M: Modulus> Kernel<M> for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<M>>(self) {
        let factor = V::splat(&self.factor);
        let (values, _) = self.values.as_chunks_mut::<LANES>();
        for value in values {
            factor.mul(V::load(value)).reduced().store(value);
        }
    }
}

/// `[eq(point, i)]` for every index `i < 2^len`; bit 0 of the index is the first coordinate's.
#[must_use]
pub fn eq_table<E: Element>(point: &[E]) -> Vec<E> {
    let mut table = Vec::with_capacity(1 << point.len());
    table.push(E::ONE);
    for p in point {
        let len = table.len();
        table.resize(2 * len, E::ZERO);
        let (low, high) = table.split_at_mut(len);
        split(low, high, *p);
    }
    table
}

/// `high = p·low`, then `low -= high`.
fn split<E: Element>(low: &mut [E], high: &mut [E], p: E) {
    let n = low.len();
    let whole = in_vectors(n);
    if whole > 0 {
        run::<E::Modulus, _>(Split {
            low: &mut limbs_of_mut(low)[..whole],
            high: &mut limbs_of_mut(high)[..whole],
            p: p.limbs(),
        });
    }
    for (low, high) in low[whole..].iter_mut().zip(&mut high[whole..]) {
        *high = *low * p;
        *low -= *high;
    }
}

struct Split<'a> {
    low: &'a mut [Limbs],
    high: &'a mut [Limbs],
    p: Limbs,
}

impl<M: Modulus> Kernel<M> for Split<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<M>>(self) {
        let p = V::splat(&self.p);
        let (low, _) = self.low.as_chunks_mut::<LANES>();
        let (high, _) = self.high.as_chunks_mut::<LANES>();
        for (low, high) in low.iter_mut().zip(high) {
            let own = V::load(low);
            let part = own.mul(p).reduced();
            own.sub(part).reduced().store(low);
            part.store(high);
        }
    }
}

/// `values[i] *= factors[i]`, over the shorter length.
pub fn multiply<E: Element>(values: &mut [E], factors: &[E]) {
    let n = values.len().min(factors.len());
    let whole = in_vectors(n);
    if whole > 0 {
        run::<E::Modulus, _>(Multiply {
            values: &mut limbs_of_mut(values)[..whole],
            factors: &limbs_of(factors)[..whole],
        });
    }
    for (value, factor) in values[whole..n].iter_mut().zip(&factors[whole..n]) {
        *value *= factor;
    }
}

struct Multiply<'a> {
    values: &'a mut [Limbs],
    factors: &'a [Limbs],
}

impl<M: Modulus> Kernel<M> for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<M>>(self) {
        let (values, _) = self.values.as_chunks_mut::<LANES>();
        let (factors, _) = self.factors.as_chunks::<LANES>();
        for (value, factor) in values.iter_mut().zip(factors) {
            let product = V::load(value).mul(V::load(factor));
            product.reduced().store(value);
        }
    }
}

/// Inverts all values, of which none may be zero (Montgomery's trick).
pub fn invert<E: Element>(values: &mut [E]) {
    /// Products that stay in the second-level cache.
    const BATCH: usize = 1 << 12;
    for part in values.chunks_mut(BATCH) {
        let n = part.len();
        let whole = in_vectors(n);
        let (eight, rest) = part.split_at_mut(whole);
        if !eight.is_empty() {
            run::<E::Modulus, _>(Invert { values: eight });
        }
        rest.iter_mut().batch_invert();
    }
}

struct Invert<'a, E> {
    values: &'a mut [E],
}

impl<E: Element> Kernel<E::Modulus> for Invert<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<E::Modulus>>(self) {
        let (values, _) = limbs_of_mut(self.values).as_chunks_mut::<LANES>();
        // Of the values before.
        let mut products: Vec<V> = Vec::with_capacity(values.len());
        let mut product = V::splat(&E::ONE.limbs());
        for value in values.iter() {
            products.push(product);
            product = product.mul(V::load(value));
        }
        let mut inverse = inverted::<E, V>(product);
        for (value, product) in values.iter_mut().zip(products).rev() {
            let own = inverse.mul(product).reduced();
            inverse = inverse.mul(V::load(value));
            own.store(value);
        }
    }
}

/// The lanes' inverses; none may be zero.
#[inline(always)]
pub(crate) fn inverted<E: Element, V: Vector<E::Modulus>>(vector: V) -> V {
    let mut elements = vector.reduced().lanes().map(E::from_limbs);
    elements.iter_mut().batch_invert();
    V::load(&elements.map(|v| v.limbs()))
}
