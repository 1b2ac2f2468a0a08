//! The prover, stage by stage, in the order of messages of PROTOCOL.md §4. Each stage is a type that the next consumes.
//!
//! What the prover knows so far is a [`Ledger`]; its fields are open because nothing in a prover's hands is trusted: a
//! verifier must refuse whatever is made of it, and the tests of soundness do make something of it, between stages.
//! Stages come in pairs, one that computes a message and one that binds it (commits or hashes it, and learns the
//! challenge that follows).

use ff::Field;
use pleat_nova_circuits::cycle::{F, field_from_i64};
use pleat_nova_circuits::hash::hash;
use pleat_nova_circuits::relation::LookupScalars;
use pleat_nova_circuits::step::{
    EvaluationsWitness, ROUNDS, RoundWitness, SLOTS, SlotWitness, State, Witness, Words,
};
use pleat_verifier::columns::{TableEntry, field_from_usize};
use pleat_verifier::commitments::Commitments;
use pleat_verifier::descriptor::{Node, Role, Source};
use pleat_verifier::error::VerifyError;
use pleat_verifier::mle::{Coordinates, eq_table, inner_product, zeros_at};
use pleat_verifier::network::{Column, Network};
use pleat_verifier::pcs::{self, Opening, OpeningKey};
use pleat_verifier::program::{Advice, Challenges, Program};
use pleat_verifier::proof::{Messages, PublicValues};
use pleat_verifier::transcript::{FractionsFixed, Statement, TraceFixed};
use rand_core::CryptoRngCore;
use rayon::prelude::*;
use tracing::info_span;

use crate::columns::{Cells, Columns, network_tags};
use crate::commit::{ColumnBlinds, commit_row, commit_rows, random};
use crate::functional::{Sources, contract, pull_back};
use crate::model::ProvingModel;
use crate::sumcheck::{
    self, Contract, ContractItem, Lookup, LookupColumns, Open, OpenItem, Transcript,
};

/// The claims of one slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The contraction at `r_l`.
    pub s: F,
    /// The linear view at `r_l`.
    pub c: F,
    /// The bias view at `r_l`.
    pub d: F,
    /// `a_l` at CONTRACT's challenges.
    pub a: F,
    /// `b_l` likewise.
    pub b: F,
}

/// Mask rows: all `2^κ` cells of `Y`'s, one cell of each other column's.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    /// In the order of [`Column::OPENED`].
    pub rows: Vec<Vec<F>>,
}

/// All that the prover knows so far.
pub struct Ledger<'m> {
    /// The model.
    pub model: &'m ProvingModel,
    /// What is shown.
    pub public: PublicValues,
    /// Witness columns.
    pub columns: Columns,
    /// Column `W` as the prover uses it.
    pub weights: Vec<i32>,
    /// Mask rows.
    pub masks: Masks,
    /// Blinds, in the order of [`Column::OPENED`].
    pub blinds: Vec<ColumnBlinds>,
    /// Row commitments.
    pub commitments: Commitments,
    /// Outside challenges.
    pub challenges: Challenges,
    /// One per slot, used or not.
    pub claims: Vec<Claims>,
    /// Nonces of chain Z, of chain AB, and of the evaluations.
    pub nonces: [Vec<F>; 3],
    /// CONTRACT's tables.
    pub contract: Contract,
    /// Claims from which the three sumchecks start.
    pub init: [F; 3],
    /// Claims in which they end.
    pub last: [F; 3],
    /// Messages of all rounds.
    pub rounds: Vec<RoundWitness>,
    /// Inside challenges.
    pub advice: Advice,
    /// The nine columns at `u`.
    pub evaluations: [F; 9],
    /// The ten columns at `z`.
    pub values: [F; 10],
}

impl Ledger<'_> {
    /// The network.
    pub const fn network(&self) -> &Network {
        self.model.network()
    }

    /// A column's cells, `W`'s included.
    pub fn cells(&self, column: Column) -> Cells<'_> {
        if column == Column::W {
            Cells::Signed(&self.weights)
        } else {
            self.columns.cells(column)
        }
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            activations: &self.columns.y,
            weights: &self.weights,
        }
    }

    /// `Λ`'s constants.
    pub fn lookup_scalars(&self) -> LookupScalars {
        let Challenges {
            alpha,
            beta,
            gamma,
            delta,
            ..
        } = self.challenges;
        let bits = self.network().digit_bits();
        LookupScalars {
            alpha,
            beta,
            beta2: beta * beta,
            gamma,
            delta,
            two_2b: field_from_usize(1 << (2 * bits)),
            two_b: field_from_usize(1 << bits),
            rng: field_from_usize(self.network().range_tag()),
        }
    }

    /// Runs `f` on LOOKUP's summand.
    pub fn with_lookup<T>(&self, f: impl FnOnce(Lookup<'_>) -> T) -> T {
        let tags = network_tags(self.network());
        let table: Vec<TableEntry> = self.network().table().collect();
        let scalars = self.lookup_scalars();
        let source = LookupColumns {
            columns: &self.columns,
            tags: &tags,
            table: &table,
            scalars: &scalars,
        };
        f(Lookup::new(source, &self.challenges.r))
    }

    /// `θ_l·m` of a node's product, linear part and bias; zeros in unused slots.
    pub fn slot_factors(&self, slot: usize) -> [F; 3] {
        let Some(node) = self.network().nodes().get(slot) else {
            return [F::ZERO; 3];
        };
        let (_, theta) = self.network().block_point(node, &self.challenges.r);
        let m = |m: Option<i64>| m.map_or(F::ZERO, |m| theta * field_from_i64(m));
        [
            m(node.product.as_ref().map(|p| p.multiplier)),
            m(node.linear.as_ref().map(|l| l.multiplier)),
            m(node.bias.as_ref().map(|l| l.multiplier)),
        ]
    }

    fn commit(&mut self, key: &OpeningKey, column: Column) {
        let Some(blinds) = self.blinds.get(column.index()) else {
            return;
        };
        let rows = commit_rows(
            key.generators(),
            self.network(),
            column,
            self.cells(column),
            &blinds.rows,
        );
        self.commitments.set_rows(column, rows);
    }

    fn extend(&mut self, which: usize, transcript: Transcript) -> Vec<F> {
        self.rounds.extend(transcript.rounds);
        if let Some(last) = self.last.get_mut(which) {
            *last = transcript.claim;
        }
        transcript.challenges
    }
}

/// The trace is known; nothing is committed.
pub struct Traced<'m>(pub Ledger<'m>);

/// Step 2 is done: the trace is committed, `α` and `β` are known.
pub struct Committed<'m>(pub Ledger<'m>, TraceFixed);

/// The fractions are computed.
pub struct Fractions<'m>(pub Ledger<'m>, TraceFixed);

/// Step 3 is done: the fractions are committed, all outside challenges but `η` are known.
pub struct Fixed<'m>(pub Ledger<'m>, FractionsFixed);

/// Claims `s, c, d` and CONTRACT's tables are computed.
pub struct Claimed<'m>(pub Ledger<'m>, FractionsFixed);

/// Step 4 is done: `σ` is known, and the claim from which CONTRACT starts.
pub struct Contracting<'m>(pub Ledger<'m>, FractionsFixed);

/// CONTRACT is done; claims `a, b` are computed.
pub struct Contracted<'m>(pub Ledger<'m>, FractionsFixed);

/// Step 6 is done: `τ` is known, and the claim from which LOOKUP starts.
pub struct LookingUp<'m>(pub Ledger<'m>, FractionsFixed);

/// LOOKUP's rounds are done; the evaluations are computed.
pub struct LookedUp<'m>(pub Ledger<'m>, FractionsFixed);

/// Step 7 is done: `ρ` is known; OPEN's tables and the claim from which it starts.
pub struct Prepared<'m> {
    /// The ledger.
    pub ledger: Ledger<'m>,
    /// OPEN's tables.
    pub open: Open,
    fixed: FractionsFixed,
}

/// OPEN is done; the columns' values at `z` are computed.
pub struct Opened<'m>(pub Ledger<'m>, FractionsFixed);

/// Everything that Nova folds.
#[derive(Clone, Debug)]
pub struct Steps {
    /// State before the first step.
    pub start: State,
    /// Words and witness of each step.
    pub steps: Vec<(Words, Witness)>,
}

impl<'m> Traced<'m> {
    /// Fresh masks, blinds and nonces for a proof about these columns.
    pub fn new(
        model: &'m ProvingModel,
        columns: Columns,
        public: PublicValues,
        rng: &mut impl CryptoRngCore,
    ) -> Self {
        let network = model.network();
        let mask = |c: &Column, rng: &mut _| {
            random(
                if *c == Column::Y {
                    1 << network.row_bits()
                } else {
                    1
                },
                rng,
            )
        };
        let masks = Masks {
            rows: Column::OPENED.iter().map(|c| mask(c, &mut *rng)).collect(),
        };
        let blinds = Column::OPENED.iter().map(|c| {
            let rows = if *c == Column::W {
                model.blinds().to_vec()
            } else {
                random(network.rows(*c).len(), rng)
            };
            ColumnBlinds {
                rows,
                mask: F::random(&mut *rng),
            }
        });
        let blinds = blinds.collect();
        let slots = network.slots();
        let nonces = [random(slots, rng), random(slots, rng), random(3, rng)];
        Self(Ledger {
            model,
            public,
            columns,
            weights: model.weights().to_vec(),
            masks,
            blinds,
            commitments: Commitments::default(),
            challenges: Challenges {
                alpha: F::ZERO,
                beta: F::ZERO,
                r: Vec::new(),
                gamma: F::ZERO,
                delta: F::ZERO,
                t0: F::ZERO,
            },
            claims: vec![Claims::default(); slots],
            nonces,
            contract: Contract::default(),
            init: [F::ZERO; 3],
            last: [F::ZERO; 3],
            rounds: Vec::new(),
            advice: Advice {
                sigma: F::ZERO,
                x: Vec::new(),
                tau: F::ZERO,
                u: Vec::new(),
                rho: F::ZERO,
                z: Vec::new(),
            },
            evaluations: [F::ZERO; 9],
            values: [F::ZERO; 10],
        })
    }

    /// Steps 1 and 2: commits to the trace and to the mask rows.
    pub fn commit(self, key: &OpeningKey, parameters: &[u8; 32]) -> Committed<'m> {
        let _span = info_span!("commit").entered();
        let mut ledger = self.0;
        for column in Column::TRACE {
            ledger.commit(key, column);
        }
        let masks = ledger.masks.rows.par_iter().zip(&ledger.blinds);
        let masks = masks
            .map(|(row, blinds)| commit_row(key.generators(), Cells::Field(row), &blinds.mask))
            .collect();
        ledger.commitments.set_masks(masks);
        let statement = Statement::new(
            parameters,
            &ledger.model.verification().id().0,
            &ledger.public,
        );
        let fixed = statement.trace(&ledger.commitments);
        (ledger.challenges.alpha, ledger.challenges.beta) = (fixed.alpha, fixed.beta);
        Committed(ledger, fixed)
    }
}

impl<'m> Committed<'m> {
    /// Computes the LogUp fractions; `None` if a denominator is zero (probability about `2^-230`): start again.
    pub fn fractions(self) -> Option<Fractions<'m>> {
        let _span = info_span!("fractions").entered();
        let Self(mut ledger, fixed) = self;
        let Challenges { alpha, beta, .. } = ledger.challenges;
        let network = ledger.model.network();
        ledger
            .columns
            .fractions(network, alpha, beta)
            .then_some(Fractions(ledger, fixed))
    }
}

impl<'m> Fractions<'m> {
    /// Step 3: commits to the fractions.
    pub fn commit(self, key: &OpeningKey) -> Fixed<'m> {
        let _span = info_span!("commit").entered();
        let Self(mut ledger, fixed) = self;
        for column in Column::FRACTIONS {
            ledger.commit(key, column);
        }
        let (fixed, challenges) = fixed.fractions(ledger.model.network(), &ledger.commitments);
        ledger.challenges = challenges;
        Fixed(ledger, fixed)
    }
}

impl<'m> Fixed<'m> {
    /// Computes the claims `s, c, d` of every node, and CONTRACT's tables (their weights `σ^l` are not known yet).
    pub fn claims(self) -> Claimed<'m> {
        let _span = info_span!("claims").entered();
        let Self(mut ledger, fixed) = self;
        let nodes = ledger.network().nodes();
        let computed: Vec<(Claims, Option<ContractItem>)> =
            nodes.par_iter().map(|n| node_claims(&ledger, n)).collect();
        let mut items = Vec::new();
        for (slot, (claims, item)) in ledger.claims.iter_mut().zip(computed) {
            *slot = claims;
            items.push(item);
        }
        // Nodes without a product keep their place, so that an item's index is its slot.
        let empty = || ContractItem {
            weight: F::ZERO,
            a: vec![F::ZERO],
            b: vec![F::ZERO],
            e: None,
        };
        ledger.contract = Contract {
            items: items.into_iter().map(|i| i.unwrap_or_else(empty)).collect(),
        };
        Claimed(ledger, fixed)
    }
}

/// One node's `s, c, d` and its product's tables.
fn node_claims(ledger: &Ledger<'_>, node: &Node) -> (Claims, Option<ContractItem>) {
    let network = ledger.network();
    let (r_low, _) = network.block_point(node, &ledger.challenges.r);
    let mut claims = Claims::default();
    let (mut a, mut b) = (None, None);
    for (role, view, _) in node.views() {
        let table = contract(network, node, role, view, r_low, ledger.sources());
        let single = table.first().copied().unwrap_or(F::ZERO);
        match role {
            Role::A => a = Some(table),
            Role::K => b = Some(table),
            Role::C => claims.c = single,
            Role::D => claims.d = single,
        }
    }
    let item = a.zip(b).map(|(a, b)| ContractItem {
        weight: F::ONE,
        a,
        b,
        e: batch_table(node, r_low),
    });
    if let Some(item) = &item {
        claims.s = item.sum();
    }
    (claims, item)
}

/// `e_l` on the cube of the contraction; nothing if the node has no batch axis.
fn batch_table(node: &Node, r_low: &[F]) -> Option<Vec<F>> {
    node.batch().next()?;
    let out = Coordinates::split(&node.out, r_low);
    let mut table = vec![F::ONE];
    for axis in &node.contraction {
        let size = 1 << pleat_verifier::mle::bits(axis.len);
        let batch = node.batch().any(|b| b.id == axis.id);
        let factors = if batch {
            eq_table(out.of(axis.id))
        } else {
            vec![F::ONE; size]
        };
        table = table
            .iter()
            .flat_map(|t| factors.iter().map(move |f| *t * f))
            .collect();
    }
    Some(table)
}

/// End value of a chain of `H`.
fn chain(seed: F, messages: impl Iterator<Item = [F; 3]>, nonces: &[F]) -> F {
    messages.zip(nonces).fold(seed, |t, (m, n)| hash(t, m, *n))
}

impl<'m> Claimed<'m> {
    /// Step 4: hashes the claims to `σ`.
    pub fn bind(self) -> Contracting<'m> {
        let Self(mut ledger, fixed) = self;
        let messages = ledger.claims.iter().map(|o| [o.s, o.c, o.d]);
        let sigma = chain(ledger.challenges.t0, messages, &ledger.nonces[0]);
        ledger.advice.sigma = sigma;
        let mut power = F::ONE;
        let mut init = F::ZERO;
        for (l, claims) in ledger.claims.iter().enumerate() {
            if let Some(item) = ledger.contract.items.get_mut(l) {
                item.weight *= power;
            }
            init += power * claims.s;
            power *= sigma;
        }
        ledger.init[0] = init;
        Contracting(ledger, fixed)
    }
}

impl<'m> Contracting<'m> {
    /// Step 5: CONTRACT's rounds.
    pub fn run(self, rng: &mut impl CryptoRngCore) -> Contracted<'m> {
        let _span = info_span!("contract").entered();
        let Self(mut ledger, fixed) = self;
        let rounds = ledger.network().rounds().contract;
        let mut contract = std::mem::take(&mut ledger.contract);
        let transcript = sumcheck::run(
            &mut contract,
            rounds,
            ledger.advice.sigma,
            ledger.init[0],
            rng,
        );
        ledger.advice.x = ledger.extend(0, transcript);
        let bound = |t: &[F]| t.first().copied().unwrap_or(F::ZERO);
        for (claims, item) in ledger.claims.iter_mut().zip(&contract.items) {
            (claims.a, claims.b) = (bound(&item.a), bound(&item.b));
        }
        Contracted(ledger, fixed)
    }
}

impl<'m> Contracted<'m> {
    /// Step 6: hashes the claims `a, b` to `τ`.
    pub fn bind(self) -> LookingUp<'m> {
        let Self(mut ledger, fixed) = self;
        let seed = ledger.advice.x.last().copied().unwrap_or(F::ZERO);
        let messages = ledger.claims.iter().map(|o| [o.a, o.b, F::ZERO]);
        ledger.advice.tau = chain(seed, messages, &ledger.nonces[1]);
        let mut init = ledger.network().public_z(&ledger.challenges.r);
        for (l, claims) in ledger.claims.iter().enumerate() {
            let [k0, k1, k2] = ledger.slot_factors(l);
            init += k0 * claims.s + k1 * claims.c + k2 * claims.d;
        }
        ledger.init[1] = init;
        LookingUp(ledger, fixed)
    }
}

impl<'m> LookingUp<'m> {
    /// Step 7: LOOKUP's rounds, and the columns at `u`.
    pub fn run(self, rng: &mut impl CryptoRngCore) -> LookedUp<'m> {
        let _span = info_span!("lookup").entered();
        let Self(mut ledger, fixed) = self;
        let rounds = ledger.network().rounds().lookup;
        let (tau, init) = (ledger.advice.tau, ledger.init[1]);
        let transcript =
            ledger.with_lookup(|mut lookup| sumcheck::run(&mut lookup, rounds, tau, init, rng));
        ledger.advice.u = ledger.extend(1, transcript);
        let eq = eq_table(ledger.advice.u.get(..ledger.network().nu()).unwrap_or(&[]));
        for (value, column) in ledger.evaluations.iter_mut().zip(Column::WITNESS) {
            *value = ledger.columns.cells(column).dot(&eq);
        }
        LookedUp(ledger, fixed)
    }
}

impl<'m> LookedUp<'m> {
    /// Hashes the evaluations to `ρ` and prepares OPEN.
    pub fn bind(self) -> Prepared<'m> {
        let _span = info_span!("open").entered();
        let Self(mut ledger, fixed) = self;
        let seed = ledger.advice.u.last().copied().unwrap_or(F::ZERO);
        let [y, p, r1, r0, f0, f1, f2, m, ht] = ledger.evaluations;
        let rho = chain(
            seed,
            [[y, p, r1], [r0, f0, f1], [f2, m, ht]].into_iter(),
            &ledger.nonces[2],
        );
        ledger.advice.rho = rho;
        let open = open_items(&ledger);
        ledger.init[2] = open_claim(&ledger);
        Prepared {
            ledger,
            open,
            fixed,
        }
    }
}

/// The `ρ`-weighted sum of all claims.
fn open_claim(ledger: &Ledger<'_>) -> F {
    let (network, rho) = (ledger.network(), ledger.advice.rho);
    let mut weight = F::ONE;
    let mut sum = F::ZERO;
    let slots = ledger.claims.iter().flat_map(|o| [o.a, o.b, o.c, o.d]);
    let shown = ledger.public.shown_nodes(network);
    let public =
        shown.map(|(node, values)| network.public_value_at(node, values, &ledger.challenges.r));
    for value in slots.chain(ledger.evaluations).chain(public) {
        sum += weight * value;
        weight *= rho;
    }
    sum
}

/// OPEN's three products: all witness columns, which share the functional `eq(u, ·)`; `Y` with the views of activations and
/// the public values; `W` with the views of weights.
fn open_items(ledger: &Ledger<'_>) -> Open {
    let (network, rho) = (ledger.network(), ledger.advice.rho);
    let mut y_functional = vec![F::ZERO; 1 << network.nu()];
    let mut w_functional = vec![F::ZERO; 1 << network.nu_w()];
    let mut weight = F::ONE;
    for node in network.nodes() {
        let (r_low, _) = network.block_point(node, &ledger.challenges.r);
        let weights = [0; 4].map(|_| {
            let w = weight;
            weight *= rho;
            w
        });
        for (role, view, _) in node.views() {
            let point = node.claim_point(role, r_low, &ledger.advice.x);
            let [a, k, c, d] = weights;
            let w = match role {
                Role::A => a,
                Role::K => k,
                Role::C => c,
                Role::D => d,
            };
            let column = match view.source {
                Source::Activations => &mut y_functional,
                Source::Weights => &mut w_functional,
            };
            pull_back(network, node, role, view, &point, w, column);
        }
    }
    let rho_l = ledger.advice.rho_l(network);
    let mut combined = vec![F::ZERO; 1 << network.nu()];
    let mut weight = rho_l;
    let mut mask = F::ZERO;
    let mut mask_row = Vec::new();
    for column in Column::WITNESS {
        let cells = ledger.columns.cells(column);
        let n = cells.len();
        combined
            .par_iter_mut()
            .enumerate()
            .take(n)
            .for_each(|(i, sum)| *sum += weight * cells.get(i));
        let own = ledger
            .masks
            .rows
            .get(column.index())
            .map_or(&[][..], Vec::as_slice);
        if column == Column::Y {
            mask_row = own.iter().map(|v| weight * v).collect();
        } else {
            mask += weight * own.first().copied().unwrap_or(F::ZERO);
        }
        weight *= rho;
    }
    if let Some(first) = mask_row.first_mut() {
        *first += mask;
    }
    for (node, _) in ledger.public.shown_nodes(network) {
        let Some(index) = network.nodes().iter().position(|n| std::ptr::eq(n, node)) else {
            continue;
        };
        let own = pleat_verifier::descriptor::View::whole(Source::Activations, index, &node.out);
        let (r_low, _) = network.block_point(node, &ledger.challenges.r);
        pull_back(
            network,
            node,
            Role::C,
            &own,
            &node.claim_point(Role::C, r_low, &[]),
            weight,
            &mut y_functional,
        );
        weight *= rho;
    }
    let u = eq_table(ledger.advice.u.get(..network.nu()).unwrap_or(&[]));
    let field = |cells: Cells<'_>| -> Vec<F> {
        (0..cells.len())
            .into_par_iter()
            .map(|i| cells.get(i))
            .collect()
    };
    let mask_of = |column: Column| {
        ledger
            .masks
            .rows
            .get(column.index())
            .cloned()
            .unwrap_or_default()
    };
    let items = vec![
        OpenItem {
            column: combined,
            functional: u,
            mask: mask_row,
        },
        OpenItem {
            column: field(ledger.columns.cells(Column::Y)),
            functional: y_functional,
            mask: mask_of(Column::Y),
        },
        OpenItem {
            column: field(Cells::Signed(&ledger.weights)),
            functional: w_functional,
            mask: mask_of(Column::W),
        },
    ];
    Open::new(items, network.row_bits(), network.mask_variable())
}

impl<'m> Prepared<'m> {
    /// Step 8: OPEN's rounds, and the columns at `z`.
    pub fn run(self, rng: &mut impl CryptoRngCore) -> Opened<'m> {
        let _span = info_span!("open").entered();
        let Self {
            mut ledger,
            mut open,
            fixed,
        } = self;
        let rounds = ledger.network().rounds().open;
        let transcript = sumcheck::run(&mut open, rounds, ledger.advice.rho, ledger.init[2], rng);
        drop(open);
        ledger.advice.z = ledger.extend(2, transcript);
        let network = ledger.model.network();
        let z = ledger
            .advice
            .z
            .get(..network.open_variables())
            .unwrap_or(&[])
            .to_vec();
        let mask_weight = pcs::row_weight(network, &z, network.mask_row());
        let row_point = eq_table(z.get(..network.row_bits()).unwrap_or(&[]));
        let y_table = eq_table(z.get(..network.nu()).unwrap_or(&[]));
        let w_table = eq_table(z.get(..network.nu_w()).unwrap_or(&[]));
        for column in Column::OPENED {
            let n = network.variables(column);
            let table = if column == Column::W {
                &w_table
            } else {
                &y_table
            };
            let mask = ledger
                .masks
                .rows
                .get(column.index())
                .map_or(F::ZERO, |m| inner_product(m, &row_point));
            let value = ledger.cells(column).dot(table) * zeros_at(z.get(n..).unwrap_or(&[]))
                + mask_weight * mask;
            if let Some(v) = ledger.values.get_mut(column.index()) {
                *v = value;
            }
        }
        Opened(ledger, fixed)
    }
}

impl<'m> Opened<'m> {
    /// The program, as the verifier will compute it.
    pub fn program(&self) -> Program {
        self.0
            .network()
            .program(&self.0.challenges, &self.0.advice, &self.0.public)
    }

    /// What Nova folds: the program's words with the prover's witness.
    pub fn steps(&self) -> Steps {
        let program = self.program();
        Steps {
            start: program.start,
            steps: witnesses(&self.0, program.words),
        }
    }

    /// Steps 9 and 10: `η`, and the opening of the columns.
    ///
    /// # Errors
    /// If the inner-product argument cannot be made.
    pub fn open(self, key: &OpeningKey) -> Result<Messages, VerifyError> {
        let _span = info_span!("opening").entered();
        let Self(ledger, fixed) = self;
        let network = ledger.network();
        let eta = fixed.values(&ledger.advice, &ledger.values);
        let (y_star, blind) = combined_row(&ledger, &eta);
        let value = pcs::opened_value(&eta, &ledger.values);
        let opening: Opening =
            pcs::open(key, network, &eta, &y_star, blind, &value, &ledger.advice.z)?;
        Ok(Messages {
            model: ledger.model.verification().id(),
            public: ledger.public,
            commitments: ledger.commitments,
            advice: ledger.advice,
            values: ledger.values,
            opening,
        })
    }
}

/// `y* = Σ_col η^col Σ_rows weight·row`, mask rows included, and its blind.
fn combined_row(ledger: &Ledger<'_>, eta: &F) -> (Vec<F>, F) {
    let network = ledger.network();
    let z = &ledger.advice.z;
    let mut y_star = vec![F::ZERO; 1 << network.row_bits()];
    let mut blind = F::ZERO;
    let mut eta_power = F::ONE;
    let mask_weight = pcs::row_weight(network, z, network.mask_row());
    for ((column, blinds), mask) in Column::OPENED
        .into_iter()
        .zip(&ledger.blinds)
        .zip(&ledger.masks.rows)
    {
        let cells = ledger.cells(column);
        for (row, row_blind) in network.rows(column).into_iter().zip(&blinds.rows) {
            let weight = eta_power * pcs::row_weight(network, z, row);
            let own = cells.row(row, network.row_bits());
            y_star
                .par_iter_mut()
                .enumerate()
                .take(own.len())
                .for_each(|(i, sum)| *sum += weight * own.get(i));
            blind += weight * row_blind;
        }
        let weight = eta_power * mask_weight;
        y_star
            .iter_mut()
            .zip(mask)
            .for_each(|(sum, v)| *sum += weight * v);
        blind += weight * blinds.mask;
        eta_power *= eta;
    }
    (y_star, blind)
}

/// The witness of every step: slots in order, and the rounds of the three sumchecks one after another.
fn witnesses(ledger: &Ledger<'_>, words: Vec<Words>) -> Vec<(Words, Witness)> {
    let [nonces_z, nonces_ab, nonces_e] = &ledger.nonces;
    let at = |v: &[F], i: usize| v.get(i).copied().unwrap_or(F::ZERO);
    let mut lookup_ends = false;
    words
        .into_iter()
        .enumerate()
        .map(|(i, words)| {
            let mut witness = Witness::zero();
            for (k, slot) in witness.slots.iter_mut().enumerate() {
                let l = i * SLOTS + k;
                let Claims { s, c, d, a, b } = ledger.claims.get(l).copied().unwrap_or_default();
                *slot = SlotWitness {
                    s,
                    c,
                    d,
                    nonce_z: at(nonces_z, l),
                    a,
                    b,
                    nonce_ab: at(nonces_ab, l),
                };
            }
            let flags = words.rounds;
            let starts = [flags.start_c, flags.start_l, flags.start_o];
            let init = starts.iter().zip(ledger.init).find(|(start, _)| **start);
            witness.init = init.map_or(F::ZERO, |(_, init)| init);
            for (to, from) in witness
                .rounds
                .iter_mut()
                .zip(ledger.rounds.iter().skip(i * ROUNDS))
            {
                *to = *from;
            }
            if flags.end_l && !lookup_ends {
                lookup_ends = true;
                let nonces = [at(nonces_e, 0), at(nonces_e, 1), at(nonces_e, 2)];
                witness.evaluations = EvaluationsWitness {
                    values: ledger.evaluations,
                    nonces,
                };
            }
            (words, witness)
        })
        .collect()
}
