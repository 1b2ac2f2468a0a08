//! Links between proofs: besides equal commitments, the same cells and the same scale. (That commitments differ, that receipts
//! are missing or edited: with real proofs, in the prover's tests.)
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use pleat_nova_circuits::cycle::F;
use pleat_verifier::chain::{ChainError, Member, check};
use pleat_verifier::commitments::{Commitments, Generators, RowCommitment};
use pleat_verifier::descriptor::{
    Axis, AxisId, Descriptor, Function, Indices, Limits, Linear, Node, Operation, Port, Read, View,
};
use pleat_verifier::fold::Mode;
use pleat_verifier::model::VerificationModel;
use pleat_verifier::network::{Column, Network};
use pleat_verifier::pcs::Opening;
use pleat_verifier::proof::{Messages, PublicValues};
use pleat_verifier::receipt::{Origin, Receipt, Remarks, Role, Sha3Hash, Subject};

/// A network that copies a tensor of this shape, in rows of `2^row_bits` cells.
fn tensor(name: &str, shape: &[usize], row_bits: u32, scale: f64) -> VerificationModel {
    let axis = |(id, len): (u16, &usize)| Axis {
        id: AxisId(id),
        len: *len,
    };
    let out: Vec<Axis> = (0..).zip(shape).map(axis).collect();
    let port = |name: &str, node| Port {
        name: name.to_owned(),
        node,
        shape: vec![shape.iter().product()],
        scale,
    };
    let copy = Node {
        name: "copy".to_owned(),
        blocks: vec![64],
        out: out.clone(),
        products: Vec::new(),
        linear: Some(Linear {
            multiplier: 256,
            view: View::whole(Read::Value, 0, &out),
        }),
        bias: None,
        operation: Operation::Map { function: 0 },
    };
    let descriptor = Descriptor {
        digit_bits: 4,
        row_bits,
        functions: vec![Function::Identity],
        weights: Vec::new(),
        inputs: vec![port(name, 0)],
        outputs: vec![port("copy", 1)],
        nodes: vec![Node::input(name.to_owned(), 0, out, false), copy],
        constants: Vec::new(),
        indices: Vec::new(),
        agreements: Vec::new(),
    };
    let network = Network::new(descriptor, &Limits::default()).unwrap();
    VerificationModel::new(network, Vec::new()).unwrap()
}

/// Messages of a proof whose rows of `Y` all commit to zeros; nothing else is looked at.
fn proof(model: &VerificationModel) -> Messages {
    let row: RowCommitment = Generators::derive(1).commit(&[], &F::one());
    let mut commitments = Commitments::default();
    let rows = model.network().rows(Column::Y).len();
    commitments.set_rows(Column::Y, vec![row; rows]);
    let none = F::zero();
    Messages {
        model: model.id(),
        public: PublicValues::new(vec![None, None], Indices::default()),
        commitments,
        values: [none; 10],
        opening: Opening {
            blind: none,
            argument: Vec::new(),
        },
    }
}

fn subject<'a>(file: &'a [u8], messages: &'a Messages) -> Subject<'a> {
    Subject {
        file,
        fold: Mode::Tree,
        messages,
    }
}

/// The verdict on the link from the first tensor to the second.
fn link(first: &VerificationModel, second: &VerificationModel) -> Result<(), ChainError> {
    let (proof_1, proof_2) = (proof(first), proof(second));
    let receipt_1 = Receipt::new(first, &subject(b"1", &proof_1), Remarks::default());
    let hash = Sha3Hash::of(&receipt_1.to_bytes().unwrap());
    let origin = Origin {
        receipt: hash,
        role: Role::Input,
        name: "x".to_owned(),
    };
    let remarks = Remarks {
        previous: vec![hash],
        origins: vec![Some(origin)],
        ..Remarks::default()
    };
    let receipt_2 = Receipt::new(second, &subject(b"2", &proof_2), remarks);
    let members = [
        Member {
            name: "second",
            receipt: &receipt_2,
            hash: Sha3Hash::of(&receipt_2.to_bytes().unwrap()),
            model: second,
            proof: &proof_2,
        },
        Member {
            name: "first",
            receipt: &receipt_1,
            hash,
            model: first,
            proof: &proof_1,
        },
    ];
    check(&members).map(|links| assert_eq!(links.len(), 1))
}

#[test]
fn cells_and_scales_have_to_agree() {
    let x = tensor("x", &[2, 3], 4, 0.5);
    let good = [
        tensor("y", &[2, 3], 4, 0.5),
        // Axes of one element take no cells, and rows may be longer if there is one.
        tensor("y", &[1, 2, 1, 3], 6, 0.5),
    ];
    for y in &good {
        link(&x, y).unwrap();
    }
    // Six zeros in six other cells: commitments cannot tell.
    let flat = link(&x, &tensor("y", &[6], 4, 0.5));
    assert!(matches!(flat, Err(ChainError::Layout(_))), "{flat:?}");
    let text = flat.unwrap_err().to_string();
    assert_eq!(
        text,
        "link input x of first → input y of second: the tensors are laid out differently"
    );
    let scale = link(&x, &tensor("y", &[2, 3], 4, 0.25));
    assert!(matches!(scale, Err(ChainError::Scale { .. })), "{scale:?}");

    // As many rows, of other lengths: no commitment of one is a commitment of the other.
    let wide = tensor("x", &[4, 5], 4, 0.5);
    let rows = link(&wide, &tensor("y", &[4, 5], 3, 0.5));
    assert!(matches!(rows, Err(ChainError::Commitment(_))), "{rows:?}");
}
