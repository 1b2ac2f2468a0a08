//! `pleat mcp` and `pleat serve`: models that others, people and agents, run, prove with and check proofs about. What they may ask for
//! ([`requests`]) and what is done ([`work`]) is one thing; MCP and HTTP are two ways to it.

mod answers;
mod given;
mod http;
mod jobs;
mod keys;
mod mcp;
mod models;
mod options;
mod requests;
mod serve;
mod trouble;
mod values;
mod work;
mod worker;

pub use mcp::mcp;
pub use options::{McpArgs, ServeArgs};
pub use serve::serve;
