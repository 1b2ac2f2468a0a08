//! **Transport.** For a proof of one run and any other run of the same statement, there is exactly one tape with which the prover,
//! given the other run, makes the same proof, byte by byte; and transporting back gives the tape that one started from. So the
//! proof's distribution, over uniform tapes, is the same for both runs: it hides which of them it is about.
//!
//! A defect (a blind that is left out, a mask that is zero, two blinds that are one) is a condition on tapes. If the transported
//! tape does not meet the condition that the first one met, the other run cannot have made that proof: a leak, and found.

use crate::network::Stack;
use crate::run::{Given, Known, Run, Source, Subject, ordinary, watched};
use crate::tape::{Draw, Tape, levels};
use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::tree::fold::Coefficients;
use pleat_nova_circuits::tree::instance::Step;
use pleat_nova_circuits::tree::step::{PRODUCTS, SLOTS, Segment, VARIABLES};
use pleat_prover::columns::Cells;
use pleat_prover::execute::weight_column;
use pleat_verifier::fold::tree::Layout;
use pleat_verifier::mle::{eq_table, inner_product};
use pleat_verifier::network::Column;
use pleat_verifier::pcs::row_weight;
use std::collections::BTreeMap;

/// Solves for the tape with which another run gives a proof.
struct Solving<'a> {
    key: &'a Known,
    proof: &'a Run,
    masks: BTreeMap<Draw, F>,
}

fn inverse(value: F) -> F {
    value.invert().unwrap()
}

impl<'a> Solving<'a> {
    fn new(key: &'a Known, proof: &'a Run, other: &Subject) -> Self {
        Self {
            masks: masks(proof, other),
            key,
            proof,
        }
    }
}

/// The mask rows that make `col~(z)` and `y*` what they are in the proof.
fn masks(proof: &Run, other: &Subject) -> BTreeMap<Draw, F> {
    let network = &other.network;
    let weights = weight_column(network, &other.integers.weights).unwrap();
    let (mut columns, _) = other.columns(&weights);
    let challenges = &proof.challenges;
    assert!(columns.fractions(network, challenges.alpha, challenges.beta));
    let row_bits = network.row_bits();
    let low = eq_table(&proof.z[..row_bits]);
    let of_mask = row_weight(network, &proof.z, network.mask_row());
    let mut masks = BTreeMap::new();
    let mut rest = proof.combined.clone();
    let mut power = F::ONE;
    for column in Column::OPENED {
        let cells = match column {
            Column::W => Cells::Weights(&weights),
            _ => columns.cells(column),
        };
        let rows = network.rows(column).into_iter();
        let rows: Vec<(usize, F)> = rows
            .map(|row| (row, row_weight(network, &proof.z, row)))
            .collect();
        let sums = cells.combine(&rows, row_bits);
        for (rest, sum) in rest.iter_mut().zip(&sums) {
            *rest -= power * sum;
        }
        if column != Column::Y {
            let lacking = proof.values[column.index()] - inner_product(&sums, &low);
            let value = inverse(of_mask * low[0]) * lacking;
            rest[0] -= power * of_mask * value;
            masks.insert(Draw::Mask(column.index(), 0), value);
        }
        power *= proof.eta;
    }
    assert_eq!(Column::Y.index(), 0, "its power of η is 1");
    for (i, rest) in rest.into_iter().enumerate() {
        masks.insert(Draw::Mask(0, i), inverse(of_mask) * rest);
    }
    masks
}

impl Source for Solving<'_> {
    fn mask(&mut self, draw: Draw) -> F {
        self.masks[&draw]
    }

    fn blind(&mut self, draw: Draw, logarithm: F) -> F {
        let difference = self.proof.logarithms[&draw] - logarithm;
        self.proof.tape.get(draw) + inverse(self.key.blind(draw)) * difference
    }

    fn instance(&mut self, steps: &[(Step, Vec<F>)]) -> Vec<F> {
        let coefficients = Coefficients::new(steps.len(), &self.proof.levels).leaves;
        let (own, others) = coefficients.split_last().unwrap();
        let mut variables = self.proof.root.clone();
        for ((step, _), c) in steps.iter().zip(others) {
            let pairs = variables.iter_mut().zip(&step.variables);
            pairs.for_each(|(rest, v)| *rest -= *c * v);
        }
        let own = inverse(*own);
        variables.iter_mut().for_each(|v| *v *= own);
        variables
    }

    fn levels(&self) -> Option<Vec<F>> {
        Some(self.proof.levels.clone())
    }
}

/// Shapes with one step, two, three and five; the last steps are partly filled, with slots or with rounds.
const SHAPES: [(usize, Stack); 5] = [
    (1, stack(2, 2, 2, 2)),
    (2, stack(5, 2, 5, 3)),
    (2, stack(4, 3, 2, 100)),
    (3, stack(4, 3, 2, 150)),
    (5, stack(4, 4, 2, 300)),
];

const fn stack(digit_bits: u32, row_bits: u32, width: usize, layers: usize) -> Stack {
    Stack {
        digit_bits,
        row_bits,
        width,
        layers,
    }
}

fn known(stack: &Stack) -> Known {
    Known::new(usize::try_from(stack.row_bits).unwrap())
}

/// Two runs with the same statement: other inputs, other weights, and, if they are hidden, other outputs.
fn subjects(stack: &Stack, shown: bool) -> [Subject; 2] {
    [1, 2].map(|seed| Subject::new(stack, seed, shown))
}

#[test]
fn every_run_has_a_tape_for_every_proof() {
    for (steps, stack) in SHAPES {
        for shown in [false, true] {
            let key = known(&stack);
            let [one, other] = subjects(&stack, shown);
            assert_eq!(Layout::new(&one.network).steps(), steps, "{stack:?}");
            let tape = Tape::random(&one.network, 7);
            let proof = watched(&one, &key, &mut Given(&tape));
            assert_eq!(proof.tape, tape);
            let made = ordinary(&one, &tape, &key.opening, &key.steps);
            assert!(made == proof.bytes, "the watched prover is the prover");

            let solved = watched(&other, &key, &mut Solving::new(&key, &proof, &other));
            let again = ordinary(&other, &solved.tape, &key.opening, &key.steps);
            assert!(again == made, "{steps} steps, outputs shown: {shown}");
            // It is another run: what is hidden differs.
            assert_ne!(solved.tape, tape);
            assert_ne!(one.integers.weights, other.integers.weights);

            // And back.
            let back = watched(&one, &key, &mut Solving::new(&key, &solved, &one));
            assert_eq!(back.tape, tape);

            // A row that is the same in both runs keeps its blind: that it is opened later, or carried by another proof, changes
            // nothing of this.
            let rows = tape.0.iter().filter(|(d, _)| matches!(d, Draw::Row(..)));
            let mut equal = 0;
            for (draw, blind) in rows {
                let same = proof.logarithms[draw] == solved.logarithms[draw];
                assert_eq!(same, solved.tape.get(*draw) == *blind, "{draw:?}");
                equal += usize::from(same);
            }
            assert!(!shown || equal > 0, "the shown outputs' rows are the same");
        }
    }
}

/// A proof from a seed's generator and one from a tape go through the same code; the tape's order is the prover's.
#[test]
fn the_stages_are_those_of_the_prover() {
    use pleat_nova_circuits::tree::Key;
    use pleat_prover::prove::{Folding, Keys, Request, Visibility, prove, unheard};
    use pleat_prover::{OpeningKey, ProvingModel};

    let (_, stack) = SHAPES[1];
    let subject = Subject::new(&stack, 3, true);
    let network = &subject.network;
    let tape = Tape::random(network, 8);
    let opening = OpeningKey::derive(network.row_bits());
    let mut reader = tape.reader(network);
    let (descriptor, weights) = (
        network.descriptor().clone(),
        subject.integers.weights.clone(),
    );
    let model = ProvingModel::commit(descriptor, weights, String::new(), &mut reader).unwrap();
    let request = Request {
        inputs: &subject.integers.inputs,
        indices: &[],
        visibility: Visibility {
            inputs: false,
            outputs: true,
        },
        linked: &[],
    };
    let keys = Keys {
        opening: &opening,
        folding: Folding::Tree,
    };
    let proved = prove(&model, keys, &request, &mut reader, &mut unheard).unwrap();
    assert!(reader.is_at_its_end());
    let stages = ordinary(&subject, &tape, &opening, Key::embedded());
    assert!(proved.proof.to_bytes(&subject.network) == stages);
    let keys = pleat_verifier::Keys {
        opening: &opening,
        chain: None,
    };
    pleat_verifier::verify(keys, model.verification(), &proved.proof).unwrap();
}

/// A condition on tapes.
enum Condition {
    /// These draws are 0.
    Zero(Box<dyn Fn(&Draw) -> bool>),
    /// Two draws are one.
    Same(Draw, Draw),
    /// The blinds of all shares add up to 0.
    SharesWithoutBlind,
}

impl Condition {
    fn zero(matches: impl Fn(&Draw) -> bool + 'static) -> Self {
        Self::Zero(Box::new(matches))
    }

    /// Zero, variables of the random instance's in a range.
    fn variables(range: std::ops::Range<usize>) -> Self {
        Self::zero(move |draw| matches!(draw, Draw::Variable(i) if range.contains(i)))
    }

    fn is(draw: Draw) -> Self {
        Self::zero(move |d| *d == draw)
    }

    fn shares(tape: &Tape) -> Vec<Draw> {
        let draws = tape.0.keys();
        let shares = draws.filter(|d| matches!(d, Draw::Step(_, Segment::D)));
        shares.copied().collect()
    }

    fn force(&self, tape: &mut Tape) {
        match self {
            Self::Zero(matches) => {
                let own = tape.0.iter_mut().filter(|(draw, _)| matches(draw));
                let mut forced = 0;
                for (_, value) in own {
                    *value = F::ZERO;
                    forced += 1;
                }
                assert!(forced > 0, "the condition is about something");
            }
            Self::Same(one, other) => {
                let value = tape.get(*one);
                tape.0.insert(*other, value);
            }
            Self::SharesWithoutBlind => {
                let shares = Self::shares(tape);
                let (last, others) = shares.split_last().unwrap();
                let sum: F = others.iter().map(|d| tape.get(*d)).sum();
                tape.0.insert(*last, -sum);
            }
        }
    }

    fn holds(&self, tape: &Tape) -> bool {
        match self {
            Self::Zero(matches) => {
                let mut own = tape.0.iter().filter(|(draw, _)| matches(draw));
                own.all(|(_, value)| *value == F::ZERO)
            }
            Self::Same(one, other) => tape.get(*one) == tape.get(*other),
            Self::SharesWithoutBlind => {
                let shares = Self::shares(tape);
                shares.iter().map(|d| tape.get(*d)).sum::<F>() == F::ZERO
            }
        }
    }
}

/// Defects, and whether they leak.
fn defects(subject: &Subject) -> Vec<(String, Condition, bool)> {
    let network = &subject.network;
    let steps = Layout::new(network).steps();
    let last = levels(steps).len() - 1;
    let evaluations = Layout::new(network).evaluations();
    let input = network.port_rows(&network.descriptor().inputs[0]).start;
    let rows = network.rows(Column::Y);
    let input = rows.iter().position(|row| *row == input).unwrap();
    let (m, w) = (Column::M.index(), Column::W.index());
    let step = |segment| Condition::is(Draw::Step(0, segment));
    let of_instance = |segment| Condition::is(Draw::Instance(segment));
    let mut all: Vec<(String, Condition, bool)> = Vec::new();
    let mut leak = |name: &str, condition| all.push((name.to_owned(), condition, true));

    leak("no random instance", Condition::variables(0..VARIABLES));
    for segment in [
        Segment::Z,
        Segment::A,
        Segment::R(0),
        Segment::E,
        Segment::V,
    ] {
        let name = format!("random instance without {segment:?}");
        leak(&name, Condition::variables(segment.range()));
    }
    let products = Segment::V.range().start + SLOTS + PRODUCTS..VARIABLES;
    leak(
        "random instance without n, as one that is a step's has it",
        Condition::variables(products),
    );
    let one = Segment::E.range().start;
    leak(
        "random instance without one evaluation",
        Condition::variables(one..one + 1),
    );
    leak(
        "its error without blind",
        Condition::is(Draw::InstanceError),
    );
    leak("its Z without blind", of_instance(Segment::Z));
    leak("its V without blind", of_instance(Segment::V));
    leak(
        "all of it without blinds",
        Condition::zero(|d| matches!(d, Draw::Instance(_))),
    );
    leak(
        "one blind for its D and V",
        Condition::Same(Draw::Instance(Segment::D), Draw::Instance(Segment::V)),
    );
    leak(
        "first level's cross terms without blind",
        Condition::zero(|d| matches!(d, Draw::Cross(0, _))),
    );
    leak(
        "last level's cross terms without blind",
        Condition::is(Draw::Cross(last, 0)),
    );
    leak("Z without blind", step(Segment::Z));
    leak("A without blind", step(Segment::A));
    leak("a round without blind", step(Segment::R(1)));
    leak(
        "evaluations without blind",
        Condition::is(Draw::Step(evaluations, Segment::E)),
    );
    leak("V without blind", step(Segment::V));
    leak(
        "one blind for D and V of a step",
        Condition::Same(Draw::Step(0, Segment::D), Draw::Step(0, Segment::V)),
    );
    leak(
        "a mask row of M that is zero",
        Condition::is(Draw::Mask(m, 0)),
    );
    leak(
        "a mask row of W that is zero",
        Condition::is(Draw::Mask(w, 0)),
    );
    leak(
        "Y's mask row random in one cell only",
        Condition::zero(|d| matches!(d, Draw::Mask(0, 1..))),
    );
    leak(
        "W's mask row without blind",
        Condition::is(Draw::MaskRow(w)),
    );
    leak(
        "all mask rows without blind",
        Condition::zero(|d| matches!(d, Draw::MaskRow(_))),
    );
    leak(
        "the input's row without blind",
        Condition::is(Draw::Row(0, input)),
    );
    leak(
        "a row of weights without blind",
        Condition::is(Draw::Row(w, 0)),
    );
    // A single step's share is the total, which is public.
    let several = steps > 1;
    let mut share = |name: &str, condition| all.push((name.to_owned(), condition, several));
    share(
        "random instance without D",
        Condition::variables(Segment::D.range()),
    );
    share("its D without blind", of_instance(Segment::D));
    share("D without blind", step(Segment::D));
    share(
        "all D without blind",
        Condition::zero(|d| matches!(d, Draw::Step(_, Segment::D))),
    );
    // What the sum of their blinds is, the proof says.
    all.push((
        "blinds of all D that add up to 0".to_owned(),
        Condition::SharesWithoutBlind,
        false,
    ));
    all
}

#[test]
fn defects_are_found() {
    for shape in [0, 1, 3] {
        let (steps, stack) = SHAPES[shape];
        let key = known(&stack);
        let [one, other] = subjects(&stack, false);
        let sound = Tape::random(&one.network, 9);
        for (name, condition, leaks) in defects(&one) {
            let mut tape = sound.clone();
            assert!(!condition.holds(&tape), "{name}");
            condition.force(&mut tape);
            assert!(condition.holds(&tape), "{name}");
            let proof = watched(&one, &key, &mut Given(&tape));
            let solved = watched(&other, &key, &mut Solving::new(&key, &proof, &other));
            assert!(solved.bytes == proof.bytes, "{name}, {steps} steps");
            assert_eq!(
                condition.holds(&solved.tape),
                !leaks,
                "{name}, {steps} steps"
            );
        }
    }
}
