//! The generated networks of `models/deep`.

#[path = "../../models/deep/digits.rs"]
pub mod digits;
#[path = "../../models/deep/network.rs"]
mod network;

pub use network::{CHANNELS, CLASSES, Deep, PIXELS, SIDE};
