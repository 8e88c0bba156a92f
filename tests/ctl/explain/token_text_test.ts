import assert from "node:assert/strict";
import { readTokenText } from "../../../src/ctl/explain/token_text.ts";
import { serviceAccountToken } from "../../support/service_account_token.ts";

const TOKEN = serviceAccountToken();

for (const text of [TOKEN, `${TOKEN}\n`, `  ${TOKEN}\r\n`]) {
  Deno.test(`a token is taken without the space around it: ${JSON.stringify(text.slice(-4))}`, () => {
    assert.equal(readTokenText(text, "f"), TOKEN);
  });
}

const REFUSED: readonly [name: string, text: string, error: RegExp][] = [
  ["nothing", "", /^f: is empty, expected a service account's token; kubectl create token/],
  ["space", " \n", /^f: is empty/],
  ["a header", `Authorization: Bearer ${TOKEN}`, /begins with "Bearer"; leave that word out/],
  ["the word in front", `Bearer ${TOKEN}`, /begins with "Bearer"/],
  ["quotes", `"${TOKEN}"`, /is in quotes; leave them out/],
  ["single quotes", `'${TOKEN}'`, /is in quotes/],
  ["JSON", `{"status": {"token": "${TOKEN}"}}`, /is JSON; pass the token alone: .*status\.token/],
  ["line breaks", TOKEN.replaceAll(/(.{64})/g, "$1\n"), /is broken into several lines; write/],
  ["two tokens", `${TOKEN}\n${TOKEN}`, /holds several tokens/],
  [
    "what kubectl said",
    "error: You must be logged in to the server (Unauthorized)",
    /is several words and not a token, such as an error message of kubectl; kubectl create/,
  ],
];

for (const [name, text, error] of REFUSED) {
  Deno.test(`${name} in the place of a token is named, and nothing of it shown`, () => {
    assert.throws(() => readTokenText(text, "f"), (thrown) => {
      assert.ok(thrown instanceof Error);
      assert.match(thrown.message, error);
      assert.ok(!thrown.message.includes(TOKEN.slice(0, 10)));
      assert.doesNotMatch(thrown.message, /logged in/);
      return true;
    });
  });
}
