"""The program under test, and a server; traffic stays on this computer."""

import json
import os
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
DATA = ROOT / "testdata"
PLEAT = os.environ.get("PLEAT_BIN", "")
TOKEN = "a-token-for-tests-only"
FEATURES = 61


def pleat(*args):
    ran = subprocess.run([PLEAT, *map(str, args)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


class Server:
    """`pleat serve` on a free port, with its log in a file."""

    def __init__(self, models, jobs, *options):
        self.log = Path(jobs).with_suffix(".log")
        env = {**os.environ, "PLEAT_TOKEN": TOKEN}
        command = [PLEAT, "serve", "--json", "--models", models, "--jobs", jobs, "--listen", "127.0.0.1:0", *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(map(str, command)), stdout=subprocess.PIPE, stderr=log, text=True, env=env
            )
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        self.url = "http://" + json.loads(line)["listening"]

    def peak_memory(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) << 10

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        assert code == 0, self.log.read_text()
        assert "panicked" not in self.log.read_text(), self.log.read_text()
