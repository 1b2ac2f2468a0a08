//! A worker: takes jobs and proves them, one after the other.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use pleat_prover::prove::Event;

use super::http::Server;
use super::jobs::{Job, Outcome, Snapshot};
use super::trouble::Trouble;

/// Works until the server stops.
pub fn work(server: &Server) {
    while let Some(job) = server.queue.take() {
        let start = Instant::now();
        // Nothing that the attempt changed is used after a panic.
        let attempt = catch_unwind(AssertUnwindSafe(|| prove(server, &job)));
        let outcome = attempt.unwrap_or_else(|_| {
            Err(Trouble::internal(format_args!(
                "job {} was aborted",
                job.id
            )))
        });
        if !matches!(outcome, Err(Trouble::Cancelled)) {
            server.metrics.worked(outcome.is_ok(), start.elapsed());
        }
        server.queue.finish(&job, &outcome);
    }
}

fn prove(server: &Server, job: &Job) -> Outcome {
    let request = server.queue.request(job);
    let request = request.ok_or_else(|| {
        if job.is_cancelled() {
            Trouble::Cancelled
        } else {
            Trouble::internal(format_args!("job {}: its request cannot be read", job.id))
        }
    })?;
    let start = Instant::now();
    let limit = server.limits.job;
    let mut stage = None;
    let mut heard = |event| {
        let steps = match event {
            Event::Start(begun) => {
                stage = Some(begun.name());
                None
            }
            Event::Folded(done, total) => Some((done, total)),
        };
        server.queue.heard(job, Snapshot::Running { stage, steps });
        if job.is_cancelled() || server.queue.is_stopping() || start.elapsed() > limit {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let proof = server.shop.prove(&job.model, &request, &mut heard);
    match proof {
        Err(Trouble::Cancelled) if !job.is_cancelled() && !server.queue.is_stopping() => {
            Err(Trouble::TimeLimit {
                seconds: limit.as_secs(),
            })
        }
        proof => proof.map(Box::new),
    }
}
