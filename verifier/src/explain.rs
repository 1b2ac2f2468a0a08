//! What a check is, for whoever met its name in a verdict and not the code: what it means that it refused, and what to do.

use std::borrow::Cow;

/// What a valid proof says, and what it does not say.
pub const VALID: &str = "The proof is valid: the integer network that the model id names, with the weights that it commits to, gives \
the shown outputs on the shown or committed inputs, to the last bit. It does not say that the model is good or fair, that the input is \
true or came from anyone in particular, when the run was, that no other runs were made, or that a receipt's claims hold; compare the \
model id with one from somebody you trust.";

/// Every check by its name, without the prefix `opening-file/`.
const CHECKS: &[(&str, &str)] = &[
    (
        "format",
        "The proof's bytes are not those of a proof about this model: truncated, changed on the way, of another version, or no proof at \
         all. Nothing was checked beyond that. Fetch the file again, and check it with the model and the number of samples that it was \
         made with.",
    ),
    (
        "other-model",
        "The proof names another model id than the model it was checked against. It may well be a good proof about that other model, \
         or about several samples of this one at once. Ask which model it is about, and give the number of samples; do not accept it \
         for this model.",
    ),
    (
        "left-out",
        "The proof shows a tensor whose values its file does not hold, and they were not supplied, or not as many as the tensor has. \
         Give the values, or the receipt, which has them.",
    ),
    (
        "index-range",
        "A public index, such as a token id, is not below the number of things it selects from. An honest prover cannot make such a \
         proof: the file was changed, or the prover is faulty. Do not rely on it.",
    ),
    (
        "agreement",
        "An answered index is another than the one given in its place, though the model says that they agree: the model's first choice \
         is not what the proof claims it wrote. Do not rely on the answer.",
    ),
    (
        "nova",
        "Nova's verifier refuses the folded steps of a proof of the mode chain: the computation was not carried out as the model says, \
         or the file was changed. Do not rely on it; fetch the proof again, or ask for a new one.",
    ),
    (
        "nova-format",
        "The part of the proof that Nova's verifier reads is malformed. The file was changed, or made by another version. Fetch it \
         again, or ask for a new one.",
    ),
    (
        "aborted",
        "The verifier's foreign code gave up on this proof, which happens with files that were built to be bad. It counts as refused. \
         Do not rely on the proof.",
    ),
    (
        "shares",
        "The committed steps do not add up to what the proof's messages say: a sumcheck or a step is not what it has to be. The run was \
         not carried out as claimed, a shown value is another, or the file was changed. Do not rely on it.",
    ),
    (
        "constraints",
        "The folded steps violate the relations between layers: the run was not carried out as the model says, a shown value is \
         another, or the file was changed. Do not rely on it.",
    ),
    (
        "products",
        "The products inside the folded steps do not hold: the run was not carried out as the model says, a shown value is another, or \
         the file was changed. Do not rely on it.",
    ),
    (
        "steps-opening",
        "The commitments of the folded steps do not open to the values that the proof needs. The file was changed, or the prover does \
         not know what it committed to. Do not rely on it.",
    ),
    (
        "no-chain-key",
        "The proof is of the mode chain, and the program that checked it has no key for that mode. Nothing is said about the proof. \
         Check it with `pleat-verify` or with a build that has the key.",
    ),
    (
        "step",
        "A step's constraints are violated, where steps are carried out one by one rather than folded: the run was not carried out as the \
         model says. Do not rely on it.",
    ),
    (
        "end-state",
        "After all steps the verifier's state is not the one that the proof's own messages require: some message, shown value or \
         commitment is another than the one that was proved. The file was changed, or the prover cheats. Do not rely on it.",
    ),
    (
        "opening",
        "The argument that opens the committed columns, among them the model's weights, fails: the prover used other weights or values \
         than those that the model id and the proof commit to, or the file was changed. Do not rely on it.",
    ),
    (
        "revealed",
        "The values that were revealed are not those that the proof commits to. Whoever gave the opening gave other values, or the \
         opening of another proof. Ask for the opening that belongs to this proof.",
    ),
    (
        "receipt/form",
        "The receipt is none: no JSON of a receipt's form, of another version, or not in canonical form, which means that it was edited \
         or rewritten. Use the receipt's file as the prover wrote it, byte for byte.",
    ),
    (
        "receipt/other",
        "A manifest names each receipt by its hash, and the receipt that lies there has another. It was changed or exchanged after the manifest was written, or the manifest was. The proof may be valid all the same: check it with the receipt that was meant, or have manifest and files sent again together.",
    ),
    (
        "receipt/mismatch",
        "The receipt says something that its proof does not: the reason names the member. It belongs to another proof, or somebody \
         edited it. Ask for the receipt that was written with this proof, and believe nothing else that this one says.",
    ),
    (
        "demand/model-id",
        "The model that was given is not the one with the id that you demand. The proof was not looked at. Get the verification model \
         of the id that you trust, and do not accept another in its place.",
    ),
    (
        "demand/prompt",
        "The words that the network was given, according to the proof, are not those that you demand: the answer is one to another \
         question.",
    ),
    (
        "demand/index",
        "A public index in the proof is not the one that you demand: the proof is about another input, or shows another answer. The \
         reason says where they differ.",
    ),
    (
        "demand/value",
        "A value in the proof is not the one that you demand: the proof is about another input, or shows another output. The reason \
         says where they first differ; real numbers were rounded to the model's integers before.",
    ),
    (
        "chain",
        "A chain of receipts holds only if every proof is valid, every receipt says what its proof says, every previous receipt is \
         there unchanged, and every linked input carries the commitments and the scale of the tensor it is said to be. The reason names \
         the receipt or the link that does not hold; without it nothing follows from the chain as a whole.",
    ),
];

/// What stands before the check of an opening's file.
const OPENING: &str = "opening-file/";

/// Explains a check, by the name that [`Refusal::check`](crate::verdict::Refusal::check) gives; `chain` is for what refuses a chain of
/// receipts. `None` if there is no such check.
pub fn explain(check: &str) -> Option<Cow<'static, str>> {
    let find = |name: &str| {
        CHECKS
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, text)| *text)
    };
    match check.strip_prefix(OPENING) {
        None => find(check).map(Cow::Borrowed),
        Some("revealed") => find("revealed").map(Cow::Borrowed),
        Some(name) => find(name).map(|text| {
            Cow::Owned(format!(
                "The opening that was given along with the proof is refused, by a check of this kind: {text}"
            ))
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// The string literals in the body of `fn check` of a source file.
    fn names(source: &str) -> Vec<&str> {
        let (_, rest) = source.split_once("fn check(&self)").unwrap();
        let (body, _) = rest.split_once("\n    }\n").unwrap();
        let names: Vec<&str> = body.split('"').skip(1).step_by(2).collect();
        assert!(names.len() > 5, "{names:?}");
        names
    }

    #[test]
    fn every_check_is_explained() {
        let proof = names(include_str!("error.rs"));
        let all = names(include_str!("verdict.rs"));
        let (openings, verdict): (Vec<&str>, Vec<&str>) =
            all.iter().partition(|name| name.starts_with(OPENING));
        assert_eq!(openings, ["opening-file/{}"]);
        for name in proof.iter().chain(&verdict) {
            assert!(explain(name).is_some(), "{name}");
        }
        for name in &proof {
            assert!(explain(&format!("{OPENING}{name}")).is_some(), "{name}");
        }
        for (name, text) in CHECKS {
            let known = proof.contains(name) || verdict.contains(name) || *name == "chain";
            assert!(known, "no check is called {name}");
            assert!(text.len() > 100, "{name}");
        }
    }

    #[test]
    fn there_are_no_others() {
        for name in ["", "Format", "opening-file/", "opening-file", "none"] {
            assert_eq!(explain(name), None, "{name}");
        }
    }
}
