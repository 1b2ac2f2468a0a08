//! The outside transcript (PROTOCOL.md §4): SHAKE256 over labelled, length-prefixed messages.
//!
//! Each stage of the protocol is a type that consumes the one before, so that the order of messages cannot be got wrong.
//! The inside transcript is the circuit's, in `pleat_nova_circuits::chain::hash`.

use pleat_nova_circuits::cycle::{F, field_from_i64, field_from_uniform, field_to_bytes};
use pleat_nova_circuits::ipa;
use sha3::{
    Shake256,
    digest::{ExtendableOutput, Update, XofReader},
};

use crate::commitments::{Commitments, RowCommitment};
use crate::network::{Column, Network};
use crate::program::{Advice, Challenges};
use crate::proof::PublicValues;

/// The protocol's version, the first message.
pub const PROTOCOL_VERSION: &[u8] = b"pleat protocol 1";

/// A hash of everything said so far.
#[derive(Clone)]
struct Outside {
    hash: Shake256,
}

impl Outside {
    fn new() -> Self {
        let mut outside = Self {
            hash: Shake256::default(),
        };
        outside.absorb("version", &[PROTOCOL_VERSION]);
        outside
    }

    /// Absorbs one message: the label, then the items' bytes concatenated, each with its length.
    fn absorb(&mut self, label: &str, items: &[&[u8]]) {
        let length = items.iter().fold(0_u64, |n, i| n.saturating_add(len64(i)));
        self.hash.update(&len64(label.as_bytes()).to_le_bytes());
        self.hash.update(label.as_bytes());
        self.hash.update(&length.to_le_bytes());
        for item in items {
            self.hash.update(item);
        }
    }

    fn absorb_fields(&mut self, label: &str, values: &[F]) {
        let bytes: Vec<[u8; 32]> = values.iter().map(field_to_bytes).collect();
        let items: Vec<&[u8]> = bytes.iter().map(<[u8; 32]>::as_slice).collect();
        self.absorb(label, &items);
    }

    fn absorb_rows(&mut self, label: &str, rows: &[RowCommitment]) {
        let items: Vec<&[u8]> = rows.iter().map(|r| r.bytes().as_slice()).collect();
        self.absorb(label, &items);
    }

    /// 64 bytes, little-endian, reduced.
    fn challenge(&mut self, label: &str) -> F {
        self.absorb("challenge", &[label.as_bytes()]);
        let mut bytes = [0; 64];
        self.hash.clone().finalize_xof().read(&mut bytes);
        field_from_uniform(&bytes)
    }
}

fn len64(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// After step 1: what is claimed.
pub struct Statement(Outside);

/// After step 2: the trace is fixed. `α` and `β` are known.
pub struct TraceFixed {
    outside: Outside,
    /// Shift of the LogUp denominators.
    pub alpha: F,
    /// Combines the entries of a lookup.
    pub beta: F,
}

/// After step 3: the fractions are fixed. All challenges of the outside transcript but `η` are known.
pub struct FractionsFixed(Outside);

impl Statement {
    /// Step 1: version, digest of Nova's public parameters, model id, visibility flags, public values.
    pub fn new(parameters: &[u8; 32], model_id: &[u8; 32], public: &PublicValues) -> Self {
        let mut outside = Outside::new();
        outside.absorb("parameters", &[parameters]);
        outside.absorb("model", &[model_id]);
        outside.absorb("visible", &[&public.flags()]);
        for values in public.shown() {
            let fields: Vec<F> = values
                .iter()
                .map(|v| field_from_i64(i64::from(*v)))
                .collect();
            outside.absorb_fields("public value", &fields);
        }
        Self(outside)
    }

    /// Step 2: row commitments of `Y P R1 R0 M`, then of all mask rows.
    pub fn trace(self, commitments: &Commitments) -> TraceFixed {
        let mut outside = self.0;
        for column in Column::TRACE {
            outside.absorb_rows(column.name(), commitments.rows(column));
        }
        outside.absorb_rows("mask", commitments.masks());
        let alpha = outside.challenge("alpha");
        let beta = outside.challenge("beta");
        TraceFixed {
            outside,
            alpha,
            beta,
        }
    }
}

impl TraceFixed {
    /// Step 3: row commitments of `F0 F1 F2 HT`.
    pub fn fractions(
        self,
        network: &Network,
        commitments: &Commitments,
    ) -> (FractionsFixed, Challenges) {
        let mut outside = self.outside;
        for column in Column::FRACTIONS {
            outside.absorb_rows(column.name(), commitments.rows(column));
        }
        let r = (0..network.nu()).map(|_| outside.challenge("r")).collect();
        let gamma = outside.challenge("gamma");
        let delta = outside.challenge("delta");
        let t0 = outside.challenge("t0");
        (
            FractionsFixed(outside),
            Challenges {
                alpha: self.alpha,
                beta: self.beta,
                r,
                gamma,
                delta,
                t0,
            },
        )
    }
}

impl FractionsFixed {
    /// Step 9: the inside challenges and the columns' values at `z`. Returns `η`.
    pub fn values(self, advice: &Advice, values: &[F; 10]) -> F {
        let mut outside = self.0;
        outside.absorb_fields("sigma", &[advice.sigma]);
        outside.absorb_fields("x", &advice.x);
        outside.absorb_fields("tau", &[advice.tau]);
        outside.absorb_fields("u", &advice.u);
        outside.absorb_fields("rho", &[advice.rho]);
        outside.absorb_fields("z", &advice.z);
        outside.absorb_fields("values", values);
        outside.challenge("eta")
    }
}

/// Step 10: the inner-product argument's own transcript. It starts with `η`, which binds all that went before, and the blind;
/// the argument adds the blind-free commitment, the point and the value.
pub struct OpeningTranscript(Outside);

impl OpeningTranscript {
    /// Before the argument.
    pub fn new(eta: &F, blind: &F) -> Self {
        let mut outside = Outside::new();
        outside.absorb_fields("opening", &[*eta, *blind]);
        Self(outside)
    }
}

impl ipa::Transcript<F> for OpeningTranscript {
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        self.0.absorb(label, &[bytes]);
    }

    fn challenge(&mut self, label: &'static str) -> Option<F> {
        Some(self.0.challenge(label))
    }
}
