//! The outside transcript (PROTOCOL.md §4): SHAKE256 over labelled, length-prefixed messages.
//!
//! Each stage of the protocol is a type that consumes the one before, so that the order of messages cannot be got wrong.
//! What follows the row commitments is the mode's: the stages of committed steps are here, the chain's transcript is its circuit's.

use pleat_nova_circuits::cycle::{F, field_from_i64, field_from_uniform, field_to_bytes};
use pleat_nova_circuits::ipa;
use sha3::{
    Shake256,
    digest::{ExtendableOutput, Update, XofReader},
};

use crate::commitments::{Commitments, RowCommitment};
use crate::fold::mode::Mode;
use crate::network::{Column, Network};
use crate::points::Challenges;
use crate::public::PublicValues;

/// The protocol's version, the first message.
pub const PROTOCOL_VERSION: &[u8] = b"pleat protocol 4";

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

    fn absorb_messages<M: AsRef<[u8]>>(&mut self, label: &str, messages: &[M]) {
        let items: Vec<&[u8]> = messages.iter().map(AsRef::as_ref).collect();
        self.absorb(label, &items);
    }

    fn absorb_rows(&mut self, label: &str, rows: &[RowCommitment]) {
        self.absorb_messages(label, rows);
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

/// After step 3: the fractions are fixed. What follows is the mode's.
pub struct FractionsFixed(Outside);

impl Statement {
    /// Step 1: version, mode, digest of the mode's step and generators, model id, visibility flags, public values, public indices.
    pub fn new(mode: Mode, model_id: &[u8; 32], public: &PublicValues) -> Self {
        let mut outside = Outside::new();
        outside.absorb("mode", &[&[mode.number()]]);
        outside.absorb("parameters", &[&mode.digest()]);
        outside.absorb("model", &[model_id]);
        outside.absorb("visible", &[&public.flags()]);
        for values in public.shown() {
            let fields: Vec<F> = values
                .iter()
                .map(|v| field_from_i64(i64::from(*v)))
                .collect();
            outside.absorb_fields("public value", &fields);
        }
        for values in public.indices().values() {
            let fields: Vec<F> = values.iter().map(|k| F::from(u64::from(*k))).collect();
            outside.absorb_fields("index", &fields);
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
        (
            FractionsFixed(outside),
            Challenges {
                alpha: self.alpha,
                beta: self.beta,
                r,
                gamma,
                delta,
            },
        )
    }
}

impl FractionsFixed {
    /// The chain's `t_0`, from which its circuit derives the challenges of the sumchecks.
    pub fn seed(&mut self) -> F {
        self.0.challenge("t0")
    }

    /// Step 9 of the chain: the challenges that its circuit derived, by name, and the columns' values at `z`. Returns `η`.
    pub fn stated(self, challenges: &[(&str, &[F])], values: &[F; 10]) -> F {
        let mut outside = self.0;
        for (name, challenges) in challenges {
            outside.absorb_fields(name, challenges);
        }
        outside.absorb_fields("values", values);
        outside.challenge("eta")
    }

    /// Step 4 of committed steps: the claims `s, c, d`, a message for each step that has slots. Returns `σ`.
    pub fn claims<M: AsRef<[u8]>>(self, claims: &[M]) -> (Rounds, F) {
        let mut rounds = Rounds(self.0);
        rounds.0.absorb_messages("Z", claims);
        let sigma = rounds.0.challenge("sigma");
        (rounds, sigma)
    }
}

/// Committed steps, from `σ` on: rounds of a sumcheck may follow.
pub struct Rounds(Outside);

impl Rounds {
    /// A round's message. Returns its challenge.
    pub fn round<M: AsRef<[u8]>>(&mut self, message: &M) -> F {
        self.0.absorb("R", &[message.as_ref()]);
        self.0.challenge("round")
    }

    /// Step 6: the claims `a, b`, as [`FractionsFixed::claims`].
    pub fn products<M: AsRef<[u8]>>(&mut self, claims: &[M]) {
        self.0.absorb_messages("A", claims);
    }

    /// The end of step 7: the evaluations. Returns `ρ`.
    pub fn evaluations<M: AsRef<[u8]>>(&mut self, evaluations: &M) -> F {
        self.0.absorb("E", &[evaluations.as_ref()]);
        self.0.challenge("rho")
    }

    /// Step 9: the columns' values at `z`. Returns `η` and `ζ`.
    pub fn values(self, values: &[F; 10]) -> (Folding, F, F) {
        let mut outside = self.0;
        outside.absorb_fields("values", values);
        let eta = outside.challenge("eta");
        let zeta = outside.challenge("zeta");
        (Folding(outside), eta, zeta)
    }
}

/// Committed steps, after all messages: shares, folding, last proof (PROTOCOL.md §5.3).
#[derive(Clone)]
pub struct Folding(Outside);

impl ipa::Transcript<F> for Folding {
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        self.0.absorb(label, &[bytes]);
    }

    fn challenge(&mut self, label: &'static str) -> Option<F> {
        Some(self.0.challenge(label))
    }
}

/// Step 10: the inner-product argument's own transcript. It starts with `η`, which binds all that went before, and the blind: the
/// combined commitment, the point and the value are functions of these.
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
