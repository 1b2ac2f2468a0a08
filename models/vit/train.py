#!/usr/bin/env python3
"""Trains the Vision Transformer of testdata/fashion_vit.onnx on Fashion-MNIST; testdata/fashion-1000.npz has images to try.

    apt-get install dataset-fashion-mnist; pip install torch onnx
    python3 models/vit/train.py [--epochs 24] [--output testdata]

Patches of 7×7, width 48, three blocks of four heads, LayerNorm, GELU, mean over the patches. The graph is written here, opset 17, in
simple operators. One thread and a seed: the same machine gives the same network.
"""

import argparse
import gzip
import math
import pathlib
import time

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
SIDE, PATCH, WIDTH, HEADS, LAYERS, CLASSES = 28, 7, 48, 4, 3, 10
TOKENS = (SIDE // PATCH) ** 2
EPSILON = 1e-5


def tensors(kind):
    """Images f32 [n,1,28,28] and labels i64 [n] of `train` or `t10k`."""
    with gzip.open(DATA / f"{kind}-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 1, SIDE, SIDE)
    with gzip.open(DATA / f"{kind}-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read(), np.uint8, offset=8)
    return torch.tensor(images.copy()).float(), torch.tensor(labels.copy()).long()


def patches(x):
    """[n,1,28,28] to [n,16,49]."""
    side = SIDE // PATCH
    x = x.reshape(-1, side, PATCH, side, PATCH).permute(0, 1, 3, 2, 4)
    return x.reshape(-1, TOKENS, PATCH * PATCH)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, EPSILON), nn.LayerNorm(WIDTH, EPSILON)
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x):
        y = self.norm1(x)
        split = lambda t: t.reshape(-1, TOKENS, HEADS, WIDTH // HEADS).transpose(1, 2)
        q, k, v = split(self.q(y)), split(self.k(y)), split(self.v(y))
        weights = (q @ k.transpose(2, 3) / math.sqrt(WIDTH // HEADS)).softmax(-1)
        x = x + self.o((weights @ v).transpose(1, 2).reshape(-1, TOKENS, WIDTH))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


class Net(nn.Module):
    """Reads raw pixels, 0 to 255."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(PATCH * PATCH, WIDTH)
        self.place = nn.Parameter(0.02 * torch.randn(TOKENS, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        x = self.embed(patches(x) / 255) + self.place
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


def accuracy(net, images, labels):
    net.eval()
    with torch.no_grad():
        chunks = zip(images.split(1000), labels.split(1000))
        return sum((net(x).argmax(1) == y).sum().item() for x, y in chunks) / len(labels)


def train(net, images, labels, epochs, batch=128):
    steps = epochs * (len(labels) // batch)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    loss, start, done = nn.CrossEntropyLoss(), time.time(), 0
    for _ in range(epochs):
        net.train()
        order = torch.randperm(len(labels))
        for chosen in order[: len(labels) // batch * batch].split(batch):
            x = images[chosen]
            if torch.rand(()) < 0.5:
                x = x.flip(3)
            # Moved by at most a pixel: patches do not move along, and 60,000 images are soon known by heart.
            down, right = torch.randint(0, 3, (2,)).tolist()
            x = nn.functional.pad(x, (1, 1, 1, 1))[:, :, down : down + SIDE, right : right + SIDE]
            optimizer.zero_grad()
            value = loss(net(x), labels[chosen])
            value.backward()
            optimizer.step()
            schedule.step()
            done += 1
            if done % 200 == 0:
                print(f"step {done}/{steps}, loss {value.item():.3f}, {time.time() - start:.0f} s", flush=True)


def model(net):
    """The ONNX model."""
    nodes, initializers = [], []

    def constant(value):
        value = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        value = value.astype(np.int64 if value.dtype.kind == "i" else np.float32)
        initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), f"c{len(initializers)}"))
        return initializers[-1].name

    def add(operator, *inputs, name=None, **attributes):
        inputs = [i if isinstance(i, str) else constant(i) for i in inputs]
        name = name or f"{operator}_{len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def linear(x, layer, name=None):
        return add("Add", add("MatMul", x, layer.weight.T), layer.bias, name=name)

    def norm(x, layer):
        centred = add("Sub", x, add("ReduceMean", x, axes=[-1]))
        square = add("ReduceMean", add("Mul", centred, centred), axes=[-1])
        root = add("Sqrt", add("Add", square, np.float32(EPSILON)))
        return add("Add", add("Mul", add("Div", centred, root), layer.weight), layer.bias)

    side, head = SIDE // PATCH, WIDTH // HEADS
    x = add("Reshape", "image", np.array([side, PATCH, side, PATCH]))
    x = add("Reshape", add("Transpose", x, perm=[0, 2, 1, 3]), np.array([1, TOKENS, PATCH * PATCH]))
    embed = nn.Linear(PATCH * PATCH, WIDTH)
    embed.weight.data, embed.bias.data = net.embed.weight.data / 255, net.embed.bias.data
    x = add("Add", linear(x, embed), net.place)
    for block in net.blocks:
        y = norm(x, block.norm1)

        def split(layer, order):
            t = add("Reshape", linear(y, layer), np.array([1, TOKENS, HEADS, head]))
            return add("Transpose", t, perm=order)

        scores = add("MatMul", split(block.q, [0, 2, 1, 3]), split(block.k, [0, 2, 3, 1]))
        weights = add("Softmax", add("Div", scores, np.float32(math.sqrt(head))), axis=-1)
        mixed = add("MatMul", weights, split(block.v, [0, 2, 1, 3]))
        mixed = add("Reshape", add("Transpose", mixed, perm=[0, 2, 1, 3]), np.array([1, TOKENS, WIDTH]))
        x = add("Add", linear(mixed, block.o), x)
        inner = linear(norm(x, block.norm2), block.up)
        gate = add("Add", add("Erf", add("Div", inner, np.float32(math.sqrt(2)))), np.float32(1))
        inner = add("Mul", add("Mul", inner, gate), np.float32(0.5))
        x = add("Add", linear(inner, block.down), x)
    pooled = add("ReduceMean", norm(x, net.norm), axes=[1], keepdims=0)
    linear(pooled, net.head, name="logits")
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "fashion_vit",
        [info("image", TensorProto.FLOAT, [1, 1, SIDE, SIDE])],
        [info("logits", TensorProto.FLOAT, [1, CLASSES])],
        initializers,
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(result)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("testdata"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    net = Net()
    train(net, *tensors("train"), args.epochs)
    images, labels = tensors("t10k")
    print(f"{accuracy(net, images, labels):.4f} on {len(labels)}, {accuracy(net, images[:1000], labels[:1000]):.4f} on the first 1,000")
    onnx.save(model(net), args.output / "fashion_vit.onnx")


if __name__ == "__main__":
    main()
