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
use pleat_prover::columns::Columns;
use pleat_prover::execute::{block_values, execute};
use pleat_prover::stages::{
    Claimed, Committed, Contracted, Contracting, Fixed, Fractions, LookedUp, LookingUp, Opened,
    Traced,
};
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::{Proof, PublicValues};
use pleat_verifier::verify::verify;
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

/// Everything that the stages of one network need.
struct Bench<'a> {
    case: &'a Case,
    key: &'a OpeningKey,
    nova: &'a Parameters,
}

// Each gives the input of the stage that it is named after.
impl<'a> Bench<'a> {
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
        let public = PublicValues::new(shown.collect());
        Traced::new(&self.case.model, columns, public, &mut OsRng)
    }
    fn committed(&self) -> Committed<'a> {
        self.traced().commit(self.key, &self.nova.digest())
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
    fn contracting(&self) -> Contracting<'a> {
        self.claimed().bind()
    }
    fn contracted(&self) -> Contracted<'a> {
        self.contracting().run(&mut OsRng)
    }
    fn looking_up(&self) -> LookingUp<'a> {
        self.contracted().bind()
    }
    fn looked_up(&self) -> LookedUp<'a> {
        self.looking_up().run(&mut OsRng)
    }
    fn opened(&self) -> Opened<'a> {
        self.looked_up().bind().run(&mut OsRng)
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

fn stages(c: &mut Criterion) {
    let nova = Parameters::load_or_build(&CacheFolder::from_environment(), &mut |_| {}).unwrap();
    for (name, subject) in subjects() {
        let case = subject.case().unwrap();
        let network = case.model.network();
        let key = OpeningKey::derive(network.row_bits());
        let bench = Bench {
            case: &case,
            key: &key,
            nova: &nova,
        };
        let mut group = c.benchmark_group(name);
        group.sample_size(10);
        let inputs = [case.input.clone()];
        group.bench_function("execute", |b| {
            b.iter(|| execute(network, case.model.weights(), &inputs).unwrap());
        });
        let digest = nova.digest();
        stage(
            &mut group,
            "commit",
            || bench.traced(),
            |s| s.commit(&key, &digest),
        );
        stage(
            &mut group,
            "fractions",
            || bench.committed(),
            |s| s.fractions().unwrap(),
        );
        stage(
            &mut group,
            "commit fractions",
            || bench.fractions(),
            |s| s.commit(&key),
        );
        stage(
            &mut group,
            "claims",
            || bench.fixed(),
            |s| s.claims().bind(),
        );
        stage(
            &mut group,
            "contract",
            || bench.contracting(),
            |s| s.run(&mut OsRng).bind(),
        );
        stage(
            &mut group,
            "lookup",
            || bench.looking_up(),
            |s| s.run(&mut OsRng),
        );
        stage(
            &mut group,
            "open",
            || bench.looked_up(),
            |s| s.bind().run(&mut OsRng),
        );
        stage(
            &mut group,
            "opening",
            || bench.opened(),
            |s| s.open(&key).unwrap(),
        );

        let opened = bench.opened();
        let steps = opened.steps();
        let fold = || params::fold(&nova, &steps.start, &steps.steps, &mut |_| {}).unwrap();
        group.bench_function("fold", |b| b.iter(fold));
        let folded = fold();
        let compress = || params::compress(&nova, &folded).unwrap();
        group.bench_function("compress", |b| b.iter(compress));
        let proof = Proof {
            messages: opened.open(&key).unwrap(),
            nova: compress(),
        };
        let (verifier, model) = (nova.verifier_key(), case.model.verification());
        group.bench_function("verify", |b| {
            b.iter(|| verify(verifier, &key, model, &proof).unwrap());
        });
        group.finish();
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
