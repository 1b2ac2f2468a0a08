#!/usr/bin/env python3
"""Trains the recurrent network of testdata/vowels_lstm.onnx: it tells nine speakers apart by how they say two Japanese vowels.

    pip install torch onnx onnxruntime; pip download --no-deps aeon==1.6.0
    python3 models/recurrent/vowels.py aeon-1.6.0-py3-none-any.whl [--epochs 150] [--output testdata]

Writes vowels_lstm.onnx (opset 17, as torch exports it: one LSTM of 24 units in both directions, batch first, states that start from
zeros of the input's shape; the mean over time, a dense layer; input f32 [1,16,12]) and vowels-108.npz: twelve utterances of each
speaker that training has not seen, f32 [108,1,16,12], and their labels.

An utterance is 7 to 29 frames of 12 coefficients of linear prediction: the first 16, or zeros after them. The data are UCI's Japanese
Vowels (M. Kudo, J. Toyama, M. Shimbo; CC BY 4.0), as the package aeon ships them: 270 utterances to train on, 370 to test.
"""

import argparse
import pathlib
import warnings
import zipfile

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

FRAMES, COEFFICIENTS, UNITS, SPEAKERS, EACH = 16, 12, 24, 9, 12


def utterances(wheel, part):
    """Frames f32 [n,16,12] and speakers i64 [n] of `TRAIN` or `TEST`."""
    with zipfile.ZipFile(wheel) as files:
        text = files.read(f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts").decode()
    lines = text.split("@data")[1].split()
    frames = np.zeros((len(lines), FRAMES, COEFFICIENTS), np.float32)
    for i, line in enumerate(lines):
        series = np.array([c.split(",") for c in line.split(":")[:-1]], np.float32).T[:FRAMES]
        frames[i, : len(series)] = series
    speakers = np.array([int(line.rsplit(":", 1)[1]) - 1 for line in lines])
    return torch.tensor(frames), torch.tensor(speakers)


class Net(nn.Module):
    def __init__(self, frames):
        super().__init__()
        self.register_buffer("centre", frames.mean((0, 1)))
        self.register_buffer("width", frames.std((0, 1)))
        self.lstm = nn.LSTM(COEFFICIENTS, UNITS, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(2 * UNITS, SPEAKERS)

    def forward(self, x):
        """[samples, frames, coefficients] to [samples, speakers]."""
        return self.dense(self.lstm((x - self.centre) / self.width)[0].mean(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel")
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--dynamo", action="store_true", help="torch's newer exporter; needs onnxscript")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("testdata"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    x, y = utterances(args.wheel, "TRAIN")
    net, loss = Net(x), nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(net.parameters(), 5e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    for _ in range(args.epochs):
        for chosen in torch.randperm(len(y)).split(30):
            # Noise, because 30 utterances of a speaker are few.
            noise = 0.3 * net.width * torch.randn(len(chosen), FRAMES, COEFFICIENTS)
            optimizer.zero_grad()
            loss(net(x[chosen] + noise), y[chosen]).backward()
            optimizer.step()
        schedule.step()
    net.eval()
    x, y = utterances(args.wheel, "TEST")
    kept = torch.cat([torch.nonzero(y == s)[:EACH, 0] for s in range(SPEAKERS)])
    with torch.no_grad():
        logits = net(x)
    right = (logits.argmax(1) == y).float()
    parameters = sum(p.numel() for p in net.parameters())
    print(f"{parameters:,} parameters; {right.mean():.4f} on {len(y)}, {right[kept].mean():.4f} on the {len(kept)} that are kept")
    path = args.output / "vowels_lstm.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            (torch.zeros(1, FRAMES, COEFFICIENTS),),
            path,
            opset_version=18 if args.dynamo else 17,
            input_names=["frames"],
            output_names=["logits"],
            dynamo=args.dynamo,
            external_data=False,
        )
    onnx.checker.check_model(str(path))
    session = onnxruntime.InferenceSession(path)
    for i in kept:
        (got,) = session.run(None, {"frames": x[i : i + 1].numpy()})
        assert np.abs(got[0] - logits[i].numpy()).max() < 1e-4
    np.savez_compressed(
        args.output / f"vowels-{len(kept)}.npz",
        frames=x[kept].numpy()[:, None],
        labels=y[kept].numpy().astype(np.uint8),
    )


if __name__ == "__main__":
    main()
