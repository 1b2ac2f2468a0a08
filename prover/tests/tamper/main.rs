//! The tamper manifest: every field of a proof's bytes, of the steps that the chain folds and of the statement, each changed,
//! with the error that must follow. The fields are read off the bytes and structures themselves; one without a row fails.
//! Proofs here are real: folded, compressed, written and read again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod chain;
#[path = "../common/mod.rs"]
mod common;
mod regions;
mod tree;

use std::sync::LazyLock;

use common::algebra::{Executed, complete, prove_chain, prove_tree, traced};
use common::cheat::{Format, Refusal, Setting, refusal};
use common::dense::mlp;
use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::Parameters;
use pleat_nova_circuits::tree::Check;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::error::VerifyError;
use pleat_verifier::fold::Mode;
use pleat_verifier::model::VerificationModel;
use pleat_verifier::network::Network;
use pleat_verifier::pcs::argument_bytes;
use pleat_verifier::places::{Place, Places, Supplied};
use pleat_verifier::proof::{Proof, PublicValues, places_of, proof_bytes};
use pleat_verifier::verify::{Keys, verify};
use proptest::prelude::*;

static PARAMETERS: LazyLock<Parameters> = LazyLock::new(|| {
    Parameters::load_or_build(&CacheFolder::from_environment(), &mut |_| ()).unwrap()
});

/// A proof through the whole pipeline.
pub struct Real {
    setting: Setting,
    /// What Nova folded, in the chain.
    executed: Option<Executed>,
    proof: Proof,
    bytes: Vec<u8>,
}

impl Real {
    fn new(mode: Mode, setting: Setting, shown: bool) -> Self {
        let mut traced = traced(&setting.model, mode, &setting.problem.inputs, 3);
        if !shown {
            let hidden = vec![None; traced.0.public.ports().len()];
            let indices = traced.0.public.indices().clone();
            traced.0.public = PublicValues::new(hidden, indices);
        }
        let (executed, proof) = match mode {
            Mode::Tree => (None, prove_tree(traced, &setting.key)),
            Mode::Chain => {
                let executed = prove_chain(traced, &setting.key);
                let proof = complete(&PARAMETERS, executed.clone());
                (Some(executed), proof)
            }
        };
        let bytes = proof.to_bytes(setting.model.network());
        Self {
            setting,
            executed,
            proof,
            bytes,
        }
    }

    fn executed(&self) -> &Executed {
        self.executed.as_ref().unwrap()
    }

    fn network(&self) -> &Network {
        self.setting.model.network()
    }

    fn model(&self) -> &VerificationModel {
        self.setting.model.verification()
    }

    /// The whole verifier, from bytes.
    fn verify(&self, bytes: &[u8]) -> Result<(), VerifyError> {
        self.verify_against(bytes, self.model())
    }

    fn verify_against(&self, bytes: &[u8], model: &VerificationModel) -> Result<(), VerifyError> {
        let proof = Proof::from_bytes(bytes, model.network())?;
        let chain = (proof.mode() == Mode::Chain).then(|| PARAMETERS.verifier_key());
        let keys = Keys {
            opening: &self.setting.key,
            chain,
        };
        verify(keys, model, &proof)
    }
}

/// A proof about one model is refused for another, whatever id it carries.
fn check_statements(mode: Mode, first: &Real, relabelled: Refusal) {
    let second = Real::new(mode, Setting::new(mlp([1, 0])), true);
    let third = Real::new(mode, Setting::new(common::views_only()), false);
    for real in [first, &second, &third] {
        assert_eq!(refusal(real.verify(&real.bytes)), Refusal::None);
    }
    assert_ne!(first.model().id(), second.model().id());
    let refused = refusal(second.verify_against(&first.bytes, second.model()));
    assert_eq!(refused, Refusal::OtherModel);
    let mut other = first.proof.clone();
    other.messages.model = second.model().id();
    let refused = refusal(second.verify_against(&other.to_bytes(second.network()), second.model()));
    assert_eq!(refused, relabelled);
    let refused = refusal(third.verify_against(&first.bytes, third.model()));
    assert_eq!(refused, Refusal::Format(Format::Length));
}

/// Proofs of both modes, with what they show and without.
fn all() -> [&'static Real; 4] {
    [&tree::SHOWN, &tree::HIDDEN, &chain::SHOWN, &chain::HIDDEN]
}

#[test]
fn length_depends_on_public_values_alone() {
    let [tree_shown, tree_hidden, chain_shown, chain_hidden] = all();
    for (shown, hidden) in [(tree_shown, tree_hidden), (chain_shown, chain_hidden)] {
        let (mode, network) = (shown.proof.mode(), shown.network());
        let values: usize = shown.proof.messages.public.shown().map(<[i32]>::len).sum();
        let bits = network.digit_bits() as usize * values;
        assert_eq!(shown.bytes.len(), hidden.bytes.len() + bits.div_ceil(8));
        let expected = |place| proof_bytes(network, mode, &Places::new(network, place, place));
        assert_eq!(shown.bytes.len(), expected(Place::Here));
        assert_eq!(hidden.bytes.len(), expected(Place::Hidden));
        assert_eq!(hidden.bytes.len(), expected(Place::Elsewhere));
        let argument = argument_bytes(network.row_bits());
        assert_eq!(hidden.proof.messages.opening.argument.len(), argument);
        // The same statement proved again has another proof.
        let commitments = |real: &Real| real.proof.messages.commitments.clone();
        assert_ne!(commitments(shown), commitments(hidden));
    }
}

/// A proof without its public values is as long as one that hides them, and verifies with the right values alone.
#[test]
fn values_that_are_left_out_have_to_be_supplied() {
    let [tree, _, chain, _] = all();
    for (real, wrong) in [
        (tree, Refusal::Steps(Check::Shares)),
        (chain, Refusal::Nova),
    ] {
        let network = real.network();
        let public = &real.proof.messages.public;
        let places = Places::all_here(public);
        let places = places.without_inputs(network).without_outputs(network);
        let bytes = real.proof.to_bytes_with(network, &places);
        assert_eq!(
            bytes.len(),
            proof_bytes(network, real.proof.mode(), &places)
        );
        assert_eq!(places_of(&bytes, network).unwrap(), places);
        let read = |ports: Vec<Option<Vec<i32>>>| {
            let supplied = Supplied {
                ports,
                indices: Vec::new(),
            };
            Proof::from_bytes_with(&bytes, network, &supplied)
        };
        let right = public.ports().to_vec();
        assert_eq!(read(right.clone()).unwrap(), real.proof);
        let missing = Proof::from_bytes(&bytes, network).unwrap_err();
        assert!(matches!(missing, VerifyError::LeftOut { .. }));
        for port in 0..right.len() {
            let mut ports = right.clone();
            ports[port] = None;
            assert!(matches!(read(ports), Err(VerifyError::LeftOut { .. })));
            let mut ports = right.clone();
            ports[port].as_mut().unwrap().push(0);
            assert!(matches!(read(ports), Err(VerifyError::Supplied { .. })));
            let mut ports = right.clone();
            ports[port].as_mut().unwrap()[0] += 1;
            let other = read(ports).unwrap();
            let refused = refusal(real.verify(&other.to_bytes(network)));
            assert_eq!(refused, wrong);
        }
    }
}

/// The bits that fill the last byte of the public values are zeros.
#[test]
fn a_filling_is_zero() {
    let real = &*tree::SHOWN;
    let network = real.network();
    let public = &real.proof.messages.public;
    let supplied = Supplied {
        ports: public.ports().to_vec(),
        indices: Vec::new(),
    };
    let inputs = network.descriptor().inputs.len();
    let (given, answers) = public.ports().split_at(inputs);
    let places = Places::all_here(public);
    let mut fillings = 0;
    for (places, ports) in [
        (places.clone().without_inputs(network), answers),
        (places.clone().without_outputs(network), given),
    ] {
        let values: usize = ports.iter().flatten().map(Vec::len).sum();
        let bits = network.digit_bits() as usize * values;
        let good = real.proof.to_bytes_with(network, &places);
        let flags = pleat_verifier::encoding::HEADER_BYTES + 33;
        let last = flags + public.ports().len() + bits.div_ceil(8) - 1;
        for bit in bits..bits.next_multiple_of(8) {
            let mut bytes = good.clone();
            bytes[last] |= 1 << (bit % 8);
            let refused = Proof::from_bytes_with(&bytes, network, &supplied).unwrap_err();
            assert_eq!(refused.to_string(), "proof: a public value is out of range");
            fillings += 1;
        }
        assert!(Proof::from_bytes_with(&good, network, &supplied).is_ok());
    }
    assert!(fillings > 0, "the case has none");
}

/// What one mode proves, the other does not read.
#[test]
fn modes_are_told_apart() {
    let [tree, _, chain, _] = all();
    assert_eq!(tree.proof.messages.public, chain.proof.messages.public);
    for (own, other) in [(tree, chain), (chain, tree)] {
        // The mode's byte alone: other lengths follow.
        let at = pleat_verifier::encoding::HEADER_BYTES + 32;
        let mut bytes = own.bytes.clone();
        assert_eq!(bytes[at], own.proof.mode().number());
        bytes[at] = other.proof.mode().number();
        let refused = refusal(own.verify(&bytes));
        assert_eq!(refused, Refusal::Format(Format::Length));
        bytes[at] = 0;
        let refused = refusal(own.verify(&bytes));
        assert_eq!(refused, Refusal::Format(Format::Mode));
        // Messages of one with the folded steps of the other.
        let mixed = Proof {
            messages: own.proof.messages.clone(),
            folded: other.proof.folded.clone(),
        };
        assert!(own.verify(&mixed.to_bytes(own.network())).is_err());
    }
    // A proof of the chain needs its key.
    let keys = Keys {
        opening: &chain.setting.key,
        chain: None,
    };
    let verdict = verify(keys, chain.model(), &chain.proof);
    assert!(
        matches!(verdict, Err(VerifyError::NoChainKey)),
        "{verdict:?}"
    );
}

/// Files of an earlier build, the seeds of the fuzz targets: formats, hashes and parameters are still theirs.
#[test]
fn stored_proofs_still_verify() {
    let model = include_bytes!("../../../verifier/fuzz/seeds/model/mlp");
    let model = VerificationModel::from_bytes(model, &Limits::default()).unwrap();
    let real = &*tree::SHOWN;
    assert_eq!(model.id(), real.model().id());
    for bytes in [
        include_bytes!("../../../verifier/fuzz/seeds/proof/tree-shown").as_slice(),
        include_bytes!("../../../verifier/fuzz/seeds/proof/tree-hidden"),
        include_bytes!("../../../verifier/fuzz/seeds/proof/chain-shown"),
        include_bytes!("../../../verifier/fuzz/seeds/proof/chain-hidden"),
    ] {
        assert_eq!(refusal(real.verify_against(bytes, &model)), Refusal::None);
    }
}

/// What is done to a file.
#[derive(Clone, Debug)]
enum Damage {
    Flip { at: usize, bits: u8 },
    Truncate { to: usize },
    Extend { with: Vec<u8> },
    Swap { a: usize, b: usize, len: usize },
    Fill { at: usize, len: usize, with: u8 },
}

impl Damage {
    fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        let n = bytes.len();
        match *self {
            Self::Flip { at, bits } => out[at % n] ^= bits,
            Self::Truncate { to } => out.truncate(to % n),
            Self::Extend { ref with } => out.extend(with),
            Self::Swap { a, b, len } => {
                let len = len.min(n);
                for i in 0..len {
                    out.swap((a + i) % n, (b + i) % n);
                }
            }
            Self::Fill { at, len, with } => {
                let at = at % n;
                let end = (at + len).min(n);
                out[at..end].fill(with);
            }
        }
        out
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = || 0..1_usize << 20;
    prop_oneof![
        8 => (place(), 1..=u8::MAX).prop_map(|(at, bits)| Damage::Flip { at, bits }),
        1 => place().prop_map(|to| Damage::Truncate { to }),
        1 => prop::collection::vec(any::<u8>(), 1..100).prop_map(|with| Damage::Extend { with }),
        2 => (place(), place(), 1..64_usize).prop_map(|(a, b, len)| Damage::Swap { a, b, len }),
        2 => (place(), 1..64_usize, any::<u8>())
            .prop_map(|(at, len, with)| Damage::Fill { at, len, with }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_proofs_are_refused(damage in damage()) {
        for real in all() {
            let bytes = damage.apply(&real.bytes);
            let verdict = real.verify(&bytes);
            let panicked = matches!(
                verdict,
                Err(VerifyError::Nova(pleat_nova_circuits::chain::Error::VerifyPanic) | VerifyError::Aborted(_))
            );
            prop_assert!(!panicked);
            prop_assert_eq!(verdict.is_ok(), bytes == real.bytes);
            // A file that can be read is the file that would be written.
            if let Ok(proof) = Proof::from_bytes(&bytes, real.network()) {
                prop_assert_eq!(proof.to_bytes(real.network()), bytes);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_models_are_other_models(damage in damage()) {
        let model = tree::SHOWN.model();
        let original = model.to_bytes().unwrap();
        let bytes = damage.apply(&original);
        if let Ok(read) = VerificationModel::from_bytes(&bytes, &Limits::default()) {
            prop_assert_eq!(read.to_bytes().unwrap(), bytes.clone());
            prop_assert_eq!(read.id() == model.id(), bytes == original);
        }
    }
}
