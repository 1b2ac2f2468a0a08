//! On the curve: multi-scalar multiplications by width of the scalars, row commitments, the inner-product argument against
//! nova-snark's, and what committed steps consist of. Multiplications and arguments are then measured once more without lanes, in
//! groups of their own.
//!
//! Without `--bench`, as under `cargo test`, every body runs once and only on the smallest size.
#![allow(missing_docs, clippy::unwrap_used, reason = "benches")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use pleat_bench::argument::{self, Novas, Opened, Ours};
use pleat_bench::{measured_mode, nets};
use pleat_nova_circuits::cycle::{F, Point, generators, msm, msm_small};
use pleat_nova_circuits::ipa::{self, Bases, Functional, Statement, Sum, inner_generator};
use pleat_nova_circuits::tree::Key;
use pleat_nova_circuits::tree::instance::{Relaxed, Step};
use pleat_nova_circuits::tree::step::{BITS, Message, PADDED, ROUNDS, Segment};
use pleat_prover::columns::Cells;
use pleat_prover::commit::{commit_row, random};
use pleat_verifier::commitments::Generators;
use pleat_verifier::transcript::OpeningTranscript;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use std::hint::black_box;
use std::process::Command;

/// Sizes as powers of two; the first alone when nothing is measured.
fn sizes(all: &[u32]) -> Vec<u32> {
    let count = if measured_mode() { all.len() } else { 1 };
    all.iter().copied().take(count).collect()
}

const LANES: &str = "PLEAT_LANES";

/// The name of what is also measured without lanes.
fn with_or_without(name: &str) -> String {
    match std::env::var(LANES) {
        Ok(lanes) => format!("{name}, lanes {lanes}"),
        Err(_) => name.to_owned(),
    }
}

fn multiplications(c: &mut Criterion) {
    let mut group = c.benchmark_group(with_or_without("msm"));
    group.sample_size(10);
    for log in sizes(&[8, 10, 12, 15]) {
        let n = 1_usize << log;
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let bases = generators(b"bench", n);
        let full: Vec<F> = random(n, &mut rng);
        group.throughput(Throughput::Elements(n as u64));
        for bits in [8_u32, 16] {
            let half = 1_i64 << (bits - 1);
            let small = |rng: &mut ChaCha20Rng| i64::from(rng.next_u32() >> (32 - bits)) - half;
            let scalars: Vec<i64> = (0..n).map(|_| small(&mut rng)).collect();
            let id = BenchmarkId::new(format!("{bits}-bit"), format!("2^{log}"));
            group.bench_function(id, |b| {
                b.iter(|| msm_small(black_box(&scalars).iter().copied(), &bases));
            });
        }
        let id = BenchmarkId::new("full", format!("2^{log}"));
        group.bench_function(id, |b| b.iter(|| msm(black_box(&full), &bases)));
    }
    group.finish();
}

fn row_commitments(c: &mut Criterion) {
    let mut group = c.benchmark_group("row commitment");
    group.sample_size(10);
    for log in sizes(&[8, 14]) {
        let n = 1_usize << log;
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let generators = Generators::derive(log as usize);
        let blind = random(1, &mut rng)[0];
        let bits = nets::DIGIT_BITS;
        let half = 1_i32 << (bits - 1);
        let digits: Vec<u16> = (0..n)
            .map(|_| (rng.next_u32() >> (32 - bits)) as u16)
            .collect();
        let signed: Vec<i32> = digits.iter().map(|d| i32::from(*d) - half).collect();
        let field: Vec<F> = random(n, &mut rng);
        let kinds = [
            ("activations", Cells::Signed(&signed)),
            ("digits", Cells::Digits(&digits)),
            ("fractions", Cells::Field(&field)),
        ];
        group.throughput(Throughput::Elements(n as u64));
        for (kind, cells) in kinds {
            group.bench_function(BenchmarkId::new(kind, format!("2^{log}")), |b| {
                b.iter(|| commit_row(&generators, cells, &blind));
            });
        }
    }
    group.finish();
}

fn arguments(c: &mut Criterion) {
    let mut group = c.benchmark_group(with_or_without("inner-product argument"));
    group.sample_size(10);
    for log in sizes(&[8, 12, 14, 15]) {
        let key = argument::key(log as usize).unwrap();
        let ours = Opened::<Ours>::new(&key, log as usize).unwrap();
        let novas = Opened::<Novas>::new(&key, log as usize).unwrap();
        let (own, theirs) = (ours.prove().unwrap(), novas.prove().unwrap());
        let id = |name: &str| BenchmarkId::new(name, format!("2^{log}"));
        group.bench_function(id("prove"), |b| b.iter(|| ours.prove().unwrap()));
        group.bench_function(id("prove, nova-snark's"), |b| {
            b.iter(|| novas.prove().unwrap())
        });
        group.bench_function(id("verify"), |b| {
            b.iter(|| ours.verify(&own, F::zero()).unwrap())
        });
        group.bench_function(id("verify, nova-snark's"), |b| {
            b.iter(|| novas.verify(&theirs, F::zero()).unwrap());
        });
    }
    group.finish();
}

/// About the rounds of the three sumchecks of a small network.
const ROUNDS_OF_A_PROOF: usize = 40;

/// What the mode `tree` does beside the sumchecks (PROTOCOL.md §5): one commitment for each round, one multiplication of this size
/// for each cross term and the products of each step, one argument in the end.
fn committed_steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("committed steps");
    group.sample_size(10);
    let key = Key::embedded();
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let messages = random(3 * ROUNDS_OF_A_PROOF, &mut rng);
    group.bench_function(
        format!("commit of a round, {ROUNDS_OF_A_PROOF} of them"),
        |b| {
            b.iter(|| {
                let mut step = Step::new();
                for (round, message) in black_box(&messages).chunks_exact(3).enumerate() {
                    let place = round % ROUNDS;
                    for (i, value) in message.iter().enumerate() {
                        step.set(Message::Round(place, i), *value);
                    }
                    black_box(step.commit(key, Segment::R(place), &mut rng));
                }
            });
        },
    );

    let values = random(PADDED, &mut rng);
    let blind = random(1, &mut rng)[0];
    group.bench_function(format!("msm of 2^{BITS}"), |b| {
        b.iter(|| key.commit_errors(black_box(&values), &blind));
    });
    let [first, second] = [0; 2].map(|_| Relaxed::random(&mut rng));
    group.bench_function("cross term", |b| b.iter(|| first.cross(&second)));

    let size = 2 * PADDED;
    let points = generators(b"bench", size);
    let bases = Bases {
        generators: &points,
        inner: &inner_generator::<Point>(),
    };
    let [vector, functional] = [0; 2].map(|_| random(size, &mut rng));
    let commitment = msm(&vector, &points);
    let statement = Statement {
        functional: Functional::Vector(&functional),
        value: &vector.iter().zip(&functional).map(|(a, b)| *a * b).sum(),
    };
    let transcript = || OpeningTranscript::new(&blind, &blind);
    let prove = || ipa::prove(&bases, &mut transcript(), &statement, &vector).unwrap();
    let name = format!("argument of 2^{} with any vector", BITS + 1);
    group.bench_function(name, |b| b.iter(prove));
    let argument = prove();
    group.bench_function("verify argument", |b| {
        b.iter(|| {
            let commitment = Sum::from(&commitment);
            let mut transcript = transcript();
            ipa::verify(&bases, &mut transcript, &statement, commitment, &argument).unwrap();
        });
    });
    group.finish();
}

criterion_group!(compared, multiplications, arguments);
criterion_group!(others, row_commitments, committed_steps);

fn main() {
    compared();
    if std::env::var_os(LANES).is_none() {
        others();
        if measured_mode() {
            // A process decides once whether it has lanes.
            let mut without = Command::new(std::env::current_exe().unwrap());
            let without = without.args(std::env::args_os().skip(1)).env(LANES, "off");
            assert!(without.status().unwrap().success());
        }
    }
    Criterion::default().configure_from_args().final_summary();
}
