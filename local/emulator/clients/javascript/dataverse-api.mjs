// The package dataverse-api, unchanged, against the emulator over TLS.

import assert from "node:assert/strict";
import "./microsoft-login.mjs";
import { createRecord, fetch, retrieveMultipleRecords, retrieveRecord } from "dataverse-api";

const { INSTANCE_URL, TENANT_ID, CLIENT_ID, CLIENT_SECRET } = process.env;

const as = (clientSecret) => ({
  environmentUrl: `${INSTANCE_URL}/`,
  credentials: {
    authority: "https://login.microsoftonline.com/",
    clientId: CLIENT_ID,
    clientSecret,
    tenantId: TENANT_ID,
  },
});
const us = as(CLIENT_SECRET);

const accounts = await retrieveMultipleRecords(
  "account",
  "?$select=name&$filter=contains(name,'a') and statecode eq 0&$orderby=name",
  undefined,
  us,
);
assert.ok(accounts.length > 1);
assert.ok(accounts.every(({ name }) => name.toLowerCase().includes("a")));

// Its pages end with the first one; the others are reached with its fetch.
const contacts = await retrieveMultipleRecords("contact", "?$select=fullname", undefined, us);
const first = await retrieveMultipleRecords("contact", "?$select=fullname", 4, us);
assert.equal(first.length, 4);
const headers = { Prefer: "odata.maxpagesize=4" };
const keys = [];
for (let path = "contacts?$select=fullname"; path; ) {
  const response = await fetch(path, { headers }, us);
  assert.equal(response.status, 200);
  const page = await response.json();
  assert.ok(page.value.length <= 4);
  keys.push(...page.value.map(({ contactid }) => contactid));
  path = page["@odata.nextLink"]?.replace(`${INSTANCE_URL}/api/data/v9.2/`, "");
}
assert.ok(keys.length > 4);
assert.deepEqual(keys.toSorted(), contacts.map(({ contactid }) => contactid).toSorted());

const { entityType, id } = await createRecord(
  "contact",
  { firstname: "Grace", lastname: "O'Brien" },
  us,
);
assert.equal(entityType, "contact");
let contact = await retrieveRecord("contact", id, "?$select=fullname", us);
assert.equal(contact.fullname, "Grace O'Brien");
const change = (body) =>
  fetch(`contacts(${id})`, { method: "PATCH", body: JSON.stringify(body) }, us);
assert.equal((await change({ jobtitle: "Rear admiral" })).status, 204);
contact = await retrieveRecord("contact", id, "?$select=jobtitle", us);
assert.equal(contact.jobtitle, "Rear admiral");

const refusal = await change({ nosuchcolumn: 1 });
assert.equal(refusal.status, 400);
assert.equal((await refusal.json()).error.code, "0x80048d19");
await assert.rejects(createRecord("contact", { nosuchcolumn: 1 }, us), /^Error: 400 /);
await assert.rejects(createRecord("nosuchtable", {}, us), /^Error: 404 /);
assert.equal((await fetch(`contacts(${id})`, { method: "DELETE" }, us)).status, 204);
await assert.rejects(retrieveRecord("contact", id, "", us), /^Error: 404 /);

await assert.rejects(retrieveRecord("contact", id, "", as("wrong")), /AADSTS7000215/);

console.log("1 passed, 0 failed");
