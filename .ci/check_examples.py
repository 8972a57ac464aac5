#!/usr/bin/env python3
"""Runs docs/examples, the programs that sign visitor tokens, as they stand there, and calls tools of
the local stack with what they print. The connection trusts them as docs/visitors.md says: the
settings, the variables and the call of curl are taken from that page. Tokens that were tampered with,
or signed with something else, are refused. Python and Node.js must be there; the other languages run
where they are installed, and the closing table says which ones did."""

import argparse
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

from local_stack import KEY, URL, Failed, local_stack

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "examples"
PAGE = ROOT / "docs" / "visitors.md"
# A bot's key. Its word would count, but the settings take tokens alone.
VISITOR_KEY = "local-visitor-key"
EMAIL, OTHER = "maren.quist@northwind.example", "zoe.brandt@litware.example"
VARIABLE = "VISITOR_TOKEN_"
# What may be in a name or an address, and must not add a claim.
NASTY = 'a"b\\c\t<&>\'{"'
# How long a program may take. The first one of Go or .NET compiles much of a library.
PATIENCE = 180
# What an answer, a program or the page may do that it should not.
PROBLEMS = (Failed, subprocess.SubprocessError, LookupError, OSError, TypeError, ValueError)


@dataclass
class Language:
    name: str
    file: str
    # Says the version, and shows that the tool works.
    version: tuple
    # How to get it, if it must be there.
    needed: str = ""
    # What makes a project in an empty folder, the program's name there, and what builds it.
    project: tuple = ()
    renamed: str = ""
    build: tuple = ()


LANGUAGES = [
    Language("Python", "visitor_token.py", ("python", "--version"), "Python 3.11, as for all of .ci/run"),
    Language("Node.js", "visitor_token.mjs", ("node", "--version"), "Node.js 20 with npm, as for all of .ci/run"),
    Language(
        "C#", "VisitorToken.cs", ("dotnet", "--version"),
        project=("dotnet", "new", "console", "--output", ".", "--name", "Token"),
        renamed="Program.cs", build=("dotnet", "build"),
    ),
    Language("Java", "VisitorToken.java", ("java", "--version")),
    Language("Go", "visitor_token.go", ("go", "version")),
]  # fmt: skip


def expect(condition, problem, shown=""):
    if not condition:
        raise Failed(f"{problem}: {shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)}"[:2000])


def blocks(kind):
    """The code blocks of the page, also those within lists."""
    found = re.findall(rf"^( *)```{kind}\n(.*?)^\1```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return [text for _, text in found]


class Docs:
    """What the page says."""

    def __init__(self):
        with_secret = [text for text in blocks("json") if '"secret": "…"' in text]
        [self.settings, self.replacing] = sorted(with_secret, key=lambda text: text.count('"kid"'))
        [self.published] = [text for text in blocks("json") if '"jwks"' in text]
        [self.call] = [text for text in blocks("sh") if "visitor_token.py" in text]
        self.variables = dict(re.findall(rf"\b({VARIABLE}\w+)=(\S+)", self.call))
        linked = re.findall(r"\]\(examples/([^)]+)\)", PAGE.read_text())
        ours, there = [one.file for one in LANGUAGES], [file.name for file in FOLDER.iterdir()]
        expect(sorted(linked) == sorted(ours) == sorted(there), "other examples than those that are run", there)


def request(method, path, body, **headers):
    """The status and the answer. The names of headers are given with underscores."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(f"{URL}{path}", json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def call(tool, arguments, key=VISITOR_KEY, **headers):
    return request(
        "POST", f"/v1/tools/dynamics365_{tool}", arguments, authorization=f"Bearer {key}", **headers
    )  # fmt: skip


def result(tool, arguments, token, key=VISITOR_KEY):
    status, answer = call(tool, arguments, key, x_visitor_token=token)
    expect(status == 200, f"{tool} answers {status}, not 200", answer)
    return answer["result"]


def store(settings, *secrets):
    """Stores settings of the page, with these secrets in place of the dots."""
    for secret in secrets:
        settings = settings.replace("…", secret, 1)
    path = "/v1/connections/default/visitors"
    status, answer = request("PUT", path, json.loads(settings), authorization=f"Bearer {KEY}")
    expect(status == 200, f"the page's settings are answered with {status}", answer)
    expect(not any(secret in json.dumps(answer) for secret in secrets), "a secret is shown")


def run(command, folder, variables, **more):
    """Runs a program with these variables of a token, and no others."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(VARIABLE)}
    environment |= {"DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1", **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, **more
    )  # fmt: skip


def said(command, folder, variables, **more):
    done = run(command, folder, variables, **more)
    expect(done.returncode == 0, f"{' '.join(command)} ends with {done.returncode}", done.stdout + done.stderr)
    return done.stdout


class Example:
    """A program, as its first lines say that it is run."""

    def __init__(self, language, folder=None):
        text = (FOLDER / language.file).read_text()
        [usage] = re.findall(rf": ((?:\S+ )+){re.escape(EMAIL)}$", text, re.MULTILINE)
        self.command, self.folder = usage.split(), FOLDER
        if language.project:
            self.folder = folder
            said(language.project, folder, {})
            shutil.copy(FOLDER / language.file, folder / language.renamed)
            # So that what a compiler has to say is not among what the program says.
            said(language.build, folder, {})

    def token(self, variables, email=EMAIL):
        lines = said([*self.command, email], self.folder, variables).splitlines()
        expect(len(lines) == 1, "it prints something else than one token", lines)
        return lines[0]

    def refuses(self, arguments, variables):
        done = run([*self.command, *arguments], self.folder, variables)
        expect(done.returncode != 0 and not done.stdout.strip(), "it says yes to anything", done.stdout)


def encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def decoded(token):
    """The header and the claims."""
    expect(re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token, re.ASCII), "it is no token", token)
    parts = [part + "=" * (-len(part) % 4) for part in token.split(".")]
    return [json.loads(base64.urlsafe_b64decode(part)) for part in parts[:2]]


def says(token, variables, email):
    """Checks that a token says this and nothing else."""
    value = {name.removeprefix(VARIABLE).lower(): value for name, value in variables.items()}
    header, claims = decoded(token)
    expect(header == {"alg": "HS256", "typ": "JWT", "kid": value["kid"]}, "another header", header)
    made = claims.get("iat")
    wanted = {
        "iss": value["issuer"], "aud": value.get("connection", "default"), "iat": made, "exp": made + 600,
        "email": email, "email_verified": True,
    }  # fmt: skip
    expect(claims == wanted and abs(time.time() - made) < 60, "other claims", claims)


def tampered(token):
    """Tokens that nobody has signed."""
    header, claims, signature = token.split(".")
    first = "B" if signature[0] == "A" else "A"
    (was_header, was_claims), now = decoded(token), int(time.time())
    return {
        "another signature": f"{header}.{claims}.{first}{signature[1:]}",
        "another visitor": f"{header}.{encoded({**was_claims, 'email': OTHER})}.{signature}",
        "a later end": f"{header}.{encoded({**was_claims, 'exp': now + 3600})}.{signature}",
        "no algorithm": f"{encoded({**was_header, 'alg': 'none'})}.{claims}.{signature}",
        "no signature": f"{encoded({**was_header, 'alg': 'none'})}.{claims}.",
    }


def expect_refused(what, token):
    for key in (VISITOR_KEY, KEY):
        status, answer = call("get_contact", {}, key, x_visitor_token=token)
        is_refused = status == 401 and answer.get("code") == "visitor_token_invalid"
        expect(is_refused, f"a token with {what} is not refused", [status, answer])
        expect(EMAIL not in json.dumps(answer), f"a token with {what} is told who it would be", answer)


def check(language, variables):
    with tempfile.TemporaryDirectory() as folder:
        check_example(Example(language, Path(folder)), variables)


def check_example(example, variables):
    token = example.token(variables)
    says(token, variables, EMAIL)
    for key in (VISITOR_KEY, KEY):
        contact = result("get_contact", {}, token, key)["contact"]
        # The owner is for staff, and a token makes less of any key.
        expect(contact["email"] == EMAIL and "owner" not in contact, "not what this visitor may see", contact)
        status, answer = call("get_contact", {"contact": OTHER}, key, x_visitor_token=token)
        expect(status == 404 and answer["code"] == "not_found", "somebody else is there", answer)
    expect(result("get_contact_cases", {"status": "all"}, token)["cases"], "the visitor has no cases")
    made = result("create_case", {"subject": f"Checked {uuid.uuid4()}", "description": "From an example."}, token)
    expect(made["case"]["number"], "no case", made)

    for what, wrong in tampered(token).items():
        expect_refused(what, wrong)
    for name in ("SECRET", "KID", "ISSUER", "CONNECTION"):
        other = variables | {VARIABLE + name: f"another-{uuid.uuid4()}"}
        expect_refused(f"another {name.lower()}", example.token(other))

    # Without a connection it is for `default`, and no value can add to the claims.
    odd = {VARIABLE + name: f"{name}{NASTY}" for name in ("SECRET", "KID", "ISSUER")}
    says(example.token(odd, EMAIL + NASTY), odd, EMAIL + NASTY)
    example.refuses([], variables)
    example.refuses([EMAIL], {})


def check_call(docs, variables, secret):
    """The page's call of curl. The secret is typed in."""
    address = {"API": URL, "KEY": VISITOR_KEY}
    answer = said(["bash", "-euo", "pipefail", "-c", docs.call], ROOT, address, input=f"{secret}\n")
    expect(json.loads(answer)["result"]["contact"]["email"] == EMAIL, "another contact", answer)


def check_settings(docs, variables):
    """A secret takes another one's place, as the page says, and published keys that of both. Python,
    which is always there, signs."""
    example = Example(LANGUAGES[0])
    [(kid, new)] = [(key["kid"], str(uuid.uuid4())) for key in keys(docs.replacing) if "secret" in key]
    old, later = example.token(variables), variables | {VARIABLE + "KID": kid, VARIABLE + "SECRET": new}
    store(docs.replacing, new)
    for token in (old, example.token(later)):
        result("get_contact", {}, token)
    alone = json.loads(docs.replacing)
    alone["tokens"]["issuers"][0]["keys"] = [{"kid": kid}]
    store(json.dumps(alone))
    result("get_contact", {}, example.token(later))
    expect_refused("a secret that was replaced", old)
    store(docs.published)
    expect_refused("an issuer that was replaced", example.token(later))


def keys(settings):
    return json.loads(settings)["tokens"]["issuers"][0]["keys"]


def unusable(language):
    """Why the tool of a language cannot be used; None if it can."""
    tool = language.version[0]
    if not shutil.which(tool):
        return f"{tool} is not installed"
    done = subprocess.run(language.version, capture_output=True, text=True, timeout=60)
    return None if done.returncode == 0 else f"{' '.join(language.version)} fails"


def version(language):
    done = subprocess.run(language.version, capture_output=True, text=True, timeout=60)
    return (done.stdout + done.stderr).strip().splitlines()[0]


class Table:
    """What ran and what did not."""

    def __init__(self):
        self.rows, self.left_out, self.failed = [], [], False

    def left(self, name, file, why, needed=""):
        self.failed |= bool(needed)
        self.left_out.append(name)
        self.rows.append((name, file, f"FAILED: {why}; install {needed}" if needed else f"not run: {why}"))

    def ran(self, name, file, how, work, *given):
        """Does the work, and notes how it ends."""
        try:
            started = time.monotonic()
            work(*given)
            self.rows.append((name, file, f"ran in {time.monotonic() - started:.1f} s: {how}"))
        except PROBLEMS as problem:
            print(f"examples: {name}: {type(problem).__name__}: {problem}", file=sys.stderr, flush=True)
            self.rows.append((name, file, "FAILED, see above"))
            self.failed = True

    def show(self):
        for name, file, what in self.rows:
            print(f"{name:10} {file:18} {what}")


def check_all(table):
    docs, secret = Docs(), str(uuid.uuid4())
    store(docs.settings, secret)
    [kid] = [key["kid"] for key in keys(docs.settings)]
    expect(docs.variables[VARIABLE + "KID"] == kid, "the page's call has another key", docs.variables)
    variables = {**docs.variables, VARIABLE + "SECRET": secret}
    # What a token must not change: this is what staff see, and that nobody's word counts.
    status, answer = call("get_contact", {"contact": EMAIL}, KEY)
    expect(status == 200 and answer["result"]["contact"]["owner"], "staff see no owner", answer)
    status, answer = call("get_contact", {}, x_visitor_email=EMAIL)
    expect(status == 403 and answer["code"] == "forbidden", "the platform's word counts", answer)

    for language in LANGUAGES:
        name, file = language.name, language.file
        if why := unusable(language):
            table.left(name, file, why, language.needed)
            continue
        table.ran(name, file, version(language), check, language, variables)

    if missing := [tool for tool in ("bash", "curl", "python3") if not shutil.which(tool)]:
        table.left("Shell", PAGE.name, f"{' and '.join(missing)} not installed")
    else:
        table.ran("Shell", PAGE.name, "the page's call of curl", check_call, docs, variables, secret)
    table.ran("Settings", PAGE.name, "a secret is replaced, keys are published", check_settings, docs, variables)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True, help="the binary of the local stack")
    parser.add_argument("--remark", type=Path, help="the file in which to say in short what did not run")
    options = parser.parse_args()
    table = Table()
    try:
        with local_stack(options.stack):
            check_all(table)
    except PROBLEMS as problem:
        print(f"examples: {type(problem).__name__}: {problem}", file=sys.stderr, flush=True)
        table.failed = True
    table.show()
    if options.remark and table.left_out:
        options.remark.write_text(f"without {', '.join(table.left_out)}: not installed\n")
    return 1 if table.failed else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
