//! The machine's memory, and the process's, where `/proc` tells.

use pleat_prover::compile::prove_memory;
use pleat_verifier::network::Network;

use crate::error::CliError;

/// Bytes of memory that are free, where the system says so.
pub fn available_memory() -> Option<usize> {
    bytes("/proc/meminfo", "MemAvailable:")
}

/// The most memory that the process has had; `None` where `/proc` does not tell.
pub fn peak_rss_bytes() -> Option<u64> {
    bytes("/proc/self/status", "VmHWM:").and_then(|n| u64::try_from(n).ok())
}

/// A line of kilobytes.
fn bytes(file: &str, name: &str) -> Option<usize> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix(name))?;
    let kilobytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Demands, once a model is loaded, that there is memory to prove a run of it.
pub fn demand_memory(network: &Network) -> Result<(), CliError> {
    let own = bytes("/proc/self/status", "VmRSS:").unwrap_or(0);
    let needed = prove_memory(network).saturating_sub(own);
    match available_memory().filter(|available| *available < needed) {
        Some(available) => Err(CliError::Memory {
            doing: "proving a run",
            needed,
            available,
        }),
        None => Ok(()),
    }
}
