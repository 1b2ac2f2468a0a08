//! Decodes bytes as a verification model. What decodes is the canonical encoding of itself, and a verifier can compute with
//! it: the program, the functionals and the length of its proofs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::model::VerificationModel;
use pleat_verifier::network::Network;
use pleat_verifier::program::{Advice, Challenges};
use pleat_verifier::proof::{Proof, PublicValues, proof_bytes};

/// Smaller than a verifier's own, so that thousands of models can be tried in a second.
fn limits() -> Limits {
    Limits {
        column_bits: 16,
        contraction_bits: 16,
        row_bits: 10,
        items: 64,
        terms: 64,
        rows: 1 << 12,
        table_rows: 1 << 12,
        map_work: 1 << 12,
        bytes: 1 << 16,
        ..Limits::default()
    }
}

fn compute(network: &Network) {
    let element = |i: usize| F::from(i as u64 + 2);
    let elements = |n: usize| (0..n).map(element).collect::<Vec<F>>();
    let rounds = network.rounds();
    let challenges = Challenges {
        alpha: element(0),
        beta: element(1),
        r: elements(network.nu()),
        gamma: element(2),
        delta: element(3),
        t0: element(4),
    };
    let advice = Advice {
        sigma: element(5),
        x: elements(rounds.contract),
        tau: element(6),
        u: elements(rounds.lookup),
        rho: element(7),
        z: elements(rounds.open),
    };
    let ports = network.descriptor().ports();
    let shown = PublicValues::new(
        ports
            .map(|p| Some(vec![-1; p.shape.iter().product()]))
            .collect(),
    );
    let program = network.program(&challenges, &advice, &shown);
    assert_eq!(program.words.len(), network.steps());
    let z = &advice.z[..network.open_variables()];
    let _ = network.functionals_at(&challenges, &advice, &shown, z);
    assert!(proof_bytes(network, 0) > 10_000);
    assert!(Proof::from_bytes(&[], network).is_err());
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = VerificationModel::from_bytes(bytes, &limits()) else {
        return;
    };
    assert_eq!(model.to_bytes().expect("it was decoded"), bytes);
    compute(model.network());
});
