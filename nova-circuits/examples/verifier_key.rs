//! Writes the verifier's key to a file, for whoever serves it to verifiers that have no cache:
//! `cargo run --release -p pleat-nova-circuits --example verifier_key -- FILE`.
#![allow(clippy::print_stdout, reason = "an example")]

use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::VerifierKey;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args_os().nth(1).ok_or("FILE is missing")?;
    let cache = CacheFolder::from_environment();
    let start = Instant::now();
    let key = VerifierKey::load_or_build(&cache, &mut |event| println!("{event:?}"))?;
    println!(
        "the key is ready after {:.3} s",
        start.elapsed().as_secs_f64()
    );
    let bytes = key.to_bytes();
    std::fs::write(file, &bytes)?;
    let start = Instant::now();
    VerifierKey::from_bytes(&bytes)?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{} bytes, read in {seconds:.3} s", bytes.len());
    Ok(())
}
