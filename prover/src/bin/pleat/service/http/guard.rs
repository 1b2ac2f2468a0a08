//! What every request goes through: who asks, and how errors look.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, HOST, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::server::Server;
use crate::service::trouble::Trouble;

/// The kind of an error, for whoever counts them.
#[derive(Clone, Copy)]
struct Kind(&'static str);

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (kind, status) = self.kind_and_status();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, super::reply::json_bytes(&self.to_json())).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Self::Unauthorized) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Kind(kind));
        response
    }
}

/// Demands the token; without one, that the request came to this computer by a name of its own, so that no web page can send it by
/// making its own name mean this address.
pub async fn authorized(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let good = match server.has_token() {
        true if token(headers).is_some_and(|given| server.is_token(given)) => Ok(()),
        true => Err(Trouble::Unauthorized),
        false if is_local(headers) => Ok(()),
        false => Err(Trouble::Host),
    };
    match good {
        Ok(()) => next.run(request).await,
        Err(trouble) => trouble.into_response(),
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|v| v.to_str().ok());
    let Some(host) = host else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Counts responses and sets what all have.
pub async fn counted(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    server.metrics.answered(response.status().as_u16());
    if let Some(Kind(kind)) = response.extensions().get::<Kind>() {
        server.metrics.rejected(kind);
    }
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_computer() {
        let local = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            is_local(&headers)
        };
        for good in [
            "localhost",
            "localhost:8580",
            "127.0.0.1:1",
            "[::1]:8580",
            "127.1.2.3",
        ] {
            assert!(local(good), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "example.com:8580",
            "localhost.example.com",
            "10.0.0.1",
            "[::2]",
        ] {
            assert!(!local(bad), "{bad}");
        }
        assert!(!is_local(&HeaderMap::new()));
    }
}
