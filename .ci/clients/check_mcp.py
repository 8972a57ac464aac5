#!/usr/bin/env python3
"""Uses the Model Context Protocol with the official clients: the Python SDK, in the protocol's
version with a handshake and in the one without, and the inspector. They connect, list, call a tool
that reads and one that writes, get a prompt, and see an error as an error. The SDK for TypeScript
connects, lists and calls: the newest, and the first that asks for the oldest version that is answered,
which also sends several messages at once."""

import argparse
import asyncio
import json
import subprocess
import sys
import uuid
from pathlib import Path

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

EMAIL = "maren.quist@northwind.example"
READ, WRITE = "dynamics365_get_contact_by_email", "dynamics365_create_case"
PROMPTS = ["customer-service", "sales-assistant", "account-manager", "full-specialist"]
# Versions of the SDK for TypeScript, by the names that package.json gives them, and what they ask for.
TYPESCRIPT_SDKS = {
    "sdk-of-2024-11-05": "2024-11-05",
    "sdk-of-2025-03-26": "2025-03-26",
    "@modelcontextprotocol/sdk": "2025-11-25",
}


def expect(condition, problem, shown=""):
    if not condition:
        raise SystemExit(f"mcp: {problem}: {str(shown)[:2000]}")


def case():
    return {"contact": EMAIL, "subject": f"Checked {uuid.uuid4()}", "description": "From a client."}


async def python_sdk(url, key, mode, version):
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            expect(client.protocol_version == version, "another version of the protocol", client.protocol_version)
            expect("next_step" in client.instructions, "no instructions", client.instructions)

            # The SDK itself checks structured content against the tools' schemas.
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            expect(len(tools) == 28, "not 28 tools", sorted(tools))
            expect(all(tool.output_schema for tool in tools.values()), "a tool has no schema of its result")
            expect(tools[READ].annotations.read_only_hint is True, "a reading tool is not marked", tools[READ])

            found = await client.call_tool(READ, {"email": EMAIL})
            contact = found.structured_content["result"]["contact"]
            expect(not found.is_error and contact["email"] == EMAIL, "another contact", found)
            expect(contact["id"] in found.content[0].text, "the text says less", found)

            # This repeats the call, as a client would.
            arguments, meta = case(), {"idempotency-key": str(uuid.uuid4())}
            made = [await client.call_tool(WRITE, arguments, meta=meta) for _ in range(2)]
            results = [one.structured_content["result"] for one in made]
            expect([one["created"] for one in results] == [True, False], "not made once", made)
            expect(results[0]["case"]["id"] == results[1]["case"]["id"], "made twice", made)

            refused = await client.call_tool("dynamics365_get_case", {"case": "CAS-99"})
            expect(refused.is_error, "an error that is none", refused)
            expect("next_step: " in refused.content[0].text, "an error without a next step", refused)
            try:
                answer = await client.call_tool("no_such_tool", {})
                expect(False, "a tool that is none answers", answer)
            except MCPError as error:
                expect(error.code == -32602, "another error", error)

            prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
            expect(prompts == PROMPTS, "other prompts", prompts)
            prompt = await client.get_prompt("customer-service", {"company": "Fabrikam"})
            expect("Fabrikam" in prompt.messages[0].content.text, "a prompt for nobody", prompt)
    print(f"mcp: the Python SDK gets on with {url} ({version})", flush=True)


def typescript_sdk(modules, url, key, name, version):
    script = Path(__file__).with_name("sdk.mjs")
    asked = ["node", script, modules, name, url, key, READ, json.dumps({"email": EMAIL})]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120)
    expect(done.returncode == 0, f"the SDK {name} does not get on", done.stdout + done.stderr)
    got = json.loads(done.stdout)
    expect(got["asked"] == version, "another version of the protocol", got["asked"])
    expect(len(got["tools"]) == 28, "not 28 tools", got["tools"])
    contact = got["found"]["result"]["contact"]
    expect(not got["isError"] and contact["email"] == EMAIL, "another contact", got["found"])
    expect(got["prompts"] == PROMPTS, "other prompts", got["prompts"])
    if version == "2025-03-26":
        # The notification has no answer. The others' may come in any order.
        answers = {answer["id"]: answer for answer in got["batch"]}
        expect(len(got["batch"]) == 3 and answers.keys() == {1, "two", 3}, "other answers to a batch", got["batch"])
        found = answers["two"]["result"]["structuredContent"]["result"]["contact"]
        expect(found["email"] == EMAIL, "another contact in a batch", answers["two"])
        expect(answers[1]["result"] == {}, "another answer to a ping", answers[1])
        expect(answers[3]["error"]["code"] == -32601, "another error in a batch", answers[3])
    print(f"mcp: the TypeScript SDK gets on with {url} ({version})", flush=True)


def inspector(command, url, key):
    def ask(method, *more, succeeds=True):
        asked = [command, "--cli", url, "--transport", "http", "--header", f"Authorization: Bearer {key}"]
        done = subprocess.run([*asked, "--method", method, *more], capture_output=True, text=True, timeout=120)
        expect((done.returncode == 0) == succeeds, f"{method} {more}", done.stdout + done.stderr)
        return json.loads(done.stdout)

    # Strict: anything in a schema that other clients cannot take is a fault.
    tools = ask("tools/list", "--strict")["tools"]
    expect(len(tools) == 28, "not 28 tools", tools)
    found = ask("tools/call", "--tool-name", READ, "--tool-arg", f"email={EMAIL}")
    expect(found["structuredContent"]["result"]["contact"]["email"] == EMAIL, "another contact", found)
    made = ask("tools/call", "--tool-name", WRITE, *(f for k, v in case().items() for f in ("--tool-arg", f"{k}={v}")))
    expect(made["structuredContent"]["result"]["created"] is True, "no case", made)
    refused = ask(
        "tools/call", "--tool-name", "dynamics365_get_case", "--tool-arg", "case=CAS-99", succeeds=False
    )  # fmt: skip
    expect(refused["isError"] is True, "an error that is none", refused)
    prompts = [prompt["name"] for prompt in ask("prompts/list")["prompts"]]
    expect(prompts == PROMPTS, "other prompts", prompts)
    prompt = ask("prompts/get", "--prompt-name", "account-manager", "--prompt-args", "company=Fabrikam")
    expect("Fabrikam" in prompt["messages"][0]["content"]["text"], "a prompt for nobody", prompt)
    print(f"mcp: the inspector gets on with {url}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="the address of the server, with /mcp")
    parser.add_argument("--key", required=True, help="the API key")
    parser.add_argument("--modules", required=True, help="the folder node_modules with the clients")
    options = parser.parse_args()
    asyncio.run(python_sdk(options.url, options.key, "legacy", "2025-11-25"))
    asyncio.run(python_sdk(options.url, options.key, "auto", "2026-07-28"))
    for name, version in TYPESCRIPT_SDKS.items():
        typescript_sdk(options.modules, options.url, options.key, name, version)
    inspector(Path(options.modules, ".bin", "mcp-inspector"), options.url, options.key)


if __name__ == "__main__":
    sys.exit(main())
