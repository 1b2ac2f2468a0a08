#!/usr/bin/env python3
"""Decoders as language models have them, of any shape, with weights from a seed: for what depends on shapes and not on what was learnt.

    pip install numpy onnx onnxruntime
    python3 models/decoder/make.py --preset nano -o nano --check
    python3 models/decoder/make.py --family llama --layers 4 --width 128 --heads 8 --kv-heads 2 --tokens 32 -o small

writes BASE.onnx (opset 17: input_ids i64 [1,N] to logits f32 [1,N,V]) and BASE.npz, seeded ids that calibrate it. Matrices
are stored in BASE.onnx.data if the network has more than 100 MB of weights, or with --external.

gpt2   learnt positions, LayerNorm, joint projection of queries, keys and values, GELU by tanh; the head is the embedding, transposed
llama  RoPE by halves, RMSNorm, grouped queries, SwiGLU, no biases; a head of its own

Weights have variance gain²/inputs, with gains that keep every inner tensor's deviation near 1: see GAINS. Scores deviate by 2, so that
attention looks at a few tokens and not at all alike; branches are scaled by 1/√(2·layers), as GPT-2's are. Nothing was learnt, so the
logits of a vocabulary are close together: which one is the largest says more about rounding than it does in a trained network.
--check measures the deviations with onnxruntime, and compares the logits with plain NumPy.
"""

import argparse
import hashlib
import math
import pathlib
import time
from math import prod

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPES = {
    # The nanoGPT that proof systems are compared on. Its 0.25 million parameters count a block that is in no layer; 0.21 are used.
    "nano": dict(family="gpt2", layers=4, width=64, heads=4, vocabulary=65, tokens=64, bias=False),
    "nano-llama": dict(family="llama", layers=4, width=64, heads=4, kv_heads=2, inner=176, vocabulary=65, tokens=64),
    "gpt2": dict(family="gpt2", layers=12, width=768, heads=12, vocabulary=50257, tokens=16),
    "gpt2-medium": dict(family="gpt2", layers=24, width=1024, heads=16, vocabulary=50257, tokens=16),
    "llama-1.1b": dict(family="llama", layers=22, width=2048, heads=32, kv_heads=4, inner=5632, vocabulary=32000, tokens=16),
}
# Of weights: the deviation of what they make of inputs of deviation 1. Scores are products of two, GELU and SwiGLU shrink.
GAINS = dict(query=1.4, key=1.4, mixed=1.4, gelu=1.5, swiglu=1.7, embedding=1.0, head=1.0)
# Deviation of biases, and of norms' factors from 1.
BIAS = 0.1
EPSILON, THETA = 1e-5, 10000.0
# What exporters add to scores that do not count.
MASKED = np.finfo(np.float32).min
FAR = 100 << 20


class Shape:
    """Sizes of a network, and its weights: each depends on the seed and on its name alone."""

    def __init__(self, family, layers, width, heads, vocabulary, tokens, kv_heads=None, inner=None, bias=None, seed=1, last=False):
        self.family, self.layers, self.width, self.heads = family, layers, width, heads
        self.vocabulary, self.tokens, self.seed, self.last = vocabulary, tokens, seed, last
        self.kv_heads = kv_heads or heads
        self.inner = inner or (4 * width if family == "gpt2" else -(-8 * width // 96) * 32)
        self.bias = family == "gpt2" if bias is None else bias
        self.head = width // heads
        problem = (
            f"{width} is not a multiple of {heads} heads" if width % heads
            else f"{heads} heads do not fall into {self.kv_heads} groups" if heads % self.kv_heads
            else "gpt2 has no grouped queries" if family == "gpt2" and self.kv_heads != heads
            else "llama has no biases" if family == "llama" and self.bias
            else "RoPE needs heads of even width" if family == "llama" and self.head % 2
            else None
        )
        if problem:
            raise SystemExit(problem)
        self.shapes = dict(self.tensors())
        self.parameters = sum(prod(shape) for shape, _ in self.shapes.values())

    def tensors(self):
        """Names, shapes and gains; a norm's factors have none, and that of biases is their deviation."""
        w, branch = self.width, 1 / math.sqrt(2 * self.layers)

        def norm(name):
            yield name, ((w,), None)
            if self.bias:
                yield name + ".bias", ((w,), BIAS)

        def dense(name, inputs, outputs, gain):
            yield name, ((inputs, outputs), gain)
            if self.bias:
                # A branch's bias is the same for all tokens: unless it is small, they become alike from layer to layer.
                yield name + ".bias", ((outputs,), BIAS * (branch if outputs == w else 1))

        yield "embedding", ((self.vocabulary, w), GAINS["embedding"])
        if self.family == "gpt2":
            yield "positions", ((self.tokens, w), GAINS["embedding"])
        for i in range(self.layers):
            p = f"layer{i}."
            yield from norm(p + "norm1")
            if self.family == "gpt2":
                yield from dense(p + "qkv", w, 3 * w, (GAINS["query"], GAINS["key"], 1.0))
                yield from dense(p + "mixed", w, w, GAINS["mixed"] * branch)
                yield from norm(p + "norm2")
                yield from dense(p + "up", w, self.inner, 1.0)
                yield from dense(p + "down", self.inner, w, GAINS["gelu"] * branch)
            else:
                kv = self.kv_heads * self.head
                yield p + "query", ((w, w), GAINS["query"])
                yield p + "key", ((w, kv), GAINS["key"])
                yield p + "value", ((w, kv), 1.0)
                yield p + "mixed", ((w, w), GAINS["mixed"] * branch)
                yield from norm(p + "norm2")
                yield p + "gate", ((w, self.inner), 1.0)
                yield p + "up", ((w, self.inner), 1.0)
                yield p + "down", ((self.inner, w), GAINS["swiglu"] * branch)
        yield from norm("norm")
        if self.family == "llama":
            yield "head", ((w, self.vocabulary), GAINS["head"])

    def random(self, name):
        key = hashlib.sha256(f"{self.seed} {name}".encode()).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(key[:16], "little")))

    def weight(self, name):
        """Its value."""
        shape, gain = self.shapes[name]
        value = self.random(name).standard_normal(shape, dtype=np.float32)
        if gain is None:
            return 1 + np.float32(BIAS) * value
        if len(shape) == 1:
            return np.float32(gain) * value
        # Rows of the two tables are looked up and so have the width as inputs' number, of the embedding's transpose.
        inputs = self.width if name in ("embedding", "positions") else shape[0]
        if isinstance(gain, tuple):
            gain = np.repeat(np.array(gain, np.float32), shape[1] // len(gain))
        value *= np.asarray(gain / math.sqrt(inputs), np.float32)
        if self.family == "gpt2" and name.endswith("down"):
            # GELU's mean is not 0; columns whose sum is 0 keep it from adding the same to all tokens.
            value -= value.mean(0)
        return value

    def mask(self):
        return np.triu(np.full((self.tokens, self.tokens), MASKED, np.float32), 1)

    def rotations(self):
        """Cosines and sines of RoPE, [tokens, head]."""
        frequencies = THETA ** (-np.arange(0, self.head, 2) / self.head)
        angles = np.outer(np.arange(self.tokens), np.concatenate([frequencies] * 2))
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    def ids(self, samples):
        ids = self.random("ids").integers(0, self.vocabulary, (samples, 1, self.tokens))
        return ids.astype(np.int64)


class Graph:
    """Nodes and initializers. With `data`, matrices go to that file as soon as they are made."""

    def __init__(self, shape, data):
        self.shape, self.data, self.offset = shape, data, 0
        self.nodes, self.initializers, self.known = [], [], {}

    def constant(self, value):
        value = np.asarray(value)
        key = (value.dtype.str, value.shape, value.tobytes())
        if key not in self.known:
            self.known[key] = f"constant{len(self.known)}"
            self.initializers.append(numpy_helper.from_array(value, self.known[key]))
        return self.known[key]

    def weight(self, name):
        if name in self.known:
            return name
        self.known[name] = name
        value = self.shape.weight(name)
        if self.data is None or value.ndim < 2:
            self.initializers.append(numpy_helper.from_array(value, name))
            return name
        self.data.seek(self.offset)
        value.astype("<f4", copy=False).tofile(self.data)
        tensor = TensorProto(name=name, dims=value.shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
        where = dict(location=pathlib.Path(self.data.name).name, offset=self.offset, length=value.nbytes)
        for k, v in where.items():
            tensor.external_data.add(key=k, value=str(v))
        self.initializers.append(tensor)
        self.offset = -(-(self.offset + value.nbytes) // 4096) * 4096
        return name

    def add(self, operator, *inputs, name=None, outputs=1, **attributes):
        inputs = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        name = name or f"{operator}{len(self.nodes)}"
        results = [name] if outputs == 1 else [f"{name}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, results, name=name, **attributes))
        return name if outputs == 1 else results


def i64(*values):
    return np.array(values, np.int64)


def f32(value):
    return np.float32(value)


def graph(s, data):
    """The ONNX model, without the data; and the names of the tensors to watch."""
    g, n, watched = Graph(s, data), s.tokens, {}

    def watch(what, name):
        watched.setdefault(what, []).append(name)
        return name

    def dense(x, name, **named):
        if not s.bias:
            return g.add("MatMul", x, g.weight(name), **named)
        return g.add("Add", g.add("MatMul", x, g.weight(name)), g.weight(name + ".bias"), **named)

    def norm(x, name):
        if s.family == "gpt2":
            x = g.add("Sub", x, g.add("ReduceMean", x, axes=[-1]))
        square = g.add("ReduceMean", g.add("Mul", x, x), axes=[-1])
        root = g.add("Sqrt", g.add("Add", square, f32(EPSILON)))
        x = g.add("Mul", g.add("Div", x, root), g.weight(name))
        return g.add("Add", x, g.weight(name + ".bias")) if s.bias else x

    def split(x, heads, order):
        return g.add("Transpose", g.add("Reshape", x, i64(1, n, heads, s.head)), perm=order)

    def rotated(x):
        half = s.head // 2
        first = g.add("Slice", x, i64(0), i64(half), i64(-1))
        second = g.add("Slice", x, i64(half), i64(s.head), i64(-1))
        turned = g.add("Concat", g.add("Neg", second), first, axis=-1)
        cosines, sines = s.rotations()
        return g.add("Add", g.add("Mul", x, cosines), g.add("Mul", turned, sines))

    def repeated(x):
        """Each head of keys or values once for every head of queries that shares it."""
        group = s.heads // s.kv_heads
        if group == 1:
            return x
        x = g.add("Unsqueeze", x, i64(2))
        x = g.add("Expand", x, i64(1, s.kv_heads, group, n, s.head))
        return g.add("Reshape", x, i64(1, s.heads, n, s.head))

    def attention(x, p):
        order = [0, 2, 1, 3]
        if s.family == "gpt2":
            parts = g.add("Split", dense(x, p + "qkv"), i64(*[s.width] * 3), axis=-1, outputs=3)
            q, k, v = (split(t, s.heads, order) for t in parts)
        else:
            q = rotated(split(dense(x, p + "query"), s.heads, order))
            k = repeated(rotated(split(dense(x, p + "key"), s.kv_heads, order)))
            v = repeated(split(dense(x, p + "value"), s.kv_heads, order))
        k = g.add("Transpose", k, perm=[0, 1, 3, 2])
        scores = watch("scores", g.add("Div", g.add("MatMul", q, k), f32(math.sqrt(s.head))))
        scores = g.add("Add", scores, s.mask())
        weights = watch("attention", g.add("Softmax", scores, axis=-1))
        mixed = g.add("Transpose", g.add("MatMul", weights, v), perm=order)
        mixed = g.add("Reshape", mixed, i64(1, n, s.width))
        return watch("attention branch", dense(mixed, p + "mixed"))

    def feed_forward(x, p):
        up = watch("inner", dense(x, p + "up"))
        if s.family == "gpt2":
            cube = g.add("Mul", g.add("Mul", g.add("Mul", up, up), up), f32(0.044715))
            line = g.add("Mul", g.add("Add", up, cube), f32(math.sqrt(2 / math.pi)))
            gate = g.add("Add", g.add("Tanh", line), f32(1))
            x = g.add("Mul", g.add("Mul", up, f32(0.5)), gate)
        else:
            gate = dense(x, p + "gate")
            x = g.add("Mul", g.add("Mul", gate, g.add("Sigmoid", gate)), up)
        return watch("inner branch", dense(x, p + "down"))

    x = g.add("Gather", g.weight("embedding"), "input_ids")
    if s.family == "gpt2":
        x = g.add("Add", x, g.weight("positions"))
    watch("residual", x)
    for i in range(s.layers):
        p = f"layer{i}."
        x = g.add("Add", x, attention(norm(x, p + "norm1"), p))
        x = g.add("Add", x, feed_forward(norm(x, p + "norm2"), p), name=p + "residual")
        watch("residual", x)
    x = norm(x, "norm")
    if s.last:
        x = g.add("Slice", x, i64(n - 1), i64(n), i64(1))
    head = "head"
    if s.family == "gpt2":
        head = g.add("Transpose", g.weight("embedding"), perm=[1, 0])
    else:
        g.weight(head)
    g.add("MatMul", x, head, name="logits")
    missing = s.shapes.keys() - g.known.keys()
    assert not missing, missing
    info = helper.make_tensor_value_info
    model = helper.make_model(
        helper.make_graph(
            g.nodes,
            s.family,
            [info("input_ids", TensorProto.INT64, [1, n])],
            [info("logits", TensorProto.FLOAT, [1, 1 if s.last else n, s.vocabulary])],
            g.initializers,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    return model, watched


def reference(s, ids):
    """The logits by plain NumPy, f64; ids of one sample."""
    w = lambda name: s.weight(name).astype(np.float64)
    dense = lambda x, name: x @ w(name) + (w(name + ".bias") if s.bias else 0)
    split = lambda x, heads: x.reshape(s.tokens, heads, s.head).swapaxes(0, 1)

    def norm(x, name):
        if s.family == "gpt2":
            x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON) * w(name)
        return x + w(name + ".bias") if s.bias else x

    def rotated(x):
        """By complex numbers: the angle's cosine and sine beside each other are one."""
        half = s.head // 2
        turn = np.exp(1j * np.outer(np.arange(s.tokens), THETA ** (-np.arange(half) / half)))
        x = (x[..., :half] + 1j * x[..., half:]) * turn
        return np.concatenate([x.real, x.imag], -1)

    x = w("embedding")[ids]
    if s.family == "gpt2":
        x = x + w("positions")
    for i in range(s.layers):
        p = f"layer{i}."
        y = norm(x, p + "norm1")
        if s.family == "gpt2":
            q, k, v = (split(t, s.heads) for t in np.split(dense(y, p + "qkv"), 3, -1))
        else:
            q = rotated(split(dense(y, p + "query"), s.heads))
            k, v = rotated(split(dense(y, p + "key"), s.kv_heads)), split(dense(y, p + "value"), s.kv_heads)
            k, v = (np.repeat(t, s.heads // s.kv_heads, 0) for t in (k, v))
        scores = np.where(np.tri(s.tokens, dtype=bool), q @ k.swapaxes(1, 2) / math.sqrt(s.head), -np.inf)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        x = x + dense(mixed.swapaxes(0, 1).reshape(s.tokens, s.width), p + "mixed")
        y = norm(x, p + "norm2")
        up = dense(y, p + "up")
        if s.family == "gpt2":
            up = up * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (up + 0.044715 * up**3)))
        else:
            gate = dense(y, p + "gate")
            up = gate / (1 + np.exp(-gate)) * up
        x = x + dense(up, p + "down")
    x = norm(x, "norm")
    return x[-1 if s.last else 0 :] @ (w("embedding").T if s.family == "gpt2" else w("head"))


def check(s, model, watched, path, ids):
    """Deviations of the watched tensors over the samples; the logits against NumPy; that no token sees what follows it."""
    import onnxruntime

    names = [name for group in watched.values() for name in group]
    seen = onnx.ModelProto()
    seen.CopyFrom(model)
    seen.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    beside = path.with_suffix(".watched.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    onnx.save(seen, beside)
    try:
        session = onnxruntime.InferenceSession(beside, options)
    finally:
        beside.unlink()
    run = lambda sample: session.run(["logits"] + names, {"input_ids": sample})
    runs = [run(sample) for sample in ids]
    values = {name: np.stack([r[1 + i] for r in runs]) for i, name in enumerate(names)}
    logits = np.stack([r[0] for r in runs])
    assert all(np.isfinite(v).all() for v in values.values()) and np.isfinite(logits).all()
    print(f"deviations over {len(ids)} samples, in the first, a middle and the last place:")
    for what, group in watched.items():
        ends = [group[0], group[len(group) // 2], group[-1]]
        if what == "attention":
            few = [1 / (values[name] ** 2).sum(-1).mean() for name in ends]
            print("  tokens attended to   " + "  ".join(f"{v:7.2f}" for v in few))
            continue
        v = [values[name] for name in ends]
        print(f"  {what:<20} " + "  ".join(f"{t.std():7.3f}" for t in v), f"  largest {max(np.abs(t).max() for t in v):.1f}")
    order = np.sort(logits, -1)
    best = logits.argmax(-1)
    own = (best == (ids[..., -1:] if s.last else ids)).mean()
    print(f"  logits               {logits.std():7.3f}, largest {np.abs(logits).max():.1f}", end="")
    print(f", {(order[..., -1] - order[..., -2]).mean():.3f} before the second")
    print(f"  answers              {len(np.unique(best)):,} tokens of {best.size:,} places, {100 * own:.1f} % repeat the input")
    expected = reference(s, ids[0, 0])
    error = np.abs(logits[0, 0] - expected).max()
    print(f"  from plain NumPy     {error:.1e}")
    assert error < 1e-3 * np.abs(expected).max(), error
    if not s.last:
        changed = ids[0].copy()
        changed[0, s.tokens // 2 :] = (changed[0, s.tokens // 2 :] + 1) % s.vocabulary
        before = np.abs(run(changed)[0] - logits[0]).max(-1)[0]
        assert before[: s.tokens // 2].max() < 1e-5 < before[s.tokens // 2 :].min(), before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=SHAPES, help="a known shape, which the options below change")
    parser.add_argument("--family", choices=["gpt2", "llama"])
    for name in ("layers", "width", "heads", "vocabulary", "tokens"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--kv-heads", type=int, help="llama: heads of keys and values [default: as many as of queries]")
    parser.add_argument("--inner", type=int, help="width of the inner layer [default: 4 times the width; llama: 8/3 times]")
    parser.add_argument("--no-bias", dest="bias", action="store_const", const=False, help="gpt2: no biases, neither in norms")
    parser.add_argument("--last", action="store_const", const=True, help="logits of the last token only: f32 [1,1,V]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=int, default=16, help="samples of ids [default: 16]")
    parser.add_argument("--external", action="store_true", help="weights beside the model, however small it is")
    parser.add_argument("--check", action="store_true", help="run it; takes memory for all weights twice")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, metavar="BASE")
    args = parser.parse_args()
    basis = dict(family="gpt2", layers=4, width=64, heads=4, vocabulary=65, tokens=64)
    chosen = dict(SHAPES[args.preset]) if args.preset else basis
    given = {k: v for k, v in vars(args).items() if v is not None}
    chosen |= {k: given[k] for k in set(given) & {*basis, "kv_heads", "inner", "bias", "seed", "last"}}
    s, start = Shape(**chosen), time.time()
    path = args.output.with_name(args.output.name + ".onnx")
    outside = path.with_name(path.name + ".data")
    if args.external or 4 * s.parameters > FAR:
        with open(outside, "wb") as data:
            model, watched = graph(s, data)
    else:
        model, watched = graph(s, None)
    onnx.save(model, path)
    onnx.checker.check_model(str(path))
    ids = s.ids(args.samples)
    np.savez_compressed(args.output.with_name(args.output.name + ".npz"), input_ids=ids)
    print(f"{path}: {s.family}, {s.parameters:,} parameters, {len(model.graph.node)} nodes, {time.time() - start:.0f} s")
    if args.check:
        check(s, model, watched, path, ids)


if __name__ == "__main__":
    main()
