//! The service over HTTP: paths and bodies. What is done with them is the workshop's and the queue's.

mod body;
mod events;
mod guard;
mod listen;
mod metrics;
mod openapi;
mod reply;
mod routes;
mod server;
mod status;

pub use listen::serve;
pub use routes::router;
pub use server::{HttpLimits, Server};
