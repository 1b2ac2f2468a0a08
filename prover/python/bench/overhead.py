#!/usr/bin/env python3
"""What the package adds to the command line's time: reading a model, proving one run and writing its files, in turn by `pleat prove`
and by the package.

    prover/python/bench/overhead.py --bin target/release MODEL.pleat DATA [--runs 9]

Times of the package leave out the start of Python and of NumPy, which a script pays once; that is printed beside.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPT = """
import time
begin = time.perf_counter()
import numpy, pleat
start = time.perf_counter()
import sys
model, data, out = sys.argv[1:]
pleat.Model.read(model).prove(pleat.load(data)[0], hide="input", progress=False).save(out)
end = time.perf_counter()
print(start - begin, end - start)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--bin", type=Path, default=Path("target/release"))
    parser.add_argument("--runs", type=int, default=9)
    args = parser.parse_args()
    command, package, imports = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "a.proof")
        for _ in range(args.runs):
            start = time.perf_counter()
            line = [args.bin / "pleat", "prove", args.model, "--input", args.data, "--hide", "input", "-o", out, "--quiet"]
            subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
            command.append(time.perf_counter() - start)
            run = subprocess.run([sys.executable, "-c", SCRIPT, args.model, args.data, out], check=True, capture_output=True)
            first, second = map(float, run.stdout.split())
            imports.append(first)
            package.append(second)
    medians = {
        "command_line": statistics.median(command),
        "package": statistics.median(package),
        "import": statistics.median(imports),
    }
    medians["ratio"] = medians["package"] / medians["command_line"]
    print(json.dumps({name: round(value, 4) for name, value in medians.items()}))


if __name__ == "__main__":
    main()
