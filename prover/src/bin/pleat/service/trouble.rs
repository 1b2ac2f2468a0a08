//! Why a service does not do what it is asked: one enum for HTTP and MCP, each with a kind that stays, a status and a remedy.
//! No message names a path of the server's.

use pleat_prover::artifacts::OrderError;
use pleat_prover::execute::ExecuteError;
use pleat_prover::prove::ProveError;
use pleat_verifier::command::CommandError;
use pleat_verifier::quantize::QuantizeError;
use serde_json::{Value, json};
use thiserror::Error;

use crate::error::CliError;

/// Why a request is refused, or could not be carried out.
#[derive(Debug, Error)]
pub enum Trouble {
    #[error("there is no model {name:?}")]
    NoModel { name: String },
    #[error("model {name} is here to verify with, not to prove or run")]
    NotProving { name: String },
    #[error("the model's file cannot be used")]
    BadModel,
    #[error("a run has {rows} rows; this service takes up to {limit}")]
    TooManyRows { rows: usize, limit: usize },
    #[error("there is no model of so many samples: {0}")]
    Samples(String),
    #[error("{0}")]
    Memory(String),
    #[error("{0}")]
    Input(String),
    #[error("{0}")]
    Range(String),
    #[error("{0}")]
    Invalid(String),
    #[error("the receipt cannot be used: {0}")]
    Receipt(String),
    #[error("{0}")]
    Unlinked(String),
    #[error("{0}")]
    CannotCheck(String),
    #[error("no check is called {0:?}")]
    NoCheck(String),
    #[error("there is no file {name:?} in the folder of proofs")]
    NoFile { name: String },
    #[error("there is a file {name} already")]
    Exists { name: String },
    #[error("no proof was made within the time limit of {seconds} s")]
    TimeLimit { seconds: u64 },
    #[error("cancelled")]
    Cancelled,
    #[error("no proof was made: {0}")]
    Prove(String),
    #[error("an internal error")]
    Internal,
    #[error("the bearer token is missing or wrong")]
    Unauthorized,
    #[error("the name in the header Host is none of this computer's own")]
    Host,
    #[error("secrets are served to a bearer token only, and this server has none")]
    TokenNeeded,
    #[error("there is no such path")]
    NoPath,
    #[error("the path does not take this method")]
    Method,
    #[error("the body has to be application/json")]
    ContentType,
    #[error("the body is no JSON: {0}")]
    Malformed(String),
    #[error("the body is over the limit of {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body did not arrive within {seconds} s")]
    Slow { seconds: u64 },
    #[error("too much is being done at the moment")]
    Busy,
    #[error("the queue is full: {limit} jobs wait")]
    QueueFull { limit: usize },
    #[error("the server is shutting down")]
    Stopping,
    #[error("there is no such job")]
    NoJob,
    #[error("the job is not done")]
    NotReady,
    #[error("the job has no such file")]
    NoResult,
    #[error("this Idempotency-Key was used for another request")]
    Reused,
    #[error("an Idempotency-Key has 1 to 255 visible ASCII characters")]
    BadKey,
}

impl Trouble {
    /// Its kind, under a name that stays, and the status of HTTP.
    pub const fn kind_and_status(&self) -> (&'static str, u16) {
        match self {
            Self::NoModel { .. } => ("no-model", 404),
            Self::NotProving { .. } => ("not-proving", 409),
            Self::BadModel => ("bad-model", 500),
            Self::TooManyRows { .. } => ("too-many-rows", 422),
            Self::Samples(_) => ("samples", 422),
            Self::Memory(_) => ("memory", 503),
            Self::Input(_) => ("input", 422),
            Self::Range(_) => ("range", 422),
            Self::Invalid(_) => ("invalid", 422),
            Self::Receipt(_) => ("receipt", 422),
            Self::Unlinked(_) => ("unlinked", 422),
            Self::CannotCheck(_) => ("cannot-check", 422),
            Self::NoCheck(_) => ("no-check", 404),
            Self::NoFile { .. } => ("no-file", 404),
            Self::Exists { .. } => ("exists", 409),
            Self::TimeLimit { .. } => ("time-limit", 504),
            Self::Cancelled => ("cancelled", 409),
            Self::Prove(_) => ("prove", 422),
            Self::Internal => ("internal", 500),
            Self::Unauthorized => ("unauthorized", 401),
            Self::Host => ("host", 403),
            Self::TokenNeeded => ("token-needed", 403),
            Self::NoPath => ("no-path", 404),
            Self::Method => ("method", 405),
            Self::ContentType => ("content-type", 415),
            Self::Malformed(_) => ("malformed", 400),
            Self::TooLarge { .. } => ("too-large", 413),
            Self::Slow { .. } => ("slow", 408),
            Self::Busy => ("busy", 503),
            Self::QueueFull { .. } => ("queue-full", 429),
            Self::Stopping => ("stopping", 503),
            Self::NoJob => ("no-job", 404),
            Self::NotReady => ("not-ready", 409),
            Self::NoResult => ("no-result", 404),
            Self::Reused => ("reused-key", 409),
            Self::BadKey => ("bad-key", 400),
        }
    }

    /// Its kind.
    pub const fn kind(&self) -> &'static str {
        self.kind_and_status().0
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NoModel { .. } => "list the models and use one of their names",
            Self::NotProving { .. } => {
                "use a model that the list says can prove; proofs about this one can be verified"
            }
            Self::BadModel | Self::Internal => {
                "tell whoever runs the service; its log has the reason"
            }
            Self::TooManyRows { .. } => "use fewer samples or a smaller model",
            Self::Samples(_) => "use fewer samples",
            Self::Memory(_) => "try again when the machine has less to do, or use a smaller model",
            Self::Input(_) => {
                "read the model's description: names and shapes of its inputs, and how many values each takes"
            }
            Self::Range(_) => {
                "a value leaves the range that the model was calibrated for, so that this run has no proof; give an input that is more like those of the calibration"
            }
            Self::Invalid(_) => "correct the member that is named and send the request again",
            Self::Receipt(_) => "give a receipt unchanged, as it was written",
            Self::Unlinked(_) => {
                "give an opening of the tensor with the receipt of its proof; the model has to be compiled with --input-like"
            }
            Self::CannotCheck(_) => {
                "give what is missing, or leave out the demand; a hidden value can be demanded with its opening only"
            }
            Self::NoCheck(_) => "use the member `check` of a verdict",
            Self::NoFile { .. } => "use a file name from the answer of `prove`, without any folder",
            Self::Exists { .. } => "choose another name; nothing is overwritten",
            Self::TimeLimit { .. } => "use fewer samples or a smaller model",
            Self::Cancelled => "ask again if the proof is still wanted",
            Self::Prove(_) => "read the reason; another input or option may do",
            Self::Unauthorized => "send the header Authorization: Bearer TOKEN",
            Self::Host => "use the address 127.0.0.1, or start the server with a token",
            Self::TokenNeeded => "start the server with --token-file",
            Self::NoPath => "GET /openapi.json lists the paths",
            Self::Method => "the header Allow lists the methods",
            Self::ContentType => "send the header Content-Type: application/json",
            Self::Malformed(_) => "send one JSON object",
            Self::TooLarge { .. } => "send less at once",
            Self::Slow { .. } => "send the body faster",
            Self::Busy | Self::QueueFull { .. } => {
                "try again after the seconds that the header Retry-After says"
            }
            Self::Stopping => "try again when the server is back; queued jobs are kept",
            Self::NoJob => {
                "use the id of the answer to `prove`; finished jobs are kept for a while only"
            }
            Self::NotReady => "wait for the job: GET its events",
            Self::NoResult => "the job's description lists its files",
            Self::Reused => "use a fresh key for a fresh request",
            Self::BadKey => "use a UUID, for instance",
        }
    }

    /// How many seconds to wait before trying again, if that may help.
    pub const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Busy => Some(1),
            Self::QueueFull { .. } | Self::Memory(_) => Some(2),
            Self::Stopping => Some(5),
            _ => None,
        }
    }

    /// `{"error": {"kind", "message", "remedy"}}`.
    pub fn to_json(&self) -> Value {
        json!({"error": self.details()})
    }

    /// Kind, message and remedy.
    pub fn details(&self) -> Value {
        json!({"kind": self.kind(), "message": self.to_string(), "remedy": self.remedy()})
    }

    /// What nobody but the log hears.
    pub fn internal(reason: impl std::fmt::Display) -> Self {
        tracing::error!("{reason}");
        Self::Internal
    }
}

impl From<QuantizeError> for Trouble {
    fn from(error: QuantizeError) -> Self {
        match error {
            QuantizeError::Range { .. } => Self::Range(error.to_string()),
            other => Self::Input(other.to_string()),
        }
    }
}

impl From<ExecuteError> for Trouble {
    fn from(error: ExecuteError) -> Self {
        Self::Range(error.to_string())
    }
}

impl From<OrderError> for Trouble {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Prove(ProveError::Cancelled) => Self::Cancelled,
            OrderError::Prove(ProveError::Execute(error)) => error.into(),
            OrderError::HiddenAndLeftOut { .. } => Self::Invalid(error.to_string()),
            OrderError::Unlinked { .. } => Self::Unlinked(error.to_string()),
            OrderError::Receipt(error) => Self::Receipt(error.to_string()),
            other => Self::Prove(other.to_string()),
        }
    }
}

impl From<CommandError> for Trouble {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Data { flag, reason, .. } => {
                Self::CannotCheck(format!("{}: {reason}", member(flag)))
            }
            CommandError::Quantize { flag, source } => {
                Self::CannotCheck(format!("{}: {source}", member(flag)))
            }
            CommandError::LeftOut { tensor, flag } => Self::CannotCheck(format!(
                "the proof shows tensor {tensor}, but its file does not hold the values; give them as {:?}, or give the receipt",
                member(flag)
            )),
            CommandError::Hidden { flag, port } => Self::CannotCheck(format!(
                "{:?} cannot be checked: the proof hides tensor {port}",
                member(flag)
            )),
            CommandError::NoModel { receipt, model } => Self::CannotCheck(format!(
                "{}: its model {model} is none of this service's",
                receipt.display()
            )),
            other => Self::internal(other),
        }
    }
}

impl From<CliError> for Trouble {
    fn from(error: CliError) -> Self {
        match error {
            CliError::Memory { .. } => Self::Memory(error.to_string()),
            other => Self::internal(other),
        }
    }
}

/// The member of a request that says what an option of the command line does.
fn member(flag: &str) -> &str {
    flag.trim_start_matches('-')
}
