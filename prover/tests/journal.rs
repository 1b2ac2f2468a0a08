//! Committing to weights goes on where it was interrupted: what was written down is used, once, and what is damaged is not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::fs;

use common::{Problem, dense_net};
use pleat_prover::journal::Journal;
use pleat_prover::model::{Committing, ProvingModel};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Bytes before the entries.
const HEAD: usize = 32;

fn commit(problem: &Problem, journal: &mut Journal, seed: u64) -> ProvingModel {
    let with = Committing {
        journal: Some(journal),
        ..Committing::default()
    };
    let network = problem.network.descriptor().clone();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let weights = problem.weights.clone();
    ProvingModel::commit_with(network, weights, String::new(), &mut rng, with).unwrap()
}

#[test]
fn what_was_committed_to_is_not_committed_to_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.commitments");
    let problem = dense_net(1, &[20, 20, 20]);
    let mut journal = Journal::open(&path, b"one").unwrap();
    assert_eq!(journal.entries(), 0);
    let first = commit(&problem, &mut journal, 1);
    drop(journal);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    // As a run leaves it that was interrupted while it wrote.
    let bytes = fs::read(&path).unwrap();
    let rows = first.blinds().len();
    let entry = (bytes.len() - HEAD) / rows;
    assert_eq!(bytes.len(), HEAD + rows * entry);
    let kept = rows / 2;
    fs::write(&path, &bytes[..HEAD + kept * entry + entry / 3]).unwrap();
    let mut journal = Journal::open(&path, b"one").unwrap();
    assert_eq!(journal.entries(), kept);
    let again = commit(&problem, &mut journal, 2);
    let same = |model: &ProvingModel| {
        let [first, other] = [&first, model].map(|m| m.verification().weights());
        let pairs = first.iter().zip(other);
        pairs.map(|(a, b)| a == b).collect::<Vec<_>>()
    };
    let expected: Vec<bool> = (0..rows).map(|row| row < kept).collect();
    assert_eq!(same(&again), expected);
    assert_eq!(first.blinds()[..kept], again.blinds()[..kept]);
    drop(journal);
    // Everything is written down now.
    let mut journal = Journal::open(&path, b"one").unwrap();
    assert_eq!(journal.entries(), rows);
    let third = commit(&problem, &mut journal, 3);
    assert_eq!(third.verification().id(), again.verification().id());
    // What is taken is taken: a second model with it would show that the two are the same.
    let fourth = commit(&problem, &mut journal, 4);
    assert!(!same(&fourth).contains(&true));
    journal.remove().unwrap();
    assert!(!path.exists());
}

#[test]
fn damaged_commitments_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.commitments");
    let problem = dense_net(1, &[20, 20, 20]);
    let mut journal = Journal::open(&path, b"one").unwrap();
    let rows = commit(&problem, &mut journal, 1).blinds().len();
    drop(journal);
    let mut bytes = fs::read(&path).unwrap();
    let entry = (bytes.len() - HEAD) / rows;
    bytes[HEAD + 2 * entry + 40] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let journal = Journal::open(&path, b"one").unwrap();
    assert_eq!(journal.entries(), 2);
    drop(journal);
    assert_eq!(fs::read(&path).unwrap(), bytes[..HEAD + 2 * entry]);
}

#[test]
fn what_is_of_another_network_or_in_use_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.commitments");
    let problem = dense_net(1, &[20, 20, 20]);
    let mut journal = Journal::open(&path, b"one").unwrap();
    let rows = commit(&problem, &mut journal, 1).blinds().len();
    let busy = Journal::open(&path, b"one").unwrap_err();
    assert!(busy.to_string().contains("another"), "{busy}");
    drop(journal);
    assert_eq!(Journal::open(&path, b"one").unwrap().entries(), rows);
    assert_eq!(Journal::open(&path, b"two").unwrap().entries(), 0);
    assert_eq!(Journal::open(&path, b"one").unwrap().entries(), 0);
}
