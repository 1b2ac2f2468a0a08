//! The executor against plain loops, and against the definition of a node on random nodes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;

use common::all;
use pleat_prover::execute::{block_values, execute, weight_column};

#[test]
fn small_networks_agree_with_plain_loops() {
    for problem in all() {
        let network = &problem.network;
        let column = weight_column(network, &problem.weights).unwrap();
        let trace = execute(network, &column, &problem.inputs).unwrap();
        for (port, output) in network.descriptor().outputs.iter().zip(&problem.outputs) {
            let got = block_values(network, port.node, &trace.y);
            assert_eq!(&got, output, "{}", problem.name);
            assert!(got.iter().any(|v| *v != 0), "{}", problem.name);
        }
    }
}
