//! Decodes bytes as a proof of either mode about a fixed model. What decodes is the canonical encoding of itself, and goes on into
//! verification, with a Nova proof taken for granted: an error or a verdict, never a panic.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::model::VerificationModel;
use pleat_verifier::fold::chain::verify_with;
use pleat_verifier::fold::{Folded, Mode};
use pleat_verifier::pcs::{self, OpeningKey};
use pleat_verifier::proof::Proof;
use pleat_verifier::transcript::Statement;
use pleat_verifier::verify::{Keys, verify};

struct Setting {
    model: VerificationModel,
    key: OpeningKey,
}

static SETTING: LazyLock<Setting> = LazyLock::new(|| {
    let bytes = include_bytes!("../seeds/model/mlp");
    let model =
        VerificationModel::from_bytes(bytes, &Limits::default()).expect("the seed is current");
    let key = OpeningKey::derive(model.network().row_bits());
    Setting { model, key }
});

fuzz_target!(|bytes: &[u8]| {
    let Setting { model, key } = &*SETTING;
    let Ok(proof) = Proof::from_bytes(bytes, model.network()) else {
        return;
    };
    assert_eq!(proof.to_bytes(model.network()), bytes);
    let messages = &proof.messages;
    let verdict = match &proof.folded {
        Folded::Tree(_) => verify(
            Keys {
                opening: key,
                chain: None,
            },
            model,
            &proof,
        ),
        Folded::Chain(own) => {
            let statement = Statement::new(Mode::Chain, &[0; 32], &messages.public);
            let fixed = statement
                .trace(&messages.commitments)
                .fractions(model.network(), &messages.commitments);
            verify_with(key, model, messages, &own.advice, fixed, |program| {
                Ok(program.end)
            })
        }
    };
    // Seeds of committed steps are whole proofs; the chain's are about another model than this id.
    if proof.mode() == Mode::Chain {
        assert!(verdict.is_err(), "this id is nobody's");
    }
    // Verification ends before the opening; that takes any challenge.
    let opened = pcs::check(key, model, &messages.columns(&F::from(2), &[F::from(3); 64]));
    assert!(opened.is_err(), "an opening follows its challenge");
});
