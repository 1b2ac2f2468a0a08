"""`pleat mcp` with the client of the protocol's own Python package."""

import asyncio
import json
import os

import pytest
from mcp import Client, StdioServerParameters

from program import FEATURES, PLEAT

ZEROS = [[0] * FEATURES]


def talk(models, out, conversation, *options):
    """Runs a conversation with a server."""
    args = ["mcp", "--models", str(models), "--out", str(out), *options]

    async def connected():
        server = StdioServerParameters(command=PLEAT, args=args, env=dict(os.environ))
        async with Client(server) as client:
            return await conversation(client)

    return asyncio.run(asyncio.wait_for(connected(), 120))


async def call(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refused(client, tool, kind, **arguments):
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    error = result.structured_content["error"]
    assert error["kind"] == kind, error
    assert error["remedy"] and error["message"] in result.content[0].text
    return error


def test_an_agent_proves_and_another_verifies(models, tmp_path):
    async def conversation(client):
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"list_models", "run", "prove", "verify", "verify_chain", "explain"}
        assert "does not say" in tools["prove"].description
        listed = await call(client, "list_models")
        assert [model["name"] for model in listed["models"]] == ["credit", "decision"]
        info = await call(client, "list_models", model="credit")
        assert info["inputs"][0]["numbers"] == FEATURES
        ran = await call(client, "run", model="credit", input_data=ZEROS)

        heard = []

        async def progress(done, total, message):
            heard.append((done, total, message))

        arguments = {"model": "credit", "inputs": {info["inputs"][0]["name"]: ZEROS}, "hide": ["input"], "name": "first"}
        arguments["claims"] = {"agent": "tester"}
        made = await client.call_tool("prove", arguments, progress_callback=progress)
        assert not made.is_error, made.content
        assert len(heard) > 3 and [h[0] for h in heard] == sorted(h[0] for h in heard)
        made = made.structured_content
        assert made["output"] == ran["output"]
        assert made["proof_file"] == "first.proof"
        secret = tmp_path / made["secret_file"]
        assert secret.stat().st_mode & 0o077 == 0

        verdict = await call(
            client, "verify", model="credit", proof="first.proof", receipt=made["receipt_file"], model_id=info["model_id"]
        )  # fmt: skip
        assert verdict["valid"] and verdict["input"][0]["hidden"]
        assert verdict["receipt"]["claims"] == {"agent": "tester"}
        meaning = await call(client, "explain", verdict=verdict)
        assert "does not say" in meaning["explanation"]

        other = await call(client, "verify", model="decision", proof="first.proof")
        assert not other["valid"] and other["check"] == "other-model" and other["explanation"]
        meaning = await call(client, "explain", verdict=other)
        assert meaning["check"] == "other-model" and meaning["explanation"] == other["explanation"]

        listed = (await client.list_resources()).resources
        assert [str(r.uri) for r in listed] == [made["receipt_uri"]]
        read = (await client.read_resource(made["receipt_uri"])).contents[0]
        assert json.loads(read.text)["model"] == info["model_id"]
        for uri in ("pleat://receipts/../first.proof", "pleat://receipts/first.proof.secret", "file:///etc/passwd"):
            with pytest.raises(Exception, match="(?i)resource|not found"):
                await client.read_resource(uri)

    talk(models, tmp_path, conversation)


def test_a_chain_of_two_agents(models, tmp_path):
    async def conversation(client):
        await call(client, "prove", model="credit", input_data=ZEROS, hide=["input", "output"], name="score")
        linked = [{"input": "score", "proof": "score.proof", "tensor": "y"}]
        await call(client, "prove", model="decision", linked=linked, hide=["input"], name="decision")
        receipts = ["score.proof.receipt.json", "decision.proof.receipt.json"]
        verdict = await call(client, "verify_chain", receipts=receipts)
        assert verdict["valid"] and len(verdict["links"]) == 1, verdict
        alone = await call(client, "verify_chain", receipts=receipts[1:])
        assert not alone["valid"] and alone["explanation"]

    talk(models, tmp_path, conversation)


def test_what_is_refused_says_what_to_do(models, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x.proof").write_bytes(b"x")
    out = tmp_path / "out"
    out.mkdir()
    (out / "link.proof").symlink_to(tmp_path / "outside/x.proof")

    async def conversation(client):
        await refused(client, "run", "no-model", model="../credit", input_data=ZEROS)
        await refused(client, "run", "no-model", model=str(models / "credit"), input_data=ZEROS)
        await refused(client, "run", "input", model="credit", input_data=[[1, 2]])
        await refused(client, "run", "range", model="credit", input_data=[[1e6] * FEATURES])
        await refused(client, "run", "invalid", model="credit", input=ZEROS)
        await refused(client, "run", "too-many-rows", model="credit", input_data=ZEROS, samples=65536)
        await refused(client, "run", "too-large", model="credit", input_data=[[0.25] * 40000])
        await refused(client, "prove", "invalid", model="credit", input_data=ZEROS, name="../x")
        await refused(client, "verify", "no-file", model="credit", proof="link.proof")
        await refused(client, "verify", "no-file", model="credit", proof="../outside/x.proof")
        await refused(client, "explain", "no-check", check="none")
        await call(client, "prove", model="credit", input_data=ZEROS, name="twice")
        await refused(client, "prove", "exists", model="credit", input_data=ZEROS, name="twice")

    talk(models, out, conversation, "--max-input-bytes", "100000")
    talk(models, out, timed_out, "--timeout", "0")


async def timed_out(client):
    await refused(client, "prove", "time-limit", model="credit", input_data=ZEROS)
