//! Connections: so many at once, each of which has to say soon what it wants.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::server::Server;
use crate::service::trouble::Trouble;

/// How long a connection may take for the head of a request, or be idle.
const HEAD: Duration = Duration::from_secs(10);
const HEAD_BYTES: usize = 1 << 16;
/// Connections beyond the limit that are told so at once; others are closed.
const TURNED_AWAY: usize = 64;
const FAREWELL: Duration = Duration::from_secs(2);
/// How long answers may take that have begun when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `stop` is done.
pub async fn serve(
    listener: TcpListener,
    server: &Arc<Server>,
    router: Router,
    connections: usize,
    stop: impl Future<Output = ()>,
) {
    let open = Arc::new(Semaphore::new(connections));
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(e) => {
                // Out of file descriptors, most likely: others have to be closed first.
                tracing::warn!("a connection was not accepted: {e}");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        if let Ok(one) = Arc::clone(&open).try_acquire_owned() {
            tokio::spawn(connection(stream, Arc::clone(server), router.clone(), one));
        } else {
            server.metrics.rejected("connections");
            if let Ok(one) = Arc::clone(&turned_away).try_acquire_owned() {
                tokio::spawn(turn_away(stream, one));
            }
        }
    }
    server.stop();
    let all = u32::try_from(connections).unwrap_or(u32::MAX);
    let _ = timeout(GRACE, open.acquire_many(all)).await;
}

async fn connection(
    stream: TcpStream,
    server: Arc<Server>,
    router: Router,
    _one: OwnedSemaphorePermit,
) {
    let mut stopping = server.stopping();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    // What is wrong with a connection is the client's affair.
    let stopped = async {
        // What the lock guards is not held on to.
        let _ = stopping.wait_for(|stop| *stop).await.map(|_| ());
    };
    tokio::select! {
        _ = &mut connection => {}
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Says that there are too many connections.
async fn turn_away(mut stream: TcpStream, _one: OwnedSemaphorePermit) {
    let trouble = Trouble::Busy;
    let body = trouble.to_json().to_string();
    let text = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        trouble.retry_after().unwrap_or(1),
        body.len()
    );
    let _ = timeout(FAREWELL, async {
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await?;
        // Closed with unread bytes, the connection would be reset and the answer lost.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<_, std::io::Error>(())
    })
    .await;
}
