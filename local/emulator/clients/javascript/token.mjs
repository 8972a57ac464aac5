// A token of the emulator, for clients that leave it to others to get one.

import assert from "node:assert/strict";

const { INSTANCE_URL, TENANT_ID, CLIENT_ID, CLIENT_SECRET } = process.env;

export async function token() {
  const response = await fetch(`${INSTANCE_URL}/${TENANT_ID}/oauth2/v2.0/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      scope: `${INSTANCE_URL}/.default`,
    }),
  });
  assert.equal(response.status, 200);
  return (await response.json()).access_token;
}
