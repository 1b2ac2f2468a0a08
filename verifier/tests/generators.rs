//! The pinned and embedded generators are those that the label gives.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use pleat_nova_circuits::cache::{CacheFolder, generators_sha3};
use pleat_nova_circuits::cycle::{Affine, generators};
use pleat_verifier::commitments::{
    Embedded, GENERATOR_LABEL, GENERATORS_SHA3, Generators, PINNED_FROM,
};
use std::path::Path;
use std::sync::LazyLock;

const LARGEST: usize = PINNED_FROM + GENERATORS_SHA3.len() - 1;

static ALL: LazyLock<Vec<Affine>> =
    LazyLock::new(|| generators(GENERATOR_LABEL, (1 << LARGEST) + 1));

#[test]
fn pinned_generators_are_the_derived_ones() {
    let derived: Vec<[u8; 32]> = (PINNED_FROM..=LARGEST)
        .map(|row_bits| generators_sha3(&ALL[..(1 << row_bits) + 1]))
        .collect();
    assert_eq!(derived, GENERATORS_SHA3, "{derived:?}");
}

#[test]
fn embedded_generators_are_the_derived_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commitments");
    for embedded in [Embedded::LARGE, Embedded::SMALL] {
        let bytes = std::fs::read(folder.join(embedded.file)).unwrap();
        assert!(
            bytes == embedded.bytes(&ALL),
            "write {} with the example `row_generators`",
            embedded.file
        );
    }
}

#[test]
fn every_row_length_has_its_generators() {
    let folder = tempfile::tempdir().unwrap();
    let cache = CacheFolder::at(folder.path());
    for row_bits in 0..=LARGEST {
        let (blind, cells) = ALL[..(1 << row_bits) + 1].split_first().unwrap();
        for made in [
            Generators::derive(row_bits),
            Generators::load_or_derive(row_bits, &cache),
        ] {
            assert_eq!((made.blind(), made.cells()), (blind, cells), "{row_bits}");
        }
    }
    // Only what is not embedded is cached.
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, LARGEST - Embedded::OWN.row_bits);
}
