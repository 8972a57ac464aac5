"""The local stack, for as long as a check needs it."""

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# These are not the stack's usual ports, because a developer may have one running.
# Below the ports that the system gives to whoever connects somewhere.
API, EMULATOR, AWS = 23000, 23001, 23002
# Of a check that calls the API through itself.
PROXY = 23003
URL = f"http://127.0.0.1:{API}"
KEY = "local-dev-key"


class Failed(Exception):
    """An answer is not what it should be."""


def wait_for_ports(process, ports, seconds=60):
    end = time.monotonic() + seconds
    for port in ports:
        while True:
            if process.poll() is not None:
                raise Failed(f"what should listen on port {port} ended with {process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > end:
                    raise Failed(f"nothing listens on port {port}") from None
                time.sleep(0.2)


@contextlib.contextmanager
def local_stack(binary, host="127.0.0.1", more=()):
    """Runs the stack, with more options. If something fails, this prints the end of its log."""
    ports = ["--host", host, "--port", str(API), "--emulator-port", str(EMULATOR), "--aws-port", str(AWS)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "stack.log")
        with log.open("w") as output:
            stack = subprocess.Popen([binary, *ports, *more], stdout=output, stderr=output)
        try:
            wait_for_ports(stack, (API, EMULATOR, AWS))
            yield
        except Exception:
            print(f"--- the local stack said:\n{log.read_text()[-4000:]}", file=sys.stderr)
            raise
        finally:
            stack.terminate()
            stack.wait(timeout=10)
