// n8n's node for Dynamics, unchanged, against the emulator over TLS. The little of n8n that the node
// asks for is made here: its parameters, and requests that carry a token.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { token } from "./token.mjs";

// The node is CommonJS, with exports that `import` does not see.
const { MicrosoftDynamicsCrm } = createRequire(import.meta.url)(
  "n8n-nodes-base/dist/nodes/Microsoft/Dynamics/MicrosoftDynamicsCrm.node.js",
);

// The node makes a host of two names with a dot in between, so the port goes with the second.
const credentials = { subdomain: "127", region: `0.0.1:${new URL(process.env.INSTANCE_URL).port}` };
const accessToken = await token();

// As n8n does: a body that is empty is not sent, and a refusal is thrown with its status and body.
async function requestOAuth2(name, { uri, qs, method, headers, body }) {
  assert.equal(name, "microsoftDynamicsOAuth2Api");
  const url = new URL(uri);
  for (const [option, value] of Object.entries(qs)) url.searchParams.set(option, value);
  const response = await fetch(url, {
    method,
    headers: { ...headers, Authorization: `Bearer ${accessToken}` },
    body: Object.keys(body).length > 0 ? JSON.stringify(body) : undefined,
  });
  const text = await response.text();
  const answer = text && JSON.parse(text);
  if (response.ok) return answer;
  const { status: statusCode } = response;
  throw Object.assign(new Error(`${statusCode} - ${text}`), { statusCode, error: answer });
}

const functions = (parameters, continueOnFail) => ({
  getCredentials: async () => credentials,
  getNode: () => ({ name: "Dynamics", type: "n8n-nodes-base.microsoftDynamicsCrm" }),
  getInputData: () => [{ json: {} }],
  getNodeParameter: (name) => {
    assert.ok(name in parameters, name);
    return structuredClone(parameters[name]);
  },
  continueOnFail: () => continueOnFail,
  helpers: {
    requestOAuth2,
    returnJsonArray: (data) => [data].flat().map((json) => ({ json })),
    constructExecutionMetaData: (items, { itemData }) =>
      items.map((item) => ({ ...item, pairedItem: itemData })),
  },
});

const node = new MicrosoftDynamicsCrm();

/** The rows that a run of the node gives. */
async function run(operation, parameters, continueOnFail = false) {
  const context = functions(
    { resource: "account", operation, options: {}, ...parameters },
    continueOnFail,
  );
  const [items] = await node.execute.call(context);
  assert.ok(items.every(({ pairedItem }) => pairedItem.item === 0));
  return items.map(({ json }) => json);
}

// What its form offers.
const { loadOptions } = node.methods;
const offer = (method) => loadOptions[method].call(functions({}, false));
const industries = await offer("getIndustryCodes");
assert.ok(industries.some(({ name, value }) => name === "Accounting" && value === 1));
assert.ok((await offer("getAccountFields")).some(({ value }) => value === "name"));
assert.ok((await offer("getExpandableAccountFields")).length > 0);

const query = "contains(name,'a') and statecode eq 0";
const found = await run("getAll", {
  returnAll: true,
  filters: { query },
  options: { returnFields: ["name"], expandFields: ["primarycontactid"] },
});
assert.ok(found.length > 2);
assert.ok(found.every(({ name }) => name.toLowerCase().includes("a")));
assert.ok(found.some(({ primarycontactid }) => primarycontactid?.fullname));
const limited = await run("getAll", { returnAll: false, limit: 2, filters: {} });
assert.equal(limited.length, 2);

const [{ accountid }] = await run("create", {
  name: "O'Brien & Söhne",
  additionalFields: {
    industrycode: 1,
    addresses: { address: [{ city: "Graz", line1: "Hauptplatz 1", country: "" }] },
  },
});
const get = (fields) => run("get", { accountId: accountid, options: { returnFields: fields } });
let [account] = await get(["name", "industrycode", "address1_city"]);
assert.equal(account.name, "O'Brien & Söhne");
assert.equal(account.industrycode, 1);
assert.equal(account.address1_city, "Graz");
const [updated] = await run("update", {
  accountId: accountid,
  updateFields: { description: "Changed", creditlimit: 5000 },
  options: { returnFields: ["description", "creditlimit"] },
});
assert.equal(updated.description, "Changed");
assert.equal(updated.creditlimit, 5000);

const wrong = { accountId: accountid, updateFields: { nosuchcolumn: 1 } };
await assert.rejects(run("update", wrong), ({ name, httpCode }) => {
  assert.equal(name, "NodeApiError");
  assert.equal(httpCode, "400");
  return true;
});
const [{ error }] = await run("update", wrong, true);
assert.ok(error);
assert.deepEqual(await run("delete", { accountId: accountid }), [{ success: true }]);
await assert.rejects(get(["name"]), ({ httpCode }) => httpCode === "404");

console.log("1 passed, 0 failed");
