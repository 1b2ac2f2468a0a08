#!/usr/bin/env python3
"""Executes the notebooks of this folder, all of them or those that are named.

Without an option, outputs are written into the files. With --check nothing is written, and the committed outputs are looked at, too: that
there are some, that none is an error, and that all cells were executed in order. Exit code 1 if a cell raises, or something is amiss.
"""

import argparse
import base64
import io
import os
import re
import sys
import time
from pathlib import Path

# The kernel of this interpreter, not one that the user has elsewhere.
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# What is kept of a notebook's metadata: versions and times would change with every execution.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# Paths of the machine that executed it, which are nobody's business and differ everywhere.
PATHS = re.compile(r"(?<![\w.:/])/(?:tmp|home|root|Users|var|usr|opt|private)/[\w.-]")
# A notebook with its figures, in bytes; and all of them.
LARGEST, TOTAL = 500_000, 1_500_000


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def texts(output):
    """The texts of an output, pictures left out."""
    if output.output_type == "stream":
        yield output.text
    elif output.output_type == "error":
        yield "\n".join(output.traceback)
    else:
        for kind, data in output.data.items():
            if kind.startswith("text/") or kind == "image/svg+xml":
                yield data if isinstance(data, str) else "".join(data)


def faults(notebook):
    """What must not be in a notebook that is committed."""
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    if not any(cell.outputs for cell in cells):
        yield "it has no outputs: run execute.py"
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        yield f"cells were not executed in order: {counts}"
    for cell in cells:
        for output in cell.outputs:
            where = f"cell [{cell.execution_count}]"
            if output.output_type == "error":
                yield f"{where} ended in {output.ename}: {output.evalue}"
            if output.output_type == "stream" and output.name == "stderr":
                yield f"{where} wrote to stderr: {output.text.strip()[:200]}"
            for text in texts(output):
                found = [str(ROOT)] if str(ROOT) in text else PATHS.findall(text)
                if found:
                    yield f"{where} shows a path of the machine: {found[0]}"
        if cell.metadata.get("execution"):
            yield f"cell [{cell.execution_count}] has times of its execution"


def smaller(picture):
    """A figure in Base64, with 64 colours: a third of the bytes, and no difference to be seen."""
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    file = io.BytesIO()
    flat.quantize(64, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def scrubbed(notebook):
    """The notebook without what differs from one execution to the next for no reason, and with smaller figures."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        outputs = []
        for output in cell.get("outputs", []):
            # A stream arrives in pieces of any size.
            last = outputs[-1] if outputs else None
            if output.output_type == "stream" and last and last.output_type == "stream" and last.name == output.name:
                last.text += output.text
                continue
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
            outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs
    return notebook


def execute(notebook, timeout):
    """Executes it in a kernel of its own, whose working directory is this folder; a cell has so many seconds."""
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(HERE)}},
    )
    client.execute()
    return notebook


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NOTEBOOK", help="for example credit.ipynb; all if none is named")
    parser.add_argument("--check", action="store_true", help="write nothing; look at the committed outputs as well")
    parser.add_argument("--timeout", type=int, default=120, help="seconds that a cell may take (default: %(default)s)")
    options = parser.parse_args()
    known = {path.name: path for path in sorted(HERE.glob("*.ipynb"))}
    names = [Path(name).name for name in options.names] or list(known)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        parser.error(f"there is no {', '.join(unknown) or 'notebook'} in {HERE}")

    bad = 0
    for name in names:
        path, start, found = known[name], time.monotonic(), []
        notebook = nbformat.read(path, as_version=4)
        if options.check:
            found += [f"as committed: {fault}" for fault in faults(notebook)]
            if path.stat().st_size > LARGEST:
                found.append(f"as committed: {path.stat().st_size:,} bytes; {LARGEST:,} are allowed")
        try:
            executed = scrubbed(execute(notebook, options.timeout))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            found.append("executed: " + re.sub(r"\x1b\[[0-9;]*m", "", str(error)))
        else:
            found += [f"executed: {fault}" for fault in faults(executed)]
            if not found and not options.check:
                nbformat.write(executed, path)
        bad += bool(found)
        print(f"{name}: {'FAILED' if found else 'ok'} ({time.monotonic() - start:.1f} s)", flush=True)
        for fault in found:
            print(f"  {fault}", flush=True)
    total = sum(path.stat().st_size for path in known.values())
    if options.check and total > TOTAL:
        bad += 1
        print(f"all notebooks together have {total:,} bytes; {TOTAL:,} are allowed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
