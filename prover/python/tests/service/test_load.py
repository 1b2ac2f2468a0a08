"""200 clients at once, most of them bad: nothing panics, memory is bounded, every job that was accepted is done."""

import asyncio
import base64
import itertools
import os
import random
import time

import httpx

from program import FEATURES, TOKEN

SECONDS = float(os.environ.get("PLEAT_LOAD_SECONDS", "60"))
CLIENTS = {"prove": 80, "run": 30, "bad": 40, "huge": 25, "slow": 25}
# Measured: see docs/service.md. Models, generators, 64 MiB of bodies and two requests that compute are part of it.
MEMORY = 512 << 20
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
ZEROS = {"input_data": [[0] * FEATURES]}


class Load:
    def __init__(self, url):
        self.url = url
        self.end = time.monotonic() + SECONDS
        self.counts = {}
        self.accepted = []
        self.keys = itertools.count()

    def count(self, who, what):
        self.counts[who, what] = self.counts.get((who, what), 0) + 1

    def goes_on(self):
        return time.monotonic() < self.end

    async def patiently(self, client, who, *request, **options):
        """One request, again for as long as the server says that it is busy; then it has to have been good."""
        while True:
            try:
                answer = await client.request(*request, **options)
            except httpx.TransportError as error:
                # The limit of connections; an idempotency key makes trying again harmless.
                self.count(who, type(error).__name__)
                await asyncio.sleep(0.2 + random.random())
                continue
            self.count(who, answer.status_code)
            if answer.status_code not in (429, 503):
                return answer
            assert int(answer.headers["Retry-After"]) > 0
            await asyncio.sleep(float(answer.headers["Retry-After"]) * (0.5 + random.random()))

    async def prove(self, client):
        while self.goes_on():
            body = {**ZEROS, "hide": ["input"]}
            headers = {"Idempotency-Key": f"load-{next(self.keys)}"}
            answer = await self.patiently(client, "prove", "POST", "/v1/models/credit/prove", json=body, headers=headers)
            assert answer.status_code == 202, answer.text
            job = answer.json()["id"]
            self.accepted.append(job)
            while (await self.patiently(client, "job", "GET", f"/v1/jobs/{job}")).json()["state"] in ("queued", "running"):
                await asyncio.sleep(0.5)

    async def run(self, client):
        while self.goes_on():
            answer = await self.patiently(client, "run", "POST", "/v1/models/credit/run", json=ZEROS)
            assert answer.status_code == 200 and answer.json()["output"], answer.text
            await asyncio.sleep(0.2)

    async def bad(self, client):
        tries = [
            ("POST", "/v1/models/credit/run", {"content": b"{"}, 400),
            ("POST", "/v1/models/credit/run", {"content": b"[" * 100_000}, 400),
            ("POST", "/v1/models/credit/run", {"json": {"input_data": [["x"]]}}, 422),
            ("POST", "/v1/models/credit/prove", {"json": {"input_data": [[1]]}}, 422),
            ("POST", "/v1/models/credit/prove", {"json": {"input_data": [[1e9] * FEATURES], "samples": 0}}, 422),
            ("POST", "/v1/models/credit/run", {"json": ZEROS, "headers": {"Content-Type": "text/plain"}}, 415),
            ("POST", "/v1/models/..%2fcredit/run", {"json": ZEROS}, 404),
            ("POST", "/v1/verify", {"json": {"model": "credit", "proof": base64.b64encode(b"x" * 9000).decode()}}, 200),
            ("GET", "/v1/jobs/" + "0" * 48, {}, 404),
            ("GET", "/v1/models", {"headers": {"Authorization": "Bearer wrong"}}, 401),
            ("DELETE", "/v1/models", {}, 405),
        ]
        while self.goes_on():
            method, path, options, expected = random.choice(tries)
            answer = await self.patiently(client, "bad", method, path, **options)
            assert answer.status_code == expected, (path, answer.text)
            await asyncio.sleep(0.05)

    async def huge(self, client):
        async def chunks():
            for _ in range(128):
                yield b"[" + b"0," * (1 << 15)

        while self.goes_on():
            content = random.choice([b"0" * (12 << 20), b'{"input_data": [[' + b"0," * (1 << 20), chunks()])
            try:
                answer = await client.post("/v1/models/credit/prove", content=content)
                self.count("huge", answer.status_code)
                assert answer.status_code in (400, 413, 503), answer.text
            except httpx.TransportError as error:
                self.count("huge", type(error).__name__)
            await asyncio.sleep(0.5)

    async def slow(self, _):
        host, port = self.url.removeprefix("http://").split(":")
        head = f"POST /v1/models/credit/run HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
        head += "Content-Type: application/json\r\nContent-Length: 2000000\r\n\r\n"
        while self.goes_on():
            reader, writer = await asyncio.open_connection(host, int(port))
            text = head if random.random() < 0.5 else head[:-2]
            try:
                writer.write(text.encode())
                for _ in range(int(min(30, max(1, self.end - time.monotonic())))):
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(1)
                answer = await asyncio.wait_for(reader.read(100), 5)
                self.count("slow", answer[9:12].decode() or "closed")
            except (OSError, asyncio.TimeoutError) as error:
                self.count("slow", type(error).__name__)
            finally:
                writer.close()

    async def all(self):
        limits = httpx.Limits(max_connections=1)
        async with asyncio.TaskGroup() as group:
            for kind, number in CLIENTS.items():
                for _ in range(number):
                    group.create_task(self.client(kind, limits))

    async def client(self, kind, limits):
        async with httpx.AsyncClient(base_url=self.url, headers=HEADERS, timeout=60, limits=limits) as client:
            await getattr(self, kind)(client)

    async def check(self):
        """Every job that was accepted is done, and its proof verifies."""
        async with httpx.AsyncClient(base_url=self.url, headers=HEADERS, timeout=60) as client:
            for job in self.accepted:
                status = (await self.patiently(client, "check", "GET", f"/v1/jobs/{job}")).json()
                assert status["state"] == "done", status
                proof = await self.patiently(client, "check", "GET", f"/v1/jobs/{job}/proof")
                receipt = await self.patiently(client, "check", "GET", f"/v1/jobs/{job}/receipt")
                body = {"model": "credit", "proof": base64.b64encode(proof.content).decode(), "receipt": receipt.json()}
                verdict = (await self.patiently(client, "check", "POST", "/v1/verify", json=body)).json()
                assert verdict["valid"], verdict


def test_load(serve):
    server = serve("--keep", 100000)
    load = Load(server.url)
    asyncio.run(load.all())
    assert len(set(load.accepted)) == len(load.accepted) > 0
    asyncio.run(load.check())
    peak = server.peak_memory()
    requests = sum(load.counts.values())
    print(f"\n{requests} requests in {SECONDS:.0f} s, {len(load.accepted)} jobs done, peak memory {peak >> 20} MiB")
    for (who, what), number in sorted(load.counts.items(), key=str):
        print(f"  {who:6} {what}: {number}")
    assert peak < MEMORY, peak
    assert "panicked" not in server.log.read_text()
