//! The hashes: pinned vectors, native and gadget agree, every wire of a gadget is constrained.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use ff::Field;
use nova_snark::frontend::{
    ConstraintSystem, SynthesisError,
    num::{AllocatedNum, Num},
};
use pleat_nova_circuits::{
    chain::hash::{hash, hash_gadget, hash_words, hash_words_gadget},
    chain::step::WORDS,
    cycle::{F, field_to_bytes},
    test_cs::TestCs,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

fn hex(value: F) -> String {
    field_to_bytes(&value)
        .iter()
        .rev()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn numbers(n: u64) -> Vec<F> {
    (0..n).map(F::from).collect()
}

/// A gadget's constraint system on these inputs, each an `input i`, and its result.
fn gadget(
    inputs: &[F],
    gadget: impl FnOnce(&mut TestCs, &[Num<F>]) -> Result<Num<F>, SynthesisError>,
) -> (TestCs, F) {
    let mut cs = TestCs::new();
    let inputs: Vec<Num<F>> = inputs
        .iter()
        .enumerate()
        .map(|(i, value)| {
            AllocatedNum::alloc_infallible(cs.namespace(|| format!("input {i}")), || *value).into()
        })
        .collect();
    let result = gadget(&mut cs, &inputs).unwrap();
    // The result is a combination of wires; tie it to one, as users of the gadget do.
    let value = result.get_value().unwrap();
    let output = AllocatedNum::alloc_infallible(cs.namespace(|| "output"), || value);
    cs.enforce(
        || "output equals",
        |_| result.lc(F::ONE),
        |lc| lc + TestCs::one(),
        |lc| lc + output.get_variable(),
    );
    (cs, value)
}

fn narrow(inputs: &[F]) -> (TestCs, F) {
    gadget(inputs, |cs, v| {
        hash_gadget(cs, &v[0], [&v[1], &v[2], &v[3]], &v[4])
    })
}

fn wide(inputs: &[F]) -> (TestCs, F) {
    gadget(inputs, |cs, v| hash_words_gadget(cs, &v[0], &v[1..]))
}

#[test]
fn pinned() {
    let [t, a, b, c, n] = [1, 2, 3, 4, 5].map(F::from);
    assert_eq!(
        hex(hash(t, [a, b, c], n)),
        "289da584a7b87b65ff1f213a1a8628598f11300aeba3db1f97a5b6bd91e07a9b"
    );
    assert_eq!(hex(hash(F::ZERO, [F::ZERO; 3], F::ZERO)), HASH_OF_ZEROS);
    assert_eq!(
        hex(hash_words(F::from(7), &numbers(WORDS as u64))),
        "197c5dffa05311f30d8c161a4ab0e7cc0fee7b2b3bbeec9d58c264a3fc8dc350"
    );
    assert_eq!(hex(hash_words(F::ZERO, &[])), WORDS_OF_NOTHING);
}

const HASH_OF_ZEROS: &str = "34a397f9f4958a9651f4d83ff5d1eb169ebe8e86175ab5903e98aa40cda27f5b";
const WORDS_OF_NOTHING: &str = "169754b978df0eb8c9d9aee632374e3eb124a08f31e04104d0d5e3a05d6a9c49";

#[test]
fn outputs_are_not_truncated() {
    // nova's own squeeze keeps 250 bits at most; a field element has 255, and every second one more than 253.
    let long = (0..64)
        .filter(|i| field_to_bytes(&hash(F::from(*i), [F::ZERO; 3], F::ZERO))[31] >= 0x20)
        .count();
    assert!((16..=48).contains(&long), "{long}");
}

#[test]
fn native_and_gadget_agree() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for _ in 0..5 {
        let v: Vec<F> = (0..=WORDS).map(|_| F::random(&mut rng)).collect();
        let (cs, value) = narrow(&v[..5]);
        assert_eq!(
            (cs.which_unsatisfied(), value),
            (None, hash(v[0], [v[1], v[2], v[3]], v[4]))
        );
        let (cs, value) = wide(&v);
        assert_eq!(
            (cs.which_unsatisfied(), value),
            (None, hash_words(v[0], &v[1..]))
        );
    }
}

#[test]
fn pinned_sizes() {
    assert_eq!(narrow(&numbers(5)).0.num_constraints(), 313);
    assert_eq!(
        wide(&numbers(WORDS as u64 + 1)).0.num_constraints(),
        WIDE_CONSTRAINTS
    );
}

const WIDE_CONSTRAINTS: usize = 3_109;

fn overwrite_every_wire(mut cs: TestCs) {
    assert_eq!(cs.which_unsatisfied(), None);
    let wires: Vec<String> = cs.wires().map(str::to_owned).collect();
    for wire in &wires {
        let value = cs.get(wire).unwrap();
        for other in [value + F::ONE, -value + F::from(3), F::from(2).pow([200])] {
            cs.set(wire, other).unwrap();
            let failed = cs.unsatisfied_at(wire);
            let scope = match wire
                .strip_suffix("/num")
                .and_then(|wire| wire.rsplit_once('/'))
            {
                Some((gadget, _)) => gadget,
                None if wire == "output/num" => "output",
                None => "sponge/permutation",
            };
            assert!(
                failed.iter().any(|name| name.starts_with(scope)),
                "{wire}: {failed:?}"
            );
        }
        cs.set(wire, value).unwrap();
        assert!(cs.unsatisfied_at(wire).is_empty(), "{wire} restored");
    }
    assert_eq!(cs.which_unsatisfied(), None);
}

#[test]
fn every_wire_of_the_narrow_hash_is_constrained() {
    overwrite_every_wire(narrow(&numbers(5)).0);
}

#[test]
fn every_wire_of_the_wide_hash_is_constrained() {
    overwrite_every_wire(wide(&numbers(WORDS as u64 + 1)).0);
}
