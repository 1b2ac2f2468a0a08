#!/usr/bin/python3
"""Trains the residual network of testdata/fashion_resnet.onnx on Fashion-MNIST, and writes it with its test images.

Needs Debian's packages: apt-get install dataset-fashion-mnist python3-torch python3-onnx

    /usr/bin/python3 models/fashion/train.py [--epochs 4] [--output testdata]

Writes fashion_resnet.onnx (opset 13, BatchNormalization as nodes of its own) and fashion-1000.npz: the first 1,000 test
images, u8 [1000,1,28,28], and their labels. One thread and a seed: the same machine gives the same network.
"""

import argparse
import gzip
import pathlib
import time

import numpy as np
import onnx
import torch
from torch import nn

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
TEST_IMAGES = 1000


def load(kind):
    """Images u8 [n,1,28,28] and labels u8 [n] of `train` or `t10k`."""
    with gzip.open(DATA / f"{kind}-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(DATA / f"{kind}-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read(), np.uint8, offset=8)
    return images, labels


def conv(inputs, outputs, size, stride=1):
    return [
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]


class Block(nn.Module):
    """Halves the image: two 3×3 convolutions beside a 1×1 projection, added, then ReLU."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.branch = nn.Sequential(
            *conv(inputs, outputs, 3, 2), nn.ReLU(), *conv(outputs, outputs, 3)
        )
        self.projection = nn.Sequential(*conv(inputs, outputs, 1, 2))

    def forward(self, x):
        return torch.relu(self.branch(x) + self.projection(x))


class Net(nn.Module):
    """Nine convolutions, two residual blocks, global average pooling, dense. Reads raw pixels, 0 to 255."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(*conv(1, 8, 3), nn.ReLU(), *conv(8, 8, 3), nn.ReLU())
        self.first = Block(8, 16)
        self.second = Block(16, 32)
        self.last = nn.Sequential(*conv(32, 32, 3), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dense = nn.Linear(32, 10)

    def forward(self, x):
        x = self.stem(x)
        x = self.last(self.second(self.first(x)))
        return self.dense(self.pool(x).flatten(1))


def accuracy(net, images, labels):
    net.eval()
    with torch.no_grad():
        right = sum(
            (net(x).argmax(1) == y).sum().item()
            for x, y in zip(images.split(500), labels.split(500))
        )
    return right / len(labels)


def train(net, images, labels, epochs, batch):
    steps = epochs * (len(labels) // batch)
    optimizer = torch.optim.SGD(
        net.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=steps)
    loss = nn.CrossEntropyLoss()
    start, done = time.time(), 0
    for epoch in range(epochs):
        net.train()
        order = torch.randperm(len(labels))
        for chosen in order[: len(labels) // batch * batch].split(batch):
            x = images[chosen]
            if torch.rand(()) < 0.5:
                x = x.flip(3)
            optimizer.zero_grad()
            value = loss(net(x), labels[chosen])
            value.backward()
            optimizer.step()
            schedule.step()
            done += 1
            if done % 50 == 0:
                print(f"step {done}/{steps}, loss {value.item():.3f}, {time.time() - start:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--images", type=int, default=60000, help="train on the first N")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("testdata"))
    args = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)

    tensors = lambda kind: [torch.tensor(a) for a in load(kind)]
    images, labels = tensors("train")
    images, labels = images[: args.images].float(), labels[: args.images].long()
    test_images, test_labels = tensors("t10k")
    net = Net()
    train(net, images, labels, args.epochs, args.batch)
    test_images, test_labels = test_images.float(), test_labels.long()
    print(f"accuracy on 10,000 test images: {100 * accuracy(net, test_images, test_labels):.2f} %")
    first = accuracy(net, test_images[:TEST_IMAGES], test_labels[:TEST_IMAGES])
    print(f"on the first {TEST_IMAGES}: {100 * first:.2f} %")

    path = args.output / "fashion_resnet.onnx"
    # Training mode, so that the exporter does not fold BatchNormalization into the convolutions.
    torch.onnx.export(
        net,
        torch.zeros(1, 1, 28, 28),
        path,
        opset_version=13,
        input_names=["image"],
        output_names=["logits"],
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )
    model = onnx.load(path)
    onnx.checker.check_model(model)
    print(f"{path}: {path.stat().st_size} bytes, {[n.op_type for n in model.graph.node]}")
    images, labels = load("t10k")
    np.savez_compressed(
        args.output / f"fashion-{TEST_IMAGES}.npz",
        images=images[:TEST_IMAGES],
        labels=labels[:TEST_IMAGES],
    )


if __name__ == "__main__":
    main()
