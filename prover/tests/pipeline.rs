//! Whole proofs: algebra, folding, last proof and the opening, in both modes (PROTOCOL.md §4–§6, §9).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::algebra::commit;
use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::Parameters;
use pleat_nova_circuits::cycle::{F, FIELD_BYTES, field_from_bytes, field_to_bytes};
use pleat_nova_circuits::tree::Check;
use pleat_prover::prove::{Folding, Keys, Request, Visibility, prove, unheard};
use pleat_verifier::error::VerifyError;
use pleat_verifier::fold::Folded;
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::{Proof, PublicValues};
use pleat_verifier::verify::{verify, verify_all};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::LazyLock;

static NOVA: LazyLock<Parameters> = LazyLock::new(|| {
    Parameters::load_or_build(&CacheFolder::from_environment(), &mut |_| {}).unwrap()
});

#[test]
fn real_proofs_verify_and_their_openings_do() {
    for folding in [Folding::Tree, Folding::Chain(&NOVA)] {
        let problem = common::conv_net();
        let model = commit(&problem);
        let network = model.network();
        let opening = OpeningKey::derive(network.row_bits());
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let hidden = Visibility {
            inputs: false,
            outputs: true,
        };
        let request = Request {
            inputs: &problem.inputs,
            indices: &[],
            visibility: hidden,
            linked: &[],
        };
        let keys = Keys {
            opening: &opening,
            folding,
        };
        let proved = prove(&model, keys, &request, &mut rng, &mut unheard).unwrap();
        assert_eq!(proved.outputs, problem.outputs);
        assert_eq!(proved.proof.mode(), folding.mode());

        let bytes = proved.proof.to_bytes(network);
        let proof = Proof::from_bytes(&bytes, network).unwrap();
        assert_eq!(proof, proved.proof);
        let keys = pleat_verifier::Keys {
            opening: &opening,
            chain: Some(NOVA.verifier_key()),
        };
        verify(keys, model.verification(), &proof).unwrap();

        // A false output, everything else as it was.
        let mut forged = proof.clone();
        let mut ports = forged.messages.public.ports().to_vec();
        ports.last_mut().unwrap().as_mut().unwrap()[0] += 1;
        forged.messages.public = PublicValues::new(ports, forged.messages.public.indices().clone());
        let verdict = verify(keys, model.verification(), &forged);
        let refused = match folding {
            Folding::Tree => matches!(verdict, Err(VerifyError::Steps(_))),
            Folding::Chain(_) => matches!(verdict, Err(VerifyError::Nova(_))),
        };
        assert!(refused, "{verdict:?}");

        // The hidden input opens to its values, and to no others.
        let mut input = proved.openings.ports()[0].clone();
        assert_eq!(input.values, problem.inputs[0]);
        input
            .check(opening.generators(), model.verification(), &proof.messages)
            .unwrap();
        input.values[3] += 1;
        let verdict = input.check(opening.generators(), model.verification(), &proof.messages);
        assert!(
            matches!(verdict, Err(VerifyError::Revealed { .. })),
            "{verdict:?}"
        );
    }
}

/// A proof whose two arguments end in another scalar than they should, by `by`.
fn with_other_scalars(proof: &Proof, by: F, steps: bool) -> Proof {
    let mut forged = proof.clone();
    if steps {
        let Folded::Tree(own) = &mut forged.folded else {
            panic!("a proof of committed steps");
        };
        own.fold.last.argument.scalar += by;
        return forged;
    }
    let argument = &mut forged.messages.opening.argument;
    let scalar = argument.last_chunk_mut::<FIELD_BYTES>().unwrap();
    *scalar = field_to_bytes(&(field_from_bytes(scalar).unwrap() + by));
    forged
}

/// Arguments of several proofs are multiplied out together. Errors that cancel each other if proofs counted alike are refused
/// all the same, and every bad proof is named.
#[test]
fn proofs_are_verified_together() {
    let problem = common::conv_net();
    let model = commit(&problem);
    let opening = OpeningKey::derive(model.network().row_bits());
    let proved = |seed: u64, folding: Folding<'_>| {
        let request = Request {
            inputs: &problem.inputs,
            indices: &[],
            visibility: Visibility {
                inputs: false,
                outputs: true,
            },
            linked: &[],
        };
        let keys = Keys {
            opening: &opening,
            folding,
        };
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        prove(&model, keys, &request, &mut rng, &mut unheard)
            .unwrap()
            .proof
    };
    let [first, second] = [1, 2].map(|seed| proved(seed, Folding::Tree));
    let chain = proved(3, Folding::Chain(&NOVA));
    let keys = pleat_verifier::Keys {
        opening: &opening,
        chain: Some(NOVA.verifier_key()),
    };
    let all = |proofs: &[Proof]| verify_all(keys, model.verification(), proofs);
    assert!(all(&[]).is_empty());
    let good = [first.clone(), second.clone(), chain.clone()];
    for verdict in all(&good) {
        verdict.unwrap();
    }

    let one = F::from(1);
    for steps in [true, false] {
        let [more, less] = [one, -one].map(|by| with_other_scalars(&first, by, steps));
        let verdicts = all(&[more, second.clone(), less, chain.clone()]);
        let refused = |verdict: &Result<(), VerifyError>| match verdict {
            Err(VerifyError::Steps(Check::Opening)) => steps,
            Err(VerifyError::Opening) => !steps,
            _ => false,
        };
        let [more, second, less, chain] = verdicts.as_slice() else {
            panic!("a verdict for each proof");
        };
        assert!(refused(more) && refused(less), "{verdicts:?}");
        assert!(second.is_ok() && chain.is_ok(), "{verdicts:?}");
    }

    // What is refused before the arguments does not count among them.
    let mut forged = second.clone();
    let mut ports = forged.messages.public.ports().to_vec();
    ports.last_mut().unwrap().as_mut().unwrap()[0] += 1;
    let indices = forged.messages.public.indices().clone();
    forged.messages.public = PublicValues::new(ports, indices);
    let verdicts = all(&[first, forged]);
    assert!(
        matches!(
            verdicts.as_slice(),
            [Ok(()), Err(VerifyError::Steps(Check::Shares))]
        ),
        "{verdicts:?}"
    );
}
