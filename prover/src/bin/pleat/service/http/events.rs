//! Progress of a job, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::server::Server;
use super::status::{Progress, status};
use crate::service::jobs::{JobId, Snapshot};
use crate::service::trouble::Trouble;

const ALIVE: Duration = Duration::from_secs(15);

struct Following {
    server: Arc<Server>,
    id: JobId,
    live: watch::Receiver<Snapshot>,
    stopping: watch::Receiver<bool>,
    last: Option<Progress>,
    over: bool,
    _one: OwnedSemaphorePermit,
}

/// `progress` as often as it changes; at the end `done`, with the job's description, or `removed`, or `stopping`.
pub fn events(server: &Arc<Server>, id: JobId) -> Result<Response, Trouble> {
    let (_, live) = server.queue.watch(&id).ok_or(Trouble::NoJob)?;
    let following = Following {
        live,
        stopping: server.stopping(),
        last: None,
        over: false,
        _one: server.stream()?,
        server: Arc::clone(server),
        id,
    };
    let stream = unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(ALIVE))
        .into_response())
}

impl Following {
    async fn next(&mut self) -> Option<Event> {
        while !self.over {
            if *self.stopping.borrow() {
                self.over = true;
                return Some(Event::default().event("stopping").data("{}"));
            }
            let snapshot = *self.live.borrow_and_update();
            let Some(progress) = Progress::of(snapshot) else {
                return Some(self.last().await);
            };
            if self.last.as_ref() != Some(&progress) {
                let data = serde_json::to_string(&progress).unwrap_or_default();
                self.last = Some(progress);
                return Some(Event::default().event("progress").data(data));
            }
            tokio::select! {
                changed = self.live.changed() => if changed.is_err() {
                    // The job was removed.
                    return Some(self.last().await);
                },
                _ = self.stopping.changed() => {}
            }
        }
        None
    }

    async fn last(&mut self) -> Event {
        self.over = true;
        match status(&self.server, &self.id).await {
            Ok(status) => {
                let data = serde_json::to_string(&status).unwrap_or_default();
                Event::default().event("done").data(data)
            }
            Err(_) => Event::default().event("removed").data("{}"),
        }
    }
}
