//! What the handlers share: the workshop, the queue, the limits, and how much is being done.

use std::sync::Arc;
use std::time::Duration;

use pleat_verifier::receipt::Sha3Hash;
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

use super::metrics::Metrics;
use crate::service::jobs::Queue;
use crate::service::trouble::Trouble;
use crate::service::work::Workshop;

/// Limits of requests.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Bytes of a body.
    pub body: usize,
    /// Kilobytes of all bodies together.
    pub bodies: u32,
    /// How long a body may take to arrive.
    pub arrival: Duration,
    /// How long a request that computes waits for its turn.
    pub patience: Duration,
    /// How long it may compute.
    pub compute: Duration,
    /// How long a job may.
    pub job: Duration,
    /// Requests that compute at once.
    pub computing: usize,
    /// Streams of events.
    pub streams: usize,
}

/// The server.
pub struct Server {
    pub shop: Workshop,
    pub queue: Queue,
    pub metrics: Metrics,
    pub limits: HttpLimits,
    token: Option<Sha3Hash>,
    computing: Arc<Semaphore>,
    /// Kilobytes.
    bodies: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// With a bearer token, if there is one.
    pub fn new(shop: Workshop, queue: Queue, limits: HttpLimits, token: Option<&str>) -> Self {
        Self {
            shop,
            queue,
            metrics: Metrics::default(),
            limits,
            token: token.map(|token| Sha3Hash::of(token.as_bytes())),
            computing: Arc::new(Semaphore::new(limits.computing)),
            bodies: Arc::new(Semaphore::new(limits.bodies as usize)),
            streams: Arc::new(Semaphore::new(limits.streams)),
            stop: watch::Sender::new(false),
        }
    }

    /// Whether callers need a token.
    pub const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether this is the token. Hashes are compared, in constant time.
    pub fn is_token(&self, given: &str) -> bool {
        let given = Sha3Hash::of(given.as_bytes());
        self.token
            .is_some_and(|token| token.0.ct_eq(&given.0).into())
    }

    /// Computes on a thread of its own, if not too many do already.
    pub async fn compute<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let turn = timeout(
            self.limits.patience,
            Arc::clone(&self.computing).acquire_owned(),
        );
        let turn = turn.await.ok().and_then(Result::ok).ok_or(Trouble::Busy)?;
        let server = Arc::clone(self);
        let task = spawn_blocking(move || {
            // It is held until the work ends, whether or not anybody waits for it.
            let _turn = turn;
            work(&server)
        });
        match timeout(self.limits.compute, task).await {
            Ok(result) => result.map_err(|e| panicked(&e))?,
            Err(_) => Err(Trouble::TimeLimit {
                seconds: self.limits.compute.as_secs(),
            }),
        }
    }

    /// Reads or writes a little on disk.
    pub async fn disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let server = Arc::clone(self);
        let task = spawn_blocking(move || work(&server));
        task.await.map_err(|e| panicked(&e))
    }

    /// Room for so many kilobytes of a body.
    pub fn room(&self, kilobytes: u32) -> Result<OwnedSemaphorePermit, Trouble> {
        let room = Arc::clone(&self.bodies).try_acquire_many_owned(kilobytes);
        room.map_err(|_| Trouble::Busy)
    }

    /// A stream of events, if there are not too many.
    pub fn stream(&self) -> Result<OwnedSemaphorePermit, Trouble> {
        let stream = Arc::clone(&self.streams).try_acquire_owned();
        stream.map_err(|_| Trouble::Busy)
    }

    /// Tells when the server stops.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Nothing new is begun.
    pub fn stop(&self) {
        self.queue.stop();
        self.stop.send_replace(true);
    }
}

fn panicked(error: &JoinError) -> Trouble {
    Trouble::internal(format_args!("a request was aborted: {error}"))
}
