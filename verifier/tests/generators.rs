//! The pinned generators are those that the label gives.
#![allow(missing_docs, reason = "tests")]

use pleat_nova_circuits::cache::generators_sha3;
use pleat_nova_circuits::cycle::generators;
use pleat_verifier::commitments::{GENERATOR_LABEL, GENERATORS_SHA3, PINNED_FROM};

#[test]
fn pinned_generators_are_the_derived_ones() {
    let largest = PINNED_FROM + GENERATORS_SHA3.len() - 1;
    let all = generators(GENERATOR_LABEL, (1 << largest) + 1);
    let derived: Vec<[u8; 32]> = (PINNED_FROM..=largest)
        .map(|row_bits| generators_sha3(&all[..(1 << row_bits) + 1]))
        .collect();
    assert_eq!(derived, GENERATORS_SHA3, "{derived:?}");
}
