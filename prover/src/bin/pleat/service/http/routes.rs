//! The paths, and what is done at each.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::body::read;
use super::events::events;
use super::guard::{authorized, counted};
use super::openapi;
use super::reply::{BYTES, bytes_of, json, json_text};
use super::server::Server;
use super::status::{id, status};
use crate::service::jobs::Submitted;
use crate::service::requests::{
    ChainRequest, ExplainRequest, ProveRequest, RunRequest, VerifyRequest,
};
use crate::service::trouble::Trouble;
use crate::service::work::explained;

type Shared = State<Arc<Server>>;
type Named = Result<Path<String>, PathRejection>;
type Answer = Result<Response, Trouble>;

const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Longer keys are none.
const KEY: usize = 255;

/// All routes.
pub fn router(server: Arc<Server>) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .route("/v1/models", get(models))
        .route("/v1/models/{name}", get(model))
        .route("/v1/models/{name}/vmodel", get(vmodel))
        .route("/v1/models/{name}/run", post(run))
        .route("/v1/models/{name}/prove", post(prove))
        .route("/v1/jobs/{id}", get(job).delete(remove))
        .route("/v1/jobs/{id}/events", get(follow))
        .route("/v1/jobs/{id}/proof", get(proof))
        .route("/v1/jobs/{id}/receipt", get(receipt))
        .route("/v1/jobs/{id}/secret", get(secret))
        .route("/v1/verify", post(verify))
        .route("/v1/verify-chain", post(verify_chain))
        .route("/v1/explain", post(explain))
        .route_layer(from_fn_with_state(Arc::clone(&server), authorized));
    guarded
        .route("/healthz", get(health))
        .route("/openapi.json", get(document))
        .fallback(async || Trouble::NoPath)
        .method_not_allowed_fallback(async || Trouble::Method)
        .layer(from_fn_with_state(Arc::clone(&server), counted))
        .with_state(server)
}

fn name(path: Named) -> Result<String, Trouble> {
    // What is no text in a path is no name either.
    path.map(|Path(name)| name).map_err(|_| Trouble::NoModel {
        name: "?".to_owned(),
    })
}

fn job_id(path: Named) -> Result<crate::service::jobs::JobId, Trouble> {
    id(&path.map_err(|_| Trouble::NoJob)?.0)
}

async fn health(State(server): Shared) -> Answer {
    if server.queue.is_stopping() {
        return Err(Trouble::Stopping);
    }
    Ok(json(StatusCode::OK, &serde_json::json!({"status": "ok"})))
}

async fn document(State(server): Shared) -> Response {
    json(StatusCode::OK, &openapi::document(server.has_token()))
}

async fn metrics(State(server): Shared) -> Response {
    let counts = server.queue.counts();
    let text = server.metrics.text(counts, server.queue.limit());
    bytes_of(METRICS, text).into_response()
}

async fn models(State(server): Shared) -> Answer {
    let list = server.compute(|s| Ok(s.shop.models.list())).await?;
    Ok(json(StatusCode::OK, &list))
}

async fn model(State(server): Shared, path: Named) -> Answer {
    let name = name(path)?;
    let info = server.compute(move |s| s.shop.info(&name)).await?;
    Ok(json(StatusCode::OK, &info))
}

async fn vmodel(State(server): Shared, path: Named) -> Answer {
    let name = name(path)?;
    let bytes = server.compute(move |s| s.shop.models.vmodel(&name)).await?;
    Ok(bytes_of(BYTES, bytes).into_response())
}

async fn run(State(server): Shared, path: Named, request: Request) -> Answer {
    let name = name(path)?;
    let (asked, _room) = read::<RunRequest>(&server, request).await?;
    let answer = server.compute(move |s| s.shop.run(&name, &asked)).await?;
    Ok(json(StatusCode::OK, &answer))
}

async fn prove(State(server): Shared, path: Named, headers: HeaderMap, request: Request) -> Answer {
    let name = name(path)?;
    let key = key(&headers)?;
    let (asked, _room) = read::<ProveRequest>(&server, request).await?;
    let submit = move |s: &Server| {
        s.shop.examine(&name, &asked)?;
        s.queue.submit(&name, &asked, key.as_deref())
    };
    let (Submitted::Fresh(id) | Submitted::Known(id)) = server.compute(submit).await?;
    let mut response = json(StatusCode::ACCEPTED, &status(&server, &id).await?);
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/jobs/{id}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Trouble> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| Trouble::BadKey)?;
    let good = (1..=KEY).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    good.then(|| Some(text.to_owned())).ok_or(Trouble::BadKey)
}

async fn job(State(server): Shared, path: Named) -> Answer {
    let id = job_id(path)?;
    Ok(json(StatusCode::OK, &status(&server, &id).await?))
}

async fn remove(State(server): Shared, path: Named) -> Answer {
    let id = job_id(path)?;
    if server.disk(move |s| s.queue.remove(&id)).await? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(Trouble::NoJob)
    }
}

async fn follow(State(server): Shared, path: Named) -> Answer {
    events(&server, job_id(path)?)
}

async fn file(server: &Arc<Server>, path: Named, what: &'static str) -> Result<Vec<u8>, Trouble> {
    let id = job_id(path)?;
    let job = status(server, &id).await?;
    match job.state {
        "done" if job.files.contains(&what) => {}
        "done" | "failed" => return Err(Trouble::NoResult),
        _ => return Err(Trouble::NotReady),
    }
    let bytes = server.disk(move |s| s.queue.file(&id, what)).await?;
    bytes.ok_or(Trouble::NoJob)
}

async fn proof(State(server): Shared, path: Named) -> Answer {
    let bytes = file(&server, path, "proof").await?;
    Ok(bytes_of(BYTES, bytes).into_response())
}

async fn receipt(State(server): Shared, path: Named) -> Answer {
    Ok(json_text(file(&server, path, "receipt").await?))
}

async fn secret(State(server): Shared, path: Named) -> Answer {
    if !server.has_token() {
        return Err(Trouble::TokenNeeded);
    }
    let bytes = file(&server, path, "secret").await?;
    Ok(bytes_of(BYTES, bytes).into_response())
}

async fn verify(State(server): Shared, request: Request) -> Answer {
    let (asked, _room) = read::<VerifyRequest>(&server, request).await?;
    let verdict = server.compute(move |s| s.shop.verify(&asked)).await?;
    Ok(json(StatusCode::OK, &verdict))
}

async fn verify_chain(State(server): Shared, request: Request) -> Answer {
    let (asked, _room) = read::<ChainRequest>(&server, request).await?;
    let verdict = server.compute(move |s| s.shop.verify_chain(&asked)).await?;
    Ok(json(StatusCode::OK, &verdict))
}

async fn explain(State(server): Shared, request: Request) -> Answer {
    let (asked, _room) = read::<ExplainRequest>(&server, request).await?;
    Ok(json(StatusCode::OK, &explained(&asked)?))
}
