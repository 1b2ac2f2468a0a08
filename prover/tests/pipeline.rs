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
use pleat_prover::prove::{Folding, Keys, Request, Visibility, prove, unheard};
use pleat_verifier::error::VerifyError;
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::Proof;
use pleat_verifier::verify::verify;
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

        let bytes = proved.proof.to_bytes();
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
        forged.messages.public = pleat_verifier::proof::PublicValues::new(
            ports,
            forged.messages.public.indices().clone(),
        );
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
