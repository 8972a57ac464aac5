// Uses the API by the types that openapi-typescript makes of its document, so that what the document
// says wrongly does not compile. .ci/clients/check_generated.py compiles and runs it.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
const [, , url = "", key = "", gateway = "", statuses = ""] = process.argv;
const EMAIL = "maren.quist@northwind.example";

type Problem = components["schemas"]["Problem"];
type Refused = Problem | components["schemas"]["GatewayMessage"];

function expect(condition: unknown, problem: string, shown?: unknown): asserts condition {
  if (!condition) throw new Error(`generated clients: openapi-typescript: ${problem}: ${JSON.stringify(shown)}`);
}

const at = (baseUrl: string, token: string) =>
  createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const client = at(url, key);

const found = await client.POST("/v1/tools/dynamics365_get_contact_by_email", { body: { email: EMAIL } });
expect(found.data?.result.contact?.email === EMAIL, "another contact", found);
const reason: components["schemas"]["EscalationReason"] | undefined = found.data.escalation?.reason;
expect(reason === "high_priority_case", "no escalation", found);
const searched = await client.POST("/v1/tools/dynamics365_search_contacts", { body: { query: "quist" } });
expect(searched.data?.result.contacts.some((one) => one.email === EMAIL), "not found", searched);

const subject = `Generated ${crypto.randomUUID()}`;
const made = await client.POST("/v1/tools/dynamics365_create_case", {
  body: { contact: EMAIL, subject, description: "From a client.", priority: "Low", type: null },
});
expect(made.data?.result.created === true, "no case", made);
const got = await client.POST("/v1/tools/dynamics365_get_case", {
  body: { case: made.data.result.case?.number ?? "" },
});
expect(got.data?.result.case.subject === subject, "another case", got);

const missing = await client.POST("/v1/tools/dynamics365_get_case", { body: { case: "CAS-99" } });
const problem: Refused | undefined = missing.error;
expect(problem && "code" in problem && problem.code === "not_found" && problem.next_step, "another problem", missing);

const tools = await client.GET("/v1/tools", { params: { query: { format: "openai" } } });
expect(tools.data?.tools.length === 28, "not 28 tools", tools);

const about = { params: { path: { id: "default" } } };
const connection = await client.GET("/v1/connections/{id}", about);
const source: components["schemas"]["ExpirySource"] | undefined = connection.data?.secret?.source;
expect(source, "no source", connection);
const stored = await client.PUT("/v1/connections/{id}/visitors", {
  ...about,
  body: {
    confirm: "consequences",
    company: "read",
    email_columns: ["emailaddress1", "emailaddress2"],
    codes: { company: "Contoso", language: "de" },
    tokens: {
      issuers: [
        { issuer: "https://one.example", algorithm: "HS256", keys: [{ kid: "1", secret: "s".repeat(32) }], trusts_email: false },
        { issuer: "https://two.example", algorithms: ["ES256"], jwks: "https://two.example/jwks", trusts_email: false },
      ],
    },
  },
});
const settings = stored.data?.settings;
expect(settings?.confirm === "consequences" && settings.codes?.language === "de", "other settings", stored);
expect(settings.tokens?.issuers[1]?.algorithms?.[0] === "ES256", "other settings", stored);
const taken = await client.PUT("/v1/connections/{id}/visitors", {
  ...about,
  body: { confirm: null, company: null, email_columns: null, codes: null, tokens: null },
});
expect(taken.data?.settings.confirm === "none", "not taken back", taken);

for (const status of statuses.split(",").map(Number)) {
  const refused = await at(gateway, key).POST("/v1/tools/dynamics365_get_case", {
    body: { case: "x" },
    params: { header: { "X-Conversation-Id": String(status) } },
  });
  const said: Refused | undefined = refused.error;
  expect(refused.response.status === status && said && "message" in said && said.message, "something else", refused);
}
console.log(`generated clients: that of openapi-typescript gets on with ${url}`);
