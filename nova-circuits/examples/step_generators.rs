//! Writes the generators of the committed steps to the file that the program embeds.
#![allow(clippy::expect_used, reason = "a tool")]

use pleat_nova_circuits::tree::Key;

fn main() -> std::io::Result<()> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tree/generators.bin");
    let key = Key::derive().expect("generators are derived from a label");
    std::fs::write(file, key.to_bytes())
}
