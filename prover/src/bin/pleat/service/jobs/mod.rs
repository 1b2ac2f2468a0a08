//! Jobs: proofs that are asked for, kept on disk until they are made, and after that for a while.
//!
//! A job is a folder named by its id. `request.json` in it makes it one; `done.json`, which is written last, ends it. What lies between
//! is done again after a kill, so that every job is done, and ends once.

mod disk;
mod id;
mod queue;

pub use disk::{Done, State};
pub use id::{Clock, JobId};
pub use queue::{Counts, Job, Outcome, Queue, QueueLimits, Snapshot, Submitted};
