"""Airbyte's source for Microsoft Dataverse, unchanged, against the emulator over TLS.

It runs in this process by its own entry point, because the one thing it cannot be told is where
tokens come from: login.microsoftonline.com stands for the emulator here.
"""

import contextlib
import io
import json
import logging
import os
import tempfile
from pathlib import Path

import requests
from airbyte_cdk.entrypoint import launch
from source_microsoft_dataverse import SourceMicrosoftDataverse

INSTANCE_URL = os.environ["INSTANCE_URL"]

CONFIG = {
    "url": INSTANCE_URL,
    "tenant_id": os.environ["TENANT_ID"],
    "client_id": os.environ["CLIENT_ID"],
    "client_secret_value": os.environ["CLIENT_SECRET"],
    "odata_maxpagesize": 4,
}


class ToEmulator(requests.adapters.HTTPAdapter):
    def send(self, request, **options):
        request.url = request.url.replace("https://login.microsoftonline.com", INSTANCE_URL, 1)
        return super().send(request, **options)


def run(command: str, kind: str, **files) -> list[dict]:
    """The messages of one kind that a command of the connector prints."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [command]
        for name, content in files.items():
            path = Path(folder, f"{name}.json")
            path.write_text(json.dumps(content))
            arguments += [f"--{name}", str(path)]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            launch(SourceMicrosoftDataverse(), arguments)
    messages = [json.loads(line) for line in printed.getvalue().splitlines()]
    return [message for message in messages if message["type"] == kind]


def connection(config: dict) -> dict:
    [message] = run("check", "CONNECTION_STATUS", config=config)
    return message["connectionStatus"]


def check() -> None:
    assert connection(CONFIG)["status"] == "SUCCEEDED", connection(CONFIG)
    refused = connection({**CONFIG, "client_secret_value": "wrong"})
    assert refused["status"] == "FAILED" and "401" in refused["message"], refused


def discover() -> dict:
    [message] = run("discover", "CATALOG", config=CONFIG)
    streams = {stream["name"]: stream for stream in message["catalog"]["streams"]}
    contact = streams["contact"]
    assert contact["source_defined_primary_key"] == [["contactid"]], contact
    assert "incremental" in contact["supported_sync_modes"], contact["supported_sync_modes"]
    columns = contact["json_schema"]["properties"]
    assert columns["lastname"] == {"type": ["null", "string"]}, columns["lastname"]
    assert columns["createdon"]["format"] == "date-time", columns["createdon"]
    # It learns of days without a time in a $batch of its own.
    assert columns["birthdate"]["format"] == "date", columns["birthdate"]
    assert columns["preferredcontactmethodcode"]["type"] == ["null", "integer"]
    assert {"account", "incident", "lead", "opportunity"} <= set(streams), list(streams)
    return contact


def read(contact: dict) -> None:
    catalog = {
        "streams": [
            {"stream": contact, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
        ]
    }
    rows = [
        message["record"]["data"]
        for message in run("read", "RECORD", config=CONFIG, catalog=catalog)
    ]
    keys = {row["contactid"] for row in rows}
    # More than two pages, and none twice.
    assert len(rows) > 8 and len(keys) == len(rows), (len(rows), len(keys))
    assert any("'" in (row["lastname"] or "") for row in rows), "the contact with an apostrophe"


def main() -> None:
    # It logs what it does and each refusal, and refusals are asked for here.
    logging.disable(logging.ERROR)
    session = requests.Session.__init__

    def opened(self, *arguments, **options) -> None:
        session(self, *arguments, **options)
        self.mount("https://login.microsoftonline.com", ToEmulator())
        # The connector's reads pass over the variable that names the file.
        self.verify = os.environ["REQUESTS_CA_BUNDLE"]

    requests.Session.__init__ = opened
    check()
    read(discover())
    print("3 passed, 0 failed")


main()
