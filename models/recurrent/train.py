#!/usr/bin/env python3
"""Trains the recurrent network of testdata/digits_gru.onnx: it reads an 8×8 digit row by row.

    pip install torch onnx scikit-learn
    python3 models/recurrent/train.py [--epochs 60] [--output testdata]

Writes digits_gru.onnx (opset 14, one GRU of 32 units as torch exports it, linear_before_reset, then a dense layer on the last state;
input f32 [8,1,8], rows first) and digits-297.npz: the 297 digits of scikit-learn's 1,797 (UCI, optical recognition of handwritten
digits, CC BY 4.0) that training has not seen, f32 [297,8,1,8], and their labels.
"""

import argparse
import pathlib

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from torch import nn

SIDE, UNITS, CLASSES, HELD_OUT = 8, 32, 10, 297


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(SIDE, UNITS)
        self.dense = nn.Linear(UNITS, CLASSES)

    def forward(self, x):
        """[rows, samples, columns] to [samples, classes]; pixels are 0 to 16."""
        return self.dense(self.gru(x / 16)[0][-1])


def model(net):
    """The ONNX model. Torch's gates are in the order r, z, n, ONNX's in z, r, h."""
    state = {k: v.detach().numpy() for k, v in net.state_dict().items()}

    def gates(name):
        r, z, n = np.split(state[name], 3)
        return np.concatenate([z, r, n])

    w, r = gates("gru.weight_ih_l0") / 16, gates("gru.weight_hh_l0")
    b = np.concatenate([gates("gru.bias_ih_l0"), gates("gru.bias_hh_l0")])
    tensors = {
        "W": w[None],
        "R": r[None],
        "B": b[None],
        "weight": state["dense.weight"].T,
        "bias": state["dense.bias"],
    }
    axes = numpy_helper.from_array(np.array([0], dtype=np.int64), "axes")
    initializers = [numpy_helper.from_array(np.ascontiguousarray(v, dtype=np.float32), k) for k, v in tensors.items()]
    nodes = [
        helper.make_node("GRU", ["rows", "W", "R", "B"], ["", "state"], name="gru", hidden_size=UNITS, linear_before_reset=1),
        helper.make_node("Squeeze", ["state", "axes"], ["last"], name="squeeze"),
        helper.make_node("Gemm", ["last", "weight", "bias"], ["logits"], name="dense"),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "digits_gru",
        [info("rows", TensorProto.FLOAT, [SIDE, 1, SIDE])],
        [info("logits", TensorProto.FLOAT, [1, CLASSES])],
        initializers + [axes],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(result)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("testdata"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(labels))
    images, labels = images[order].reshape(-1, SIDE, SIDE).astype(np.float32), labels[order]
    x = torch.tensor(images).transpose(0, 1)
    y = torch.tensor(labels)
    net, loss = Net(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(args.epochs):
        for chosen in (torch.randperm(len(y) - HELD_OUT) + HELD_OUT).split(50):
            optimizer.zero_grad()
            loss(net(x[:, chosen]), y[chosen]).backward()
            optimizer.step()
    with torch.no_grad():
        right = (net(x[:, :HELD_OUT]).argmax(1) == y[:HELD_OUT]).float().mean().item()
    print(f"{right:.4f} on the {HELD_OUT} held out")
    onnx.save(model(net), args.output / "digits_gru.onnx")
    np.savez_compressed(
        args.output / "digits-297.npz",
        rows=images[:HELD_OUT, :, None, :],
        labels=labels[:HELD_OUT].astype(np.uint8),
    )


if __name__ == "__main__":
    main()
