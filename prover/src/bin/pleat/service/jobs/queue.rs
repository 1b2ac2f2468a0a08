//! The queue: which jobs wait, which one runs, what became of the others.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use pleat_verifier::receipt::Sha3Hash;
use tokio::sync::watch;

use super::disk::{self, Disk, Done, Head, State};
use super::id::{Clock, JobId, millis};
use crate::service::models::lock;
use crate::service::requests::ProveRequest;
use crate::service::trouble::Trouble;
use crate::service::work::Proof;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Jobs that wait.
    pub queued: usize,
    /// Jobs that ended.
    pub kept: usize,
    /// For so many days.
    pub days: u64,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot {
    Queued,
    Running {
        /// The stage of proving.
        stage: Option<&'static str>,
        /// Steps of it that are done, of how many, if it has steps.
        steps: Option<(usize, usize)>,
    },
    Ended(State),
    Removed,
}

struct Entry {
    model: String,
    key: Option<String>,
    digest: String,
    live: watch::Sender<Snapshot>,
    cancelled: Arc<AtomicBool>,
}

#[derive(Default)]
struct Jobs {
    all: BTreeMap<JobId, Entry>,
    waiting: VecDeque<JobId>,
    keys: HashMap<String, JobId>,
}

/// The queue.
pub struct Queue {
    disk: Disk,
    limits: QueueLimits,
    clock: Clock,
    jobs: Mutex<Jobs>,
    /// One job is submitted at a time, so that a key is used once.
    submitting: Mutex<()>,
    wake: Condvar,
    stopping: AtomicBool,
}

/// A job for a worker.
pub struct Job {
    pub id: JobId,
    pub model: String,
    cancelled: Arc<AtomicBool>,
}

impl Job {
    /// Whether it was removed while it ran.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// What became of a submission.
pub enum Submitted {
    /// A new job.
    Fresh(JobId),
    /// The one that was submitted with the same key.
    Known(JobId),
}

/// What a worker made of a job.
pub type Outcome = Result<Box<Proof>, Trouble>;

/// A job as it is on disk.
pub struct Ended {
    pub done: Option<Done>,
    pub files: Vec<&'static str>,
}

/// Jobs by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub queued: usize,
    pub running: usize,
    pub done: usize,
    pub failed: usize,
}

impl Queue {
    /// Opens a folder of jobs: those that have not ended wait, in order of their submission.
    ///
    /// # Errors
    /// If it cannot be read, or another server has it.
    pub fn open(folder: &Path, limits: QueueLimits) -> io::Result<Self> {
        let disk = Disk::open(folder)?;
        let mut jobs = Jobs::default();
        let clock = Clock::default();
        for found in disk.scan()? {
            clock.after(&found.id);
            let state = found.done.map_or(Snapshot::Queued, Snapshot::Ended);
            if state == Snapshot::Queued {
                jobs.waiting.push_back(found.id.clone());
            }
            jobs.insert(found.id, found.head, state);
        }
        let queue = Self {
            disk,
            limits,
            clock,
            jobs: Mutex::new(jobs),
            submitting: Mutex::new(()),
            wake: Condvar::new(),
            stopping: AtomicBool::new(false),
        };
        queue.prune();
        Ok(queue)
    }

    /// Puts a job on disk and into the queue.
    pub fn submit(
        &self,
        model: &str,
        request: &ProveRequest,
        key: Option<&str>,
    ) -> Result<Submitted, Trouble> {
        let bytes = serde_json::to_vec(request).map_err(Trouble::internal)?;
        let mut named = format!("{model}\n").into_bytes();
        named.extend(&bytes);
        let head = Head {
            model: model.to_owned(),
            key: key.map(|key| Sha3Hash::of(key.as_bytes()).to_string()),
            digest: Sha3Hash::of(&named).to_string(),
        };
        let _one = lock(&self.submitting);
        {
            let jobs = lock(&self.jobs);
            if let Some(id) = head.key.as_ref().and_then(|key| jobs.keys.get(key)) {
                let same = jobs.all.get(id).is_some_and(|e| e.digest == head.digest);
                return if same {
                    Ok(Submitted::Known(id.clone()))
                } else {
                    Err(Trouble::Reused)
                };
            }
            if self.is_stopping() {
                return Err(Trouble::Stopping);
            }
            if jobs.waiting.len() >= self.limits.queued {
                return Err(Trouble::QueueFull {
                    limit: self.limits.queued,
                });
            }
        }
        let id = self.clock.next();
        let created = self.disk.create(&id, &head, &bytes);
        created.map_err(Trouble::internal)?;
        let mut jobs = lock(&self.jobs);
        jobs.insert(id.clone(), head, Snapshot::Queued);
        jobs.waiting.push_back(id.clone());
        self.wake.notify_one();
        Ok(Submitted::Fresh(id))
    }

    /// The next job, once there is one; `None` if the server stops.
    pub fn take(&self) -> Option<Job> {
        let mut jobs = lock(&self.jobs);
        loop {
            if self.is_stopping() {
                return None;
            }
            if let Some(id) = jobs.waiting.pop_front() {
                let Some(entry) = jobs.all.get(&id) else {
                    continue;
                };
                entry.live.send_replace(Snapshot::Running {
                    stage: None,
                    steps: None,
                });
                return Some(Job {
                    model: entry.model.clone(),
                    cancelled: Arc::clone(&entry.cancelled),
                    id,
                });
            }
            jobs = self.wake.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The request of a job that was taken.
    pub fn request(&self, job: &Job) -> Option<ProveRequest> {
        self.disk.request(&job.id)
    }

    /// A job that was taken is so far.
    pub fn heard(&self, job: &Job, snapshot: Snapshot) {
        if let Some(entry) = lock(&self.jobs).all.get(&job.id) {
            entry.live.send_replace(snapshot);
        }
    }

    /// Ends a job that was taken, unless it was removed meanwhile or is left for the next start.
    pub fn finish(&self, job: &Job, result: &Outcome) {
        if matches!(result, Err(Trouble::Cancelled)) {
            self.heard(job, Snapshot::Queued);
            return;
        }
        let (proof, done) = match result {
            Ok(proof) => {
                let done = Done {
                    state: State::Done,
                    finished: millis(),
                    result: serde_json::to_value(&proof.made).ok(),
                    error: None,
                };
                (Some(&**proof), done)
            }
            Err(trouble) => {
                let done = Done {
                    state: State::Failed,
                    finished: millis(),
                    result: None,
                    error: Some(trouble.details()),
                };
                (None, done)
            }
        };
        let mut state = done.state;
        if let Err(e) = self.disk.finish(&job.id, proof, &done) {
            if job.is_cancelled() {
                return;
            }
            // It is proved again at the next start, where there may be room.
            tracing::error!("job {}: {e}", job.id);
            state = State::Failed;
        }
        self.heard(job, Snapshot::Ended(state));
        self.prune();
    }

    /// A job's model, and where it is from now on.
    pub fn watch(&self, id: &JobId) -> Option<(String, watch::Receiver<Snapshot>)> {
        let jobs = lock(&self.jobs);
        let entry = jobs.all.get(id)?;
        Some((entry.model.clone(), entry.live.subscribe()))
    }

    /// How many jobs are before one that waits.
    pub fn before(&self, id: &JobId) -> Option<usize> {
        lock(&self.jobs).waiting.iter().position(|w| w == id)
    }

    /// What is on disk of a job that ended.
    pub fn ended(&self, id: &JobId) -> Ended {
        Ended {
            done: self.disk.done(id),
            files: self.disk.files(id),
        }
    }

    /// A file of a job that ended: `proof`, `receipt` or `secret`.
    pub fn file(&self, id: &JobId, what: &str) -> Option<Vec<u8>> {
        let name = match what {
            "proof" => disk::PROOF,
            "receipt" => disk::RECEIPT,
            "secret" => disk::SECRET,
            _ => return None,
        };
        self.disk.file(id, name)
    }

    /// Removes a job, ends it if it runs; whether there was one.
    pub fn remove(&self, id: &JobId) -> bool {
        let entry = {
            let mut jobs = lock(&self.jobs);
            let entry = jobs.all.remove(id);
            jobs.waiting.retain(|w| w != id);
            if let Some(key) = entry.as_ref().and_then(|e| e.key.as_ref()) {
                jobs.keys.remove(key);
            }
            entry
        };
        let Some(entry) = entry else {
            return false;
        };
        entry.cancelled.store(true, Ordering::Relaxed);
        self.disk.remove(id);
        entry.live.send_replace(Snapshot::Removed);
        true
    }

    /// Removes the oldest of the jobs that ended, beyond the limits.
    fn prune(&self) {
        let oldest = millis().saturating_sub(self.limits.days.saturating_mul(DAY));
        let gone: Vec<JobId> = {
            let jobs = lock(&self.jobs);
            let ended = |entry: &Entry| matches!(*entry.live.borrow(), Snapshot::Ended(_));
            let ended: Vec<&JobId> = jobs
                .all
                .iter()
                .filter(|(_, entry)| ended(entry))
                .map(|(id, _)| id)
                .collect();
            let over = ended.len().saturating_sub(self.limits.kept);
            let is_gone = |(at, id): &(usize, &JobId)| *at < over || id.submitted() < oldest;
            let gone = ended.into_iter().enumerate().filter(is_gone);
            gone.map(|(_, id)| id.clone()).collect()
        };
        for id in &gone {
            self.remove(id);
        }
    }

    /// How many jobs may wait.
    pub const fn limit(&self) -> usize {
        self.limits.queued
    }

    /// Jobs by state.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in lock(&self.jobs).all.values() {
            match *entry.live.borrow() {
                Snapshot::Queued => counts.queued += 1,
                Snapshot::Running { .. } => counts.running += 1,
                Snapshot::Ended(State::Done) => counts.done += 1,
                Snapshot::Ended(State::Failed) => counts.failed += 1,
                Snapshot::Removed => {}
            }
        }
        counts
    }

    /// No job is taken or submitted any more.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Whoever is about to wait has seen it, or will be woken.
        drop(lock(&self.jobs));
        self.wake.notify_all();
    }

    /// Whether the server stops.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Waits until no job runs; whether that came about in time.
    pub fn settle(&self, within: Duration) -> bool {
        let until = std::time::Instant::now() + within;
        while self.counts().running > 0 {
            if std::time::Instant::now() > until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

impl Jobs {
    fn insert(&mut self, id: JobId, head: Head, state: Snapshot) {
        if let Some(key) = &head.key {
            self.keys.insert(key.clone(), id.clone());
        }
        let entry = Entry {
            model: head.model,
            key: head.key,
            digest: head.digest,
            live: watch::Sender::new(state),
            cancelled: Arc::default(),
        };
        self.all.insert(id, entry);
    }
}
