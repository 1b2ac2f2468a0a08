//! What a proof shares with another one of the same run, and what its length depends on.

use crate::network::{Integers, Stack};
use ff::Field;
use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::Parameters;
use pleat_nova_circuits::cycle::F;
use pleat_prover::prove::{Folding, Keys, Request, Visibility, prove, unheard};
use pleat_prover::{OpeningKey, ProvingModel};
use pleat_verifier::Mode;
use pleat_verifier::fold::Folded;
use pleat_verifier::network::Column;
use pleat_verifier::places::{Place, Places};
use pleat_verifier::proof::{Proof, proof_bytes};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static NOVA: LazyLock<Parameters> = LazyLock::new(|| {
    Parameters::load_or_build(&CacheFolder::from_environment(), &mut |_| {}).unwrap()
});

const STACK: Stack = Stack {
    digit_bits: 5,
    row_bits: 2,
    width: 5,
    layers: 3,
};

const SHOW_OUTPUTS: Visibility = Visibility {
    inputs: false,
    outputs: true,
};

fn committed(integers: &Integers) -> ProvingModel {
    let descriptor = STACK.network().descriptor().clone();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let weights = integers.weights.clone();
    ProvingModel::commit(descriptor, weights, String::new(), &mut rng).unwrap()
}

fn folding(mode: Mode) -> Folding<'static> {
    match mode {
        Mode::Tree => Folding::Tree,
        Mode::Chain => Folding::Chain(&NOVA),
    }
}

fn proof(model: &ProvingModel, integers: &Integers, mode: Mode, seed: u64) -> Proof {
    let opening = OpeningKey::derive(model.network().row_bits());
    let keys = Keys {
        opening: &opening,
        folding: folding(mode),
    };
    let request = Request {
        inputs: &integers.inputs,
        indices: &[],
        visibility: SHOW_OUTPUTS,
        linked: &[],
    };
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let proved = prove(model, keys, &request, &mut rng, &mut unheard).unwrap();
    proved.proof
}

/// All strings of 16 bytes in what follows the statement: every point and scalar, wherever it begins, is two of them.
fn parts(proof: &Proof) -> BTreeSet<Vec<u8>> {
    let mut proof = proof.clone();
    if let Folded::Tree(own) = &mut proof.folded {
        // A public constant: each row is satisfied, and so is the sum over the even ones.
        let [first, ..] = &mut own.fold.last.outer[0];
        assert_eq!(*first, F::ZERO);
        *first = proof.messages.opening.blind.square();
    }
    let network = STACK.network();
    let bytes = proof.to_bytes(&network);
    let hidden = Places::new(&network, Place::Elsewhere, Place::Elsewhere);
    let shown = bytes.len() - proof.to_bytes_with(&network, &hidden).len();
    let ports = proof.messages.public.ports();
    // Magic, version, model id, mode, flags, shown values.
    let statement = 8 + 2 + 32 + 1 + ports.len() + shown;
    let parts = bytes[statement..].windows(16);
    // Nova's proof has lengths, zeros (balances) and ones.
    let is_small = |part: &[u8]| part.iter().filter(|byte| **byte != 0).count() < 3;
    let is_chain = proof.mode() == Mode::Chain;
    let parts = parts.filter(|part| !(is_chain && is_small(part)));
    parts.map(<[u8]>::to_vec).collect()
}

fn shared(one: &Proof, other: &Proof) -> usize {
    parts(one).intersection(&parts(other)).count()
}

/// Two proofs of one run have nothing in common but the statement, of which mode they ever are. (`W`'s rows are the model's, and in
/// no proof.)
#[test]
fn proofs_of_one_run_share_nothing() {
    let integers = STACK.random(4);
    let model = committed(&integers);
    let modes = [Mode::Tree, Mode::Tree, Mode::Chain, Mode::Chain];
    // Each from a generator of its own: two proofs from one state of a generator would share their masks.
    let proofs: Vec<Proof> = (10..)
        .zip(modes)
        .map(|(seed, mode)| proof(&model, &integers, mode, seed))
        .collect();
    for (i, one) in proofs.iter().enumerate() {
        assert_eq!(one.mode(), modes[i]);
        for (j, other) in proofs[..i].iter().enumerate() {
            assert_eq!(
                shared(one, other),
                0,
                "{} and {}, {i} and {j}",
                modes[i],
                modes[j]
            );
        }
    }
    // The comparison would find what is shared.
    let one = &proofs[0];
    let mut other = proofs[1].clone();
    assert_eq!(shared(one, &other), 0);
    let rows = one.messages.commitments.rows(Column::Y).to_vec();
    other.messages.commitments.set_rows(Column::Y, rows);
    assert!(shared(one, &other) > 0);
    let mut other = proofs[1].clone();
    other.messages.opening.blind = one.messages.opening.blind;
    assert!(shared(one, &other) > 0);
}

/// Length and mode depend on the descriptor and on what is shown.
#[test]
fn lengths_are_those_of_the_descriptor() {
    let network = STACK.network();
    let places = Places::new(&network, Place::Hidden, Place::Here);
    for mode in Mode::ALL {
        let expected = proof_bytes(&network, mode, &places);
        for integers in [
            STACK.extreme(0),
            STACK.extreme(1),
            STACK.extreme(-1),
            STACK.random(5),
        ] {
            let model = committed(&integers);
            assert_eq!(Mode::shorter(model.network()), Mode::shorter(&network));
            let proof = proof(&model, &integers, mode, 20);
            assert_eq!(proof.mode(), mode);
            assert_eq!(proof.to_bytes(model.network()).len(), expected, "{mode}");
        }
    }
}
