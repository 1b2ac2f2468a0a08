//! Completeness of the algebra: honest proofs of all kinds of networks satisfy the full verifier; in the chain, with the step
//! function executed natively.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::algebra::{check_both, commit, key, public, traced_on};

#[test]
fn honest_proofs_verify() {
    for problem in common::all() {
        let model = commit(&problem);
        let key = key(&model);
        for shown in 0..3_usize {
            let inputs = model.network().descriptor().inputs.len();
            let show = |i: usize| [false, i >= inputs, true][shown];
            let verdicts = check_both(&model, &key, |mode| {
                let mut traced = traced_on(&model, mode, (&problem.inputs, &problem.given), 3);
                traced.0.public = public(&model, &traced.0.columns, show);
                traced
            });
            let name = &problem.name;
            assert!(verdicts.iter().all(Result::is_ok), "{name}: {verdicts:?}");
        }
    }
}
