//! `pleat mcp`: the service as a Model Context Protocol server on standard input and output.

mod calls;
mod handler;
mod resources;
mod store;
mod tools;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rmcp::service::ServiceExt;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::stdio;

use super::options::McpArgs;
use super::serve::{runtime, workshop};
use crate::error::CliError;
use handler::Handler;
use store::Store;
use tools::Bench;

/// Serves until standard input ends.
pub fn mcp(args: &McpArgs) -> Result<(), CliError> {
    let shop = workshop(&args.models, &args.limits)?;
    let beside = || args.models.join("proofs");
    let out = args.out.clone().unwrap_or_else(beside);
    let limit = args.limits.max_input_bytes;
    let bench = Bench {
        shop,
        store: open(&out)?,
        limit,
    };
    let handler = Handler::new(Arc::new(bench), Duration::from_secs(args.limits.timeout));
    let runtime = runtime().map_err(CliError::Service)?;
    let served = runtime.block_on(async {
        let (input, output) = stdio();
        // Longer lines are dropped; what is between the two limits is answered with an error.
        let longest = limit.saturating_mul(4).saturating_add(1 << 20);
        let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(longest);
        let running = handler.serve(transport).await;
        let running = running.map_err(std::io::Error::other)?;
        running.waiting().await.map_err(std::io::Error::other)
    });
    runtime.shutdown_background();
    served.map(|_| ()).map_err(CliError::Service)
}

fn open(out: &Path) -> Result<Store, CliError> {
    let error = |e| {
        CliError::Service(std::io::Error::other(format!(
            "--out {}: {e}",
            out.display()
        )))
    };
    Store::open(out).map_err(error)
}
