//! A transformer on real weights: the sums of two digits, by a block with a norm, rotary positions, causal attention and a gated
//! layer. Its ids are public indices.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::path::PathBuf;
use std::sync::OnceLock;

use common::algebra::{check_both, key, traced_on};
use ndarray::ArrayD;
use pleat_prover::compile::{CompileOptions, Compiled, compile, unheard};
use pleat_prover::data::{InputSpec, load_inputs};
use pleat_prover::execute::{Executor, Trace, block_values, weight_column};
use pleat_prover::model::ProvingModel;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::fold::Mode;
use pleat_verifier::network::Network;
use pleat_verifier::places::{Place, Places};
use pleat_verifier::proof::proof_bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tract_onnx::prelude::*;

const TOKENS: usize = 8;
const WORDS: usize = 27;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(name)
}

fn sums() -> Vec<Vec<ArrayD<f32>>> {
    let spec = InputSpec {
        name: "ids".to_owned(),
        shape: vec![1, TOKENS],
    };
    let path = file("mathformer-sums.npz");
    let stack = load_inputs(path.to_str().unwrap(), &[spec])
        .unwrap()
        .remove(0);
    (0..stack.len())
        .map(|i| vec![stack.get(i).unwrap()])
        .collect()
}

fn compiled() -> &'static Compiled {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let model = file("mathformer_add_L8.onnx");
        compile(&model, &sums(), &CompileOptions::default(), &mut unheard).unwrap()
    })
}

fn ids(sample: &[ArrayD<f32>]) -> Vec<u32> {
    sample[0].iter().map(|v| *v as u32).collect()
}

fn argmax<T: PartialOrd + Copy>(row: &[T]) -> usize {
    (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// Logits of the float network.
fn float_logits(samples: &[Vec<ArrayD<f32>>]) -> Vec<Vec<f32>> {
    let model = tract_onnx::onnx()
        .model_for_path(file("mathformer_add_L8.onnx"))
        .unwrap()
        .into_optimized()
        .unwrap()
        .into_runnable()
        .unwrap();
    let run = |sample: &Vec<ArrayD<f32>>| {
        let ids: Vec<i64> = sample[0].iter().map(|v| *v as i64).collect();
        let input = Tensor::from_shape(&[1, TOKENS], &ids).unwrap();
        let output = model.run(tvec!(input.into_tvalue())).unwrap();
        let logits = output[0].to_plain_array_view::<f32>().unwrap();
        logits.iter().copied().collect()
    };
    samples.iter().map(run).collect()
}

#[test]
fn choices_are_the_float_networks() {
    let compiled = compiled();
    let network = Network::new(compiled.descriptor.clone(), &Limits::default()).unwrap();
    let column = weight_column(&network, &compiled.weights).unwrap();
    let executor = Executor::new(&network, &column).unwrap();
    let samples = sums();
    let output = network.descriptor().outputs[0].node;
    let (mut same, mut all) = (0, 0);
    for (sample, logits) in samples.iter().zip(float_logits(&samples)) {
        let trace = executor.run_on(&[], &[ids(sample)]).unwrap();
        let integers = block_values(&network, output, &trace.y);
        for (position, (float, integer)) in
            logits.chunks(WORDS).zip(integers.chunks(WORDS)).enumerate()
        {
            let choice = argmax(float);
            let second = (0..WORDS).filter(|i| *i != choice).map(|i| float[i]);
            let lead = float[choice] - second.fold(f32::MIN, f32::max);
            let agrees = argmax(integer) == choice;
            assert!(
                agrees || lead < 0.5,
                "{:?}, position {position}: {choice} leads by {lead}",
                ids(sample)
            );
            same += usize::from(agrees);
            all += 1;
        }
    }
    assert_eq!(all, 800);
    assert!(100 * same >= 97 * all, "{same}");
}

#[test]
fn a_sum_is_proved_in_both_modes() {
    let compiled = compiled();
    let network = Network::new(compiled.descriptor.clone(), &Limits::default()).unwrap();
    let places = Places::new(&network, Place::Hidden, Place::Here);
    assert!(proof_bytes(&network, Mode::Tree, &places) <= 9_000);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let model = ProvingModel::commit(
        compiled.descriptor.clone(),
        compiled.weights.clone(),
        String::new(),
        &mut rng,
    );
    let model = model.unwrap();
    let key = key(&model);
    let ids = ids(&sums()[42]);
    let verdicts = check_both(&model, &key, |mode| {
        traced_on(&model, mode, (&[], std::slice::from_ref(&ids)), 1)
    });
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
}

/// Ids that are no index port but ones among zeros: nobody sees them, and two ones in a place are none.
#[test]
fn hidden_ids_choose_the_same() {
    let model = file("mathformer_add_L8.onnx");
    let options = CompileOptions {
        hide: vec!["ids".to_owned()],
        ..CompileOptions::default()
    };
    let hidden = compile(&model, &sums(), &options, &mut unheard).unwrap();
    assert!(hidden.descriptor.indices.is_empty());
    assert_eq!(hidden.descriptor.inputs[0].shape, [1, TOKENS, WORDS]);
    let network = Network::new(hidden.descriptor.clone(), &Limits::default()).unwrap();
    let column = weight_column(&network, &hidden.weights).unwrap();
    let executor = Executor::new(&network, &column).unwrap();
    let public = compiled();
    let shown = Network::new(public.descriptor.clone(), &Limits::default()).unwrap();
    let column = weight_column(&shown, &public.weights).unwrap();
    let reference = Executor::new(&shown, &column).unwrap();
    let output = |network: &Network, trace: &Trace| {
        let node = network.descriptor().outputs[0].node;
        block_values(network, node, &trace.y)
    };
    let ones = |ids: &[u32]| -> Vec<i32> {
        let words = ids.iter().flat_map(|id| (0..WORDS).map(move |w| (w, id)));
        words.map(|(w, id)| i32::from(w == *id as usize)).collect()
    };
    for sample in sums().iter().take(20) {
        let ids = ids(sample);
        let trace = executor.run_on(&[ones(&ids)], &[]).unwrap();
        let expected = reference.run_on(&[], &[ids]).unwrap();
        assert_eq!(output(&network, &trace), output(&shown, &expected));
    }

    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let model = ProvingModel::commit(hidden.descriptor, hidden.weights, String::new(), &mut rng);
    let model = model.unwrap();
    let key = key(&model);
    let given = ones(&ids(&sums()[42]));
    let prove = |given: &Vec<i32>| {
        check_both(&model, &key, |mode| {
            traced_on(&model, mode, (std::slice::from_ref(given), &[]), 1)
        })
    };
    let verdicts = prove(&given);
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
    let mut two = given.clone();
    let zero = (0..WORDS).find(|w| two[*w] == 0).unwrap();
    two[zero] = 1;
    assert!(executor.run_on(&[two], &[]).is_err());
    let mut halves = given;
    halves[0] = 2;
    assert!(executor.run_on(&[halves], &[]).is_err());
}
