// DynamicsWebApi, unchanged, against the emulator over TLS.

import assert from "node:assert/strict";
import { DynamicsWebApi } from "dynamics-web-api";
import { token } from "./token.mjs";

const accessToken = await token();
const api = new DynamicsWebApi({
  serverUrl: process.env.INSTANCE_URL,
  dataApi: { version: "9.2" },
  onTokenRefresh: async () => accessToken,
});

const { UserId } = await api.callFunction("WhoAmI");
assert.match(UserId, /^[0-9a-f-]{36}$/);

// List: a page, its next link, and everything.
const page = await api.retrieveMultiple({
  collection: "contacts",
  select: ["fullname"],
  orderBy: ["fullname"],
  maxPageSize: 4,
  count: true,
  includeAnnotations: "*",
});
assert.equal(page.value.length, 4);
assert.ok(page.oDataCount > 4);
const next = await api.retrieveMultiple(
  { collection: "contacts", maxPageSize: 4 },
  page.oDataNextLink,
);
assert.notEqual(next.value[0].contactid, page.value[0].contactid);
const all = await api.retrieveAll({ collection: "contacts", select: ["fullname"] });
assert.equal(all.value.length, page.oDataCount);

// FetchXML: a page, the page behind its cookie, and everything.
const fetchXml = `<fetch count="4"><entity name="contact"><attribute name="fullname"/>
  <order attribute="fullname"/><link-entity name="account" from="accountid" to="parentcustomerid"
  link-type="outer" alias="company"><attribute name="name"/></link-entity></entity></fetch>`;
const ofContacts = { collection: "contacts", fetchXml, includeAnnotations: "*" };
const fetched = await api.fetch(ofContacts);
assert.equal(fetched.value.length, 4);
assert.ok(fetched.value.some((row) => row["company.name"]));
const following = await api.fetch({
  ...ofContacts,
  pageNumber: fetched.PagingInfo.nextPage,
  pagingCookie: fetched.PagingInfo.cookie,
});
assert.notEqual(following.value[0].contactid, fetched.value[0].contactid);
const everything = await api.fetchAll(ofContacts);
assert.equal(new Set(everything.value.map((row) => row.contactid)).size, page.oDataCount);

// Create, read, update, upsert, delete.
const contactid = await api.create({
  collection: "contacts",
  data: { firstname: "Grace", lastname: "O'Brien" },
});
let contact = await api.retrieve({ collection: "contacts", key: contactid, select: ["fullname"] });
assert.equal(contact.fullname, "Grace O'Brien");
const updated = await api.update({
  collection: "contacts",
  key: contactid,
  data: { jobtitle: "Rear admiral" },
  select: ["jobtitle", "fullname"],
  returnRepresentation: true,
});
assert.equal(updated.jobtitle, "Rear admiral");
await api.updateSingleProperty({
  collection: "contacts",
  key: contactid,
  fieldValuePair: { department: "Navy" },
});
contact = await api.retrieve({ collection: "contacts", key: contactid, select: ["department"] });
assert.equal(contact.department, "Navy");
assert.equal(
  await api.update({
    collection: "contacts",
    key: contactid,
    data: { jobtitle: "x" },
    ifmatch: 'W/"1"',
  }),
  false,
  "a stale version was overwritten",
);
await assert.rejects(
  api.create({ collection: "contacts", data: { nosuchcolumn: 1 } }),
  (error) => error.status === 400 && error.code === "0x80048d19",
);

// A batch: two reads around a change set that refers to its own row.
api.startBatch();
api.retrieve({ collection: "contacts", key: contactid, select: ["fullname"] });
api.create({
  collection: "contacts",
  data: { lastname: "In a batch" },
  contentId: "1",
  inChangeSet: true,
});
api.update({ contentId: "$1", data: { jobtitle: "By reference" }, inChangeSet: true });
api.retrieveMultiple({ collection: "accounts", select: ["name"], top: 2 });
const answers = await api.executeBatch();
assert.equal(answers[0].fullname, "Grace O'Brien");
const inBatch = answers[1];
assert.match(inBatch, /^[0-9a-f-]{36}$/);
assert.equal(answers.at(-1).value.length, 2);
contact = await api.retrieve({ collection: "contacts", key: inBatch, select: ["jobtitle"] });
assert.equal(contact.jobtitle, "By reference");

// A change set that fails leaves nothing behind.
api.startBatch();
api.create({ collection: "contacts", data: { lastname: "Never there" }, inChangeSet: true });
api.create({ collection: "contacts", data: { nosuchcolumn: 1 }, inChangeSet: true });
await assert.rejects(api.executeBatch());
const never = await api.retrieveMultiple({
  collection: "contacts",
  select: ["contactid"],
  filter: "lastname eq 'Never there'",
});
assert.deepEqual(never.value, []);

await api.deleteRecord({ collection: "contacts", key: contactid });
await api.deleteRecord({ collection: "contacts", key: inBatch });
await assert.rejects(
  api.retrieve({ collection: "contacts", key: contactid }),
  (error) => error.status === 404 && error.code === "0x80040217",
);

console.log("1 passed, 0 failed");
