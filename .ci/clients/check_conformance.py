#!/usr/bin/env python3
"""Runs the conformance tests of the Model Context Protocol: those that need no tools, prompts or
resources of their own. They know no API keys, so they come through a proxy on this machine that adds
one, and that changes nothing else."""

import argparse
import concurrent.futures
import http.client
import http.server
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

# By version of the protocol. The first one is older than the tests, which run all the same.
SCENARIOS = {
    "2025-03-26": ["server-initialize", "tools-list"],
    "2025-06-18": ["server-initialize", "tools-list"],
    "2025-11-25": ["server-initialize", "ping", "tools-list", "prompts-list", "dns-rebinding-protection"],
    "2026-07-28": ["tools-list", "prompts-list", "dns-rebinding-protection", "http-header-validation"],
}
# These belong to a connection, not to what goes over it.
HOP_BY_HOP = {"connection", "content-length", "keep-alive", "transfer-encoding"}


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *asked):
        # A test that goes away when it has seen enough is no error.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*asked)


def proxy(port, server, key):
    class Proxy(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            connection = http.client.HTTPConnection(server, timeout=60)
            # The host is the one that the client names.
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.putheader("Authorization", f"Bearer {key}")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_DELETE = do_GET = do_POST = forward

        def log_message(self, *_):
            pass

    return Server(("127.0.0.1", port), Proxy)


def problem(node, command, url, version, scenario):
    """What is wrong, if something is."""
    with tempfile.TemporaryDirectory() as folder:
        asked = ["server", "--url", url, "--scenario", scenario, "--spec-version", version, "--force"]
        done = subprocess.run(
            [node, command, *asked, "--output-dir", folder], capture_output=True, text=True, timeout=120
        )
        # A scenario that was skipped ends well, too, but checks nothing.
        checks = [check for file in Path(folder).glob("*/checks.json") for check in json.loads(file.read_text())]
    # What a server need not have, such as an id of a session, is only told.
    verdicts = {check["status"] for check in checks} - {"INFO"}
    if done.returncode == 0 and verdicts == {"SUCCESS"}:
        return None
    return f"conformance: {scenario} of {version} ended with {done.returncode}, {verdicts}:\n{done.stdout}{done.stderr}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="the address of the server, with /mcp")
    parser.add_argument("--key", required=True, help="the API key")
    parser.add_argument("--port", required=True, type=int, help="where the proxy listens; the server allows its origin")
    parser.add_argument("--modules", required=True, help="the folder node_modules with the tests")
    options = parser.parse_args()

    modules = Path(options.modules)
    # The tests need Node.js 22, which is there for Linux. Elsewhere, the machine's own has to be as new.
    node = modules / ".bin" / "node"
    node = node if node.exists() else "node"
    server = proxy(options.port, urlsplit(options.url).netloc, options.key)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{options.port}{urlsplit(options.url).path}"

    runs = [(version, scenario) for version, scenarios in SCENARIOS.items() for scenario in scenarios]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        run = lambda asked: problem(node, modules / ".bin" / "conformance", url, *asked)  # noqa: E731
        problems = [found for found in pool.map(run, runs) if found]
    if problems:
        raise SystemExit("\n".join(problems))
    print(f"conformance: {len(runs)} scenarios pass, in {', '.join(SCENARIOS)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
