// For clients that get tokens from login.microsoftonline.com only: that name stands for the emulator.
// To be imported before the client.

import https from "node:https";

const emulator = new URL(process.env.INSTANCE_URL);
const request = https.request;

https.request = (target, ...more) => {
  if (target.hostname !== "login.microsoftonline.com") return request(target, ...more);
  const { hostname, port } = emulator;
  return request({ ...target, host: hostname, hostname, port }, ...more);
};
