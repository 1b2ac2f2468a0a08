//! Folders as Hugging Face has them: what is compiled computes what plain loops compute, and is proved; bad folders are refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "tests"
)]

#[path = "../common/mod.rs"]
mod common;
mod folder;
mod naive;

use std::fs;
use std::path::Path;

use common::algebra::{check_both, key, traced_on};
use folder::{Dtype, Tensors, bert_config, config, gpt2_config, llama_config};
use ndarray::ArrayD;
use pleat_prover::compile::{CompileOptions, Compiled, compile, random_ids, unheard};
use pleat_prover::execute::{Executor, Trace, block_values, weight_column};
use pleat_prover::model::ProvingModel;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::network::Network;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::json;
use tempfile::TempDir;

const TOKENS: usize = 5;

type Samples = Vec<Vec<ArrayD<f32>>>;

fn options(last: Option<usize>, best: bool) -> CompileOptions {
    CompileOptions {
        tokens: Some(TOKENS),
        last,
        best: if best {
            vec!["logits".to_owned()]
        } else {
            Vec::new()
        },
        headroom: 0.5,
        ..CompileOptions::default()
    }
}

fn compiled(folder: &Path, options: &CompileOptions) -> (Compiled, Samples) {
    let samples = random_ids(folder, options, 32).unwrap();
    (
        compile(folder, &samples, options, &mut unheard).unwrap(),
        samples,
    )
}

fn ids(sample: &[ArrayD<f32>]) -> Vec<usize> {
    sample[0].iter().map(|v| *v as usize).collect()
}

/// Runs the integer network on some samples.
fn traces(compiled: &Compiled, samples: &Samples, each: &mut dyn FnMut(&Network, &[usize], Trace)) {
    let network = Network::new(compiled.descriptor.clone(), &Limits::default()).unwrap();
    let column = weight_column(&network, &compiled.weights).unwrap();
    let executor = Executor::new(&network, &column).unwrap();
    for sample in &samples[..8] {
        let ids = ids(sample);
        let given = ids.iter().map(|id| u32::try_from(*id).unwrap()).collect();
        each(&network, &ids, executor.run_on(&[], &[given]).unwrap());
    }
}

/// Demands that outputs are within a hundredth of the largest of what plain loops give.
fn agrees(compiled: &Compiled, samples: &Samples, naive: &dyn Fn(&[usize]) -> Vec<f64>) {
    traces(compiled, samples, &mut |network, ids, trace| {
        let port = &network.descriptor().outputs[0];
        let values = block_values(network, port.node, &trace.y);
        let expected = naive(ids);
        assert_eq!(values.len(), expected.len());
        let largest = expected.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        for (got, expected) in values.iter().zip(&expected) {
            let got = f64::from(*got) * port.scale;
            assert!(
                (got - expected).abs() < 0.01 * largest,
                "{ids:?}: {got} instead of {expected}"
            );
        }
    });
}

fn proves(compiled: &Compiled, sample: &[ArrayD<f32>]) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (descriptor, weights) = (compiled.descriptor.clone(), compiled.weights.clone());
    let model = ProvingModel::commit(descriptor, weights, String::new(), &mut rng).unwrap();
    let bytes = model.to_bytes().unwrap();
    let model = ProvingModel::from_bytes(&bytes).unwrap();
    let key = key(&model);
    let given: Vec<u32> = ids(sample)
        .iter()
        .map(|id| u32::try_from(*id).unwrap())
        .collect();
    let verdicts = check_both(&model, &key, |mode| {
        traced_on(&model, mode, (&[], std::slice::from_ref(&given)), 1)
    });
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
}

fn gpt2() -> (TempDir, Tensors) {
    let dir = tempfile::tempdir().unwrap();
    let tensors = Tensors::gpt2(2);
    config(dir.path(), &gpt2_config(2));
    tensors.write(dir.path(), Dtype::F32, 1);
    (dir, tensors)
}

#[test]
fn gpt2_computes_what_it_should() {
    let (dir, tensors) = gpt2();
    let (compiled, samples) = compiled(dir.path(), &options(None, false));
    agrees(&compiled, &samples, &|ids| {
        naive::gpt2(&tensors, ids, 2, 3).concat()
    });
    proves(&compiled, &samples[3]);
}

#[test]
fn the_last_tokens_choice_is_the_largest_logit() {
    let (dir, tensors) = gpt2();
    let (compiled, samples) = compiled(dir.path(), &options(Some(1), true));
    assert!(compiled.descriptor.outputs.is_empty());
    let mut same = 0;
    traces(&compiled, &samples, &mut |_, ids, trace| {
        let logits = naive::gpt2(&tensors, ids, 2, 3).pop().unwrap();
        let answer = trace.indices.of(1)[0] as usize;
        let largest = logits.iter().fold(f64::MIN, |m, v| m.max(*v));
        assert!(largest - logits[answer] < 0.02, "{logits:?}: {answer}");
        same += 1;
    });
    assert_eq!(same, 8);
    proves(&compiled, &samples[3]);
    // The embedding is stored once, read as table and as head.
    let blocks = &compiled.descriptor.weights;
    assert_eq!(blocks.iter().filter(|b| b.shape == [11, 12]).count(), 1);
}

#[test]
fn llama_computes_what_it_should() {
    for (tied, dtype, files) in [(false, Dtype::Bf16, 3), (true, Dtype::F16, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let tensors = Tensors::llama(2, tied);
        config(dir.path(), &llama_config(2, tied));
        tensors.write(dir.path(), dtype, files);
        let (compiled, samples) = compiled(dir.path(), &options(Some(2), false));
        agrees(&compiled, &samples, &|ids| {
            naive::llama(&tensors, ids, 2, 4, 2)[TOKENS - 2..].concat()
        });
        if !tied {
            proves(&compiled, &samples[3]);
        }
    }
}

#[test]
fn bert_computes_what_it_should() {
    let dir = tempfile::tempdir().unwrap();
    let tensors = Tensors::bert(2);
    config(dir.path(), &bert_config(2));
    tensors.write(dir.path(), Dtype::F16, 1);
    fs::create_dir(dir.path().join("1_Pooling")).unwrap();
    let pooling = json!({"word_embedding_dimension": 8, "pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false});
    fs::write(
        dir.path().join("1_Pooling/config.json"),
        pooling.to_string(),
    )
    .unwrap();
    let modules = json!([{"type": "sentence_transformers.models.Normalize"}]);
    fs::write(dir.path().join("modules.json"), modules.to_string()).unwrap();
    let (compiled, samples) = compiled(dir.path(), &options(None, false));
    agrees(&compiled, &samples, &|ids| naive::bert(&tensors, ids, 2, 2));
    proves(&compiled, &samples[3]);
}

/// The same weights by way of a graph that somebody else wrote give the same choices.
#[test]
fn mathformer_chooses_as_through_onnx() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
    let path = testdata.join("mathformer-sums.npz");
    let spec = pleat_prover::data::InputSpec {
        name: "ids".to_owned(),
        shape: vec![1, 8],
    };
    let stack = pleat_prover::data::load_inputs(path.to_str().unwrap(), &[spec])
        .unwrap()
        .remove(0);
    let samples: Samples = (0..stack.len())
        .map(|i| vec![stack.get(i).unwrap()])
        .collect();
    let own = CompileOptions {
        tokens: Some(8),
        ..CompileOptions::default()
    };
    let ours = compile(
        &testdata.join("mathformer_add"),
        &samples,
        &own,
        &mut unheard,
    )
    .unwrap();
    let onnx = testdata.join("mathformer_add_L8.onnx");
    let theirs = compile(&onnx, &samples, &CompileOptions::default(), &mut unheard).unwrap();
    let logits = |compiled: &Compiled| {
        let mut all: Vec<Vec<f64>> = Vec::new();
        traces(compiled, &samples, &mut |network, _, trace| {
            let port = &network.descriptor().outputs[0];
            let values = block_values(network, port.node, &trace.y);
            all.push(values.iter().map(|v| f64::from(*v) * port.scale).collect());
        });
        all.concat()
    };
    let (ours, theirs) = (logits(&ours), logits(&theirs));
    let largest = theirs.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 0.03 * largest, "{a} and {b}");
    }
    let choice = |row: &[f64]| (0..27).fold(0, |best, i| if row[i] > row[best] { i } else { best });
    let same = ours
        .chunks(27)
        .zip(theirs.chunks(27))
        .filter(|(a, b)| choice(a) == choice(b));
    assert!(same.count() >= 63);
}

/// What is said of a folder that cannot be compiled.
fn refusal(folder: &Path, options: &CompileOptions) -> String {
    let sample = vec![ArrayD::zeros(vec![1, options.tokens.unwrap()])];
    compile(folder, &[sample], options, &mut unheard)
        .unwrap_err()
        .to_string()
}

#[test]
fn bad_folders_are_refused() {
    let own = options(None, false);
    let (dir, tensors) = gpt2();
    let says = |what: &str, options: &CompileOptions| {
        let message = refusal(dir.path(), options);
        assert!(message.contains(what), "{message}");
    };
    let longer = CompileOptions {
        tokens: Some(9),
        ..own.clone()
    };
    says("asked for 9 tokens, and has positions for 1 to 8", &longer);
    says("option last is 6", &options(Some(6), false));
    let outputs = CompileOptions {
        best: vec!["scores".to_owned()],
        ..own.clone()
    };
    says("no output scores", &outputs);

    let name = "transformer.h.1.mlp.c_fc.weight";
    let mut missing = tensors.clone();
    missing.0.remove(name);
    missing.write(dir.path(), Dtype::F32, 1);
    says(&format!("have no tensor {name}"), &own);

    let mut turned = tensors.clone();
    turned.0.get_mut(name).unwrap().0 = vec![48, 12];
    turned.write(dir.path(), Dtype::F32, 1);
    says("has shape [48, 12], config.json implies [12, 48]", &own);

    let mut odd = tensors.clone();
    odd.0.get_mut(name).unwrap().1[3] = f32::NAN;
    odd.write(dir.path(), Dtype::F32, 1);
    says("has a value NaN", &own);

    tensors.write(dir.path(), Dtype::F32, 1);
    let file = dir.path().join("model.safetensors");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    says("is not where its header says", &own);
    fs::write(&file, b"PK").unwrap();
    says("shorter than a header", &own);
    fs::remove_file(&file).unwrap();
    says("there is no model.safetensors", &own);

    config(dir.path(), &json!({"model_type": "t5"}));
    says("supported families are gpt2, llama and bert", &own);
    let mut scaled = llama_config(1, false);
    scaled["rope_scaling"] = json!({"factor": 8.0});
    config(dir.path(), &scaled);
    says("rope_scaling is", &own);
    fs::remove_file(dir.path().join("config.json")).unwrap();
    says("there is no config.json", &own);
}

#[test]
fn ids_beyond_the_vocabulary_are_refused() {
    let (dir, _) = gpt2();
    let own = options(None, false);
    let sample = vec![ArrayD::from_elem(vec![1, TOKENS], 11.0)];
    let message = compile(dir.path(), &[sample], &own, &mut unheard)
        .unwrap_err()
        .to_string();
    assert!(message.contains("11 is no token id below 11"), "{message}");
    let long = vec![ArrayD::zeros(vec![1, TOKENS + 1])];
    let message = compile(dir.path(), &[long], &own, &mut unheard)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("the model takes input_ids int64 [1, 5]"),
        "{message}"
    );
}
