//! How a job is described.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::server::Server;
use crate::service::answers::{ErrorDetails, Made};
use crate::service::jobs::{Done, JobId, Snapshot, State};
use crate::service::trouble::Trouble;

/// A job.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct JobStatus {
    /// Its id. Whoever has it and the token can read the job's files.
    pub id: String,
    /// The model.
    pub model: String,
    /// `queued`, `running`, `done` or `failed`.
    #[schemars(extend("enum" = ["queued", "running", "done", "failed"]))]
    pub state: &'static str,
    /// When it was submitted, in milliseconds since 1970.
    pub submitted: u64,
    /// When it ended.
    pub finished: Option<u64>,
    /// How many jobs are before it, if it waits.
    pub before: Option<usize>,
    /// The stage of proving, if it runs.
    pub stage: Option<&'static str>,
    /// Steps of the stage that are done, and how many there are, if it has steps.
    pub steps: Option<[usize; 2]>,
    /// The proof, if it is done.
    #[schemars(with = "Option<Made>")]
    pub result: Option<Value>,
    /// Why there is none, if it failed.
    #[schemars(with = "Option<ErrorDetails>")]
    pub error: Option<Value>,
    /// What can be fetched: `proof`, `receipt` and, if something is hidden, `secret`.
    pub files: Vec<&'static str>,
}

/// What runs say of themselves while they go on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    state: &'static str,
    stage: Option<&'static str>,
    steps: Option<[usize; 2]>,
}

impl Progress {
    /// `None` if the job has ended.
    pub fn of(snapshot: Snapshot) -> Option<Self> {
        match snapshot {
            Snapshot::Queued => Some(Self {
                state: "queued",
                stage: None,
                steps: None,
            }),
            Snapshot::Running { stage, steps } => Some(Self {
                state: "running",
                stage,
                steps: steps.map(|(done, total)| [done, total]),
            }),
            Snapshot::Ended(_) | Snapshot::Removed => None,
        }
    }
}

/// Reads the id in a path.
pub fn id(text: &str) -> Result<JobId, Trouble> {
    text.parse().map_err(|()| Trouble::NoJob)
}

/// Describes a job.
pub async fn status(server: &Arc<Server>, id: &JobId) -> Result<JobStatus, Trouble> {
    let (model, live) = server.queue.watch(id).ok_or(Trouble::NoJob)?;
    let snapshot = *live.borrow();
    let mut status = JobStatus {
        id: id.to_string(),
        model,
        state: "queued",
        submitted: id.submitted(),
        finished: None,
        before: None,
        stage: None,
        steps: None,
        result: None,
        error: None,
        files: Vec::new(),
    };
    match snapshot {
        Snapshot::Queued => status.before = server.queue.before(id),
        Snapshot::Running { stage, steps } => {
            status.state = "running";
            status.stage = stage;
            status.steps = steps.map(|(done, total)| [done, total]);
        }
        Snapshot::Removed => return Err(Trouble::NoJob),
        Snapshot::Ended(state) => {
            status.state = match state {
                State::Done => "done",
                State::Failed => "failed",
            };
            let known = id.clone();
            let ended = server.disk(move |s| s.queue.ended(&known)).await?;
            match ended.done {
                Some(Done {
                    finished,
                    result,
                    error,
                    ..
                }) => {
                    status.finished = Some(finished);
                    status.result = result;
                    status.error = error;
                    status.files = ended.files;
                }
                // It was removed just now, or its end could not be written.
                None if server.queue.watch(id).is_none() => return Err(Trouble::NoJob),
                None => status.error = Some(Trouble::Internal.details()),
            }
        }
    }
    Ok(status)
}
