//! The verifier's key as bytes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use pleat_nova_circuits::{
    chain::Error,
    chain::params::{Parameters, VERIFIER_KEY_SHA3, VerifierKey},
};
use sha3::{Digest, Sha3_256};

#[test]
fn the_key_has_pinned_bytes() {
    let built = Parameters::build().unwrap().into_verifier_key();
    let bytes = built.to_bytes();
    assert_eq!(Sha3_256::digest(&bytes).as_slice(), VERIFIER_KEY_SHA3);
    assert!(bytes.len() < 5_000_000, "{} bytes", bytes.len());
    let read = VerifierKey::from_bytes(&bytes).unwrap();
    assert!(read.to_bytes() == bytes);
    assert_eq!(read.digest(), built.digest());

    let refused = |what: &str, bytes: &[u8]| {
        let verdict = VerifierKey::from_bytes(bytes);
        assert!(
            matches!(verdict, Err(Error::VerifierKey { .. })),
            "{what} is accepted"
        );
    };
    refused("nothing", &[]);
    refused("a truncated key", &bytes[..bytes.len() - 1]);
    refused("an extended key", &[&bytes[..], &[0]].concat());
    for i in (0..bytes.len()).step_by(bytes.len() / 20) {
        let mut changed = bytes.clone();
        changed[i] ^= 1;
        refused(&format!("a key with byte {i} changed"), &changed);
    }
}
