//! Writes the seeds of the verifier's fuzz targets: models of the tests' small networks, and proofs about one of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool for developers"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;

use common::algebra::{commit, complete, key, prove_chain, prove_tree, public, traced};
use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::Parameters;
use pleat_verifier::fold::Mode;

fn main() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../verifier/fuzz/seeds");
    let write = |kind: &str, name: &str, bytes: &[u8]| {
        let folder = seeds.join(kind);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    };
    let mlp = common::dense::mlp([0, 1]);
    let models = [
        ("mlp", mlp.clone()),
        ("conv", common::conv_net()),
        ("maxpool", common::maxpool_net()),
        ("attention", common::attention_net()),
        ("views", common::views_only()),
    ];
    for (name, problem) in models {
        let model = commit(&problem);
        write("model", name, &model.verification().to_bytes().unwrap());
    }
    let parameters =
        Parameters::load_or_build(&CacheFolder::from_environment(), &mut |_| ()).unwrap();
    let model = commit(&mlp);
    let key = key(&model);
    for (name, shown) in [("shown", true), ("hidden", false)] {
        let run = |mode| {
            let mut traced = traced(&model, mode, &mlp.inputs, 3);
            traced.0.public = public(&model, &traced.0.columns, |_| shown);
            traced
        };
        let tree = prove_tree(run(Mode::Tree), &key);
        write(
            "proof",
            &format!("tree-{name}"),
            &tree.to_bytes(model.network()),
        );
        let chain = complete(&parameters, prove_chain(run(Mode::Chain), &key));
        write(
            "proof",
            &format!("chain-{name}"),
            &chain.to_bytes(model.network()),
        );
    }
}
