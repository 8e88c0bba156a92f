import assert from "node:assert/strict";
import type { SecretType } from "../../../src/kubernetes/secrets/secret_types.ts";
import { readText } from "../../support/secrets_read.ts";

const FIXTURES = new URL("../../../fixtures/", import.meta.url);
const CONFIG = "kubernetes.io/dockerconfigjson";
const LEGACY = "kubernetes.io/dockercfg";

function read(text: string, types: readonly SecretType[] = [CONFIG]) {
  return readText(text, { settings: { secretTypes: types } });
}

async function names(text: string, types?: readonly SecretType[]): Promise<string[]> {
  return (await read(text, types)).secrets.map(({ name }) => name);
}

const secret = (name: string, type: string = CONFIG, namespace?: string) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  data: { ".dockerconfigjson": "e30=" },
  type,
});
const list = (items: unknown[], kind = "List") => JSON.stringify({ apiVersion: "v1", kind, items });

Deno.test("kubectl's YAML and JSON give the same secrets", async () => {
  const [yaml, json] = await Promise.all(
    ["team.yaml", "team.json"].map((name) =>
      read(Deno.readTextFileSync(new URL(`secrets/${name}`, FIXTURES)), [CONFIG, LEGACY])
    ),
  );
  assert.deepEqual(yaml, json);
  assert.deepEqual(yaml?.secrets.map(({ name, type }) => `${name} ${type}`), [
    `broken ${CONFIG}`,
    `builder-dockercfg-x7k2p ${LEGACY}`,
    `docker-hub ${CONFIG}`,
    `mirror ${CONFIG}`,
    `mirror-everything ${CONFIG}`,
  ]);
  assert.deepEqual(yaml?.leftOut, ["1 of type kubernetes.io/tls"]);
});

Deno.test("secrets come in the order of their names, as from the API server", async () => {
  assert.deepEqual(await names(list([secret("b"), secret("a"), secret("B"), secret("c")])), [
    "B",
    "a",
    "b",
    "c",
  ]);
});

Deno.test("what a pull would not read is counted", async () => {
  const { secrets, leftOut } = await read(list([
    secret("a", CONFIG, "team"),
    secret("b", CONFIG, "other"),
    secret("c", "Opaque"),
    secret("d", LEGACY),
    secret("e", CONFIG, "other"),
    { kind: "ConfigMap", metadata: { name: "f" } },
  ]));
  assert.deepEqual(secrets.map(({ name }) => name), ["a"]);
  assert.deepEqual(leftOut, ["2 of namespace other", "1 of type Opaque", `1 of type ${LEGACY}`]);
});

const FORMS: readonly [name: string, text: string, names: string[]][] = [
  ["a single secret", JSON.stringify(secret("a")), ["a"]],
  ["the API server's list", list([{ ...secret("a"), kind: undefined }], "SecretList"), ["a"]],
  ["an empty list", list([]), []],
  ["a list without items", `{"kind": "List", "items": null}`, []],
  [
    "several documents",
    `${JSON.stringify(secret("b"))}\n---\n---\n${JSON.stringify(secret("a"))}\n`,
    ["a", "b"],
  ],
  ["a secret without type", `{"kind": "Secret", "metadata": {"name": "a"}}`, []],
];

for (const [name, text, expected] of FORMS) {
  Deno.test(`${name} is read`, async () => assert.deepEqual(await names(text), expected));
}

Deno.test("stringData of a manifest is what the API server would store", async () => {
  const text = await Deno.readTextFile(new URL("kubernetes/secret.yaml", FIXTURES));
  const { secrets } = await readText(text, { namespace: "default" });
  const stored = secrets[0]?.data[".dockerconfigjson"];
  assert.ok(typeof stored === "string" && JSON.parse(atob(stored)).auths["http://localhost:5000"]);
});

const PASSWORD = "hunter2";
const REFUSED: readonly [name: string, text: string, error: RegExp][] = [
  ["broken JSON", `{"kind": "Secret", "x": "${PASSWORD}`, /^secrets:1:\d+: not valid YAML/],
  ["broken YAML", `kind: Secret\nx: *${PASSWORD}\n`, /^secrets:2:\d+: not valid YAML/],
  ["an empty file", "", /^secrets: is empty, expected secrets; kubectl get secrets/],
  ["a file of comments", "# none\n---\n", /^secrets: is empty, expected secrets/],
  ["a document that is null", "null\n", /^secrets: is empty, expected secrets; kubectl/],
  ["a file of spaces", " \n\t\n", /^secrets: is empty, expected secrets/],
  [
    "what kubectl said when it was refused",
    `Error from server (Forbidden): secrets is forbidden: ${PASSWORD}`,
    /^secrets: is an error message of kubectl; kubectl get secrets/,
  ],
  [
    "what kubectl said without a cluster",
    `The connection to the server ${PASSWORD} was refused`,
    /^secrets: is an error message of kubectl/,
  ],
  [
    "what kubectl said of a kubeconfig",
    `error: ${PASSWORD}`,
    /^secrets: is an error message of kubectl/,
  ],
  [
    "what kubectl says without secrets",
    "No resources found in team namespace.\n",
    /^secrets: is an error message of kubectl/,
  ],
  [
    "kubectl's table",
    `NAME   TYPE   DATA   AGE\n${PASSWORD}   Opaque   1   1d\n`,
    /^secrets: is kubectl's table, which lacks the secrets' data; kubectl get secrets/,
  ],
  ["another kind", `kind: ${PASSWORD}`, /^secrets: has something other than secrets; kubectl get/],
  ["no object", PASSWORD, /^secrets: it must be an object/],
  ["a secret without name", `kind: Secret\nmetadata: {a: ${PASSWORD}}`, /"metadata\.name" is miss/],
  [
    "a broken item",
    list([secret("a"), { ...secret("b"), data: PASSWORD }]),
    /^secrets: items\[1\]: "data" must be an object/,
  ],
];

for (const [name, text, error] of REFUSED) {
  Deno.test(`${name} is refused without a word of it`, async () => {
    await assert.rejects(read(text), (thrown) => {
      assert.ok(thrown instanceof Error);
      assert.match(thrown.message, error);
      assert.doesNotMatch(thrown.message, new RegExp(PASSWORD));
      return true;
    });
  });
}
