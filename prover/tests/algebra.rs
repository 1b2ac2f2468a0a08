//! Completeness of the algebra: honest proofs of all kinds of networks satisfy the full verifier, with the step function
//! executed natively.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::algebra::{commit, key, prove, public, traced, verify};

#[test]
fn honest_proofs_verify() {
    for problem in common::all() {
        let model = commit(&problem);
        let key = key(&model);
        for shown in 0..3_usize {
            let mut traced = traced(&model, &problem.inputs, 3);
            let inputs = model.network().descriptor().inputs.len();
            let show = |i: usize| [false, i >= inputs, true][shown];
            traced.0.public = public(&model, &traced.0.columns, show);
            let (messages, steps) = prove(traced, &key);
            let verdict = verify(model.verification(), &key, &messages, &steps);
            assert!(verdict.is_ok(), "{}: {verdict:?}", problem.name);
        }
    }
}
