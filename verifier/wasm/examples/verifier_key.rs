//! `verifier_key FILE`: writes the universal circuit's key, for verifiers that cannot build it themselves.

use pleat_nova_circuits::params::Parameters;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args_os()
        .nth(1)
        .ok_or("usage: verifier_key FILE")?;
    let key = Parameters::build()?.into_verifier_key();
    std::fs::write(file, key.to_bytes())?;
    Ok(())
}
