//! Every stage of a proof, on networks with names: a stage's input is made by the stages before it, outside the clock.
//!
//! Without `--bench`, as under `cargo test`, every stage runs once and only on the smallest network.
#![allow(missing_docs, clippy::unwrap_used, reason = "benches")]

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, criterion_group, criterion_main};
use pleat_bench::job::Subject;
use pleat_bench::measured_mode;
use pleat_bench::pleat::Case;
use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::{self, Parameters};
use pleat_nova_circuits::tree::Key;
use pleat_prover::columns::Columns;
use pleat_prover::execute::{block_values, execute};
use pleat_prover::fold::Fold;
use pleat_prover::fold::chain::Chain;
use pleat_prover::fold::tree::Tree;
use pleat_prover::stages::{
    Claimed, Committed, Contracted, Contracting, Fixed, Fractions, LookedUp, LookingUp, Opened,
    Traced,
};
use pleat_verifier::descriptor::Indices;
use pleat_verifier::fold::chain::Messages;
use pleat_verifier::fold::{Folded, Mode};
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::{Proof, PublicValues};
use pleat_verifier::verify::{Keys, verify};
use rand_core::OsRng;

fn subjects() -> Vec<(&'static str, Subject)> {
    let all = [
        ("credit", Subject::Credit),
        ("mnist-8", Subject::Mnist),
        ("deep-128", Subject::Deep { depth: 128 }),
    ];
    let count = if measured_mode() { all.len() } else { 1 };
    all.into_iter().take(count).collect()
}

/// Everything that the stages of one network need, in one mode.
struct Bench<'a, B: Fold> {
    case: &'a Case,
    key: &'a OpeningKey,
    fold: fn() -> B::Key<'static>,
}

// Each gives the input of the stage that it is named after.
impl<'a, B: Fold> Bench<'a, B> {
    fn columns(&self) -> Columns {
        let network = self.case.model.network();
        let inputs = [self.case.input.clone()];
        let trace = execute(network, self.case.model.weights(), &inputs).unwrap();
        Columns::new(network, trace)
    }
    fn traced(&self) -> Traced<'a> {
        let network = self.case.model.network();
        let columns = self.columns();
        let ports = network.descriptor().ports().enumerate();
        let shown = ports.map(|(i, p)| {
            let output = i >= network.descriptor().inputs.len();
            output.then(|| block_values(network, p.node, &columns.y))
        });
        let public = PublicValues::new(shown.collect(), Indices::default());
        Traced::new(&self.case.model, B::MODE, columns, public, &mut OsRng)
    }
    fn committed(&self) -> Committed<'a> {
        self.traced().commit(self.key)
    }
    fn fractions(&self) -> Fractions<'a> {
        self.committed().fractions().unwrap()
    }
    fn fixed(&self) -> Fixed<'a> {
        self.fractions().commit(self.key)
    }
    fn claimed(&self) -> Claimed<'a> {
        self.fixed().claims()
    }
    fn contracting(&self) -> Contracting<'a, B> {
        self.claimed().bind((self.fold)(), &mut OsRng)
    }
    fn contracted(&self) -> Contracted<'a, B> {
        self.contracting().run(&mut OsRng)
    }
    fn looking_up(&self) -> LookingUp<'a, B> {
        self.contracted().bind(&mut OsRng)
    }
    fn looked_up(&self) -> LookedUp<'a, B> {
        self.looking_up().run(&mut OsRng)
    }
    fn opened(&self) -> Opened<'a, B> {
        self.looked_up().bind(&mut OsRng).run(&mut OsRng)
    }
}

fn stage<I, O>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    input: impl Fn() -> I,
    run: impl Fn(I) -> O,
) {
    group.bench_function(name, |b| {
        b.iter_batched(&input, &run, BatchSize::PerIteration)
    });
}

/// The stages that both modes have.
fn shared<B: Fold>(group: &mut BenchmarkGroup<'_, WallTime>, bench: &Bench<'_, B>) {
    let key = bench.key;
    let name = |stage: &str| format!("{} {stage}", B::MODE);
    let rng = || OsRng;
    stage(
        group,
        &name("claims"),
        || bench.fixed(),
        |s| s.claims().bind::<B>((bench.fold)(), &mut rng()),
    );
    stage(
        group,
        &name("contract"),
        || bench.contracting(),
        |s| s.run(&mut rng()).bind(&mut rng()),
    );
    stage(
        group,
        &name("lookup"),
        || bench.looking_up(),
        |s| s.run(&mut rng()),
    );
    stage(
        group,
        &name("open"),
        || bench.looked_up(),
        |s| s.bind(&mut rng()).run(&mut rng()),
    );
    if B::MODE == Mode::Chain {
        return;
    }
    stage(group, "commit", || bench.traced(), |s| s.commit(key));
    stage(
        group,
        "fractions",
        || bench.committed(),
        |s| s.fractions().unwrap(),
    );
    stage(
        group,
        "commit fractions",
        || bench.fractions(),
        |s| s.commit(key),
    );
}

fn stages(c: &mut Criterion) {
    let nova = Parameters::load_or_build(&CacheFolder::from_environment(), &mut |_| {}).unwrap();
    for (name, subject) in subjects() {
        let case = subject.case().unwrap();
        let network = case.model.network();
        let key = OpeningKey::derive(network.row_bits());
        let mut group = c.benchmark_group(name);
        group.sample_size(10);
        let inputs = [case.input.clone()];
        group.bench_function("execute", |b| {
            b.iter(|| execute(network, case.model.weights(), &inputs).unwrap());
        });
        let tree = Bench::<Tree> {
            case: &case,
            key: &key,
            fold: Key::embedded,
        };
        shared(&mut group, &tree);
        let chain = Bench::<Chain> {
            case: &case,
            key: &key,
            fold: || (),
        };
        shared(&mut group, &chain);

        let model = case.model.verification();
        let keys = Keys {
            opening: &key,
            chain: Some(nova.verifier_key()),
        };
        let stated = tree.opened().state().unwrap();
        group.bench_function("opening", |b| b.iter(|| stated.open(&key).unwrap()));
        group.bench_function("tree fold", |b| b.iter(|| stated.fold(&mut OsRng).unwrap()));
        let proof = Proof {
            messages: stated.open(&key).unwrap(),
            folded: Folded::Tree(Box::new(stated.fold(&mut OsRng).unwrap())),
        };
        group.bench_function("tree verify", |b| {
            b.iter(|| verify(keys, model, &proof).unwrap());
        });

        let opened = chain.opened();
        let steps = opened.steps();
        let fold = || params::fold(&nova, &steps.start, &steps.steps, &mut |_| {}).unwrap();
        group.bench_function("chain fold", |b| b.iter(fold));
        let folded = fold();
        let compress = || params::compress(&nova, &folded).unwrap();
        group.bench_function("chain compress", |b| b.iter(compress));
        let (messages, advice) = opened.open(&key).unwrap();
        let nova = compress();
        let proof = Proof {
            messages,
            folded: Folded::Chain(Messages { advice, nova }),
        };
        group.bench_function("chain verify", |b| {
            b.iter(|| verify(keys, model, &proof).unwrap());
        });
        group.finish();
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
