import assert from "node:assert/strict";
import { parseAuthFile } from "../../../src/delivery/auth_file/auth_file.ts";
import {
  describeBareMap,
  judgeEntry,
  whyUnfindable,
} from "../../../src/delivery/auth_file/library_entry.ts";

const ENTRIES: readonly [entry: unknown, judgement: string][] = [
  [{ auth: btoa("u:p") }, "login u"],
  [{ AUTH: btoa("u:p") }, "login u"],
  [{ auth: `${btoa("u:p1234").slice(0, 4)}\r\n${btoa("u:p1234").slice(4)}` }, "login u"],
  [{ auth: btoa(":"), identitytoken: "t" }, "login "],
  [{ auth: btoa(":p") }, "login "],
  [{ auth: btoa(":") }, `none has an "auth" without user and password`],
  [{ auth: btoa(":\0\0") }, `none has an "auth" without user and password`],
  [{ auth: "dTpwdzE" }, `error has an "auth" in base64 without the "=" at its end`],
  [{ auth: "dTpw dw==" }, `error has an "auth" that is not base64`],
  [{ auth: "!" }, `error has an "auth" that is not base64`],
  [{ auth: "dTr_-w==" }, `error has an "auth" that is not base64`],
  [{ auth: btoa("u") }, `none has an "auth" that is not base64 of user:password`],
  [{ username: "u", password: "p" }, `none has "username" and "password" without "auth"`],
  [{ identitytoken: "t" }, `none has an "identitytoken" without "auth"`],
  [{ registrytoken: "t" }, `none has a "registrytoken" alone`],
  [{}, "none holds no credential, as credential helpers leave it behind"],
  [null, "none holds no credential, as credential helpers leave it behind"],
];

for (const [entry, expected] of ENTRIES) {
  Deno.test(`the entry ${JSON.stringify(entry)} comes to ${expected}`, () => {
    const judgement = judgeEntry(entry);
    const text = judgement.kind === "login" ? judgement.user : judgement.reason;
    assert.ok(`${judgement.kind} ${text}`.startsWith(expected), text);
  });
}

const FOUND = [
  "quay.io",
  "quay.io:5000/team",
  "docker.io/library",
  "index.docker.io",
  "registry-1.docker.io",
  "https://index.docker.io/v1/",
  "http://quay.io/anything/*",
  "localhost",
];

for (const key of FOUND) {
  Deno.test(`an entry by the key ${key} can be found`, () =>
    assert.equal(whyUnfindable(key), undefined));
}

const NEVER_FOUND: readonly [key: string, reason: RegExp, advice: RegExp][] = [
  ["*.quay.io", /is a wildcard/, /an entry for each host/],
  ["https://*.quay.io", /is a wildcard/, /an entry for each host/],
  ["quay.io/", /has a slash at its end/, /write it as "quay\.io"/],
  ["quay.io/team//", /has a slash at its end/, /write it as "quay\.io\/team"/],
  ["index.docker.io/v1/", /the registry API's path without a scheme/, /write it as "docker\.io"/],
  ["quay.io/v2/team/", /the registry API's path without a scheme/, /write it as "quay\.io\/team"/],
  ["index.docker.io/team", /is never found/, /write it as "docker\.io\/team"/],
  ["nohost", /names no registry/, /host with port and path/],
  ["[::1]:5000", /names no registry/, /host with port and path/],
  ["quay.io/Team", /names no registry/, /host with port and path/],
  ["me:pw@quay.io", /names no registry/, /host with port and path/],
  ["", /names no registry/, /host with port and path/],
];

for (const [key, reason, advice] of NEVER_FOUND) {
  Deno.test(`an entry by the key ${JSON.stringify(key)} is never found`, () => {
    const unfindable = whyUnfindable(key);
    assert.match(unfindable?.reason ?? "", reason);
    assert.match(unfindable?.advice ?? "", advice);
  });
}

Deno.test("a bare map of registries is told apart from an auth file", () => {
  const describe = (content: unknown) =>
    describeBareMap(parseAuthFile(JSON.stringify(content), "f"));
  assert.match(
    describe({ "quay.io": { auth: "dTpw" } }) ?? "",
    /^has registries outside of "auths"/,
  );
  assert.equal(describe({ auths: { "quay.io": {} } }), undefined);
  assert.equal(describe({ HttpHeaders: {}, "x.y": 5 }), undefined);
});
