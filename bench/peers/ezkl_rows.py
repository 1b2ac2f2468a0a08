"""Proves one of the repository's ONNX networks with ezkl and appends a raw row, as `pleat-bench` writes them.

Weights are hidden and committed to (polynomial commitment columns), the input is hidden, the output is shown: what Pleat does in
`pleat-bench models`. The structured reference string is ezkl's own test string, made here: good for timing, and for nothing else.
"""

import argparse
import asyncio
import csv
import datetime
import importlib.metadata
import inspect
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import ezkl
import numpy as np

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
NETWORKS = {
    "credit": ("credit_mlp.onnx", "credit-300.npz", None, 7, (1, 61)),
    "mnist-8": ("mnist-8.onnx", "mnist-200.npz", "images", 33, (1, 1, 28, 28)),
}


def finished(result):
    """Some of ezkl's calls are coroutines, depending on its version."""
    if inspect.isawaitable(result):

        async def wait():
            return await result

        return asyncio.run(wait())
    return result


def peak_bytes():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("/proc does not tell how much memory was used")


def samples(archive, array):
    data = np.load(REPOSITORY / "testdata" / archive)
    return data[array if array else data.files[0]].astype(np.float64)


def measure(network, folder):
    onnx, archive, array, index, shape = NETWORKS[network]
    model = str(REPOSITORY / "testdata" / onnx)
    names = ("settings", "compiled", "srs", "vk", "pk", "witness", "proof", "data", "calibration")
    path = {name: str(folder / name) for name in names}
    every = samples(archive, array)

    def write(name, rows):
        flat = [float(v) for row in rows for v in row.reshape(shape).ravel()]
        pathlib.Path(path[name]).write_text(json.dumps({"input_data": [flat]}))

    write("data", every[index : index + 1])
    write("calibration", every[:20])
    arguments = ezkl.PyRunArgs()
    arguments.input_visibility = "private"
    arguments.param_visibility = "polycommit"
    arguments.output_visibility = "public"
    assert finished(ezkl.gen_settings(model, path["settings"], py_run_args=arguments))
    assert finished(ezkl.calibrate_settings(path["calibration"], model, path["settings"], "resources"))
    assert finished(ezkl.compile_circuit(model, path["compiled"], path["settings"]))
    logrows = json.loads(pathlib.Path(path["settings"]).read_text())["run_args"]["logrows"]

    start = time.perf_counter()
    ezkl.gen_srs(path["srs"], logrows)
    finished(ezkl.gen_witness(path["data"], path["compiled"], path["witness"], None, path["srs"]))
    assert finished(
        ezkl.setup(path["compiled"], path["vk"], path["pk"], path["srs"], path["witness"])
    )
    setup = time.perf_counter() - start

    start, cpu = time.perf_counter(), time.process_time()
    finished(
        ezkl.gen_witness(path["data"], path["compiled"], path["witness"], path["vk"], path["srs"])
    )
    finished(
        ezkl.prove(path["witness"], path["compiled"], path["pk"], path["proof"], path["srs"])
    )
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu

    times = []
    for _ in range(3):
        start = time.perf_counter()
        assert ezkl.verify(path["proof"], path["settings"], path["vk"], path["srs"])
        times.append(time.perf_counter() - start)
    proof = json.loads(pathlib.Path(path["proof"]).read_text())
    # The proof itself; the file repeats it as text.
    text = proof.get("hex_proof") or ""
    length = len(text.removeprefix("0x")) // 2 or len(proof["proof"])
    return {
        "setup": setup,
        "wall": wall,
        "cpu": cpu,
        "verify": sorted(times)[1],
        "proof_bytes": length,
        "peak_bytes": peak_bytes(),
        "constraints": 2**logrows,
        "status": "ok",
    }


def host():
    cpu = [line for line in open("/proc/cpuinfo") if line.startswith("model name")]
    commit = subprocess.run(
        ["git", "-C", str(REPOSITORY), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True
    )
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cpu_model": cpu[0].split(":", 1)[1].strip() if cpu else "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "commit": commit.stdout.strip() or "unknown",
        "version": importlib.metadata.version("ezkl"),
    }


def append(file, row):
    """Columns are those of `bench/src/rows.rs`, which reads the file; a metric that is missing is empty."""
    columns = (
        "date cpu_model cores commit version comparison system network depth width rows weights macs constraints repetition "
        "setup wall cpu execute commit_trace fractions claims contract lookup open opening fold compress "
        "peak_bytes proof_bytes verify status"
    ).split()
    fresh = not file.exists()
    with file.open("a", newline="") as out:
        writer = csv.DictWriter(out, columns, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--into", type=pathlib.Path, default=REPOSITORY / "bench/results/peers.csv")
    parser.add_argument("--memory", type=float, default=10.0, help="GiB that it may take")
    parser.add_argument("--failed", help="only note that it did not work, and why")
    options = parser.parse_args()
    row = host() | {"comparison": "peers", "system": "ezkl", "network": options.network}
    row |= {"depth": 0, "repetition": 1}
    if options.failed:
        append(options.into, row | {"status": options.failed})
        return
    limit = int(options.memory * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(options.network, pathlib.Path(folder))
    append(options.into, row | measured)
    print({k: measured[k] for k in ("setup", "wall", "verify", "proof_bytes", "peak_bytes", "constraints")})


if __name__ == "__main__":
    sys.exit(main())
