//! `pleat serve`: from options to a server, and to its end.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::http::{self, HttpLimits, Server};
use super::jobs::{Queue, QueueLimits};
use super::keys::KeyRing;
use super::models::{Folder, Models};
use super::options::{LimitOptions, ServeArgs};
use super::work::Workshop;
use super::worker::work;
use crate::console::Console;
use crate::error::CliError;

/// Where the token may be besides a file.
const TOKEN: &str = "PLEAT_TOKEN";
/// Shorter ones are guessed.
const TOKEN_LENGTH: usize = 16;
/// Kilobytes of all bodies that are held at once.
const BODIES: u32 = 64 << 10;
const ARRIVAL: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests, verifications for the most part, that compute at once.
const COMPUTING: usize = 2;
/// How long a stopping server waits for its jobs' next stage. A job that is cut off is proved at the next start.
const SETTLING: Duration = Duration::from_secs(10);

/// Where the server listens.
#[derive(Serialize)]
struct Listening {
    listening: SocketAddr,
    token: bool,
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.token {
            "with the token"
        } else {
            "this computer only, without a token"
        };
        writeln!(f, "listening on http://{} ({who})", self.listening)
    }
}

/// Serves until it is told to stop.
pub fn serve(args: &ServeArgs, console: &Console) -> Result<(), CliError> {
    let token = token(args.token_file.as_deref())?;
    if token.is_none() && !args.listen.ip().is_loopback() {
        return Err(service(format!(
            "--listen {}: other computers could use the models; give a token with --token-file FILE or in ${TOKEN}",
            args.listen
        )));
    }
    let limits = QueueLimits {
        queued: args.queue.max(1),
        kept: args.keep,
        days: args.keep_days,
    };
    let queue = Queue::open(&args.jobs, limits)
        .map_err(|e| service(format!("--jobs {}: {e}", args.jobs.display())))?;
    let shop = workshop(&args.models, &args.limits)?;
    let limits = HttpLimits {
        body: args.limits.max_input_bytes,
        bodies: BODIES
            .max(u32::try_from(args.limits.max_input_bytes >> 9).unwrap_or(u32::MAX >> 4)),
        arrival: ARRIVAL,
        patience: PATIENCE,
        compute: Duration::from_secs(args.limits.timeout).max(PATIENCE),
        job: Duration::from_secs(args.limits.timeout),
        computing: COMPUTING,
        streams: args.connections.div_ceil(2),
    };
    let server = Arc::new(Server::new(shop, queue, limits, token.as_deref()));
    let runtime = runtime().map_err(CliError::Service)?;
    let listener = runtime.block_on(TcpListener::bind(args.listen));
    let listener = listener.map_err(|e| service(format!("--listen {}: {e}", args.listen)))?;
    let workers: Vec<_> = (0..args.workers.max(1))
        .map(|_| {
            let server = Arc::clone(&server);
            thread::spawn(move || work(&server))
        })
        .collect();
    console.finish(&Listening {
        listening: listener.local_addr().map_err(CliError::Service)?,
        token: server.has_token(),
    })?;
    let router = http::router(Arc::clone(&server));
    runtime.block_on(http::serve(
        listener,
        &server,
        router,
        args.connections.max(1),
        told_to_stop(),
    ));
    if server.queue.settle(SETTLING) {
        for worker in workers {
            let _ = worker.join();
        }
    } else {
        console.note(&"a job is cut off; it will be proved at the next start");
    }
    // Requests that still compute are nobody's any more.
    runtime.shutdown_background();
    Ok(())
}

/// Models and keys, with limits.
pub fn workshop(models: &Path, limits: &LimitOptions) -> Result<Workshop, CliError> {
    let folder = Folder::open(models);
    let folder = folder.map_err(|e| service(format!("--models {}: {e}", models.display())))?;
    Ok(Workshop {
        models: Models::new(folder, limits.cache_bytes),
        keys: KeyRing::default(),
        max_rows: limits.max_rows,
    })
}

/// Few threads: what computes has its own.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .enable_all()
        .build()
}

fn token(file: Option<&Path>) -> Result<Option<String>, CliError> {
    let (place, token) = match file {
        Some(path) => {
            let place = format!("--token-file {}", path.display());
            let text =
                std::fs::read_to_string(path).map_err(|e| service(format!("{place}: {e}")))?;
            (place, text)
        }
        None => match std::env::var(TOKEN) {
            Ok(token) if !token.is_empty() => (format!("${TOKEN}"), token),
            Ok(_) | Err(std::env::VarError::NotPresent) => return Ok(None),
            Err(e) => return Err(service(format!("${TOKEN}: {e}"))),
        },
    };
    let token = token.trim();
    if token.len() < TOKEN_LENGTH || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(service(format!(
            "{place}: a token has at least {TOKEN_LENGTH} visible ASCII characters, in one line; `head -c 32 /dev/urandom | base64` makes one"
        )));
    }
    Ok(Some(token.to_owned()))
}

fn service(reason: String) -> CliError {
    CliError::Service(std::io::Error::other(reason))
}

/// Ctrl-C, or the signal that asks a process to end.
async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut end) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = end.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
