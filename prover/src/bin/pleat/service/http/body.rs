//! Bodies: JSON, of bounded length, that arrives in bounded time, and all of them together in bounded memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};

use super::server::Server;
use crate::service::trouble::Trouble;

/// A client that sends too much hears so more likely if it may finish sending.
const DRAINED: usize = 64 << 20;
const DRAINING: Duration = Duration::from_secs(5);

/// Reads a request's body. Its room is free again when the permit is dropped.
pub async fn read<T: DeserializeOwned>(
    server: &Arc<Server>,
    request: Request,
) -> Result<(T, Option<OwnedSemaphorePermit>), Trouble> {
    let (parts, body) = request.into_parts();
    demand_json(&parts.headers)?;
    let (bytes, room) = collect(server, &parts.headers, body).await?;
    Ok((parse(&bytes)?, room))
}

fn demand_json(headers: &HeaderMap) -> Result<(), Trouble> {
    let value = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = value.and_then(|v| v.split(';').next()).map(str::trim);
    match essence {
        Some(essence) if essence.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => Err(Trouble::ContentType),
    }
}

async fn collect(
    server: &Arc<Server>,
    headers: &HeaderMap,
    mut body: Body,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Trouble> {
    let limit = server.limits.body;
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    let announced = announced.and_then(|v| v.parse::<usize>().ok());
    let too_large = Trouble::TooLarge { limit };
    if announced.is_some_and(|n| n > limit) {
        if !headers.contains_key(EXPECT) {
            drain(body).await;
        }
        return Err(too_large);
    }
    let until = Instant::now() + server.limits.arrival;
    let slow = || Trouble::Slow {
        seconds: server.limits.arrival.as_secs(),
    };
    let mut bytes = Vec::new();
    let mut room: Option<OwnedSemaphorePermit> = None;
    loop {
        let frame = timeout_at(until, body.frame()).await.map_err(|_| slow())?;
        let Some(frame) = frame else {
            return Ok((bytes, room));
        };
        let frame = frame.map_err(|e| Trouble::Malformed(format!("it breaks off: {e}")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limit {
            drop(bytes);
            drain(body).await;
            return Err(too_large);
        }
        let held = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needed = (bytes.len() + data.len())
            .div_ceil(1 << 10)
            .saturating_sub(held);
        if needed > 0 {
            let more = server.room(u32::try_from(needed).unwrap_or(u32::MAX));
            let more = match more {
                Ok(more) => more,
                Err(busy) => {
                    drop(bytes);
                    drain(body).await;
                    return Err(busy);
                }
            };
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
        }
        bytes.extend_from_slice(&data);
    }
}

/// Receives the rest, and drops it.
async fn drain(mut body: Body) {
    let all = async {
        let mut left = DRAINED;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, |data| data.len());
            left = left.saturating_sub(bytes);
            if left == 0 {
                break;
            }
        }
    };
    let _ = timeout(DRAINING, all).await;
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Trouble> {
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    if first.is_some_and(|b| *b != b'{') {
        // What it is, the parser says; but serde would take a list for an object.
        let _: serde::de::IgnoredAny =
            serde_json::from_slice(bytes).map_err(|e| Trouble::Malformed(e.to_string()))?;
        return Err(Trouble::Invalid("the body has to be an object".to_owned()));
    }
    serde_json::from_slice(bytes).map_err(|e| match e.classify() {
        Category::Data => Trouble::Invalid(e.to_string()),
        _ => Trouble::Malformed(e.to_string()),
    })
}
