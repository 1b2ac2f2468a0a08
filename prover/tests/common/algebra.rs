//! Proofs step by step: the prover's stages, and the full verifier. Proofs of committed steps are whole; those of the chain stop
//! short of Nova, whose steps are executed natively. There, only `dig` binds the prover's words, as in a real proof.

use pleat_nova_circuits::chain::params::{Parameters, prove_steps};
use pleat_nova_circuits::chain::step::{State, step};
use pleat_nova_circuits::tree::Key;
use pleat_prover::columns::Columns;
use pleat_prover::execute::{Executor, block_values};
use pleat_prover::fold::Fold;
use pleat_prover::fold::chain::{Chain, Steps};
use pleat_prover::fold::tree::Tree;
use pleat_prover::model::ProvingModel;
use pleat_prover::stages::{Opened, Traced};
use pleat_verifier::error::VerifyError;
use pleat_verifier::fold::chain::{Advice, verify_with};
use pleat_verifier::fold::{self, Folded, Mode};
use pleat_verifier::model::VerificationModel;
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::{Messages, Proof, PublicValues};
use pleat_verifier::transcript::Statement;
use pleat_verifier::verify::{Keys, verify};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::Problem;

pub fn commit(problem: &Problem) -> ProvingModel {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let descriptor = problem.network.descriptor().clone();
    ProvingModel::commit(descriptor, problem.weights.clone(), String::new(), &mut rng).unwrap()
}

pub fn key(model: &ProvingModel) -> OpeningKey {
    OpeningKey::derive(model.network().row_bits())
}

/// The public values of a run that shows the ports for which `show` says so.
pub fn public(
    model: &ProvingModel,
    columns: &Columns,
    show: impl Fn(usize) -> bool,
) -> PublicValues {
    let network = model.network();
    let value = |(i, port): (usize, &pleat_verifier::descriptor::Port)| {
        show(i).then(|| block_values(network, port.node, &columns.y))
    };
    PublicValues::new(
        network
            .descriptor()
            .ports()
            .enumerate()
            .map(value)
            .collect(),
        columns.indices.clone(),
    )
}

/// A run of the network, all ports shown.
pub fn traced<'m>(
    model: &'m ProvingModel,
    mode: Mode,
    inputs: &[Vec<i32>],
    seed: u64,
) -> Traced<'m> {
    traced_on(model, mode, (inputs, &[]), seed)
}

/// [`traced`], with indices that are given.
pub fn traced_on<'m>(
    model: &'m ProvingModel,
    mode: Mode,
    (inputs, given): (&[Vec<i32>], &[Vec<u32>]),
    seed: u64,
) -> Traced<'m> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let executor = Executor::new(model.network(), model.weights()).unwrap();
    let trace = executor.run_on(inputs, given).unwrap();
    let columns = Columns::new(model.network(), trace);
    let public = public(model, &columns, |_| true);
    Traced::new(model, mode, columns, public, &mut rng)
}

/// All stages up to the columns' values, in order.
pub fn sumchecks<'m, B: Fold>(
    traced: Traced<'m>,
    key: &OpeningKey,
    fold: B::Key<'_>,
    rng: &mut ChaCha20Rng,
) -> Opened<'m, B> {
    let fixed = traced.commit(key).fractions().unwrap().commit(key);
    let contracting = fixed.claims().bind::<B>(fold, rng);
    let looking = contracting.run(rng).bind(rng);
    looking.run(rng).bind(rng).run(rng)
}

/// A proof of committed steps.
pub fn prove_tree(traced: Traced<'_>, key: &OpeningKey) -> Proof {
    prove_tree_with(traced, key, 11)
}

/// [`prove_tree`], with other blinds and another random instance.
pub fn prove_tree_with(traced: Traced<'_>, key: &OpeningKey, seed: u64) -> Proof {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let opened = sumchecks::<Tree>(traced, key, Key::embedded(), &mut rng);
    let stated = opened.state().unwrap();
    let folded = stated.fold(&mut rng).unwrap();
    Proof {
        messages: stated.open(key).unwrap(),
        folded: Folded::Tree(Box::new(folded)),
    }
}

/// The full verifier of committed steps, from bytes.
pub fn verify_tree(
    model: &VerificationModel,
    key: &OpeningKey,
    proof: &Proof,
) -> Result<(), VerifyError> {
    let proof = Proof::from_bytes(&proof.to_bytes(model.network()), model.network())?;
    let keys = Keys {
        opening: key,
        chain: None,
    };
    verify(keys, model, &proof)
}

/// A proof of the chain in which the steps stand for Nova's proof of them.
#[derive(Clone)]
pub struct Executed {
    pub messages: Messages,
    pub advice: Advice,
    pub steps: Steps,
}

/// All stages of a proof of the chain.
pub fn prove_chain(traced: Traced<'_>, key: &OpeningKey) -> Executed {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let opened = sumchecks::<Chain>(traced, key, (), &mut rng);
    let steps = opened.steps();
    let (messages, advice) = opened.open(key).unwrap();
    Executed {
        messages,
        advice,
        steps,
    }
}

/// The whole proof, with Nova's of its steps.
pub fn complete(parameters: &Parameters, executed: Executed) -> Proof {
    let Executed {
        messages,
        advice,
        steps,
    } = executed;
    let nova = prove_steps(parameters, &steps.start, &steps.steps, &mut |_| ()).unwrap();
    Proof {
        messages,
        folded: Folded::Chain(fold::chain::Messages { advice, nova }),
    }
}

/// The full verifier of the chain, the steps executed natively.
pub fn verify_chain(
    model: &VerificationModel,
    key: &OpeningKey,
    proof: &Executed,
) -> Result<(), VerifyError> {
    let Executed {
        messages,
        advice,
        steps,
    } = proof;
    if messages.model != model.id() {
        return Err(VerifyError::OtherModel {
            got: messages.model.to_string(),
            expected: model.id().to_string(),
        });
    }
    let statement = Statement::new(Mode::Chain, &model.id().0, &messages.public);
    let fixed = statement
        .trace(&messages.commitments)
        .fractions(model.network(), &messages.commitments);
    verify_with(key, model, messages, advice, fixed, |program| {
        assert_eq!(program.words.len(), steps.steps.len());
        let run = |state: State, (words, witness)| {
            step(&state, words, witness).map_err(VerifyError::Step)
        };
        steps
            .steps
            .iter()
            .map(|(words, witness)| (words, witness))
            .try_fold(program.start, run)
    })
}

/// Proves a run in both modes and verifies both.
pub fn check_both<'m>(
    model: &'m ProvingModel,
    key: &OpeningKey,
    traced: impl Fn(Mode) -> Traced<'m>,
) -> [Result<(), VerifyError>; 2] {
    let tree = prove_tree(traced(Mode::Tree), key);
    let chain = prove_chain(traced(Mode::Chain), key);
    let model = model.verification();
    [
        verify_tree(model, key, &tree),
        verify_chain(model, key, &chain),
    ]
}
