#!/usr/bin/env python3
"""Uses the local stack as those who build bots would: the programs in docs/, the official clients and
the conformance tests of the Model Context Protocol, clients that are generated from the OpenAPI
document, and a generator of requests from it."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from local_stack import KEY, PROXY, URL, local_stack

ROOT = Path(__file__).resolve().parent.parent
CHECKS = ROOT / ".ci" / "clients"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True, help="the binary of the local stack")
    parser.add_argument("--python", required=True, help="the Python that has the clients")
    parser.add_argument("--modules", required=True, help="the folder node_modules with the clients")
    options = parser.parse_args()

    def check(name, address, *more):
        subprocess.run([options.python, CHECKS / name, "--url", address, "--key", KEY, *more], check=True)

    # The conformance tests are a page of this site, and of a foreign one.
    with local_stack(options.stack, more=["--allowed-origin", f"http://127.0.0.1:{PROXY}"]):
        modules = ("--modules", options.modules)
        check("check_docs.py", URL, *modules)
        check("check_mcp.py", f"{URL}/mcp", *modules)
        check("check_conformance.py", f"{URL}/mcp", *modules, "--port", str(PROXY))
        check("check_generated.py", URL, *modules)
        # Last: it sends whatever the document allows, the removal of connections included.
        check("check_openapi.py", URL)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
