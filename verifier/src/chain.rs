//! Chains of proofs: an input of one is a tensor of another, shown or hidden. Both proofs carry the same row commitments, which
//! are binding, so the integers are the same; nobody has to see them.

use std::fmt;

use thiserror::Error;

use crate::descriptor::{Port, element_cells};
use crate::messages::Messages;
use crate::model::VerificationModel;
use crate::network::Network;
use crate::receipt::{Receipt, Role, Sha3Hash};

/// A receipt with the proof that it is about. That the proof is valid, and the receipt about it, is for the caller to check.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// What error messages call it.
    pub name: &'a str,
    /// The receipt.
    pub receipt: &'a Receipt,
    /// Its file's hash.
    pub hash: Sha3Hash,
    /// The model.
    pub model: &'a VerificationModel,
    /// The proof.
    pub proof: &'a Messages,
}

/// Where a tensor of a chain is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The receipt's name.
    pub receipt: String,
    /// Input or output.
    pub role: Role,
    /// The tensor's name.
    pub tensor: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.role, self.tensor, self.receipt)
    }
}

/// An input that is a tensor of another proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The other proof's tensor.
    pub from: Place,
    /// The input.
    pub to: Place,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.from, self.to)
    }
}

/// Why receipts are no chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The same receipt twice.
    #[error("{receipt} and {other} are the same receipt")]
    Twice {
        /// The later one.
        receipt: String,
        /// The earlier one.
        other: String,
    },
    /// A previous receipt that is not there.
    #[error(
        "{receipt} names a previous receipt {previous}, which is none of those given; it is missing, or was changed afterwards"
    )]
    Missing {
        /// Who names it.
        receipt: String,
        /// Its hash.
        previous: Sha3Hash,
    },
    /// The named tensor does not exist.
    #[error("link {0}: there is no such {role}", role = .0.from.role)]
    NoTensor(Box<Link>),
    /// The commitments differ: these may be different values.
    #[error("link {0}: the commitments differ")]
    Commitment(Box<Link>),
    /// The integers stand in other places of the two tensors.
    #[error("link {0}: the tensors are laid out differently")]
    Layout(Box<Link>),
    /// The integers stand for other real numbers.
    #[error("link {link}: one unit stands for {from}, then for {to}")]
    Scale {
        /// The link.
        link: Box<Link>,
        /// Real value of one unit in the other proof.
        from: String,
        /// In the input.
        to: String,
    },
}

/// Checks that every previous receipt is among `members`, and every link between their proofs; gives the links.
///
/// A receipt refers to others by hash, so references cannot run in circles.
///
/// # Errors
/// The first thing that is wrong, with the link.
pub fn check(members: &[Member<'_>]) -> Result<Vec<Link>, ChainError> {
    for (i, member) in members.iter().enumerate() {
        if let Some(other) = members.iter().take(i).find(|m| m.hash == member.hash) {
            return Err(ChainError::Twice {
                receipt: member.name.to_owned(),
                other: other.name.to_owned(),
            });
        }
    }
    let mut links = Vec::new();
    for member in members {
        for previous in &member.receipt.previous {
            find(members, *previous, member)?;
        }
        for (index, input) in member.receipt.inputs.iter().enumerate() {
            let Some(origin) = &input.from else { continue };
            let source = find(members, origin.receipt, member)?;
            let link = Link {
                from: Place {
                    receipt: source.name.to_owned(),
                    role: origin.role,
                    tensor: origin.name.clone(),
                },
                to: Place {
                    receipt: member.name.to_owned(),
                    role: Role::Input,
                    tensor: input.name.clone(),
                },
            };
            let to = member.model.network().descriptor().inputs.get(index);
            let from = ports(source.model.network(), origin.role);
            let from = from.iter().find(|p| p.name == origin.name);
            let Some((from, to)) = from.zip(to) else {
                return Err(ChainError::NoTensor(link.into()));
            };
            check_link(&link, (source, from), (member, to))?;
            links.push(link);
        }
    }
    Ok(links)
}

fn find<'a, 'm>(
    members: &'a [Member<'m>],
    hash: Sha3Hash,
    by: &Member<'_>,
) -> Result<&'a Member<'m>, ChainError> {
    let missing = || ChainError::Missing {
        receipt: by.name.to_owned(),
        previous: hash,
    };
    members.iter().find(|m| m.hash == hash).ok_or_else(missing)
}

fn ports(network: &Network, role: Role) -> &[Port] {
    match role {
        Role::Input => &network.descriptor().inputs,
        Role::Output => &network.descriptor().outputs,
    }
}

fn check_link(
    link: &Link,
    (source, from): (&Member<'_>, &Port),
    (target, to): (&Member<'_>, &Port),
) -> Result<(), ChainError> {
    let committed =
        |member: &Member<'_>, port| member.proof.port_commitment(member.model.network(), port);
    if committed(source, from) != committed(target, to) {
        return Err(ChainError::Commitment(link.clone().into()));
    }
    if !same_layout((source.model.network(), from), (target.model.network(), to)) {
        return Err(ChainError::Layout(link.clone().into()));
    }
    if from.scale != to.scale {
        return Err(ChainError::Scale {
            link: link.clone().into(),
            from: from.scale.to_string(),
            to: to.scale.to_string(),
        });
    }
    Ok(())
}

/// Whether the elements of two tensors, row-major, stand in the same cells of their rows.
fn same_layout(
    (network, port): (&Network, &Port),
    (other_network, other_port): (&Network, &Port),
) -> bool {
    let cells = |network: &Network, port: &Port| {
        let node = network.nodes().get(port.node)?;
        Some((element_cells(&node.shape()), network.port_rows(port).len()))
    };
    match (cells(network, port), cells(other_network, other_port)) {
        (Some((own, own_rows)), Some((other, other_rows))) => {
            // Rows of another length hold other cells, unless there is one.
            let rows = own_rows == other_rows
                && (own_rows == 1 || network.row_bits() == other_network.row_bits());
            own == other && rows
        }
        _ => false,
    }
}
