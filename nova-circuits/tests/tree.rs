//! Committed steps: honest ones of several numbers are folded and verified; cheating provers are refused by a named check
//! (PROTOCOL.md §5).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use ff::Field;
use pleat_nova_circuits::{
    cycle::F,
    ipa::Transcript,
    tree::{
        Check, FoldProof, Key,
        fold::{Leaves, StepInstance, verify},
        instance::{Relaxed, Step},
        step::{Message, Segment, WORDS},
    },
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use sha3::{Digest, Sha3_256};
use std::sync::LazyLock;

static KEY: LazyLock<Key> = LazyLock::new(Key::new);

/// A transcript of the tests'.
#[derive(Clone, Default)]
struct Hashed(Sha3_256);

impl Transcript<F> for Hashed {
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        self.0.update(label);
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn challenge(&mut self, label: &'static str) -> Option<F> {
        self.absorb(label, &[]);
        let first = self.0.clone().finalize();
        self.0.update(first);
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&first);
        bytes[32..].copy_from_slice(&self.0.clone().finalize());
        Some(pleat_nova_circuits::cycle::field_from_uniform(&bytes))
    }
}

/// Steps with random messages in every segment but those that are left out, and random words where there are messages.
struct Case {
    instances: Vec<StepInstance>,
    steps: Vec<(Step, Vec<F>)>,
    total: F,
    rng: ChaCha20Rng,
}

impl Case {
    fn new(steps: usize, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut case = Self {
            instances: Vec::new(),
            steps: Vec::new(),
            total: F::ZERO,
            rng: rng.clone(),
        };
        for i in 0..steps {
            let mut step = Step::new();
            // The last step has only one round, others lack the evaluations.
            let left_out = |segment: Segment| match segment {
                Segment::D | Segment::V => true,
                Segment::E => i != 1,
                Segment::R(0) => false,
                _ => i + 1 == steps && steps > 1,
            };
            let mut words = vec![F::ZERO; WORDS];
            for (word, message) in words.iter_mut().zip(Message::all()) {
                let variable = message.variable();
                let segment = Segment::all().find(|s| s.range().contains(&variable));
                let segment = segment.unwrap();
                if !left_out(segment) {
                    step.set(message, F::random(&mut rng));
                }
                if segment == Segment::V || !left_out(segment) {
                    *word = F::random(&mut rng);
                }
            }
            for segment in Segment::all().filter(|s| !left_out(*s)) {
                step.commit(&KEY, segment, &mut rng);
            }
            let mut completed = step.clone();
            completed.complete(&words);
            case.total += completed.variables[Segment::D.range().start];
            case.instances.push(StepInstance {
                messages: step.commitments,
                words: words.clone(),
            });
            case.steps.push((step, words));
        }
        case.rng = rng;
        case
    }

    fn prove(&mut self) -> FoldProof {
        let leaves = Leaves::new(&KEY, self.steps.clone(), &mut self.rng);
        self.prove_leaves(leaves)
    }

    fn prove_leaves(&mut self, leaves: Leaves) -> FoldProof {
        let mask = Relaxed::random(&mut self.rng);
        leaves
            .fold(&KEY, &mut Hashed::default(), mask, &mut self.rng)
            .unwrap()
    }

    fn verify(&self, proof: &FoldProof) -> Result<(), Check> {
        verify(
            &KEY,
            &mut Hashed::default(),
            &self.instances,
            &self.total,
            proof,
        )
    }
}

#[test]
fn honest_steps_are_accepted() {
    for steps in [1, 2, 3, 5, 8, 33] {
        let mut case = Case::new(steps, steps as u64);
        let proof = case.prove();
        assert_eq!(proof.cross.len(), steps);
        assert_eq!(case.verify(&proof), Ok(()), "{steps} steps");
    }
}

#[test]
fn another_total_is_refused() {
    let mut case = Case::new(3, 7);
    let proof = case.prove();
    case.total += F::ONE;
    assert_eq!(case.verify(&proof), Err(Check::Shares));
}
