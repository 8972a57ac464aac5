"""dynamics-client, unchanged, against the emulator over TLS."""

import logging
import os

from authlib.integrations.base_client import OAuthError
from dynamics import DynamicsClient, ftr
from dynamics.exceptions import DuplicateRecordError, NotFound, ParseError

INSTANCE_URL = os.environ["INSTANCE_URL"]


def client_of(secret: str) -> DynamicsClient:
    return DynamicsClient(
        f"{INSTANCE_URL}/api/data/v9.2",
        f"{INSTANCE_URL}/{os.environ['TENANT_ID']}/oauth2/v2.0/token",
        os.environ["CLIENT_ID"],
        secret,
        scope=[f"{INSTANCE_URL}/.default"],
        # The cache is a file that would outlive the emulator.
        cache_token=False,
    )


def refused(call, by: type[Exception]) -> str:
    """What a refusal says."""
    try:
        call()
    except by as error:
        return str(error)
    raise AssertionError("not refused")


def ask(client: DynamicsClient, table: str, row: str = "", **options) -> DynamicsClient:
    client.reset_query()
    client.table = table
    client.row_id = row
    for name, value in options.items():
        setattr(client, name, value)
    return client


def reading(client: DynamicsClient) -> None:
    accounts = ask(
        client,
        "accounts",
        select=["name"],
        filter=[ftr.contains("name", "a"), ftr.eq("statecode", 0)],
        orderby={"name": "asc"},
        expand={"contact_customer_accounts": {"select": ["lastname"], "top": 2}},
        count=True,
        show_annotations=True,
    ).get()
    names = [row["name"] for row in accounts.data]
    assert len(names) > 1 and accounts.count == len(names), (accounts.count, names)
    assert all("a" in name.lower() for name in names), names
    assert any(row["contact_customer_accounts"] for row in accounts.data), accounts.data
    assert client.functions.whoami().data[0]["UserId"]

    whole = ask(client, "contacts", select=["fullname"]).get()
    assert whole.next_link is None
    client.pagesize = 4
    try:
        first = ask(client, "contacts", select=["fullname"]).get()
        assert len(first.data) == 4 and first.next_link, first
        paged = client.get(pagination_rules={"pages": 100})
    finally:
        client.pagesize = 5000
    keys = [row["contactid"] for row in paged.data]
    assert sorted(keys) == sorted(row["contactid"] for row in whole.data), keys

    fetch_xml = '<fetch count="3"><entity name="contact"><attribute name="fullname"/></entity></fetch>'
    ask(client, "contacts", fetch_xml=fetch_xml)
    # In the place of a page size, which the emulator does not have beside FetchXML.
    client["Prefer"] = 'odata.include-annotations="*"'
    fetched = client.get()
    assert len(fetched.data) == 3, fetched


def writing(client: DynamicsClient) -> None:
    new = {"firstname": "Ada", "lastname": "O'Brien", "emailaddress1": "ada@dynamics-client.example"}
    created = ask(client, "contacts", select=["fullname", "emailaddress1"]).post(new).data
    assert created["fullname"] == "Ada O'Brien", created
    key = created["contactid"]
    changed = ask(client, "contacts", key, select=["jobtitle"]).patch({"jobtitle": "Engineer"}).data
    assert changed["jobtitle"] == "Engineer", changed
    read = ask(client, "contacts", key, select=["fullname", "jobtitle"]).get().data[0]
    assert (read["fullname"], read["jobtitle"]) == ("Ada O'Brien", "Engineer"), read
    found = ask(
        client, "contacts", select=["contactid"], filter=[ftr.eq("lastname", "O''Brien")]
    ).get()
    assert [row["contactid"] for row in found.data] == [key], found

    # It asks for the search for duplicates with each row.
    said = refused(lambda: ask(client, "contacts").post(new), DuplicateRecordError)
    assert "0x80040333" in said or "duplicate" in said.lower(), said
    said = refused(lambda: ask(client, "contacts", key).patch({"nosuchcolumn": 1}), ParseError)
    assert "nosuchcolumn" in said, said
    ask(client, "contacts", key).delete()
    said = refused(lambda: ask(client, "contacts", key).get(), NotFound)
    assert key in said.lower(), said
    refused(lambda: ask(client, "contacts", key).patch({"jobtitle": "x"}), NotFound)


def wrong_secret(_: DynamicsClient) -> None:
    said = refused(ask(client_of("wrong"), "contacts").get, OAuthError)
    assert "AADSTS7000215" in said, said


def main() -> None:
    # It logs each refusal, and refusals are asked for here.
    logging.disable(logging.ERROR)
    checks = [reading, writing, wrong_secret]
    client = client_of(os.environ["CLIENT_SECRET"])
    for check in checks:
        check(client)
    print(f"{len(checks)} passed, 0 failed")


main()
