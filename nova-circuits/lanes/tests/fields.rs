//! Vectors against halo2curves, and plain vectors against those of this processor.

use ff::Field;
use nova_snark::provider::pasta::{pallas, vesta};
use pleat_lanes::{Kernel, LANES, Limbs, Modulus, PallasBase, Vector, VestaBase, run, run_plain};
use proptest::prelude::*;

/// A field of halo2curves.
trait Reference: Field {
    type Modulus: Modulus;
    fn limbs(self) -> Limbs;
    fn of(limbs: Limbs) -> Self;
}

macro_rules! reference {
    ($field:ty, $modulus:ty) => {
        impl Reference for $field {
            type Modulus = $modulus;

            fn limbs(self) -> Limbs {
                self.0
            }

            fn of(limbs: Limbs) -> Self {
                Self(limbs)
            }
        }
    };
}
reference!(pallas::Base, PallasBase);
reference!(vesta::Base, VestaBase);

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
fn element<F: Reference>() -> impl Strategy<Value = F> {
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
    extreme.prop_map(F::of)
}

fn eight<F: Reference>() -> impl Strategy<Value = [F; LANES]> {
    prop::array::uniform8(element::<F>())
}

fn compare<F: Reference>(a: [F; LANES], b: [F; LANES]) {
    let pairs = |f: fn(F, F) -> F| core::array::from_fn(|i| f(a[i], b[i]).limbs());
    let expected: [Eight; 5] = [
        pairs(|a, _| a),
        pairs(|a, b| a * b),
        pairs(|a, b| a - b),
        pairs(|a, b| a + b),
        pairs(|a, b| a * b * (a - b) * (a * b) - b),
    ];
    let all = || All {
        a: a.map(F::limbs),
        b: b.map(F::limbs),
    };
    assert_eq!(run_plain::<F::Modulus, _>(all()), expected);
    assert_eq!(run::<F::Modulus, _>(all()), expected);
    let powers = || Powers {
        base: a.map(F::limbs),
        rounds: 300,
    };
    let expected = a.map(|a| a.pow_vartime([300]).limbs());
    assert_eq!(run_plain::<F::Modulus, _>(powers()), expected);
    assert_eq!(run::<F::Modulus, _>(powers()), expected);
}

proptest! {
    #[test]
    fn base_field_of_pallas(a in eight::<pallas::Base>(), b in eight::<pallas::Base>()) {
        compare(a, b);
    }

    #[test]
    fn base_field_of_vesta(a in eight::<vesta::Base>(), b in eight::<vesta::Base>()) {
        compare(a, b);
    }
}

#[test]
fn constants_are_halo2curves() {
    assert_eq!(PallasBase::ONE, pallas::Base::ONE.limbs());
    assert_eq!(VestaBase::ONE, vesta::Base::ONE.limbs());
}
