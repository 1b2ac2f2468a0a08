#!/usr/bin/env python3
"""Proofs of many inputs: a loop, and one and two workers of Ray with one processor each, in one run.

    prover/python/bench/many.py MODEL.pleat DATA [--inputs 64]

A loop's proofs take all processors each. Times of Ray leave out the start of the cluster and of its workers.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time

import ray

import pleat
from pleat.ray import prove_many


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--inputs", type=int, default=64)
    args = parser.parse_args()
    model, samples = pleat.Model.read(args.model), pleat.load(args.data)[: args.inputs]
    ray.init(num_cpus=2, log_to_driver=False)
    seconds = {}

    def timed(name: str, workers: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            if workers == 0:
                for i, sample in enumerate(samples):
                    model.prove(sample, hide="input", receipt=True, progress=False).save(f"{folder}/{i:06}.proof")
            else:
                for _ in prove_many(model, samples, out=folder, hide="input", workers=workers, progress=False):
                    pass
            seconds[name] = time.perf_counter() - start

    # Workers start, and generators are derived.
    timed("warm", 2)
    timed("loop", 0)
    timed("one worker", 1)
    timed("two workers", 2)
    del seconds["warm"]
    print(json.dumps({name: {"seconds": round(s, 2), "proofs_per_second": round(len(samples) / s, 1)} for name, s in seconds.items()}))


if __name__ == "__main__":
    main()
