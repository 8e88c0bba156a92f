import assert from "node:assert/strict";
import { readApiSecrets } from "../../../src/ctl/explain/read_secrets.ts";
import { readServiceAccount } from "../../../src/kubernetes/service_account_token.ts";
import { providePullCredentials } from "../../../src/plugin.ts";
import { CLOCK } from "../../../src/process/clock.ts";
import { createLog } from "../../../src/process/log.ts";
import type { Settings } from "../../../src/settings/settings.ts";
import { ApiServer } from "../../support/api_server.ts";
import { request } from "../../support/cluster.ts";
import { readText } from "../../support/secrets_read.ts";
import { tempNode } from "../../support/temp_node.ts";

const ANNOTATION = "crio-credential-provider/secrets";
const SOURCES = [{ host: "m.io", path: "library/nginx" }, {
  host: "docker.io",
  path: "library/nginx",
}];
const CONFIG = "kubernetes.io/dockerconfigjson";
const LEGACY = "kubernetes.io/dockercfg";
const auth = (login: string) => ({ auth: btoa(`${login}:s3cret`) });
const config = (auths: object) => ({ ".dockerconfigjson": JSON.stringify({ auths }) });
const also = (text: string) => ({ "crio-credential-provider/also-for": text });

/** Secrets of a namespace: what counts, what is passed over, what is broken, and what is no registry's. */
const SECRETS = [
  { name: "z-mirror", type: CONFIG, data: config({ "m.io": auth("z") }) },
  { name: "a-mirror", type: CONFIG, data: config({ "m.io": auth("a") }) },
  {
    name: "hub",
    type: CONFIG,
    data: config({ "docker.io": auth("h") }),
    annotations: also("m.io"),
  },
  {
    name: "legacy",
    type: LEGACY,
    data: { ".dockercfg": JSON.stringify({ "m.io/library": auth("l") }) },
  },
  { name: "elsewhere", type: CONFIG, data: config({ "quay.io": auth("q"), "is no host": {} }) },
  { name: "broken", type: CONFIG, data: { ".dockerconfigjson": "{" } },
  { name: "malformed", type: CONFIG, data: config({ "m.io": {} }), annotations: also("m.io,") },
  { name: "tls", type: "kubernetes.io/tls", data: { "tls.crt": "" } },
];
const FILE = JSON.stringify({
  kind: "List",
  items: SECRETS.map(({ name, type, data, annotations = {} }) => ({
    kind: "Secret",
    metadata: { name, annotations },
    type,
    stringData: data,
  })),
});

const CASES: readonly [name: string, names: string[] | undefined, settings: Partial<Settings>][] = [
  ["all secrets", undefined, {}],
  ["secrets of one type", undefined, { secretTypes: [LEGACY] }],
  ["secrets whose annotations are not read", undefined, { alsoFor: "off" }],
  ["named secrets", ["z-mirror", "gone", "tls", "hub", "z-mirror"], {}],
  ["no secret, on purpose", [], {}],
];

for (const [name, names, settings] of CASES) {
  Deno.test(`${name} of a file are read as the API server's are`, async () => {
    await using api = await ApiServer.start();
    await using node = await tempNode({ apiServer: api, settings });
    for (const secret of SECRETS) api.addSecret("team", secret);
    if (names === undefined) api.grant("team");
    else api.grantNamed("team", names);
    const token = api.addServiceAccount("team");
    const annotations = new Map(names === undefined ? [] : [[ANNOTATION, names.join(",")]]);
    const serviceAccount = readServiceAccount(token);
    const asked = await readApiSecrets(
      { token, serviceAccount, annotations, sources: SOURCES },
      node.settings,
      { onRetry: assert.fail, isAccountKnown: true },
    );
    const read = await readText(FILE, { names, sources: SOURCES, settings: node.settings });
    const rest = { from: "", leftOut: [] };
    assert.deepEqual({ ...read, ...rest }, { ...asked, ...rest });
    assert.equal(asked.secrets.length > 0, names?.length !== 0);
  });

  Deno.test(`what a pull reads and logs of ${name} is what is explained`, async () => {
    await using api = await ApiServer.start();
    await using node = await tempNode({
      apiServer: api,
      settings,
    });
    await node.writeRegistriesConf(
      `[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "m.io"\n`,
    );
    for (const secret of SECRETS) api.addSecret("team", secret);
    if (names === undefined) api.grant("team");
    else api.grantNamed("team", names);
    const token = api.addServiceAccount("team");
    const lines: string[] = [];
    const log = createLog({
      level: "debug",
      format: "json",
      sinks: [(_, line) => lines.push(line)],
      now: () => new Date(),
    });
    const annotations: Record<string, string> = names === undefined
      ? {}
      : { [ANNOTATION]: names.join(",") };
    await providePullCredentials(request("docker.io/library/nginx", token, annotations), {
      settings: node.settings,
      log,
      clock: CLOCK,
      started: CLOCK.now(),
      deadline: CLOCK.now() + 30_000,
    });
    const logged = lines.map((line): Record<string, unknown> => JSON.parse(line));
    const { found, named } = await readText(FILE, {
      names,
      sources: SOURCES,
      settings: node.settings,
    });
    const skipped = logged.filter(({ message: said }) => String(said).startsWith("skipped "));
    assert.deepEqual(
      skipped.map(({ secret, key, reason }) => ({ secret, key, reason })),
      found.skipped.map(({ secret, key, reason }) => ({ secret, key, reason })),
    );
    assert.equal(
      logged.find(({ message: said }) => said === "read secrets")?.["secrets"] ?? 0,
      found.secrets,
    );
    const told = (what: string) =>
      logged.filter(({ message: said }) => said === what).map(({ secret }) => secret);
    assert.deepEqual(
      told("left out a named secret"),
      named?.notRead.map(({ secret }) => secret) ?? [],
    );
    assert.deepEqual(told("a secret is named twice: the last place counts"), named?.repeated ?? []);
  });
}

Deno.test("more secrets than a page has are read from a file, in the order of their names", async () => {
  const items = Array.from({ length: 1201 }, (_, index) => ({
    kind: "Secret",
    metadata: { name: `s${9999 - index}` },
    type: CONFIG,
    data: { ".dockerconfigjson": "e30=" },
  }));
  const { secrets, found } = await readText(JSON.stringify({ kind: "List", items }));
  assert.deepEqual(
    secrets.map(({ name }) => name),
    items.map(({ metadata: { name } }) => name).sort(),
  );
  assert.equal(found.secrets, 1201);
});

/** A secret of about so many MiB. */
function ofMib(name: string, mib: number) {
  const data = { ".dockerconfigjson": "e30=", other: "A".repeat(mib * 1024 * 1024) };
  return { kind: "Secret", metadata: { name }, type: CONFIG, data };
}

Deno.test("what of a file is too large for a pull is too large for an explanation", async () => {
  const items = [ofMib("large", 2), ofMib("small", 1)];
  const text = JSON.stringify({ kind: "List", items });
  const { secrets, named } = await readText(text, { names: ["large", "small"] });
  assert.deepEqual(secrets.map(({ name }) => name), ["small"]);
  assert.match(named?.notRead[0]?.reason ?? "", /^it is larger than 2097152 bytes/);
  const all = Array.from({ length: 33 }, (_, index) => ofMib(`s${index}`, 1));
  await assert.rejects(
    readText(JSON.stringify({ kind: "List", items: all })),
    /^UserError: secrets: the secrets of namespace "team" are larger than the 33554432 characters/,
  );
  await assert.rejects(
    readText(JSON.stringify({ kind: "List", items: [ofMib("s", 9)] })),
    /^UserError: secrets: the answer is larger than 8388608 bytes$/,
  );
});
