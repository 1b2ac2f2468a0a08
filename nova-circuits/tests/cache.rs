//! The parameters' cache, through its public face.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::{PARAMETERS_DIGEST, Parameters, SetupEvent, VerifierKey};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tracing::{Level, Metadata, span};

/// Counts warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.target().starts_with("pleat")
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Parameters, what happened, and how many warnings there were.
fn set_up(cache: &CacheFolder) -> (Parameters, Vec<SetupEvent>, usize) {
    let (warnings, mut events) = (Warnings::default(), Vec::new());
    let parameters = tracing::subscriber::with_default(warnings.clone(), || {
        Parameters::load_or_build(cache, &mut |event| events.push(event))
    });
    (
        parameters.unwrap(),
        events,
        warnings.0.load(Ordering::SeqCst),
    )
}

#[test]
fn stored_loaded_and_rebuilt_when_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let cache = CacheFolder::at(folder.path().join("new").join("pleat"));
    let file = cache.parameters_file().unwrap();
    let key = cache.verifier_key_file().unwrap();

    let (built, events, warnings) = set_up(&cache);
    assert_eq!(
        (events, warnings),
        (
            vec![
                SetupEvent::Building,
                SetupEvent::Storing(file.clone()),
                SetupEvent::Storing(key.clone())
            ],
            0
        )
    );
    let (loaded, events, warnings) = set_up(&cache);
    assert_eq!(
        (events, warnings),
        (
            vec![
                SetupEvent::Loading(file.clone()),
                SetupEvent::Loading(key.clone())
            ],
            0
        )
    );
    assert_eq!(loaded.sizes(), built.sizes());
    assert_eq!(
        (loaded.digest(), built.digest()),
        (PARAMETERS_DIGEST, PARAMETERS_DIGEST)
    );

    let good = fs::read(&file).unwrap();
    let mut damaged = good.clone();
    damaged[good.len() / 2] ^= 1;
    fs::write(&file, damaged).unwrap();
    let (rebuilt, events, warnings) = set_up(&cache);
    let all = vec![
        SetupEvent::Loading(file.clone()),
        SetupEvent::Building,
        SetupEvent::Storing(file.clone()),
        SetupEvent::Loading(key.clone()),
    ];
    assert_eq!(
        (events, warnings, rebuilt.digest()),
        (all, 1, PARAMETERS_DIGEST)
    );
    assert!(
        fs::read(&file).unwrap() == good,
        "the damaged file was replaced"
    );
    let mut names: Vec<_> = fs::read_dir(file.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [file.clone(), key.clone()],
        "no temporary file is left"
    );

    // A verifier needs the key's file only, and makes it again when it is damaged.
    let good = fs::read(&key).unwrap();
    let key_events = || {
        let mut events = Vec::new();
        let loaded = VerifierKey::load_or_build(&cache, &mut |event| events.push(event)).unwrap();
        assert!(loaded.to_bytes() == built.verifier_key().to_bytes());
        events
    };
    assert_eq!(key_events(), [SetupEvent::Loading(key.clone())]);
    let mut damaged = good.clone();
    damaged[good.len() / 2] ^= 1;
    fs::write(&key, damaged).unwrap();
    let all = [
        SetupEvent::Loading(key.clone()),
        SetupEvent::Loading(file),
        SetupEvent::Storing(key.clone()),
    ];
    assert_eq!(key_events(), all);
    assert!(fs::read(&key).unwrap() == good, "the key was replaced");
}

#[test]
fn a_folder_that_cannot_be_written_costs_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let not_a_folder = folder.path().join("file");
    fs::write(&not_a_folder, b"").unwrap();
    let cache = CacheFolder::at(&not_a_folder);
    let (parameters, events, warnings) = set_up(&cache);
    let file = cache.parameters_file().unwrap();
    assert_eq!(
        (events, warnings),
        (
            vec![
                SetupEvent::Building,
                SetupEvent::Storing(file),
                SetupEvent::Storing(cache.verifier_key_file().unwrap())
            ],
            2
        )
    );
    assert_eq!(parameters.digest(), PARAMETERS_DIGEST);
}

#[test]
fn no_cache() {
    let (parameters, events, warnings) = set_up(&CacheFolder::none());
    assert_eq!(
        (events, warnings, parameters.digest()),
        (vec![SetupEvent::Building], 0, PARAMETERS_DIGEST)
    );
    assert_eq!(CacheFolder::none().parameters_file(), None);
}

/// Lengths that ask for more memory than there is: such a file used to end the process at every start.
#[test]
fn lengths_that_are_not_there_are_no_reason_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let cache = CacheFolder::at(folder.path());
    let (built, ..) = set_up(&cache);
    let (parameters, key) = (
        cache.parameters_file().unwrap(),
        cache.verifier_key_file().unwrap(),
    );
    let expected = built.verifier_key().to_bytes();
    // Of the header of 52 bytes the first contents; of the key, the first curve's bytes. bincode marks a length of eight bytes
    // with 0xfd, of four with 0xfc.
    let good = fs::read(&key).unwrap();
    let marker = (0..good.len() - 5)
        .find(|i| {
            good[*i] == 0xfc && {
                let length = u32::from_le_bytes(*good[i + 1..].first_chunk().unwrap()) as usize;
                (1 << 20..good.len()).contains(&length)
            }
        })
        .unwrap();
    let huge = [&[0xfd][..], &[0xff; 8]].concat();
    for (file, at) in [(&parameters, 52), (&key, marker)] {
        let good = fs::read(file).unwrap();
        assert_eq!(good[at], 0xfc);
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        let replaced = [&good[..at], &huge, &good[at + 5..]].concat();
        for bytes in [flipped, replaced] {
            fs::write(file, bytes).unwrap();
            let (again, _, warnings) = set_up(&cache);
            assert_eq!(warnings, 1);
            assert!(again.verifier_key().to_bytes() == expected);
            assert!(fs::read(file).unwrap() == good, "it is written anew");
        }
    }
}
