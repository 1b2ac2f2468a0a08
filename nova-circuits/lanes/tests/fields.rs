//! Vectors against halo2curves and pasta_curves, and plain vectors against those of this processor.
#![allow(clippy::unwrap_used, reason = "tests")]

use ff::{Field, PrimeField};
use nova_snark::provider::pasta::{pallas, vesta};
use pleat_lanes::{
    Element, Kernel, LANES, Limbs, Modulus, PRODUCTS, PallasBase, TERMS, Vector, VestaBase,
    limbs_of, limbs_of_mut, run, run_plain,
};
use proptest::prelude::*;

type Eight = [Limbs; LANES];

/// `[load and store, a·b, a - b, a + b, ((a·b)·(a - b))·(a·b) - b]`, reduced.
struct All {
    a: Eight,
    b: Eight,
}

impl<M: Modulus> Kernel<M> for All {
    type Output = [Eight; 5];

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> [Eight; 5] {
        let (a, b) = (V::load(&self.a), V::load(&self.b));
        let product = a.mul(b);
        let chain = product.mul(a.sub(b)).mul(product).sub(b);
        [a, product, a.sub(b), a.add(b), chain].map(|v| {
            let mut out = [[0; 4]; LANES];
            v.reduced().store(&mut out);
            out
        })
    }
}

/// A long chain of products, none reduced in between.
struct Powers {
    base: Eight,
    rounds: usize,
}

impl<M: Modulus> Kernel<M> for Powers {
    type Output = Eight;

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> Eight {
        let base = V::load(&self.base);
        let power = (0..self.rounds).fold(V::splat(&M::ONE), |power, _| power.mul(base));
        let mut out = [[0; 4]; LANES];
        power.reduced().store(&mut out);
        out
    }
}

/// Elements with a taste for extremes: as limbs in memory, reduced.
fn element<F: Element>() -> impl Strategy<Value = F> {
    let p = F::Modulus::P;
    let extreme = prop_oneof![
        Just([0; 4]),
        Just([1, 0, 0, 0]),
        Just([p[0] - 1, p[1], p[2], p[3]]),
        Just([u64::MAX, u64::MAX, u64::MAX, p[3] - 1]),
        Just([0, 0, 0, p[3]]),
        Just(F::Modulus::ONE),
        any::<[u64; 4]>().prop_map(move |v| [v[0], v[1], v[2], v[3] % p[3]]),
    ];
    extreme.prop_map(F::from_limbs)
}

fn eight<F: Element>() -> impl Strategy<Value = [F; LANES]> {
    prop::array::uniform8(element::<F>())
}

fn compare<F: Element>(a: [F; LANES], b: [F; LANES]) {
    let pairs = |f: fn(F, F) -> F| core::array::from_fn(|i| f(a[i], b[i]).limbs());
    let expected: [Eight; 5] = [
        pairs(|a, _| a),
        pairs(|a, b| a * b),
        pairs(|a, b| a - b),
        pairs(|a, b| a + b),
        pairs(|a, b| a * b * (a - b) * (a * b) - b),
    ];
    let all = || All {
        a: a.map(|v| v.limbs()),
        b: b.map(|v| v.limbs()),
    };
    assert_eq!(run_plain::<F::Modulus, _>(all()), expected);
    assert_eq!(run::<F::Modulus, _>(all()), expected);
    let powers = || Powers {
        base: a.map(|v| v.limbs()),
        rounds: 300,
    };
    let expected = a.map(|a| a.pow_vartime([300]).limbs());
    assert_eq!(run_plain::<F::Modulus, _>(powers()), expected);
    assert_eq!(run::<F::Modulus, _>(powers()), expected);
}

/// What pairs become: `[their sums, their differences]`, in turn, and where they are the same; where bits say so, the second instead
/// of the first.
struct Pairs {
    pairs: [Limbs; 2 * LANES],
    bits: u8,
}

impl<M: Modulus> Kernel<M> for Pairs {
    type Output = ([Limbs; 2 * LANES], u8, Eight);

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> Self::Output {
        let [even, odd] = V::load_pairs(&self.pairs);
        let mut out = [[0; 4]; 2 * LANES];
        let sum = even.add(odd).reduced();
        V::store_pairs(sum, even.sub(odd).reduced(), &mut out);
        let mut blended = [[0; 4]; LANES];
        even.blend(odd, self.bits).store(&mut blended);
        (out, even.equal(odd), blended)
    }
}

fn compare_pairs<F: Element>(a: [F; LANES], b: [F; LANES], bits: u8) {
    let pairs: [[F; 2]; LANES] = core::array::from_fn(|i| [a[i], b[i]]);
    let out = pairs.map(|[a, b]| [a + b, a - b]);
    let all = || Pairs {
        pairs: *limbs_of(pairs.as_flattened()).first_chunk().unwrap(),
        bits,
    };
    let equal = (0..LANES).fold(0, |equal, i| equal | u8::from(a[i] == b[i]) << i);
    let chosen = |i: usize| if bits >> i & 1 == 1 { b[i] } else { a[i] };
    let expected = (
        *limbs_of(out.as_flattened()).first_chunk().unwrap(),
        equal,
        core::array::from_fn(|i| chosen(i).limbs()),
    );
    assert_eq!(run_plain::<F::Modulus, _>(all()), expected);
    assert_eq!(run::<F::Modulus, _>(all()), expected);
}

/// Sums of as many products as may be, of factors that are as large as may be, then multiplied as products are; and of as many
/// elements.
struct Totals {
    a: Eight,
    b: Eight,
}

impl<M: Modulus> Kernel<M> for Totals {
    type Output = [Eight; 4];

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> [Eight; 4] {
        let (a, b, zero) = (V::load(&self.a), V::load(&self.b), V::splat(&[0; 4]));
        let mut products = V::sum();
        for _ in 0..PRODUCTS {
            V::add_product(&mut products, a.sub(zero), zero.sub(b));
        }
        let mut tally = V::tally();
        for _ in 0..TERMS {
            V::count(&mut tally, a);
        }
        let mut few = V::sum();
        for _ in 0..8 {
            V::add_product(&mut few, a.sub(zero), zero.sub(b));
        }
        let total = V::total(products);
        [total, total.mul(b), V::counted(tally), V::sixteenth(few)].map(|v| {
            let mut out = [[0; 4]; LANES];
            v.reduced().store(&mut out);
            out
        })
    }
}

fn compare_totals<F: Element>(a: [F; LANES], b: [F; LANES]) {
    let lanes = |f: fn(F, F) -> F| core::array::from_fn(|i| f(a[i], b[i]).limbs());
    let expected: [Eight; 4] = [
        lanes(|a, b| -a * b * F::from(PRODUCTS as u64)),
        lanes(|a, b| -a * b * b * F::from(PRODUCTS as u64)),
        lanes(|a, _| a * F::from(TERMS as u64)),
        lanes(|a, b| -a * b * F::from(2).invert().unwrap()),
    ];
    let all = || Totals {
        a: a.map(|v| v.limbs()),
        b: b.map(|v| v.limbs()),
    };
    assert_eq!(run_plain::<F::Modulus, _>(all()), expected);
    assert_eq!(run::<F::Modulus, _>(all()), expected);
}

/// Rounds of [`Slopes`] on elements that are settled and no more.
const ROUNDS: usize = 50;

/// What additions of points are made of, on elements of rows; then coordinates as additions leave them, over and over, none of which
/// is reduced in between.
struct Slopes {
    rows: [[Limbs; 2]; LANES],
}

impl<M: Modulus> Kernel<M> for Slopes {
    type Output = [Eight; 7];

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> Self::Output {
        let [a, b] = V::load_pairs_of(self.rows.each_ref());
        let one = V::splat(&M::ONE);
        let (mut x, mut y) = (a, b);
        for _ in 0..ROUNDS {
            let slope = y.minus(x).part(V::splat(&[0; 4]).minus(y));
            let sum = slope.square_part_less([x, y]);
            y = slope.part_less(x.minus_by_four(sum), [y]);
            x = sum;
        }
        let all = [
            a.part(b),
            a.part_less(b, [a, b]),
            a.square_part_less([b, b]),
            a.minus(b).part(one),
            a.minus_by_four(b).part(one),
            x,
            y,
        ];
        let mut out = [[[0; 4]; LANES]; 7];
        for (out, v) in out.iter_mut().zip(all) {
            v.reduced().store(out);
        }
        out
    }
}

/// What [`Slopes`] should give.
fn slopes<F: PrimeField>(a: F, b: F) -> [F; 7] {
    let part = |a: F, b: F| a * b * F::TWO_INV.pow_vartime([4]);
    let (mut x, mut y) = (a, b);
    for _ in 0..ROUNDS {
        let slope = part(y - x, -y);
        let sum = part(slope, slope) - x - y;
        y = part(slope, (x - sum) * F::from(4)) - y;
        x = sum;
    }
    [
        part(a, b),
        part(a, b) - a - b,
        part(a, a) - b - b,
        part(a - b, F::ONE),
        part(a - b, F::from(4)),
        x,
        y,
    ]
}

/// Against halo2curves, and `pasta_curves`, which shares no code with it.
fn compare_slopes<F: Element, P: PrimeField<Repr = [u8; 32]>>(a: [F; LANES], b: [F; LANES])
where
    F::Repr: Into<[u8; 32]>,
{
    let all = || Slopes {
        rows: core::array::from_fn(|i| [a[i].limbs(), b[i].limbs()]),
    };
    let theirs = |v: F| P::from_repr(v.to_repr().into()).unwrap();
    for got in [
        run_plain::<F::Modulus, _>(all()),
        run::<F::Modulus, _>(all()),
    ] {
        for (i, (a, b)) in a.into_iter().zip(b).enumerate() {
            let got = got.map(|eight| F::from_limbs(eight[i]));
            assert_eq!(got, slopes(a, b));
            assert_eq!(got.map(theirs), slopes(theirs(a), theirs(b)));
        }
    }
}

/// As many multiples as may be of elements, by integers of each type.
struct Multiples {
    a: Eight,
    signed: [i32; LANES],
    counts: [u32; LANES],
    digits: [u16; LANES],
}

impl<M: Modulus> Kernel<M> for Multiples {
    type Output = [Eight; 3];

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> [Eight; 3] {
        let a = V::load(&self.a);
        let kinds = [
            V::from_i32(&self.signed),
            V::from_u32(&self.counts),
            V::from_u16(&self.digits),
        ];
        kinds.map(|integers| {
            let mut multiples = V::multiples();
            for _ in 0..TERMS {
                V::add_multiple(&mut multiples, a, integers);
            }
            let mut out = [[0; 4]; LANES];
            V::multiplied(multiples).reduced().store(&mut out);
            out
        })
    }
}

fn compare_multiples<F: Element>(
    a: [F; LANES],
    signed: [i32; LANES],
    counts: [u32; LANES],
    digits: [u16; LANES],
) {
    let lanes = |factor: &dyn Fn(usize) -> u64| {
        core::array::from_fn(|i| (a[i] * F::from(factor(i)) * F::from(TERMS as u64)).limbs())
    };
    let expected: [Eight; 3] = [
        lanes(&|i| (i64::from(signed[i]) + (1 << 31)).cast_unsigned()),
        lanes(&|i| u64::from(counts[i])),
        lanes(&|i| u64::from(digits[i])),
    ];
    let all = || Multiples {
        a: a.map(|v| v.limbs()),
        signed,
        counts,
        digits,
    };
    assert_eq!(run_plain::<F::Modulus, _>(all()), expected);
    assert_eq!(run::<F::Modulus, _>(all()), expected);
}

fn eight_of<T: Copy + std::fmt::Debug + 'static>(
    extremes: [T; 3],
    any: impl Strategy<Value = T>,
) -> impl Strategy<Value = [T; LANES]> {
    prop::array::uniform8(prop_oneof![prop::sample::select(extremes.to_vec()), any])
}

proptest! {
    #[test]
    fn multiples_of_pallas(
        a in eight::<pallas::Base>(),
        signed in eight_of([i32::MIN, 0, i32::MAX], any::<i32>()),
        counts in eight_of([0, 1, u32::MAX], any::<u32>()),
        digits in eight_of([0, 1, u16::MAX], any::<u16>()),
    ) {
        compare_multiples(a, signed, counts, digits);
    }

    #[test]
    fn multiples_of_vesta(
        a in eight::<vesta::Base>(),
        signed in eight_of([i32::MIN, 0, i32::MAX], any::<i32>()),
        counts in eight_of([0, 1, u32::MAX], any::<u32>()),
        digits in eight_of([0, 1, u16::MAX], any::<u16>()),
    ) {
        compare_multiples(a, signed, counts, digits);
    }

    #[test]
    fn pairs_of_pallas(a in eight::<pallas::Base>(), b in eight::<pallas::Base>(), bits in any::<u8>()) {
        compare_pairs(a, b, bits);
    }

    #[test]
    fn pairs_of_vesta(a in eight::<vesta::Base>(), b in eight::<vesta::Base>(), bits in any::<u8>()) {
        compare_pairs(a, b, bits);
    }

    #[test]
    fn totals_of_pallas(a in eight::<pallas::Base>(), b in eight::<pallas::Base>()) {
        compare_totals(a, b);
    }

    #[test]
    fn totals_of_vesta(a in eight::<vesta::Base>(), b in eight::<vesta::Base>()) {
        compare_totals(a, b);
    }

    #[test]
    fn slopes_of_pallas(a in eight::<pallas::Base>(), b in eight::<pallas::Base>()) {
        compare_slopes::<pallas::Base, pasta_curves::Fp>(a, b);
    }

    #[test]
    fn slopes_of_vesta(a in eight::<vesta::Base>(), b in eight::<vesta::Base>()) {
        compare_slopes::<vesta::Base, pasta_curves::Fq>(a, b);
    }

    #[test]
    fn slices_of_limbs_are_those_of_elements(mut a in prop::collection::vec(element::<vesta::Base>(), 0..9)) {
        let limbs: Vec<Limbs> = a.iter().map(Element::limbs).collect();
        prop_assert_eq!(limbs_of(&a), &limbs[..]);
        for limbs in limbs_of_mut(&mut a) {
            *limbs = [0; 4];
        }
        prop_assert!(a.iter().all(|v| *v == vesta::Base::ZERO));
    }

    #[test]
    fn base_field_of_pallas(a in eight::<pallas::Base>(), b in eight::<pallas::Base>()) {
        compare(a, b);
    }

    #[test]
    fn base_field_of_vesta(a in eight::<vesta::Base>(), b in eight::<vesta::Base>()) {
        compare(a, b);
    }
}

/// Products, differences and sums as `pasta_curves` has them, which shares no code with halo2curves.
fn compare_independent<F: Element, P: PrimeField<Repr = [u8; 32]>>(a: [F; LANES], b: [F; LANES])
where
    F::Repr: Into<[u8; 32]>,
{
    let theirs = |v: F| P::from_repr(v.to_repr().into()).unwrap();
    let (x, y) = (a.map(theirs), b.map(theirs));
    let all = run::<F::Modulus, _>(All {
        a: a.map(|v| v.limbs()),
        b: b.map(|v| v.limbs()),
    });
    for i in 0..LANES {
        let expected = [x[i], x[i] * y[i], x[i] - y[i], x[i] + y[i]];
        for (got, expected) in all.iter().zip(expected) {
            assert_eq!(F::from_limbs(got[i]).to_repr().into(), expected.to_repr());
        }
    }
}

proptest! {
    #[test]
    fn an_independent_field_of_pallas(a in eight::<pallas::Base>(), b in eight::<pallas::Base>()) {
        compare_independent::<pallas::Base, pasta_curves::Fp>(a, b);
    }

    #[test]
    fn an_independent_field_of_vesta(a in eight::<vesta::Base>(), b in eight::<vesta::Base>()) {
        compare_independent::<vesta::Base, pasta_curves::Fq>(a, b);
    }
}

#[test]
fn constants_are_halo2curves() {
    assert_eq!(PallasBase::ONE, pallas::Base::ONE.limbs());
    assert_eq!(VestaBase::ONE, vesta::Base::ONE.limbs());
}
