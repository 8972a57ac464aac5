// Prints a visitor token, which says who a visitor is: node visitor_token.mjs maren.quist@northwind.example
//
// Environment: VISITOR_TOKEN_SECRET and VISITOR_TOKEN_KID (the shared secret and its name),
// VISITOR_TOKEN_ISSUER, VISITOR_TOKEN_CONNECTION (the id of the connection; without it: default).

import { createHmac } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";

const LIFE = 10 * 60; // seconds; 24 hours at most

const encoded = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");

// Only for a visitor who has proved that the address is theirs.
export function visitorToken({ secret, kid, issuer, connection, email }) {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "HS256", typ: "JWT", kid };
  const claims = {
    iss: issuer,
    aud: connection,
    iat: now,
    exp: now + LIFE,
    email,
    email_verified: true,
  };
  const signed = `${encoded(header)}.${encoded(claims)}`;
  const signature = createHmac("sha256", secret).update(signed).digest("base64url");
  return `${signed}.${signature}`;
}

function variable(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

function isMain() {
  const file = process.argv[1];
  // The file may have been called by a link to it.
  return file && existsSync(file) && import.meta.url === pathToFileURL(realpathSync(file)).href;
}

if (isMain()) {
  if (process.argv.length !== 3) {
    console.error("usage: node visitor_token.mjs EMAIL");
    process.exit(1);
  }
  console.log(
    visitorToken({
      secret: variable("VISITOR_TOKEN_SECRET"),
      kid: variable("VISITOR_TOKEN_KID"),
      issuer: variable("VISITOR_TOKEN_ISSUER"),
      connection: process.env.VISITOR_TOKEN_CONNECTION ?? "default",
      email: process.argv[2],
    }),
  );
}
