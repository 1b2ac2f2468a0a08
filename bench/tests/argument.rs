//! The inner-product argument at the size of Nova's primary circuit, against nova-snark's, in one run.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use ff::Field;
use nova_snark::provider::traits::DlogGroup;
use pleat_bench::argument::{Novas, Opened, Ours, key};
use pleat_bench::measure::cpu_seconds;
use pleat_nova_circuits::cycle::{F, Point, generators, point_from_affine};

const ROUNDS: usize = 15;
/// How much less CPU time ours has to take.
const FACTOR: f64 = 6.0;

fn timed<T>(run: impl FnOnce() -> T) -> (T, f64) {
    let start = cpu_seconds();
    let result = run();
    (result, cpu_seconds() - start)
}

// The only test of this file: CPU time is the whole process's.
#[test]
fn ours_takes_a_sixth_of_the_time_and_refuses_what_is_changed() {
    let key = key(ROUNDS).unwrap();
    let ours = Opened::<Ours>::new(&key, ROUNDS).unwrap();
    let (argument, own) = timed(|| ours.prove().unwrap());
    let novas = Opened::<Novas>::new(&key, ROUNDS).unwrap();
    let (other, theirs) = timed(|| novas.prove().unwrap());
    novas.verify(&other, F::ZERO).unwrap();

    ours.verify(&argument, F::ZERO).unwrap();
    assert!(ours.verify(&argument, F::ONE).is_err());
    let generator: Point = point_from_affine(&generators(b"bench", 1)[0]);
    for round in [0, ROUNDS / 2, ROUNDS - 1] {
        let mut changed = argument.clone();
        changed.left[round] += generator;
        assert!(
            ours.verify(&changed, F::ZERO).is_err(),
            "L of round {round}"
        );
        let mut changed = argument.clone();
        changed.right[round] = Point::zero();
        assert!(
            ours.verify(&changed, F::ZERO).is_err(),
            "R of round {round}"
        );
    }
    let mut changed = argument.clone();
    changed.scalar += F::ONE;
    assert!(ours.verify(&changed, F::ZERO).is_err());

    eprintln!("proving at 2^{ROUNDS}: ours {own:.2} s of CPU time, nova-snark's {theirs:.2} s");
    assert!(
        theirs > FACTOR * own,
        "ours {own} s, nova-snark's {theirs} s"
    );
}
