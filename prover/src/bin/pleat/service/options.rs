//! The options of both commands, with the help that teaches them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// What one request may take.
#[derive(Args, Clone, Debug)]
pub struct LimitOptions {
    /// Refuse runs of more rows (`pleat inspect MODEL.vmodel` says how many a model has; samples multiply them)
    #[arg(long, value_name = "N", default_value_t = 4_000_000)]
    pub max_rows: usize,
    /// Refuse requests of more bytes
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    pub max_input_bytes: usize,
    /// Give up on a proof after so many seconds; it ends at the next stage of proving
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
    /// Keep models loaded of so many bytes together
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    pub cache_bytes: u64,
}

/// Serve models to an agent: a Model Context Protocol server on standard input and output.
///
/// The agent gets tools to list the models of a folder, run them, prove runs, verify proofs and chains of receipts, and to have a verdict
/// explained; receipts are resources. Nothing outside the two folders is read or written. Proofs, receipts and secrets are written to
/// the folder of proofs; a secret file opens what its proof hides and is never sent to the agent.
///
/// Standard output carries the protocol alone; messages go to standard error.
#[derive(Args, Clone, Debug)]
#[command(after_help = "In the configuration of an agent:
  {\"mcpServers\": {\"pleat\": {\"command\": \"pleat\", \"args\": [\"mcp\", \"--models\", \"/srv/models\"]}}}

docs/service.md describes tools, files and limits.")]
pub struct McpArgs {
    /// The folder of models: NAME.pleat proves and runs, NAME.vmodel verifies
    #[arg(long, value_name = "FOLDER")]
    pub models: PathBuf,
    /// Where proofs, secrets and receipts go, and are looked for [default: the folder `proofs` in that of the models]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub limits: LimitOptions,
}

/// Serve models over HTTP.
///
/// Runs, verdicts and explanations are answered at once. Proofs are jobs: they wait in a queue on disk, which survives a kill, are
/// made one after the other, and are kept for a while. GET /openapi.json describes everything.
///
/// Whoever has the token can do all of this with all of the models. It comes from a file or from $PLEAT_TOKEN, never from the command
/// line; without one the server listens on this computer alone, and serves no secrets. There is no TLS: put a proxy before it.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:
  head -c 32 /dev/urandom | base64 > token
  pleat serve --models models --jobs jobs --token-file token
  curl -H \"Authorization: Bearer $(cat token)\" -H 'Content-Type: application/json' \\
      -d '{\"input_data\": [[0.1, 0.2]], \"hide\": [\"input\"]}' http://127.0.0.1:8580/v1/models/credit/prove

Files of a job, JOBS/ID/: request.json (the inputs), proof, proof.secret, proof.receipt.json, done.json.
docs/service.md describes paths, files and limits, what is secret, and what survives a kill.")]
pub struct ServeArgs {
    /// The folder of models: NAME.pleat proves and runs, NAME.vmodel verifies
    #[arg(long, value_name = "FOLDER")]
    pub models: PathBuf,
    /// The folder of jobs, for this server alone; it is made if it is missing
    #[arg(long, value_name = "FOLDER")]
    pub jobs: PathBuf,
    /// Where to listen; another address than this computer's own needs a token
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8580")]
    pub listen: SocketAddr,
    /// A file with the bearer token, at least 16 characters in one line [default: $PLEAT_TOKEN, if it is set]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Prove so many jobs at once; each uses all cores, and its memory
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub workers: usize,
    /// Let so many jobs wait; further ones are refused with status 429
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub queue: usize,
    /// Keep so many jobs that have ended; the oldest are removed
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub keep: usize,
    /// Remove jobs so many days after they were submitted, once they have ended
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub keep_days: u64,
    /// Connections at once; further ones are refused with status 503
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub connections: usize,
    #[command(flatten)]
    pub limits: LimitOptions,
}
