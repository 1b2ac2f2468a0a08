//! The generated language models of `models/decoder`.

#[path = "../../models/decoder/folder.rs"]
mod folder;
#[path = "../../models/decoder/network.rs"]
mod network;

pub(crate) use folder::write;
pub(crate) use network::Network;
