//! Proofs from tapes: by the prover as it is, and by the same stages with every committed vector written down.

use crate::network::{Integers, Stack};
use crate::tape::{Draw, Reader, Tape};
use ff::Field;
use pleat_nova_circuits::cycle::{
    Affine, EncodedPoint, F, affine, field_to_bytes, generators, point_from_affine,
};
use pleat_nova_circuits::ipa::Transcript;
use pleat_nova_circuits::tree::fold::Coefficients;
use pleat_nova_circuits::tree::instance::{Relaxed, Step};
use pleat_nova_circuits::tree::step::{Message as Variable, PADDED, Segment, WORDS, residue};
use pleat_nova_circuits::tree::{FoldProof, Key, MaskInstance};
use pleat_prover::columns::{Cells, Columns};
use pleat_prover::execute::{block_values, execute};
use pleat_prover::fold::Fold;
use pleat_prover::fold::tree::Tree;
use pleat_prover::model::ProvingModel;
use pleat_prover::stages::{Ledger, Opened, Traced};
use pleat_prover::sumcheck::Message;
use pleat_verifier::commitments::Generators;
use pleat_verifier::descriptor::Indices;
use pleat_verifier::fold::tree::Layout;
use pleat_verifier::fold::{Folded, Mode};
use pleat_verifier::network::{Column, Network};
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::points::Challenges;
use pleat_verifier::proof::{Proof, PublicValues};
use pleat_verifier::transcript::{FractionsFixed, Statement};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRngCore, SeedableRng};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Keys whose generators are known multiples of one point.
pub struct Known {
    pub opening: OpeningKey,
    pub steps: Key,
    /// Logarithm of the generator of blinds, and of each cell's.
    pub rows: (F, Vec<F>),
    /// Logarithm of the generator of blinds, and of those of variables and errors.
    pub vectors: (F, Vec<F>),
}

impl Known {
    pub fn new(row_bits: usize) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(77);
        let base = point_from_affine(&generators(b"hiding", 1)[0]);
        let mut random = |n: usize| -> (Vec<F>, Vec<Affine>) {
            let logarithms: Vec<F> = (0..n).map(|_| F::random(&mut rng)).collect();
            let points = logarithms.iter().map(|k| affine(&(base * k))).collect();
            (logarithms, points)
        };
        let (blinds, blind_points) = random(4);
        let (cells, cell_points) = random(1 << row_bits);
        let (vectors, vector_points) = random(2 * PADDED);
        let [row_blind, row_inner, blind, inner] = blind_points.try_into().unwrap();
        let generators = Generators::from_points_unchecked(row_blind, cell_points);
        Self {
            opening: OpeningKey::from_generators_unchecked(generators, row_inner),
            steps: Key::from_generators_unchecked(blind, vector_points, inner).unwrap(),
            rows: (blinds[0], cells),
            vectors: (blinds[2], vectors),
        }
    }

    fn row(&self, cells: Cells<'_>) -> F {
        let cells = (0..cells.len()).map(|i| cells.get(i));
        cells.zip(&self.rows.1).map(|(v, k)| v * k).sum()
    }

    fn variables(&self, variables: &[F], segment: Segment) -> F {
        let range = segment.range();
        let own = variables[range.clone()].iter().zip(&self.vectors.1[range]);
        own.map(|(v, k)| *v * k).sum()
    }

    fn errors(&self, errors: &[F]) -> F {
        let own = errors.iter().zip(&self.vectors.1[PADDED..]);
        own.map(|(v, k)| *v * k).sum()
    }

    /// Logarithm of the generator that a draw blinds with.
    pub fn blind(&self, draw: Draw) -> F {
        match draw {
            Draw::Row(..) | Draw::MaskRow(..) => self.rows.0,
            _ => self.vectors.0,
        }
    }
}

/// What is proved.
#[derive(Clone, Debug)]
pub struct Subject {
    pub network: Network,
    pub integers: Integers,
    /// Whether outputs are shown.
    pub shown: bool,
}

impl Subject {
    pub fn new(stack: &Stack, seed: u64, shown: bool) -> Self {
        let integers = stack.random(seed);
        Self {
            network: stack.network(),
            integers: if shown {
                integers.with_constant_output()
            } else {
                integers
            },
            shown,
        }
    }

    /// The model, with blinds from a generator.
    fn model(&self, key: &OpeningKey, rng: &mut impl CryptoRngCore) -> ProvingModel {
        let (network, weights) = (self.network.clone(), self.integers.weights.clone());
        ProvingModel::commit_under(key.generators(), network, weights, String::new(), rng).unwrap()
    }

    /// The trace, and what is shown of it.
    pub fn columns(&self, weights: &pleat_prover::weights::Weights) -> (Columns, PublicValues) {
        let network = &self.network;
        let trace = execute(network, weights, &self.integers.inputs).unwrap();
        let columns = Columns::new(network, trace);
        let outputs = network.descriptor().outputs.iter();
        let outputs = outputs.map(|p| {
            let values = block_values(network, p.node, &columns.y);
            self.shown.then_some(values)
        });
        let hidden = network.descriptor().inputs.iter().map(|_| None);
        let public = PublicValues::new(hidden.chain(outputs).collect(), Indices::default());
        (columns, public)
    }
}

/// The prover, stage by stage as `pleat_prover::prove` runs it, with the randomness of a tape.
pub fn ordinary(subject: &Subject, tape: &Tape, opening: &OpeningKey, key: &Key) -> Vec<u8> {
    let mut reader = tape.reader(&subject.network);
    let rng = &mut reader;
    let model = subject.model(opening, rng);
    let (columns, public) = subject.columns(model.weights());
    let traced = Traced::new(&model, Mode::Tree, columns, public, rng);
    let fractions = traced.commit(opening).fractions().unwrap();
    let claimed = fractions.commit(opening).claims();
    let contracted = claimed.bind::<Tree>(key, rng).run(rng);
    let looked_up = contracted.bind(rng).run(rng);
    let stated = looked_up.bind(rng).run(rng).state().unwrap();
    let messages = stated.open(opening).unwrap();
    let folded = stated.fold(rng).unwrap();
    assert!(reader.is_at_its_end());
    let proof = Proof {
        messages,
        folded: Folded::Tree(Box::new(folded)),
    };
    proof.to_bytes(&subject.network)
}

/// Where the watched prover has its randomness from.
pub trait Source {
    /// A value that is committed to: one of a mask row.
    fn mask(&mut self, draw: Draw) -> F;

    /// The blind of a commitment to a vector whose logarithm is this.
    fn blind(&mut self, draw: Draw, logarithm: F) -> F;

    /// The random instance's variables, to go with these steps.
    fn instance(&mut self, steps: &[(Step, Vec<F>)]) -> Vec<F>;

    /// Challenges of the levels, if they are known already.
    fn levels(&self) -> Option<Vec<F>>;
}

/// A tape, and the logarithms of what its blinds hide.
pub struct Given<'a>(pub &'a Tape);

impl Source for Given<'_> {
    fn mask(&mut self, draw: Draw) -> F {
        self.0.get(draw)
    }

    fn blind(&mut self, draw: Draw, _: F) -> F {
        self.0.get(draw)
    }

    fn instance(&mut self, _: &[(Step, Vec<F>)]) -> Vec<F> {
        let variables = self.0.0.iter();
        let variables = variables.filter(|(draw, _)| matches!(draw, Draw::Variable(_)));
        variables.map(|(_, value)| *value).collect()
    }

    fn levels(&self) -> Option<Vec<F>> {
        None
    }
}

/// A proof, and all that a solver of tapes needs to know of it.
pub struct Run {
    pub bytes: Vec<u8>,
    pub tape: Tape,
    /// Logarithm of the vector of each commitment, its blind apart.
    pub logarithms: BTreeMap<Draw, F>,
    pub challenges: Challenges,
    pub z: Vec<F>,
    pub eta: F,
    /// `col~(z)`.
    pub values: [F; 10],
    /// `y*`.
    pub combined: Vec<F>,
    /// Challenges of the levels.
    pub levels: Vec<F>,
    /// The root's variables.
    pub root: Vec<F>,
}

/// What the watched prover shares with its transcript.
struct Watch<'a> {
    key: &'a Known,
    source: &'a mut dyn Source,
    tape: Tape,
    logarithms: BTreeMap<Draw, F>,
}

impl Watch<'_> {
    fn mask(&mut self, draw: Draw) -> F {
        let value = self.source.mask(draw);
        self.tape.0.insert(draw, value);
        value
    }

    fn blind(&mut self, draw: Draw, logarithm: F) -> F {
        let blind = self.source.blind(draw, logarithm);
        self.tape.0.insert(draw, blind);
        self.logarithms.insert(draw, logarithm);
        blind
    }

    fn rows(&mut self, network: &Network, column: Column, cells: Cells<'_>) -> Vec<F> {
        let rows = network.rows(column).into_iter().enumerate();
        let blinds = rows.map(|(i, address)| {
            let logarithm = self.key.row(cells.row(address, network.row_bits()));
            self.blind(Draw::Row(column.index(), i), logarithm)
        });
        blinds.collect()
    }

    /// A blind of a step's segment, of which these are all messages.
    fn segment(&mut self, step: usize, messages: &[(Variable, F)]) -> Reader {
        let logarithms = messages.iter();
        let logarithms = logarithms.map(|(m, v)| self.key.vectors.1[m.variable()] * v);
        let logarithm = logarithms.sum();
        let variable = messages[0].0.variable();
        let segment = Segment::all().find(|s| s.range().contains(&variable));
        let blind = self.blind(Draw::Step(step, segment.unwrap()), logarithm);
        Reader::new(vec![blind])
    }
}

/// The mode's transcript, each of whose blinds is asked for by itself.
struct Watched<'a> {
    inner: Tree,
    watch: Rc<RefCell<Watch<'a>>>,
    layout: Layout,
    round: usize,
}

/// Blinds for a segment of every step that has slots.
fn claims(
    watch: &Rc<RefCell<Watch<'_>>>,
    layout: &Layout,
    ledger: &Ledger<'_>,
    which: &[usize],
) -> Reader {
    let mut steps: Vec<Vec<(Variable, F)>> = vec![Vec::new(); layout.slot_steps()];
    for (slot, o) in ledger.claims.iter().enumerate() {
        let (step, place) = Layout::slot(slot);
        let values = [o.s, o.c, o.d, o.a, o.b];
        let own = which
            .iter()
            .map(|i| (Variable::Slot(place, *i), values[*i]));
        steps[step].extend(own);
    }
    let mut blinds = Vec::new();
    for (i, messages) in steps.iter().enumerate() {
        let mut reader = watch.borrow_mut().segment(i, messages);
        blinds.push(F::random(&mut reader));
    }
    Reader::new(blinds)
}

/// `'a` is that of the source: what is watched lives as long.
struct Shared<'a>(Rc<RefCell<Watch<'a>>>);

impl<'a> Fold for Watched<'a> {
    const MODE: Mode = Mode::Tree;
    type Key<'k> = Shared<'a>;

    fn start(
        Shared(watch): Shared<'a>,
        fixed: FractionsFixed,
        ledger: &Ledger<'_>,
        _: &mut impl CryptoRngCore,
    ) -> (Self, F) {
        let layout = Layout::new(ledger.network());
        let mut blinds = claims(&watch, &layout, ledger, &[0, 1, 2]);
        let key = watch.borrow().key;
        let (inner, sigma) = Tree::start(&key.steps, fixed, ledger, &mut blinds);
        let own = Self {
            inner,
            watch,
            layout,
            round: 0,
        };
        (own, sigma)
    }

    fn round(&mut self, message: &Message, _: &mut impl CryptoRngCore) -> F {
        let (step, place) = Layout::round(self.round);
        self.round += 1;
        let messages: Vec<(Variable, F)> = (0..3)
            .map(|i| (Variable::Round(place, i), message[i]))
            .collect();
        let mut blind = self.watch.borrow_mut().segment(step, &messages);
        self.inner.round(message, &mut blind)
    }

    fn products(&mut self, ledger: &Ledger<'_>, _: &mut impl CryptoRngCore) {
        let mut blinds = claims(&self.watch, &self.layout, ledger, &[3, 4]);
        self.inner.products(ledger, &mut blinds);
    }

    fn evaluations(&mut self, ledger: &Ledger<'_>, _: &mut impl CryptoRngCore) -> F {
        let values = ledger.evaluations.iter().enumerate();
        let messages: Vec<(Variable, F)> =
            values.map(|(i, v)| (Variable::Evaluation(i), *v)).collect();
        let step = self.layout.evaluations();
        let mut blind = self.watch.borrow_mut().segment(step, &messages);
        self.inner.evaluations(ledger, &mut blind)
    }
}

/// Challenges of the levels, from the proof, as the verifier has them.
fn levels(proof: &Proof, model: &ProvingModel) -> Vec<F> {
    let Folded::Tree(own) = &proof.folded else {
        unreachable!("committed steps");
    };
    let messages = &proof.messages;
    let statement = Statement::new(Mode::Tree, &messages.model.0, &messages.public);
    let (fixed, _) = statement
        .trace(&messages.commitments)
        .fractions(model.network(), &messages.commitments);
    let (mut rounds, _) = fixed.claims(&own.commitments.claims);
    for message in &own.commitments.contract {
        rounds.round(message);
    }
    rounds.products(&own.commitments.products);
    for message in &own.commitments.lookup {
        rounds.round(message);
    }
    rounds.evaluations(&own.commitments.evaluations);
    for message in &own.commitments.open {
        rounds.round(message);
    }
    let (mut folding, ..) = rounds.values(&messages.values);
    let FoldProof {
        shares,
        blind,
        mask: MaskInstance { segments, error },
        cross,
        ..
    } = &own.fold;
    let mut point = |label, point: &EncodedPoint| folding.absorb(label, point.bytes());
    for [share, products] in shares {
        point("D", share);
        point("V", products);
    }
    folding.absorb("b", &field_to_bytes(blind));
    for segment in segments {
        folding.absorb("mask", segment.bytes());
    }
    folding.absorb("mask E", error.bytes());
    let mut rest = cross.as_slice();
    let mut levels = Vec::new();
    for pairs in crate::tape::levels(shares.len()) {
        let (level, others) = rest.split_at(pairs);
        for point in level {
            folding.absorb("T", point.bytes());
        }
        levels.push(folding.challenge("level").unwrap());
        rest = others;
    }
    levels
}

/// Cross terms of every pair, by level, of a tree folded under these challenges.
fn cross_terms(leaves: Vec<Relaxed>, levels: &[F]) -> Vec<Vec<Vec<F>>> {
    let mut nodes = leaves;
    let mut all = Vec::new();
    for r in levels {
        let pairs = nodes.chunks_exact(2);
        let terms: Vec<Vec<F>> = pairs.map(|pair| pair[0].cross(&pair[1])).collect();
        let fold = |(i, pair): (usize, &[Relaxed])| match pair {
            [left, right] => left.fold(right, &terms[i], &F::ZERO, r),
            other => other[0].clone(),
        };
        nodes = nodes.chunks(2).enumerate().map(fold).collect();
        all.push(terms);
    }
    all
}

/// The same proof as [`ordinary`]'s, with every committed vector written down and the randomness asked for draw by draw.
pub fn watched(subject: &Subject, key: &Known, source: &mut dyn Source) -> Run {
    let network = &subject.network;
    let weights = pleat_prover::execute::weight_column(network, &subject.integers.weights).unwrap();
    let mut watch = Watch {
        key,
        source,
        tape: Tape::default(),
        logarithms: BTreeMap::new(),
    };
    let blinds = watch.rows(network, Column::W, Cells::Weights(&weights));
    let model = subject.model(&key.opening, &mut Reader::new(blinds));
    let (columns, public) = subject.columns(model.weights());
    let mut unused = ChaCha20Rng::seed_from_u64(0);
    let mut traced = Traced::new(&model, Mode::Tree, columns, public, &mut unused);
    for column in Column::OPENED {
        let c = column.index();
        let mask = &mut traced.0.masks.rows[c];
        for (i, value) in mask.iter_mut().enumerate() {
            *value = watch.mask(Draw::Mask(c, i));
        }
        let logarithm = key.row(Cells::Field(mask));
        traced.0.blinds[c].mask = watch.blind(Draw::MaskRow(c), logarithm);
    }
    for column in Column::TRACE {
        let blinds = watch.rows(network, column, traced.0.cells(column));
        traced.0.blinds[column.index()].rows = blinds;
    }
    let mut fractions = traced.commit(&key.opening).fractions().unwrap();
    for column in Column::FRACTIONS {
        let blinds = watch.rows(network, column, fractions.0.cells(column));
        fractions.0.blinds[column.index()].rows = blinds;
    }
    let claimed = fractions.commit(&key.opening).claims();
    let watch = Rc::new(RefCell::new(watch));
    let rng = &mut unused;
    let contracted = claimed
        .bind::<Watched<'_>>(Shared(Rc::clone(&watch)), rng)
        .run(rng);
    let looked_up = contracted.bind(rng).run(rng);
    let Opened(ledger, Watched { inner, .. }) = looked_up.bind(rng).run(rng);
    let mut watch = Rc::into_inner(watch).unwrap().into_inner();
    let stated = Opened(ledger, inner).state().unwrap();

    let mut steps = stated.steps.clone();
    let mut blinds = Vec::new();
    for (i, (step, words)) in steps.iter_mut().enumerate() {
        step.complete(words);
        for segment in [Segment::D, Segment::V] {
            let logarithm = key.variables(&step.variables, segment);
            blinds.push(watch.blind(Draw::Step(i, segment), logarithm));
        }
    }
    let variables = watch.source.instance(&steps);
    for (i, value) in variables.iter().enumerate() {
        watch.tape.0.insert(Draw::Variable(i), *value);
    }
    blinds.extend(&variables);
    let mut instance = Relaxed {
        slack: F::ZERO,
        words: vec![F::ZERO; WORDS],
        error: Vec::new(),
        blinds: [F::ZERO; pleat_nova_circuits::tree::step::SEGMENTS],
        error_blind: F::ZERO,
        variables,
    };
    instance.error = residue(&instance.vector());
    for segment in Segment::all() {
        let logarithm = key.variables(&instance.variables, segment);
        blinds.push(watch.blind(Draw::Instance(segment), logarithm));
    }
    let logarithm = key.errors(&instance.error);
    blinds.push(watch.blind(Draw::InstanceError, logarithm));
    let completed = steps.iter().cloned();
    let mut leaves: Vec<Relaxed> = completed.map(|(s, w)| Relaxed::of_step(s, w)).collect();
    leaves.push(instance);
    // The blinds of cross terms: all at once, where the challenges are known; else as they are on the tape.
    let known = watch.source.levels();
    for (level, pairs) in crate::tape::levels(steps.len()).into_iter().enumerate() {
        let terms = known.as_ref().map(|r| cross_terms(leaves.clone(), r));
        for pair in 0..pairs {
            let terms = terms.as_ref().map(|terms| key.errors(&terms[level][pair]));
            let draw = Draw::Cross(level, pair);
            blinds.push(watch.blind(draw, terms.unwrap_or(F::ZERO)));
        }
    }
    let messages = stated.open(&key.opening).unwrap();
    let mut reader = Reader::new(blinds);
    let folded = stated.fold(&mut reader).unwrap();
    assert!(reader.is_at_its_end());
    let proof = Proof {
        messages,
        folded: Folded::Tree(Box::new(folded)),
    };
    let levels = levels(&proof, &model);
    if let Some(known) = known {
        assert_eq!(known, levels, "the solved tape gives other commitments");
    }
    for (level, terms) in cross_terms(leaves.clone(), &levels).iter().enumerate() {
        for (pair, terms) in terms.iter().enumerate() {
            let draw = Draw::Cross(level, pair);
            watch.logarithms.insert(draw, key.errors(terms));
        }
    }
    let coefficients = Coefficients::new(steps.len(), &levels).leaves;
    let mut root = vec![F::ZERO; leaves[0].variables.len()];
    for (leaf, c) in leaves.iter().zip(&coefficients) {
        let pairs = root.iter_mut().zip(&leaf.variables);
        pairs.for_each(|(sum, v)| *sum += *c * v);
    }
    let ledger = &stated.ledger;
    let mut combined = vec![F::ZERO; 1 << network.row_bits()];
    let mut power = F::ONE;
    for at_z in &ledger.at_z {
        let pairs = combined.iter_mut().zip(at_z);
        pairs.for_each(|(sum, v)| *sum += power * v);
        power *= stated.eta;
    }
    Run {
        bytes: proof.to_bytes(network),
        tape: watch.tape,
        logarithms: watch.logarithms,
        challenges: ledger.challenges.clone(),
        z: ledger.points.z.clone(),
        eta: stated.eta,
        values: ledger.values,
        combined,
        levels,
        root,
    }
}
