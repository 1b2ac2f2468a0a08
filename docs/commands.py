#!/usr/bin/env python3
"""Runs what the pages by audience show, so that nothing on them is out of date:

    docs/commands.py --bin target/release [--python PYTHON] [--have NAME]… [PAGE]…

Each page has a fresh folder, in which `testdata` and `models` are the repository's, and the programs of --bin come first on the path. Its blocks are
run one after the other.

    ```console        `$ ` begins a command, which goes on in the next line after a backslash or within a here-document. Lines that
                      follow are what it has to print on standard output, and nothing else; if there are none, anything.
    ```python         run by --python, all blocks of a page in one namespace.
    ```json           has to be JSON.

Words after the language: `exit=N`, the last command ends with status N, and what it prints on standard error counts, too (all
other commands have to succeed); `in=repository`, run in the repository's folder; `skip-unless=NAME`, run only with --have NAME, because
it needs more than the programs of --bin, or much time. Without --python, Python blocks are left out.

In what is expected, `…` or `...` stands for any text, alone in a line for any lines. Hashes and other hexadecimal numbers of eight or
more digits, and numbers before a unit of time or memory, stand for any such ones; amounts of white space do not count. A block of one shell:
variables and the folder that it changes to end with it, and what it starts in the background ends with the page.

Programs, commands and options that the text names (`pleat verify --samples 64`, `--hide input`) have to be there, as --help tells.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DOCS = Path(__file__).resolve().parent
REPOSITORY = DOCS.parent
PAGES = ["for-providers.md", "for-verifiers.md", "for-researchers.md", "for-agents.md"]
#: What blocks may need.
NAMES = ("bench", "cargo", "install", "ray", "serve", "web")
#: Seconds that a block may take.
LIMIT = 600
#: Environment variables that would make a difference.
UNSET = ("PLEAT_LANES", "PLEAT_TOKEN", "PYTHONPATH", "RUST_LOG")

#: Reads blocks, a line of JSON each, and answers each with one.
PYTHON = """
import contextlib, io, json, os, sys, traceback
answers, names = os.fdopen(os.dup(1), "w", encoding="utf-8"), {"__name__": "__main__"}
os.dup2(2, 1)
for line in sys.stdin:
    block, out, error = json.loads(line), io.StringIO(), None
    with contextlib.redirect_stdout(out):
        try:
            exec(compile("\\n" * (block["line"] - 1) + block["code"], block["page"], "exec"), names)
        except BaseException:
            error = traceback.format_exc()
    answers.write(json.dumps({"out": out.getvalue(), "error": error}) + "\\n")
    answers.flush()
"""


class Wrong(Exception):
    """Something on a page does not hold."""


class Block:
    """A fenced block of a page."""

    def __init__(self, page: str, line: int, info: str) -> None:
        words = info.split()
        self.page, self.line = page, line
        self.language = words[0] if words else ""
        self.lines: list[str] = []
        self.exit, self.within, self.needs = 0, "page", None
        for word in words[1:]:
            name, _, value = word.partition("=")
            if name == "exit" and value.isdigit():
                self.exit = int(value)
            elif name == "in" and value == "repository":
                self.within = value
            elif name == "skip-unless" and value in NAMES:
                self.needs = value
            else:
                raise self.wrong(f"`{word}` means nothing")
        if self.language not in ("console", "python", "json"):
            raise self.wrong(f"blocks are console, python or json, and not `{self.language}`")

    def wrong(self, reason: str, line: int | None = None) -> Wrong:
        """An error with its place."""
        return Wrong(f"docs/{self.page}:{self.line if line is None else line}: {reason}")

    def commands(self) -> list[tuple[int, str, list[str]]]:
        """Line, command, expected lines."""
        found: list[tuple[int, str, list[str]]] = []
        end: str | None = None
        more = False
        for number, line in enumerate(self.lines, self.line + 1):
            if end is not None or more:
                at, command, expected = found[-1]
                found[-1] = (at, f"{command}\n{line}", expected)
                if end is not None:
                    end = None if line.strip() == end else end
                    continue
            elif line.startswith("$ "):
                found.append((number, line[2:], []))
            elif not found:
                raise self.wrong("the first line of a console is a command, after `$ `", number)
            else:
                found[-1][2].append(line)
                continue
            more = line.endswith("\\")
            here = re.search(r"(?<!<)<<'?(\w+)'?", line)
            end = here.group(1) if here else None
        if not found:
            raise self.wrong("there is no command")
        return found


def blocks_of(page: str, text: str) -> list[Block]:
    """The fenced blocks of a page. Others there may not be: nobody would run them."""
    blocks: list[Block] = []
    block = None
    blank = True
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"^(\s*)```(.*)$", line)
        if fence and fence.group(1):
            raise Wrong(f"docs/{page}:{number}: a block in a list is not run; blocks begin at the margin")
        if block is None and fence:
            block = Block(page, number, fence.group(2))
            blocks.append(block)
        elif block is not None and fence:
            block = None
        elif block is not None:
            block.lines.append(line)
        elif blank and re.match(r"^(    |\t)", line):
            raise Wrong(f"docs/{page}:{number}: an indented block is not run; use a fenced one")
        blank = not line.strip()
    if block is not None:
        raise block.wrong("the block has no end")
    return blocks


class Help:
    """What --help tells of the programs."""

    #: The command that only some builds have, and what says that this one has it.
    OPTIONAL = {"mcp": "serve", "serve": "serve"}

    def __init__(self, programs: Path, have: set[str]) -> None:
        self.programs, self.have = programs, have
        self.known: dict[tuple[str, ...], str] = {}
        self.commands = re.findall(r"^  ([a-z-]+) ", self.of("pleat").split("Commands:")[1].split("\n\n")[0], flags=re.MULTILINE)

    def of(self, *call: str) -> str:
        """The help of a program's command."""
        if call not in self.known:
            run = subprocess.run([self.programs / call[0], *call[1:], "--help"], capture_output=True, text=True, check=False)
            self.known[call] = run.stdout if run.returncode == 0 else ""
        return self.known[call]

    def lacks(self, span: str) -> str | None:
        """What a span of code names that is not there."""
        words = span.split()
        if words[0] in self.commands + list(self.OPTIONAL):
            words.insert(0, "pleat")
        if words[0].startswith("--"):
            calls = [("pleat", command) for command in self.commands] + [("pleat-verify",), ("pleat-verify-chain",)]
        elif words[0] not in ("pleat", "pleat-verify", "pleat-verify-chain", "pleat-bench"):
            return None
        elif not (self.programs / words[0]).exists():
            return None
        elif words[0] in ("pleat", "pleat-bench") and len(words) > 1 and re.fullmatch("[a-z-]+", words[1]):
            if self.OPTIONAL.get(words[1]) not in self.have | {None}:
                return None
            calls = [(words[0], words[1])]
        else:
            calls = [(words[0],)]
        helps = [self.of(*call) for call in calls]
        if not any(helps):
            return " ".join(calls[0])
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", span):
            if not any(re.search(rf"{option}(?![a-z-])", text) for text in helps):
                return option
        return None

    def check(self, page: str, text: str) -> None:
        """Goes through a page's text."""
        block = False
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith("```"):
                block = not block
            for span in [] if block else re.findall(r"`([^`]+)`", line):
                lacking = self.lacks(span) if span.strip() else None
                if lacking is not None:
                    raise Wrong(f"docs/{page}:{number}: `{span}`: there is no {lacking}")


TOKENS = re.compile(
    r"(?P<any>…|\.\.\.)|(?P<hex>\b(?=[0-9a-f]*[0-9])[0-9a-f]{8,}\b)|(?P<amount>\b[0-9][0-9,.]*\s+(?P<unit>ms|s|KiB|MiB|GiB)\b)|(?P<space>\s+)"
)


def pattern(line: str) -> str:
    """What a line may be."""
    parts, at = [], 0
    for token in TOKENS.finditer(line):
        parts.append(re.escape(line[at : token.start()]))
        if token["any"]:
            parts.append(".*")
        elif token["hex"]:
            parts.append("[0-9a-f]{%d}" % len(token["hex"]))
        elif token["amount"]:
            parts.append(r"[0-9][0-9,.]*\s+(?:ms|s)" if token["unit"] in ("ms", "s") else r"[0-9][0-9,.]*\s+[KMG]iB")
        else:
            parts.append(r"\s+")
        at = token.end()
    return "".join(parts) + re.escape(line[at:])


def matches(expected: list[str], printed: str) -> bool:
    """Whether a command printed what it should."""
    whole = "".join(
        r"(?:.*\n)*?" if line.strip() in ("…", "...") else pattern(line.strip()) + "\n" for line in expected if line.strip()
    )
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return re.fullmatch(whole, "".join(f"{line}\n" for line in lines)) is not None


class Page:
    """A page that is being run."""

    def __init__(self, name: str, folder: Path, programs: Path, python: str | None, have: set[str]) -> None:
        self.name, self.folder, self.have = name, folder, have
        (folder / "page").mkdir()
        for linked in ("testdata", "models"):
            (folder / "page" / linked).symlink_to(REPOSITORY / linked)
        self.environment = {k: v for k, v in os.environ.items() if k not in UNSET}
        path = [str(programs)]
        if python is not None:
            path.append(str(Path(python).parent))
        # What a page installs goes with its folder.
        self.environment["CARGO_INSTALL_ROOT"] = str(folder / "installed")
        self.environment["PATH"] = os.pathsep.join(path + [self.environment.get("PATH", os.defpath)])
        self.python = python
        self.interpreter: subprocess.Popen[str] | None = None
        self.groups: list[int] = []
        self.ran = self.left_out = 0

    def run(self) -> None:
        """Runs all blocks."""
        for block in blocks_of(self.name, (DOCS / self.name).read_text(encoding="utf-8")):
            if block.language == "json":
                try:
                    json.loads("\n".join(block.lines))
                except ValueError as error:
                    raise block.wrong(f"no JSON: {error}") from error
                continue
            if block.needs is not None and block.needs not in self.have or block.language == "python" and self.python is None:
                if block.language == "console":
                    block.commands()
                else:
                    compile("\n".join(block.lines), block.page, "exec")
                self.left_out += 1
                continue
            (self._console if block.language == "console" else self._python)(block)
            self.ran += 1
        if self.ran == 0:
            raise Wrong(f"docs/{self.name}: no block was run")

    def _console(self, block: Block) -> None:
        commands = block.commands()
        place = Path(tempfile.mkdtemp(dir=self.folder))
        script = ["set -euo pipefail"]
        for i, (_, command, _) in enumerate(commands):
            script.append(f"exec >'{place}/{i}.out' 2>'{place}/{i}.err'\n{command}")
        shell = subprocess.Popen(
            ["bash", "-c", "\n".join(script)],
            cwd=REPOSITORY if block.within == "repository" else self.folder / "page",
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.groups.append(shell.pid)
        try:
            status = shell.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise block.wrong(f"not done after {LIMIT} s") from None
        last = max(int(p.stem) for p in place.glob("*.out"))
        for i, (line, command, expected) in enumerate(commands[: last + 1]):
            printed = (place / f"{i}.out").read_text(encoding="utf-8", errors="replace")
            errors = (place / f"{i}.err").read_text(encoding="utf-8", errors="replace")
            wanted = block.exit if i + 1 == len(commands) else 0
            got = status if i == last else 0
            if got != wanted:
                raise block.wrong(f"status {got}, not {wanted}: {command}\n{printed}{errors}", line)
            if i == last < len(commands) - 1:
                raise block.wrong(f"the shell ended here: {command}", line)
            if wanted != 0:
                printed += errors
            if expected and not matches(expected, printed):
                said = "\n".join(expected)
                raise block.wrong(f"{command}\n-- the page says\n{said}\n-- it prints\n{printed}", line)

    def _python(self, block: Block) -> None:
        if self.interpreter is None:
            assert self.python is not None
            self.interpreter = subprocess.Popen(
                [self.python, "-c", PYTHON],
                cwd=self.folder / "page",
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
            self.groups.append(self.interpreter.pid)
        assert self.interpreter.stdin is not None and self.interpreter.stdout is not None
        what = {"page": f"docs/{block.page}", "line": block.line + 1, "code": "\n".join(block.lines)}
        self.interpreter.stdin.write(json.dumps(what) + "\n")
        self.interpreter.stdin.flush()
        line = self.interpreter.stdout.readline()
        if not line:
            raise block.wrong("the interpreter ended")
        answer = json.loads(line)
        if answer["error"] is not None:
            raise block.wrong(f"{answer['out']}{answer['error']}")

    def close(self) -> None:
        """Ends what still runs."""
        if self.interpreter is not None and self.interpreter.stdin is not None:
            self.interpreter.stdin.close()
            try:
                self.interpreter.wait(30)
            except subprocess.TimeoutExpired:
                pass
        for kind in (signal.SIGTERM, signal.SIGKILL):
            left = []
            for group in self.groups:
                try:
                    os.killpg(group, kind)
                    left.append(group)
                except ProcessLookupError:
                    pass
            self.groups = left
            if left:
                time.sleep(0.5)


def main() -> int:
    """Runs pages, and says what became of them."""
    parser = argparse.ArgumentParser(description="Runs the commands of the pages by audience.")
    parser.add_argument("--bin", required=True, type=Path, help="folder of the built programs")
    parser.add_argument("--python", help="interpreter that has the package pleat")
    parser.add_argument("--have", action="append", default=[], choices=NAMES, help="what blocks with skip-unless=NAME need is there")
    parser.add_argument("--keep", action="store_true", help="keep the folders of pages")
    parser.add_argument("page", nargs="*", default=PAGES, help=f"pages [default: {' '.join(PAGES)}]")
    args = parser.parse_args()
    programs = args.bin.resolve()
    for program in ("pleat", "pleat-verify", "pleat-verify-chain"):
        if not os.access(programs / program, os.X_OK):
            parser.error(f"{programs} has no program {program}")
    python = None if args.python is None else shutil.which(args.python)
    if args.python is not None and python is None:
        parser.error(f"there is no program {args.python}")
    helps = Help(programs, set(args.have))
    bad = ran = left_out = 0
    for name in args.page:
        name = Path(name).name
        start = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="pleat-docs-"))
        page = None
        try:
            page = Page(name, folder, programs, None if python is None else os.path.abspath(python), set(args.have))
            helps.check(name, (DOCS / name).read_text(encoding="utf-8"))
            page.run()
            said = f"{page.ran} blocks ran, {page.left_out} left out"
            ran, left_out = ran + page.ran, left_out + page.left_out
        except Wrong as error:
            bad += 1
            said = f"WRONG\n{error}"
        finally:
            if page is not None:
                page.close()
            if not args.keep:
                shutil.rmtree(folder, ignore_errors=True)
        print(f"{name} ({time.monotonic() - start:.1f} s): {said}" + (f" [{folder}]" if args.keep else ""), flush=True)
    print(f"{ran} blocks ran, {left_out} left out, {bad} of {len(args.page)} pages are wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
