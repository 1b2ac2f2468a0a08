//! Decodes bytes as a proof about a fixed model. What decodes is the canonical encoding of itself, and goes on into
//! verification with a Nova proof taken for granted: an error or a verdict, never a panic.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::model::VerificationModel;
use pleat_verifier::pcs::{self, OpeningKey};
use pleat_verifier::proof::Proof;
use pleat_verifier::verify::verify_with;

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
    assert_eq!(proof.to_bytes(), bytes);
    let verdict = verify_with(&[0; 32], key, model, &proof.messages, |program| {
        Ok(program.end)
    });
    assert!(verdict.is_err(), "these parameters are nobody's");
    // Verification ends before the opening; that takes any challenge.
    let opened = pcs::check(key, model, &proof.messages, &F::from(2));
    assert!(opened.is_err(), "an opening follows its challenge");
});
