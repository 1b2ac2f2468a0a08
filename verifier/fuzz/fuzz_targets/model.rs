//! Decodes bytes as a verification model. What decodes is the canonical encoding of itself, and a verifier can compute with
//! it: in both modes what steps are told, the functionals and the length of its proofs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::descriptor::{IndexPort, Indices, Limits};
use pleat_verifier::model::VerificationModel;
use pleat_verifier::network::Network;
use pleat_verifier::points::{Challenges, Points};
use pleat_verifier::fold::tree::{Statement, Weights};
use pleat_verifier::fold::{Mode, chain};
use pleat_verifier::places::{Place, Places};
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
    let hidden = Places::new(network, Place::Hidden, Place::Hidden);
    let element = |i: usize| F::from(i as u64 + 2);
    let elements = |n: usize| (0..n).map(element).collect::<Vec<F>>();
    let challenges = Challenges {
        alpha: element(0),
        beta: element(1),
        r: elements(network.nu()),
        gamma: element(2),
        delta: element(3),
    };
    let descriptor = network.descriptor();
    let ports = descriptor.ports();
    let last = |p: &IndexPort| vec![p.len as u32 - 1; p.shape.iter().product()];
    let shown = PublicValues::new(
        ports
            .map(|p| Some(vec![-1; p.shape.iter().product()]))
            .collect(),
        Indices::new(&descriptor.indices, descriptor.indices.iter().map(last).collect()),
    );
    for mode in Mode::ALL {
        let schedule = mode.schedule(network);
        let points = Points {
            slots: schedule.slots,
            sigma: element(5),
            x: elements(schedule.rounds.contract),
            u: elements(schedule.rounds.lookup),
            rho: element(7),
            z: elements(schedule.rounds.open),
        };
        let steps = match mode {
            Mode::Tree => {
                let statement = Statement {
                    network,
                    challenges: &challenges,
                    points: &points,
                    public: &shown,
                    values: &[element(8); 10],
                };
                let equation = statement.equation(&Weights::powers(&element(9)));
                equation.expect("Λ has the products that a step has").words.len()
            }
            Mode::Chain => {
                let z = &points.z[..network.open_variables()];
                let _ = network.functionals_at(&challenges, &points, &shown, z);
                let tau = element(6);
                let advice = chain::Advice { points, tau };
                let program = chain::program(network, element(4), &challenges, &advice, &shown);
                program.words.len()
            }
        };
        assert_eq!(steps, schedule.steps);
        assert!(proof_bytes(network, mode, &hidden) > 4_000);
    }
    assert!(proof_bytes(network, Mode::shorter(network), &hidden) > 4_000);
    assert!(Proof::from_bytes(&[], network).is_err());
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = VerificationModel::from_bytes(bytes, &limits()) else {
        return;
    };
    assert_eq!(model.to_bytes().expect("it was decoded"), bytes);
    compute(model.network());
});
