//! Writes the generators of row commitments to the files that programs embed.

use pleat_nova_circuits::cycle::generators;
use pleat_verifier::commitments::{Embedded, GENERATOR_LABEL};
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commitments");
    for embedded in [Embedded::LARGE, Embedded::SMALL] {
        let all = generators(GENERATOR_LABEL, (1 << embedded.row_bits) + 1);
        std::fs::write(folder.join(embedded.file), embedded.bytes(&all))?;
    }
    Ok(())
}
