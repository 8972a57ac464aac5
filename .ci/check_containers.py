#!/usr/bin/env python3
"""Calls functions with `sam local invoke`, each in a container of its own, with the local stack
running on this machine: a read, a write (twice, to see that it happens once), one tool of every
other function, and the authorizer. Then serves them all with `sam local start-api`, and lets the
official clients of the Model Context Protocol use that."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from local_stack import AWS, EMULATOR, KEY, Failed, local_stack, wait_for_ports

ROOT = Path(__file__).resolve().parent.parent
EVENTS = ROOT / "events"
# Where `sam local start-api` serves all functions.
GATEWAY = 23010


def expect(condition, problem, shown):
    if not condition:
        raise Failed(f"{problem}: {json.dumps(shown, ensure_ascii=False)[:2000]}")


class Containers:
    def __init__(self, template, architecture, env_vars):
        self.options = [
            "--template", template,
            "--parameter-overrides", f"Architecture={architecture}",
            "--env-vars", env_vars,
            "--add-host", "host.docker.internal:host-gateway",
            "--skip-pull-image",
        ]  # fmt: skip

    def invoke(self, function, event):
        started = time.monotonic()
        command = ["sam", "local", "invoke", function, "--event", str(EVENTS / event), *self.options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        print(f"{function} with {event}: {time.monotonic() - started:.1f} s", flush=True)
        try:
            # The function's answer is the last line; its log goes to the error stream.
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError):
            raise Failed(f"{function} gave no answer\n{done.stdout}\n{done.stderr}") from None

    @contextlib.contextmanager
    def serve(self):
        """`sam local start-api`, the authorizer included. A container is kept once it has begun."""
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "api.log")
            command = ["sam", "local", "start-api", "--port", str(GATEWAY), "--warm-containers", "LAZY"]
            with log.open("w") as output:
                # A group of its own: what it starts ends with it.
                api = subprocess.Popen(
                    [*command, *self.options], stdout=output, stderr=output, start_new_session=True
                )
            try:
                wait_for_ports(api, [GATEWAY], seconds=120)
                yield f"http://127.0.0.1:{GATEWAY}"
            except Exception:
                print(f"--- sam local start-api said:\n{log.read_text()[-4000:]}", file=sys.stderr)
                raise
            finally:
                # As Ctrl-C does; then it removes its containers.
                os.killpg(api.pid, signal.SIGINT)
                try:
                    api.wait(timeout=60)
                except subprocess.TimeoutExpired:
                    # Everything was checked by then; how long SAM takes to end is not ours.
                    print("sam local start-api did not end, and was killed", file=sys.stderr)
                    os.killpg(api.pid, signal.SIGKILL)
                    api.wait()

    def call(self, function, tool):
        answer = self.invoke(function, f"{tool}.json")
        expect(answer.get("statusCode") == 200, f"{tool} does not answer 200", answer)
        return json.loads(answer["body"])["result"]


def arguments(tool):
    return json.loads(json.loads((EVENTS / f"{tool}.json").read_text())["body"])


def cases_with_subject(subject):
    with urllib.request.urlopen(f"http://127.0.0.1:{EMULATOR}/_emulator/rows/incidents") as answer:
        rows = json.load(answer)
    rows = rows["value"] if isinstance(rows, dict) else rows
    return [row for row in rows if row["title"] == subject]


def check(containers):
    read = "dynamics365_get_contact_by_email"
    result = containers.call("ContactFunction", read)
    expect(arguments(read)["email"] in json.dumps(result), f"{read} gave another contact", result)

    write = "dynamics365_create_case"
    subject = arguments(write)["subject"]
    expect(not cases_with_subject(subject), "the case is there before it is created", subject)
    first = containers.call("CaseFunction", write)
    expect(first.get("created") is True, f"{write} created nothing", first)
    again = containers.call("CaseFunction", write)
    expect(again.get("created") is False, f"{write} created a second case", again)
    rows = cases_with_subject(subject)
    expect(len(rows) == 1, "there is not exactly one case", rows)

    # Each other function answers, too.
    for function, tool in (
        ("AccountFunction", "dynamics365_get_account"),
        ("LeadFunction", "dynamics365_search_leads"),
        ("OpportunityFunction", "dynamics365_get_opportunity"),
        ("ActivityFunction", "dynamics365_create_activity"),
        ("EngagementFunction", "dynamics365_create_quote"),
    ):
        containers.call(function, tool)

    for function, event in (
        ("McpFunction", "mcp_call_tool.json"),
        ("CatalogFunction", "list_tools.json"),
        ("ConnectionFunction", "get_connection.json"),
        ("VisitorFunction", "end_conversation.json"),
    ):
        answer = containers.invoke(function, event)
        expect(answer.get("statusCode") == 200, f"{function} does not answer 200", answer)
    report = containers.invoke("HealthFunction", "health.json")
    # The connection that the function before has looked at is the one to watch from then on.
    states = [checked["state"] for checked in report.get("connections", [])]
    expect(states == ["healthy"], "the health check does not find its connection healthy", report)
    expect(report.get("problems") == [], "the health check has problems", report)

    verdict = containers.invoke("AuthorizerFunction", "authorizer.json")
    expect(verdict.get("isAuthorized") is True, "the authorizer refuses the local key", verdict)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--template", required=True, help="the template that `sam build` wrote")
    parser.add_argument("--architecture", required=True, choices=["arm64", "x86_64"])
    parser.add_argument("--stack", required=True, help="the binary of the local stack")
    parser.add_argument("--python", required=True, help="the Python that has the MCP client")
    parser.add_argument("--modules", required=True, help="the folder node_modules with the MCP clients")
    options = parser.parse_args()

    environment = (EVENTS / "local-env.json").read_text()
    for usual, ours in (("3001", EMULATOR), ("3002", AWS)):
        environment = environment.replace(f":{usual}", f":{ours}")
    with tempfile.TemporaryDirectory() as folder:
        env_vars = Path(folder, "env.json")
        env_vars.write_text(environment)
        containers = Containers(options.template, options.architecture, str(env_vars))
        try:
            # Containers come in through the bridge, not the loopback.
            with local_stack(options.stack, host="0.0.0.0"):
                check(containers)
                with containers.serve() as url:
                    command = [options.python, ".ci/clients/check_mcp.py", "--url", f"{url}/mcp", "--key", KEY]
                    subprocess.run([*command, "--modules", options.modules], check=True, timeout=600)
        except (Failed, subprocess.SubprocessError) as problem:
            print(f"containers: {problem}", file=sys.stderr)
            return 1
    print("containers: every function answers, a write is made once, and MCP clients get on")
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
