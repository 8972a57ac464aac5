#!/usr/bin/env python3
"""Calls functions with `sam local invoke`, each in a container of its own, with the local stack
running on this machine: a read, a write (twice, to see that it happens once), one tool of every
other function, and the authorizer."""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVENTS = ROOT / "events"
# Not the stack's usual ports, so that one a developer has running is not in the way.
API, EMULATOR, AWS = 43000, 43001, 43002


class Failed(Exception):
    """What was asked is not what came back."""


def expect(condition, problem, shown):
    if not condition:
        raise Failed(f"{problem}: {json.dumps(shown, ensure_ascii=False)[:2000]}")


def wait_for_ports(process, ports, seconds=60):
    end = time.monotonic() + seconds
    for port in ports:
        while True:
            if process.poll() is not None:
                raise Failed(f"the local stack ended with {process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > end:
                    raise Failed(f"the local stack does not listen on port {port}") from None
                time.sleep(0.2)


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
        ("CatalogFunction", "catalog_tools.json"),
        ("ConnectionFunction", "connection_get.json"),
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
    options = parser.parse_args()

    environment = (EVENTS / "local-env.json").read_text()
    for usual, ours in (("3001", EMULATOR), ("3002", AWS)):
        environment = environment.replace(f":{usual}", f":{ours}")
    # Containers come in through the bridge, not the loopback.
    ports = ["--host", "0.0.0.0", "--port", str(API)]
    ports += ["--emulator-port", str(EMULATOR), "--aws-port", str(AWS)]

    with tempfile.TemporaryDirectory() as folder:
        env_vars = Path(folder, "env.json")
        env_vars.write_text(environment)
        log = Path(folder, "stack.log")
        with log.open("w") as output:
            stack = subprocess.Popen([options.stack, *ports], stdout=output, stderr=output)
        try:
            wait_for_ports(stack, (API, EMULATOR, AWS))
            check(Containers(options.template, options.architecture, str(env_vars)))
        except Failed as problem:
            print(f"containers: {problem}\n--- the local stack said:\n{log.read_text()[-4000:]}", file=sys.stderr)
            return 1
        finally:
            stack.terminate()
            stack.wait(timeout=10)
    print("containers: a read, a write made once, a tool of every function, and the authorizer answer")
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
