//! Proves a synthetic dense network of a given size and prints what it took: `growth BATCH WIDTH LAYERS [ROW_BITS]`.
//!
//! Weights and inputs are seeded; widths are whole, so rows are `BATCH·WIDTH·(LAYERS+1)`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measuring program"
)]

use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::Parameters;
use pleat_prover::model::ProvingModel;
use pleat_prover::prove::{Keys, Request, Visibility, prove, unheard};
use pleat_verifier::descriptor::{
    Axis, AxisId, Descriptor, Function, Node, Port, Product, Source, View, WeightBlock,
};
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::verify::verify;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

const DIGIT_BITS: u32 = 12;

fn descriptor(batch: usize, width: usize, layers: usize, row_bits: u32) -> Descriptor {
    let axis = |id, len| Axis {
        id: AxisId(id),
        len,
    };
    let (t, f, g) = (axis(0, batch), axis(1, width), axis(2, width));
    let block = (batch * width).next_power_of_two();
    let reserved = block.max(1 << row_bits);
    let mut nodes = vec![Node::input("x".into(), 0, 0, vec![t, f], DIGIT_BITS, 0)];
    for l in 1..=layers {
        let a = View::whole(Source::Activations, l - 1, &[t, f]);
        let k = View::whole(Source::Weights, l - 1, &[g, f]);
        nodes.push(Node {
            name: format!("dense{l}"),
            address: l * reserved,
            out: vec![t, g],
            contraction: vec![f],
            product: Some(Product {
                multiplier: 1,
                a,
                k,
            }),
            linear: None,
            bias: None,
            function: usize::from(l != layers),
        });
    }
    let port = |name: &str, node| Port {
        name: name.into(),
        node,
        shape: vec![batch, width],
        scale: 1.0,
    };
    let size = (width * width).next_power_of_two();
    Descriptor {
        digit_bits: DIGIT_BITS,
        row_bits,
        functions: vec![Function::Identity, Function::Relu],
        weights: (0..layers)
            .map(|l| WeightBlock {
                address: l * size,
                shape: vec![width, width],
            })
            .collect(),
        nodes,
        inputs: vec![port("x", 0)],
        outputs: vec![port("y", layers)],
    }
}

fn main() {
    let args: Vec<usize> = std::env::args()
        .skip(1)
        .map(|a| a.parse().expect("a whole number"))
        .collect();
    let [batch, width, layers, ref rest @ ..] = args[..] else {
        println!("usage: growth BATCH WIDTH LAYERS [ROW_BITS]");
        return;
    };
    let row_bits = rest
        .first()
        .map_or(14, |b| u32::try_from(*b).expect("small"));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    // Weights of about 2^24/√width keep activations of the same size from layer to layer.
    let spread = ((1_u32 << 24) as f64 * (3.0 / width as f64).sqrt()) as u32;
    let mut weight = || (rng.next_u32() % spread) as i32 - (spread / 2) as i32;
    let blocks = (0..layers)
        .map(|_| (0..width * width).map(|_| weight()).collect())
        .collect();
    let input = (0..batch * width)
        .map(|_| (rng.next_u32() % 1024) as i32 - 512)
        .collect();
    let time = std::time::Instant::now();
    let model = ProvingModel::commit(
        descriptor(batch, width, layers, row_bits),
        blocks,
        String::new(),
        &mut rng,
    )
    .unwrap();
    println!("commit to weights {:.2} s", time.elapsed().as_secs_f64());
    let nova = Parameters::load_or_build(&CacheFolder::from_environment(), &mut |_| {}).unwrap();
    let opening =
        OpeningKey::load_or_derive(model.network().row_bits(), &CacheFolder::from_environment());
    let keys = Keys {
        nova: &nova,
        opening: &opening,
    };
    let shown = Visibility {
        inputs: false,
        outputs: false,
    };
    let request = Request {
        inputs: &[input],
        visibility: shown,
        linked: &[],
    };
    let proved = prove(&model, keys, &request, &mut rng, &mut unheard).unwrap();
    for (stage, elapsed) in proved.timings.stages() {
        println!("{:10} {:8.3} s", stage.name(), elapsed.as_secs_f64());
    }
    let time = std::time::Instant::now();
    verify(
        nova.verifier_key(),
        &opening,
        model.verification(),
        &proved.proof,
    )
    .unwrap();
    println!("verify     {:8.3} s", time.elapsed().as_secs_f64());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap_or("VmHWM unknown");
    println!(
        "rows {}, total {:.2} s, proof {} bytes, {peak}",
        model.network().real_rows(),
        proved.timings.total().as_secs_f64(),
        proved.proof.to_bytes().len()
    );
}
