// Connects with a version of the official SDK for TypeScript, lists the tools, calls one, and prints what
// it has got. With a version of the protocol that has batches, it also sends one, as the SDK does.
//
// node sdk.mjs MODULES PACKAGE URL KEY TOOL ARGUMENTS
import { createRequire } from "node:module";

const [modules, name, url, key, tool, given] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { Client } = require(`${name}/client/index.js`);
const { StreamableHTTPClientTransport } = require(`${name}/client/streamableHttp.js`);
const { LATEST_PROTOCOL_VERSION: asked } = require(`${name}/types.js`);

const call = { name: tool, arguments: JSON.parse(given) };
const requestInit = { headers: { Authorization: `Bearer ${key}` } };
const transport = () => new StreamableHTTPClientTransport(new URL(url), { requestInit });

const client = new Client({ name: "check", version: "1" }, { capabilities: {} });
// It refuses a server that answers in a version that it does not know.
await client.connect(transport());
const { tools } = await client.listTools();
const { isError, structuredContent: found } = await client.callTool(call);
const prompts = (await client.listPrompts()).prompts.map((prompt) => prompt.name);
await client.close();

let batch = null;
if (asked === "2025-03-26") {
  const plain = transport();
  batch = [];
  plain.onmessage = (answer) => batch.push(answer);
  const message = (id, method, params) => ({ jsonrpc: "2.0", id, method, params });
  await plain.start();
  await plain.send([
    message(1, "ping", {}),
    { jsonrpc: "2.0", method: "notifications/initialized" },
    message("two", "tools/call", call),
    message(3, "no/such/method", {}),
  ]);
  await plain.close();
}
console.log(JSON.stringify({ asked, tools: tools.map((tool) => tool.name), isError, found, prompts, batch }));
