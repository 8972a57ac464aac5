"""Microsoft's own Dataverse client, unchanged, against the emulator over TLS."""

import os

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError

INSTANCE_URL = os.environ["INSTANCE_URL"]


def credential(secret: str) -> ClientSecretCredential:
    return ClientSecretCredential(
        os.environ["TENANT_ID"],
        os.environ["CLIENT_ID"],
        secret,
        authority=INSTANCE_URL,
        disable_instance_discovery=True,
    )


def status_of(call) -> int:
    """The HTTP status that a call is refused with."""
    try:
        call()
    except HttpError as error:
        return error.status_code
    raise AssertionError("not refused")


def records(client: DataverseClient) -> None:
    sample = client.records.list(
        "contact",
        select=["fullname", "emailaddress1"],
        filter="contains(lastname,'rell')",
        include_annotations="*",
    )
    assert [row["fullname"] for row in sample], "the sample's contact with an apostrophe"
    pages = list(client.records.list_pages("contact", select=["fullname"], page_size=3))
    assert len(pages) > 2 and all(len(page) <= 3 for page in pages), [len(page) for page in pages]
    keys = [row["contactid"] for page in pages for row in page]
    assert len(keys) == len(set(keys)), "a page repeats a row"

    key = client.records.create(
        "contact",
        # The client turns the label into its number by asking for the table's option sets.
        {"firstname": "Ada", "lastname": "O'Brien", "preferredcontactmethodcode": "Phone"},
    )
    row = client.records.retrieve(
        "contact", key, select=["fullname", "preferredcontactmethodcode", "statecode"]
    )
    assert row["fullname"] == "Ada O'Brien", row
    assert row["preferredcontactmethodcode"] == 3, row
    client.records.update("contact", key, {"jobtitle": "Engineer", "firstname": "Áda"})
    row = client.records.retrieve("contact", key, select=["fullname", "jobtitle"])
    assert (row["fullname"], row["jobtitle"]) == ("Áda O'Brien", "Engineer"), row
    found = client.records.list(
        "contact", select=["contactid"], filter="lastname eq 'O''Brien' and jobtitle eq 'engineer'"
    )
    assert [one["contactid"] for one in found] == [key], found

    refusal = status_of(lambda: client.records.update("contact", key, {"nosuchcolumn": 1}))
    assert refusal == 400, refusal
    client.records.delete("contact", key)
    refusal = status_of(lambda: client.records.delete("contact", key))
    assert refusal == 404, refusal


def batch(client: DataverseClient) -> None:
    request = client.batch.new()
    with request.changeset() as changes:
        reference = changes.records.create("contact", {"lastname": "In a change set"})
        changes.records.update("contact", reference, {"jobtitle": "By reference"})
    result = request.execute()
    assert not result.has_errors, result.failed
    found = client.records.list(
        "contact", select=["jobtitle"], filter="lastname eq 'In a change set'"
    )
    assert [one["jobtitle"] for one in found] == ["By reference"], found

    request = client.batch.new()
    request.records.delete("contact", found[0]["contactid"])
    assert not request.execute().has_errors

    request = client.batch.new()
    with request.changeset() as changes:
        changes.records.create("contact", {"lastname": "Never there"})
        changes.records.create("contact", {"lastname": "Never there", "nosuchcolumn": 1})
    assert request.execute(continue_on_error=True).has_errors
    found = client.records.list(
        "contact", select=["contactid"], filter="lastname eq 'Never there'"
    )
    assert not found, "a change set that failed left a row"


def wrong_secret(_: DataverseClient) -> None:
    try:
        credential("wrong").get_token(f"{INSTANCE_URL}/.default")
    except ClientAuthenticationError as error:
        assert "AADSTS7000215" in str(error), error
    else:
        raise AssertionError("a wrong secret got a token")


def main() -> None:
    checks = [records, batch, wrong_secret]
    with DataverseClient(INSTANCE_URL, credential(os.environ["CLIENT_SECRET"])) as client:
        for check in checks:
            check(client)
    print(f"{len(checks)} passed, 0 failed")


main()
