//! Responses.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

const JSON: &str = "application/json";
/// What has no better name.
pub const BYTES: &str = "application/octet-stream";

/// JSON, as a body with its type.
pub fn json_bytes(value: &impl Serialize) -> ([(HeaderName, HeaderValue); 1], Body) {
    // These are types of ours, with string keys only.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes_of(JSON, bytes)
}

/// JSON, with a status.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    (status, json_bytes(value)).into_response()
}

/// Bytes of a type.
pub fn bytes_of(
    of: &'static str,
    bytes: impl Into<Body>,
) -> ([(HeaderName, HeaderValue); 1], Body) {
    ([(CONTENT_TYPE, HeaderValue::from_static(of))], bytes.into())
}

/// Canonical JSON that is there already.
pub fn json_text(bytes: Vec<u8>) -> Response {
    bytes_of(JSON, bytes).into_response()
}
