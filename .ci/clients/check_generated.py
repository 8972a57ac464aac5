#!/usr/bin/env python3
"""Generates clients from the OpenAPI document, as others would: with openapi-python-client, with
OpenAPI Generator for Python, and with openapi-typescript for TypeScript. Each is used against the
running API: it looks up, creates, gets, lists the tools and reads problems, and all values of enums
that answers have. What API Gateway says itself is played."""

import argparse
import http.server
import importlib
import json
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
import uuid
from pathlib import Path

EMAIL = "maren.quist@northwind.example"
# What API Gateway says in the place of a function.
GATEWAY = {
    401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests", 500: "Internal Server Error",
    503: "Service Unavailable",
}  # fmt: skip
VISITORS = {
    "confirm": "consequences", "company": "read", "email_columns": ["emailaddress1", "emailaddress2"],
    "codes": {"company": "Contoso", "language": "de"},
    "tokens": {"issuers": [
        {"issuer": "https://one.example", "algorithm": "HS256", "keys": [{"kid": "1", "secret": "s" * 32}]},
        {"issuer": "https://two.example", "algorithms": ["RS256", "EdDSA"], "jwks": "https://two.example/jwks"},
    ]},
}  # fmt: skip


def expect(condition, problem, shown=""):
    if not condition:
        raise SystemExit(f"generated clients: {problem}: {str(shown)[:2000]}")


class Gateway(http.server.BaseHTTPRequestHandler):
    """Refuses all calls, with the status that the chat is named by."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = int(self.headers["X-Conversation-Id"])
        body = json.dumps({"message": GATEWAY[status]}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class OpenApiPythonClient:
    """What openapi-python-client makes. What it cannot read as documented, it raises."""

    name = "openapi-python-client"
    package = "of_openapi_python_client"

    @classmethod
    def command(cls, tools, document, folder):
        # Nobody reads it, so it need not be tidied up.
        config = folder / "config.json"
        config.write_text(json.dumps({"post_hooks": []}))
        return [
            tools / "openapi-python-client", "generate", "--path", document, "--meta", "none",
            "--output-path", folder / cls.package, "--config", config, "--fail-on-warning",
        ]  # fmt: skip

    def __init__(self, url, key):
        client = importlib.import_module(f"{self.package}.client").AuthenticatedClient
        self.client = client(base_url=url, token=key, raise_on_unexpected_status=True)
        self.models = importlib.import_module(f"{self.package}.models")

    def call(self, tag, operation, schema, body, parameters):
        module = importlib.import_module(f"{self.package}.api.{tag}.{operation}")
        if schema:
            parameters["body"] = getattr(self.models, schema).from_dict(body)
        answer = module.sync_detailed(client=self.client, **parameters)
        return int(answer.status_code), answer.parsed.to_dict()


class OpenApiGenerator:
    """What OpenAPI Generator makes."""

    name = "OpenAPI Generator"
    package = "of_openapi_generator"

    @classmethod
    def command(cls, tools, document, folder):
        return [
            tools / "openapi-generator-cli", "generate", "-i", document, "-g", "python", "-o", folder,
            "--package-name", cls.package, "--global-property",
            "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false",
        ]  # fmt: skip

    def __init__(self, url, key):
        self.all = importlib.import_module(self.package)
        self.client = self.all.ApiClient(self.all.Configuration(host=url, access_token=key))

    def call(self, tag, operation, schema, body, parameters):
        if schema:
            name = re.sub(r"(?<!^)(?=[A-Z])", "_", schema).lower()
            parameters[name] = getattr(self.all, schema).from_dict(body)
        api = getattr(self.all, f"{tag.capitalize()}Api")(self.client)
        try:
            answer = getattr(api, f"{operation}_with_http_info")(**parameters)
        except self.all.ApiException as error:
            expect(error.data is not None, f"{self.name} cannot read a problem of {operation}", error)
            return error.status, error.data.to_dict()
        data = answer.data
        return answer.status_code, data if isinstance(data, dict) else data.to_dict()


def use(kind, url, key, gateway, credentials):
    """Makes the calls with a client for Python."""
    client = kind(url, key)

    def call(expected, tag, operation, schema=None, body=None, **parameters):
        status, answer = client.call(tag, operation, schema, body, parameters)
        expect(status == expected, f"{kind.name}: {operation} is {status}", answer)
        # As JSON: the clients make types of their own of ids, times and values of enums.
        return json.loads(json.dumps(answer, default=lambda it: getattr(it, "value", str(it))))

    def tool(expected, name, **arguments):
        schema = "".join(word.capitalize() for word in name.split("_"))
        return call(expected, "tools", f"dynamics365_{name}", f"{schema}Input", arguments)

    found = tool(200, "get_contact_by_email", email=EMAIL)
    expect(found["result"]["contact"]["email"] == EMAIL, f"{kind.name}: another contact", found)
    expect(found["escalation"]["reason"] == "high_priority_case", f"{kind.name}: no escalation", found)
    searched = tool(200, "search_contacts", query="quist")
    expect(EMAIL in [one["email"] for one in searched["result"]["contacts"]], f"{kind.name}: not found", searched)

    subject = f"Generated {uuid.uuid4()}"
    case = {"contact": EMAIL, "subject": subject, "description": "From a client.", "priority": "Low"}
    made = tool(200, "create_case", **case, type=None)
    expect(made["result"]["created"] is True, f"{kind.name}: no case", made)
    got = tool(200, "get_case", case=made["result"]["case"]["number"])
    expect(got["result"]["case"]["subject"] == subject, f"{kind.name}: another case", got)
    problem = tool(404, "get_case", case="CAS-99")
    expect(problem["code"] == "not_found" and problem["next_step"], f"{kind.name}: another problem", problem)

    tools = call(200, "catalog", "list_tools")["tools"]
    expect(len(tools) == 28, f"{kind.name}: not 28 tools", tools)
    document = call(200, "catalog", "get_openapi")
    expect(document["servers"] == [{"url": url}], f"{kind.name}: another server", document["servers"])

    # Every enum of answers.
    connection = call(200, "connections", "get_connection", id="default")
    expect(connection["secret"]["source"], f"{kind.name}: no source", connection)
    wrong = {**credentials, "client_secret": "wrong"}
    broken = call(424, "connections", "set_up_connection", "SetUpConnectionInput", wrong, id="generated")
    known = (broken["cause"], broken["write"])
    expect(known == ("secret_wrong", "not_happened"), f"{kind.name}: another problem", broken)
    stored = call(200, "connections", "set_visitors", "SetVisitorsInput", VISITORS, id="default")
    for settings in (stored, call(200, "connections", "get_visitors", id="default")):
        one, two = settings["settings"]["tokens"]["issuers"]
        shown = {name: settings["settings"][name] for name in VISITORS if name != "tokens"}
        algorithms = (one["algorithm"], one["keys"][0]["kid"], two["algorithms"])
        wanted = {name: VISITORS[name] for name in shown}
        expect(shown == wanted and algorithms == ("HS256", "1", ["RS256", "EdDSA"]), f"{kind.name}: others", settings)
    taken_back = dict.fromkeys(VISITORS)
    usual = call(200, "connections", "set_visitors", "SetVisitorsInput", taken_back, id="default")["settings"]
    expect(usual["confirm"] == "none" and "tokens" not in usual, f"{kind.name}: not taken back", usual)
    form = {
        "client": kind.name, "connections": ["default"], "scopes": ["read"], "for": "visitors",
        "conversation": "header", "confirm": "consequences",
    }  # fmt: skip
    key_made = call(201, "keys", "make_key", "MakeKeyInput", form)
    expect({name: key_made[name] for name in form} == form, f"{kind.name}: another key", key_made)
    call(200, "keys", "revoke_key", id=key_made["id"])

    client = kind(url, "wrong")
    problem = tool(401, "get_case", case="CAS-99")
    expect(problem["code"] == "unauthenticated", f"{kind.name}: another problem", problem)
    client = kind(gateway, key)
    for status, message in GATEWAY.items():
        chat = {"x_conversation_id": str(status)}
        said = call(status, "tools", "dynamics365_get_case", "GetCaseInput", {"case": "x"}, **chat)
        expect(said == {"message": message}, f"{kind.name}: something else of the gateway", said)
    print(f"generated clients: that of {kind.name} gets on with {url}", flush=True)


def use_typescript(modules, folder, url, key, gateway):
    """Compiles the program for the client in TypeScript with the types of the document, and runs it."""
    program = Path(__file__).with_name("generated.mts")
    (folder / program.name).write_text(program.read_text())
    compiler = [
        modules / ".bin/tsc", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022",
        folder / program.name,
    ]  # fmt: skip
    subprocess.run(compiler, check=True)
    statuses = ",".join(map(str, GATEWAY))
    subprocess.run(["node", folder / "generated.mjs", url, key, gateway, statuses], check=True, timeout=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="the address of the API")
    parser.add_argument("--key", required=True, help="the API key")
    parser.add_argument("--modules", required=True, type=Path, help="the node_modules that have the clients")
    options = parser.parse_args()
    tools = Path(sys.executable).parent
    authorization = {"Authorization": f"Bearer {options.key}"}

    def get(path):
        with urllib.request.urlopen(urllib.request.Request(f"{options.url}{path}", headers=authorization)) as answer:
            return json.load(answer)

    connection = get("/v1/connections/default")
    credentials = {name: connection[name] for name in ("tenant_id", "client_id", "instance_url")}
    gateway = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    gateway_url = f"http://127.0.0.1:{gateway.server_address[1]}"
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "node_modules").symlink_to(options.modules.resolve())
        document = folder / "openapi.json"
        document.write_text(json.dumps(get("/v1/openapi.json")))
        kinds = (OpenApiGenerator, OpenApiPythonClient)
        commands = {kind.name: kind.command(tools, document, folder) for kind in kinds}
        commands["openapi-typescript"] = [
            options.modules / ".bin/openapi-typescript", document, "-o", folder / "api.d.ts",
        ]  # fmt: skip
        running = {
            name: subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for name, command in commands.items()
        }
        for name, process in running.items():
            said, _ = process.communicate(timeout=300)
            expect(process.returncode == 0, f"{name} makes no client", said[-2000:])
        sys.path.insert(0, str(folder))
        for kind in kinds:
            use(kind, options.url, options.key, gateway_url, credentials)
        use_typescript(options.modules, folder, options.url, options.key, gateway_url)
    gateway.shutdown()


if __name__ == "__main__":
    sys.exit(main())
