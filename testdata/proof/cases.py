#!/usr/bin/env python3
"""Writes cases.json: what becomes of the stored files, whole and changed. Offsets follow from the layout in docs/formats.md."""

import hashlib
import json
from pathlib import Path

HERE = Path(__file__).parent
POINT = SCALAR = 32
DIGIT_BITS = 12
# Neither a point, nor a scalar below the modulus.
NONE = [255] * 32

credit = {"nodes": 4, "rounds": [6, 14, 15], "rows": 33, "row_bits": 11, "elements": [61, 1]}
# A transformer: eight ids are given, eight choices are answers; nothing else is shown.
sums = {"nodes": 45, "rounds": [8, 17, 18], "rows": 31, "row_bits": 13, "elements": [], "indices": 16, "index_ports": 2}
mnist = {"nodes": 10, "rounds": [9, 15, 16], "rows": 62, "row_bits": 12, "elements": [784, 10]}
FILES = {
    "public.proof": (credit, "tree", [1, 1]),
    "left-out.proof": (credit, "tree", [2, 1]),
    "hidden.proof": (credit, "tree", [0, 0]),
    "mnist-8.proof": (mnist, "tree", [1, 1]),
    "sums.proof": (sums, "tree", []),
    "chain-public.proof": (credit, "chain", [1, 1]),
    "chain-hidden.proof": (credit, "chain", [0, 0]),
    "chain-mnist-8.proof": (mnist, "chain", [1, 1]),
}


def layout(model, mode, shown):
    """Where each part starts, and where the file ends. A value of an input or output takes 12 bits."""
    at, end = {}, 0

    def part(name, length):
        nonlocal end
        at[name] = end
        end += length

    slots = -(-model["nodes"] // 74)
    contract, lookup, open_ = model["rounds"]
    part("header", 10)
    part("model", 32)
    part("mode", 1)
    part("flags", len(shown) + model.get("index_ports", 0))
    here = [elements * (visible == 1) for elements, visible in zip(model["elements"], shown)]
    part("values", -(-DIGIT_BITS * sum(here) // 8))
    part("indices", 4 * model.get("indices", 0))
    part("rows", POINT * model["rows"])
    part("masks", POINT * 10)
    if mode == "tree":
        steps = max(slots, -(-(contract + lookup + open_) // 16))
        part("Z", POINT * slots)
        part("contract", POINT * contract)
        part("A", POINT * slots)
        part("lookup", POINT * lookup)
        part("evaluations", POINT)
        part("open", POINT * open_)
    else:
        whole = lambda n: 16 * max(1, -(-n // 16))
        part("sigma", SCALAR)
        part("x", SCALAR * whole(contract))
        part("tau", SCALAR)
        part("u", SCALAR * whole(lookup))
        part("rho", SCALAR)
        part("z", SCALAR * whole(open_))
    part("columns", SCALAR * 10)
    part("blind", SCALAR)
    part("argument", 2 * POINT * model["row_bits"])
    part("argument scalar", SCALAR)
    if mode == "tree":
        part("shares", 2 * POINT * steps)
        part("b", SCALAR)
        part("mask", POINT * 21)
        part("mask E", POINT)
        part("T", POINT * steps)
        part("outer", 3 * SCALAR * 10)
        part("at x", 4 * SCALAR)
        part("inner", 2 * SCALAR * 11)
        part("at y", SCALAR)
        part("root blind", SCALAR)
        part("root argument", 2 * POINT * 11)
        part("root scalar", SCALAR)
    else:
        part("nova", 10_443)
    return at, end


AT, LENGTH = {}, {}
for name, (model, mode, shown) in FILES.items():
    AT[name], LENGTH[name] = layout(model, mode, shown)
    assert (HERE / name).stat().st_size == LENGTH[name], (name, LENGTH[name])
stored = {path.name: path.read_bytes() for path in HERE.iterdir() if path.suffix in (".proof", ".vmodel")}
model_id = {name: hashlib.sha3_256(stored[name]).hexdigest() for name in ("credit.vmodel", "mnist-8.vmodel", "sums.vmodel")}
CREDIT_ID, MNIST_ID = model_id["credit.vmodel"], model_id["mnist-8.vmodel"]

# ---- changes


def flip(at, mask=1):
    return {"op": "flip", "at": at, "mask": mask}


def put(at, values):
    return {"op": "set", "at": at, "bytes": values}


def copy(start, to, length=32):
    return {"op": "copy", "from": start, "to": to, "length": length}


def splice(file, start, to, length):
    return {"op": "splice", "file": file, "from": start, "to": to, "length": length}


def truncate(to):
    return {"op": "truncate", "to": to}


def fill(length, seed):
    return {"op": "fill", "length": length, "seed": seed}


APPEND = {"op": "append", "bytes": [0]}

# ---- outcomes


def invalid(check, reason):
    return {"outcome": "invalid", "check": check, "reason": reason}


def malformed(reason):
    return invalid("format", reason)


def error(reason):
    return {"outcome": "error", "reason": reason}


def valid(proof):
    model, mode, shown = FILES[proof]
    outcome = {"outcome": "valid", "fold": mode}
    if "indices" in model:
        at = AT[proof]["indices"]
        values = [int.from_bytes(stored[proof][at + 4 * i:at + 4 * i + 4], "little") for i in range(model["indices"])]
        return {**outcome, "shown_inputs": [], "outputs": [], "indices": [values[:8], values[8:]]}
    at, end = AT[proof]["values"], AT[proof]["indices"]
    bits = int.from_bytes(stored[proof][at:end], "little")
    half, first = 1 << DIGIT_BITS - 1, model["elements"][0] * shown[0]
    integer = lambda i: (bits >> DIGIT_BITS * (first + i)) % (2 * half) - half
    integers = [integer(i) for i in range(model["elements"][1])] if shown[1] else None
    shown_inputs = [first]
    return {**outcome, "shown_inputs": shown_inputs, "outputs": [integers]}


def other_model(got, expected):
    return invalid("other-model", f"the proof is about model {got}, not {expected}")


def length(got, expected):
    return malformed(f"proof has {got} bytes; this model and these public values imply {expected}")


SHARES = invalid("shares", "committed steps: the steps' shares do not add up to the total")
CONSTRAINTS = invalid("constraints", "committed steps: the root does not satisfy the steps' constraints")
PRODUCTS = invalid("products", "committed steps: the root's products are not those of its variables")
STEPS_OPENING = invalid("steps-opening", "committed steps: the root's commitments do not open to the claimed values")
NOVA = invalid("nova", "Nova: the Nova proof does not verify: ProofVerifyError")
OPENING = invalid("opening", "opening: ⟨y*, eq(z)⟩ is not Σ η^col·col(z)")
NO_POINT = malformed("proof: a point is not canonical")
NO_SCALAR = malformed("proof: a field element is not canonical")


def end_state(equation):
    return invalid("end-state", f"end state: {equation} differs")


def nova_format(byte, what):
    return invalid("nova-format", f"Nova: the Nova proof is malformed: byte {byte}: {what}")


# ---- the table

cases = []


def case(name, proof, expect, *edits, model=None, model_edits=(), demanded=None):
    row = {"name": name, "model": model or next((f"{m}.vmodel" for m in ("mnist-8", "sums") if m in proof), "credit.vmodel"), "proof": proof}
    if model_edits:
        row["model_edits"] = list(model_edits)
    if edits:
        row["proof_edits"] = list(edits)
    if demanded:
        row["model_id"] = demanded
    cases.append({**row, "expect": expect})


# Whole files.
case("all shown", "public.proof", valid("public.proof"))
case("all hidden", "hidden.proof", valid("hidden.proof"))
case("an image shown", "mnist-8.proof", valid("mnist-8.proof"))
case("an input left out", "left-out.proof", error("the proof shows tensor x, but its file does not hold the values"))
case("chain: all shown", "chain-public.proof", valid("chain-public.proof"))
case("chain: all hidden", "chain-hidden.proof", valid("chain-hidden.proof"))
case("chain: an image shown", "chain-mnist-8.proof", valid("chain-mnist-8.proof"))
for version in (1, 2, 3):
    case(f"a proof of format version {version}", f"version-{version}.proof", malformed(f"proof of format version {version}; this program reads version 4"))
case("public indices", "sums.proof", valid("sums.proof"))

# What is demanded, and which model it is about.
case("all shown, the model id demanded", "public.proof", valid("public.proof"), demanded=CREDIT_ID)
case("an image shown, the model id demanded in capitals", "mnist-8.proof", valid("mnist-8.proof"), demanded=MNIST_ID.upper())
changed = f"{CREDIT_ID[:-1]}{int(CREDIT_ID[-1], 16) ^ 1:x}"
for name, demanded in [("another model id demanded", MNIST_ID), ("a model id with one digit changed", changed)]:
    case(name, "public.proof", invalid("demand/model-id", f"the model's id is {CREDIT_ID}, not {demanded}"), demanded=demanded)
case("a demanded model id that is none", "public.proof", error("a model id is 64 hexadecimal digits"), demanded=CREDIT_ID[:8])
case("a proof about another model", "public.proof", other_model(CREDIT_ID, MNIST_ID), model="mnist-8.vmodel")
case("a proof about another model, the other way round", "mnist-8.proof", other_model(MNIST_ID, CREDIT_ID), model="credit.vmodel")
case("chain: a proof about another model", "chain-public.proof", other_model(CREDIT_ID, MNIST_ID), model="mnist-8.vmodel")
changed = f"{int(CREDIT_ID[:2], 16) ^ 1:02x}{CREDIT_ID[2:]}"
case("model id in the proof changed", "public.proof", other_model(changed, CREDIT_ID), flip(AT["public.proof"]["model"]))
weights = len(stored["credit.vmodel"]) - POINT
edit = splice("hidden.proof", AT["hidden.proof"]["rows"], weights, POINT)
at = edit["from"]
changed = hashlib.sha3_256(stored["credit.vmodel"][:weights] + stored["hidden.proof"][at:at + POINT]).hexdigest()
case("a weight commitment of the model replaced", "public.proof", other_model(CREDIT_ID, changed), model_edits=[edit])

# Other files in place of the proof.
NO_PROOF = malformed("not a Pleat proof")
case("an empty proof", "public.proof", NO_PROOF, truncate(0))
case("the model in place of the proof", "credit.vmodel", NO_PROOF)
case("an opening file in place of the proof", "input.opening", NO_PROOF)
case("garbage in place of the proof", "public.proof", NO_PROOF, fill(15000, 1))
case("proof: magic", "public.proof", NO_PROOF, flip(0))

# The form of both modes.
public, hidden, chain = AT["public.proof"], AT["hidden.proof"], AT["chain-public.proof"]
size, chain_size = LENGTH["public.proof"], LENGTH["chain-public.proof"]
case("proof: a version to come", "public.proof", malformed("proof of format version 5; this program reads version 4"), put(8, [5]))
case("proof: only its header", "public.proof", malformed("proof is truncated"), truncate(public["model"]))
case("proof: only header and model id", "public.proof", malformed("proof is truncated"), truncate(public["mode"]))
case("proof: only header, model id and mode", "public.proof", malformed("proof is truncated"), truncate(public["flags"]))
for mode in (0, 3, 255):
    case(f"proof: the unknown mode {mode}", "public.proof", malformed(f"the proof is of an unknown mode, number {mode}"), put(public["mode"], [mode]))
case("proof: steps called a chain", "public.proof", length(size, chain_size), put(public["mode"], [2]))
case("proof: a chain called steps", "chain-public.proof", length(chain_size, size), put(chain["mode"], [1]))
FLAG = malformed("proof: a visibility flag is none")
case("proof: a flag that is none", "public.proof", FLAG, flip(public["flags"], 2))
case("proof: public indices called hidden", "sums.proof", FLAG, flip(AT["sums.proof"]["flags"] + 1))
case("proof: an input called left out that is not", "public.proof", length(size, size - 91), put(public["flags"], [2]))
case("proof: an input called hidden that is shown", "public.proof", length(size, size - 91), flip(public["flags"]))
case("proof: an output called shown that is hidden", "hidden.proof", length(LENGTH["hidden.proof"], LENGTH["hidden.proof"] + 2), flip(hidden["flags"] + 1))
for name, proof, bytes_ in [("proof", "public.proof", size), ("chain", "chain-public.proof", chain_size)]:
    case(f"{name}: last byte missing", proof, length(bytes_ - 1, bytes_), truncate(bytes_ - 1))
    case(f"{name}: one byte too many", proof, length(bytes_ + 1, bytes_), APPEND)

# Every kind of point and of scalar that a file has.
NO_ARGUMENT = malformed("inner-product argument: a point is not canonical")
NO_ARGUMENT_SCALAR = malformed("inner-product argument: a field element is not canonical")
for name, part, expect in [
    ("a row commitment that is no point", "rows", NO_POINT),
    ("a mask commitment that is no point", "masks", NO_POINT),
    ("a commitment to claims that is no point", "Z", NO_POINT),
    ("a round of CONTRACT that is no point", "contract", NO_POINT),
    ("a commitment to factors that is no point", "A", NO_POINT),
    ("a round of LOOKUP that is no point", "lookup", NO_POINT),
    ("a commitment to evaluations that is no point", "evaluations", NO_POINT),
    ("a round of OPEN that is no point", "open", NO_POINT),
    ("an opened value not below the modulus", "columns", NO_SCALAR),
    ("a blind of the opening not below the modulus", "blind", NO_SCALAR),
    ("a point of the opening's argument that is none", "argument", NO_ARGUMENT),
    ("a scalar of the opening's argument not below the modulus", "argument scalar", NO_ARGUMENT_SCALAR),
    ("a share that is no point", "shares", NO_POINT),
    ("a blind of the shares not below the modulus", "b", NO_SCALAR),
    ("a point of the mask instance that is none", "mask", NO_POINT),
    ("an error of the mask instance that is no point", "mask E", NO_POINT),
    ("a cross term that is no point", "T", NO_POINT),
    ("an outer round not below the modulus", "outer", NO_SCALAR),
    ("a value of the matrices not below the modulus", "at x", NO_SCALAR),
    ("an inner round not below the modulus", "inner", NO_SCALAR),
    ("a value of the variables not below the modulus", "at y", NO_SCALAR),
    ("a blind of the root not below the modulus", "root blind", NO_SCALAR),
    ("a point of the root's argument that is none", "root argument", NO_POINT),
    ("a scalar of the root's argument not below the modulus", "root scalar", NO_SCALAR),
]:
    case(f"proof: {name}", "public.proof", expect, put(public[part], NONE))
case("proof: products of a step that are no point", "public.proof", NO_POINT, put(public["shares"] + POINT, NONE))
for part in ("sigma", "x", "tau", "u", "rho", "z"):
    case(f"chain: a challenge of {part} not below the modulus", "chain-public.proof", NO_SCALAR, put(chain[part], NONE))

# What the proof is about: the equation of committed steps does not hold.
image = AT["mnist-8.proof"]
case("an input changed", "public.proof", SHARES, flip(public["values"]))
case("the sign of an input changed", "public.proof", SHARES, flip(public["values"] + 1, 8))
case("the output changed", "public.proof", SHARES, flip(public["values"] + 92, 1))
case("a pixel changed", "mnist-8.proof", SHARES, flip(image["values"] + 600))
case("a logit changed", "mnist-8.proof", SHARES, flip(image["values"] + 1182))
case("a trace commitment replaced by its neighbour", "hidden.proof", SHARES, copy(hidden["rows"], hidden["rows"] + POINT))
case("a mask commitment replaced by its neighbour", "mnist-8.proof", SHARES, copy(image["masks"] + POINT, image["masks"]))
case("the claims' commitment replaced", "public.proof", SHARES, copy(public["A"], public["Z"]))
case("the factors' commitment replaced", "public.proof", SHARES, copy(public["Z"], public["A"]))
case("the evaluations' commitment replaced", "public.proof", SHARES, copy(public["Z"], public["evaluations"]))
for sumcheck in ("contract", "lookup", "open"):
    at = hidden[sumcheck]
    case(f"a round of {sumcheck.upper()} replaced by the next", "hidden.proof", SHARES, copy(at + POINT, at))
case("the last round of OPEN replaced", "mnist-8.proof", SHARES, copy(image["open"], image["columns"] - POINT))
case("opened value of column Y changed", "public.proof", SHARES, flip(public["columns"]))
case("opened value of column W changed", "public.proof", SHARES, flip(public["columns"] + 9 * SCALAR))
case("opened value of a hidden column changed", "mnist-8.proof", SHARES, flip(image["columns"] + 3 * SCALAR))
case("two opened values exchanged for one", "hidden.proof", SHARES, copy(hidden["columns"], hidden["columns"] + SCALAR))
case("a step's share replaced by the next one's", "public.proof", SHARES, copy(public["shares"] + 2 * POINT, public["shares"]))
case("a step's share replaced by its products", "hidden.proof", SHARES, copy(hidden["shares"] + POINT, hidden["shares"]))
case("blind of the shares changed", "public.proof", SHARES, flip(public["b"]))
steps = LENGTH["public.proof"] - public["shares"]
case("another proof's steps", "public.proof", SHARES, splice("hidden.proof", hidden["shares"], public["shares"], steps))

at = AT["sums.proof"]["indices"]
case("an id changed", "sums.proof", SHARES, flip(at))
case("an answer changed", "sums.proof", SHARES, flip(at + 4 * 11))
ids = stored["sums.proof"][at]
reason = f"index port ids: value {ids ^ 64} at [0, 0] is not below 27"
case("an id out of range", "sums.proof", invalid("index-range", reason), flip(at, 64))
last = stored["sums.proof"][at + 4 * 15]
reason = f"index port best of logits: value {last ^ 128} at [0, 7] is not below 27"
case("an answer out of range", "sums.proof", invalid("index-range", reason), flip(at + 4 * 15, 128))

# The folded steps.
case("a step's products replaced by the next one's", "public.proof", CONSTRAINTS, copy(public["shares"] + 3 * POINT, public["shares"] + POINT))
case("a step's products replaced by the last one's", "mnist-8.proof", CONSTRAINTS, copy(image["b"] - POINT, image["shares"] + POINT))
case("a cross term replaced by the next", "public.proof", CONSTRAINTS, copy(public["T"] + POINT, public["T"]))
case("the last level's cross term replaced", "hidden.proof", CONSTRAINTS, copy(hidden["T"], hidden["outer"] - POINT))
case("a point of the mask instance replaced", "public.proof", CONSTRAINTS, copy(public["mask"] + POINT, public["mask"]))
case("the error of the mask instance replaced", "hidden.proof", CONSTRAINTS, copy(hidden["mask"], hidden["mask E"]))
case("an outer round changed", "public.proof", CONSTRAINTS, flip(public["outer"]))
case("the last outer round changed", "mnist-8.proof", CONSTRAINTS, flip(image["at x"] - SCALAR))
for i, value in enumerate(["Az", "Bz", "Cz", "E"]):
    case(f"the value of {value} changed", "public.proof", CONSTRAINTS, flip(public["at x"] + i * SCALAR))
last = LENGTH["public.proof"] - public["outer"]
case("another proof's last proof", "public.proof", CONSTRAINTS, splice("hidden.proof", hidden["outer"], public["outer"], last))
case("an inner round changed", "public.proof", PRODUCTS, flip(public["inner"]))
case("the last inner round changed", "mnist-8.proof", PRODUCTS, flip(image["at y"] - SCALAR))
case("the value of the variables changed", "hidden.proof", PRODUCTS, flip(hidden["at y"]))
case("blind of the root changed", "public.proof", STEPS_OPENING, flip(public["root blind"]))
case("a point of the root's argument replaced", "hidden.proof", STEPS_OPENING, copy(hidden["root argument"], hidden["root argument"] + POINT))
case("scalar of the root's argument changed", "mnist-8.proof", STEPS_OPENING, flip(image["root scalar"]))

# The opening of the columns.
case("blind of the opening changed", "public.proof", OPENING, flip(public["blind"]))
case("scalar of the opening's argument changed", "public.proof", OPENING, flip(public["argument scalar"]))
case("a point of the opening's argument replaced", "hidden.proof", OPENING, copy(hidden["argument"], hidden["argument"] + POINT))
case("an image's opening changed", "mnist-8.proof", OPENING, flip(image["argument scalar"] + 5, 64))

# The chain.
secret, image = AT["chain-hidden.proof"], AT["chain-mnist-8.proof"]
case("chain: an input changed", "chain-public.proof", NOVA, flip(chain["values"]))
case("chain: the sign of an input changed", "chain-public.proof", NOVA, flip(chain["values"] + 1, 8))
case("chain: the output changed", "chain-public.proof", NOVA, flip(chain["values"] + 92))
case("chain: a pixel changed", "chain-mnist-8.proof", NOVA, flip(image["values"] + 600))
case("chain: a logit changed", "chain-mnist-8.proof", NOVA, flip(image["values"] + 1182))
case("chain: a trace commitment replaced by its neighbour", "chain-hidden.proof", NOVA, copy(secret["rows"], secret["rows"] + POINT))
case("chain: a mask commitment replaced by its neighbour", "chain-mnist-8.proof", NOVA, copy(image["masks"] + POINT, image["masks"]))
case("chain: the last challenge of the advice changed", "chain-public.proof", end_state("Dig"), flip(chain["columns"] - SCALAR))
case("chain: the first challenge of the advice changed", "chain-hidden.proof", end_state("TZ"), flip(secret["sigma"]))
case("chain: the challenge of claims a, b changed", "chain-hidden.proof", end_state("TAb"), flip(secret["tau"]))
nova = chain["nova"]
case("Nova: the running instance's u changed", "chain-public.proof", NOVA, flip(nova + 129))
case("Nova: a commitment replaced", "chain-public.proof", NOVA, copy(nova, nova + POINT))
case("Nova: a vector's length changed", "chain-public.proof", nova_format(64, "a vector of length 2 announced as 3"), flip(nova + 64))
case("Nova: a scalar not below the modulus", "chain-public.proof", nova_format(65, "a field element is not canonical"), put(nova + 65, NONE))
case("Nova: a point that is none", "chain-public.proof", nova_format(0, "not the canonical encoding of a point"), put(nova, NONE))
case("Nova: the end state's last element changed", "chain-public.proof", NOVA, flip(chain_size - SCALAR))
case("Nova: another proof's recursion", "chain-public.proof", NOVA, splice("chain-hidden.proof", secret["nova"], nova, 10_443))
case("chain: opened value of column Y changed", "chain-public.proof", end_state("Claim"), flip(chain["columns"]))
case("chain: opened value of column W changed", "chain-public.proof", end_state("Claim"), flip(chain["columns"] + 9 * SCALAR))
case("chain: opened value of a hidden column changed", "chain-mnist-8.proof", end_state("Claim"), flip(image["columns"] + 3 * SCALAR))
case("chain: two opened values exchanged for one", "chain-hidden.proof", end_state("Claim"), copy(secret["columns"], secret["columns"] + SCALAR))
case("chain: blind of the opening changed", "chain-public.proof", OPENING, flip(chain["blind"]))
case("chain: scalar of the opening's argument changed", "chain-public.proof", OPENING, flip(chain["argument scalar"]))
case("chain: a point of the opening's argument replaced", "chain-hidden.proof", OPENING, copy(secret["argument"], secret["argument"] + POINT))
case("chain: an image's opening changed", "chain-mnist-8.proof", OPENING, flip(image["argument scalar"] + 5, 64))

# The model.
NO_MODEL = error("not a Pleat verification model")
size = len(stored["credit.vmodel"])
case("an empty model", "public.proof", NO_MODEL, model_edits=[truncate(0)])
case("the proof in place of the model", "public.proof", NO_MODEL, model="public.proof")
case("garbage in place of the model", "public.proof", NO_MODEL, model_edits=[fill(400, 7)])
case("model: magic", "public.proof", NO_MODEL, model_edits=[flip(3)])
case("model: a version to come", "public.proof", error("verification model of format version 3; this program reads version 2"), model_edits=[flip(8)])
case("model: truncated in its descriptor", "public.proof", error("verification model is truncated"), model_edits=[truncate(100)])
reason = "verification model: a part of 18446744073709551615 bytes is over the limit of 67108864"
case("model: a descriptor of boundless length", "public.proof", error(reason), model_edits=[put(10, [255] * 8)])
case("model: last byte missing", "public.proof", error("verification model is truncated"), model_edits=[truncate(size - 1)])
case("model: one byte too many", "public.proof", error("verification model: 1 bytes follow its end"), model_edits=[APPEND])
case("model: a commitment that is no point", "public.proof", error("verification model: a point is not canonical"), model_edits=[put(weights, NONE)])
edited = bytearray(stored["credit.vmodel"])
edited[18] ^= 1
changed = hashlib.sha3_256(edited).hexdigest()
case("model: digits of another width", "public.proof", other_model(CREDIT_ID, changed), model_edits=[flip(18)])

about = "What becomes of stored files, whole and after edits, under the verifier. Written by cases.py; see ../README.md."
lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in cases)
(HERE / "cases.json").write_text(f'{{\n  "about": {json.dumps(about)},\n  "cases": [\n{lines}\n  ]\n}}\n')
print(len(cases), "cases")
