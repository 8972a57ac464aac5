#!/usr/bin/env python3
"""Runs the programs in docs/ for bot builders against the running API, with the vendors' own
libraries. The vendors are played: each asks for one look-up, then says the name that it was given.
The messages and tools that they are sent are held against the types that their libraries publish,
field by field; a spoiled tool is tried first, to see that it is refused."""

import argparse
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import yaml
from anthropic.types import ContentBlockParam, MessageParam, ToolParam
from google.genai.types import Content, FunctionDeclaration
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from openapi_spec_validator import validate
from pydantic import TypeAdapter, ValidationError

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
# All files, so that none is lost. The first line of a code block is the name of its file.
FILES = ["anthropic_bot.py", "bot.py", "copilot-studio.yaml", "gemini_bot.py", "mcp_bot.py", "openai_bot.py"]
LOOK_UP = "dynamics365_get_contact_by_email"
EMAIL = "maren.quist@northwind.example"
HELLO = "Hello Maren Quist"


# Lists, because the libraries say "iterable", which is only checked when somebody iterates.
OPENAI_MESSAGES = TypeAdapter(list[ChatCompletionMessageParam])
OPENAI_TOOLS = TypeAdapter(list[ChatCompletionFunctionToolParam])
ANTHROPIC_MESSAGES = TypeAdapter(list[MessageParam])
ANTHROPIC_BLOCKS = TypeAdapter(list[ContentBlockParam])
ANTHROPIC_TOOLS = TypeAdapter(list[ToolParam])
GEMINI_CONTENTS = TypeAdapter(list[Content])
GEMINI_FUNCTIONS = TypeAdapter(list[FunctionDeclaration])


def check(types, value):
    """Checks that the type has every field: none may be lost on the way there and back."""
    python = types.validate_python(value)
    back = types.dump_python(python, by_alias=True, exclude_unset=True, mode="json")
    expect_same(back, value, "$")


def expect_same(back, value, place):
    if isinstance(value, dict) and isinstance(back, dict):
        for name in value:
            if name not in back:
                raise ValueError(f"{place} has no field {name}")
            expect_same(back[name], value[name], f"{place}.{name}")
    elif isinstance(value, list) and isinstance(back, list):
        for position, (one, other) in enumerate(zip(back, value, strict=True)):
            expect_same(one, other, f"{place}[{position}]")


def refuses_what_is_spoiled():
    function = {"name": "x", "parameters": {"type": "object", "additionalProperties": False}}
    for types, spoiled in (
        (OPENAI_MESSAGES, [{"role": "user", "content": 7}]),
        (OPENAI_TOOLS, [{"type": "function", "function": {"name": "x", "schema": {}}}]),
        (ANTHROPIC_MESSAGES, [{"role": "tool", "content": "x"}]),
        (ANTHROPIC_BLOCKS, [{"type": "tool_result", "id": "x"}]),
        (ANTHROPIC_TOOLS, [{"name": 7, "input_schema": {"type": "object"}}]),
        (ANTHROPIC_TOOLS, [{"name": "x", "parameters": {}, "input_schema": {"type": "object"}}]),
        (GEMINI_FUNCTIONS, [{"name": "x", "arguments": {}}]),
        (GEMINI_FUNCTIONS, [{**function, "parameters": {"type": ["string", "null"]}}]),
    ):
        try:
            check(types, spoiled)
        except (ValidationError, ValueError, AttributeError):
            # Google's types make the last one of a list in the place of a name.
            continue
        raise SystemExit(f"docs: a vendor's type takes {spoiled}")


def said(result):
    return "Hello " + result["result"]["contact"]["name"]


def openai(body):
    check(OPENAI_MESSAGES, body["messages"])
    check(OPENAI_TOOLS, body["tools"])
    assert LOOK_UP in [tool["function"]["name"] for tool in body["tools"]], body["tools"]
    last = body["messages"][-1]
    message = {"role": "assistant", "content": None}
    if last["role"] == "tool":
        message["content"] = said(json.loads(last["content"]))
    else:
        function = {"name": LOOK_UP, "arguments": json.dumps({"email": EMAIL})}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def anthropic(body):
    for message in body["messages"]:
        # Blocks are checked by themselves, because within a message they are an iterable, too.
        if isinstance(message["content"], list):
            check(ANTHROPIC_BLOCKS, message["content"])
            message = {**message, "content": ""}
        check(ANTHROPIC_MESSAGES, [message])
    check(ANTHROPIC_TOOLS, body["tools"])
    assert LOOK_UP in [tool["name"] for tool in body["tools"]], body["tools"]
    last = body["messages"][-1]["content"]
    if isinstance(last, list):
        block = {"type": "text", "text": said(json.loads(last[0]["content"]))}
    else:
        block = {"type": "tool_use", "id": "call_1", "name": LOOK_UP, "input": {"email": EMAIL}}
    usage = {"input_tokens": 1, "output_tokens": 1}
    return {
        "id": "x", "type": "message", "role": "assistant", "model": "m", "content": [block],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": usage,
    }  # fmt: skip


def gemini(body):
    check(GEMINI_CONTENTS, body["contents"])
    for tool in body["tools"]:
        check(GEMINI_FUNCTIONS, tool["functionDeclarations"])
    declared = [one["name"] for tool in body["tools"] for one in tool["functionDeclarations"]]
    assert LOOK_UP in declared, declared
    last = body["contents"][-1]["parts"][0]
    if "functionResponse" in last:
        part = {"text": said(last["functionResponse"]["response"])}
    else:
        part = {"functionCall": {"name": LOOK_UP, "args": {"email": EMAIL}}}
    return {"candidates": [{"content": {"role": "model", "parts": [part]}}]}


class Vendors(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        vendor = openai if "chat/completions" in self.path else gemini if ":generate" in self.path else anthropic
        try:
            status, answer = 200, vendor(body)
        except Exception as error:
            status, answer = 400, {"error": {"message": f"{vendor.__name__}: {error}"}}
        answer = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def blocks(first_line, text):
    """The code blocks whose first line matches: its group, and the text after it."""
    return re.findall(rf"^```{first_line}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def says_hello(name, folder, environment):
    done = subprocess.run(
        [sys.executable, name], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    if done.stdout.strip() != HELLO:
        print(f"docs: {name} said {done.stdout!r}\n{done.stderr[-2000:]}", file=sys.stderr)
        return False
    print(f"docs: {name} gets on with the API", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="the address of the API")
    parser.add_argument("--key", required=True, help="the API key")
    parser.add_argument("--modules", required=True, help="the folder node_modules with the MCP inspector")
    options = parser.parse_args()

    refuses_what_is_spoiled()
    pages = [page.read_text() for page in sorted(DOCS.glob("**/*.md"))]
    files = [dict(blocks("(?:python|yaml)\n# (\\S+)", page)) for page in pages]
    assert sorted(name for page in files for name in page) == FILES, files
    assert sum(len(blocks("(python|yaml)", page)) for page in pages) == len(FILES), "a program has no name"
    [configuration] = [text for page in pages for _, text in blocks("(json)", page) if "mcpServers" in text]
    [connector] = [page["copilot-studio.yaml"] for page in files if "copilot-studio.yaml" in page]

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vendors)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    vendors = f"http://127.0.0.1:{server.server_port}"
    environment = {
        **os.environ,
        "API": options.url, "KEY": options.key, "MODEL": "m",
        "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{vendors}/v1",
        "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": vendors,
        "GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": vendors,
    }  # fmt: skip
    # Each page has a folder, because its programs import modules of the same page.
    for page in files:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in page.items():
                Path(folder, name).write_text(text)
            for name in page:
                if name.endswith("_bot.py") and not says_hello(name, folder, environment):
                    return 1

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "mcp.json")
        file.write_text(configuration.replace("http://127.0.0.1:3000", options.url))
        asked = ["--config", file, "--server", "dynamics365", "--method", "tools/list"]
        inspector = Path(options.modules, ".bin", "mcp-inspector")
        done = subprocess.run([inspector, "--cli", *asked], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and len(json.loads(done.stdout)["tools"]) == 28, done.stdout + done.stderr
        print("docs: the MCP configuration works")

    validate(yaml.safe_load(connector))
    print("docs: the custom connector is Swagger 2.0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
