import assert from "node:assert/strict";
import { loadAll } from "js-yaml";
import { readSecret } from "../../../src/credentials/docker_config.ts";
import { formatScope } from "../../../src/credentials/scope.ts";
import { runCtlWith } from "../../support/ctl.ts";
import * as schemas from "../../support/manifest_schemas.ts";
import { fixture, generate, PASSWORD } from "../../support/generated.ts";

for (const end of ["", "\n", "\r\n"]) {
  Deno.test(`the secret opens its registry, its password ending in ${JSON.stringify(end)}`, async () => {
    const line =
      "secret --namespace team --registry https://mirror.local:5000/v2/team/ --username me";
    const text = await generate(line, `${PASSWORD}${end}`);
    assert.ok(!text.includes("w0rd"));
    const { metadata, type, data } = schemas.readManifest(schemas.Secret, text);
    assert.deepEqual(metadata, { name: "registry-mirror.local-5000-team", namespace: "team" });
    const bytes = Uint8Array.fromBase64(data[".dockerconfigjson"]);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes)), {
      auths: {
        "mirror.local:5000/team": {
          username: "me",
          password: PASSWORD,
          auth: new TextEncoder().encode(`me:${PASSWORD}`).toBase64(),
        },
      },
    });
    // The plugin reads it, too.
    const [credential, ...rest] = readSecret({ name: metadata.name, type, data }, () => {
      assert.fail("nothing in the secret is broken");
    });
    assert.deepEqual(credential?.scope, { host: "mirror.local:5000", path: "team" });
    assert.equal(rest.length, 0);
  });
}

Deno.test("the secret is for further registries, too, by an annotation that the plugin reads", async () => {
  const line = "secret --namespace team --registry docker.io --username me " +
    "--also-for https://mirror.local:5000/v2/hub/ --also-for quay.io";
  const text = await generate(line, PASSWORD);
  const { metadata, type, data } = schemas.readManifest(schemas.Secret, text);
  const alsoFor = metadata.annotations?.["crio-credential-provider/also-for"];
  assert.equal(alsoFor, "mirror.local:5000/hub, quay.io");
  assert.ok(alsoFor !== undefined);
  const found = readSecret({ name: metadata.name, type, data, alsoFor }, () => {
    assert.fail("nothing in the secret is broken");
  });
  assert.deepEqual(found.map(({ scope }) => formatScope(scope)), [
    "docker.io",
    "mirror.local:5000/hub",
    "quay.io",
  ]);
});

Deno.test("the secret is the documentation's, but for its key's spelling", async () => {
  const line =
    "secret --namespace default --registry localhost:5000 --username myuser --name my-registry";
  const { metadata, data } = schemas.readManifest(
    schemas.Secret,
    await generate(line, "mypassword\n"),
  );
  const example = loadAll(fixture("kubernetes/secret.yaml"));
  assert.deepEqual(
    [metadata, JSON.parse(atob(data[".dockerconfigjson"]))],
    example.map((document) => {
      assert.ok(typeof document === "object" && document !== null);
      assert.ok("metadata" in document && "stringData" in document);
      const text = JSON.stringify(document.stringData);
      const config = text.replaceAll("\\n", "").replace("http://localhost", "localhost");
      return [document.metadata, JSON.parse(JSON.parse(config)[".dockerconfigjson"])];
    }).flat(),
  );
});

const BAD_SECRETS: readonly [flags: string, stdin: string | undefined, code: number, RegExp][] = [
  ["", undefined, 2, /stdin: is a terminal; the password is read from a pipe or a file/],
  ["", "", 1, /stdin: is empty, expected the password/],
  ["", "\n", 1, /stdin: is empty/],
  ["", "one\ntwo\n", 1, /stdin: has a control character/],
  ["--namespace Team", "hidden", 2, /--namespace: "Team"/],
  ["--name A", "hidden", 2, /--name: "A" cannot be the name of a secret/],
  ["--username a:b", "hidden", 2, /--username: is empty, or has a colon/],
  ["--registry *.local", "hidden", 2, /--registry: is not a registry with port and path/],
  ["--also-for *.local", "hidden", 2, /--also-for: is not a registry with port and path/],
  [
    Array.from({ length: 33 }, (_, index) => `--also-for r${index}.io`).join(" "),
    "hidden",
    2,
    /--also-for: names 33 registries, and at most 32 are read/,
  ],
  ["--also-for a.io,b.io", "hidden", 2, /--also-for: is not a registry with port and path/],
  ["--also-for a.io/x=b", "hidden", 2, /--also-for: is not a registry with port and path/],
  ["--registry user:hidden@mirror.local", "hidden", 2, /--registry: is not a registry with port/],
];

for (const [flags, stdin, code, message] of BAD_SECRETS) {
  Deno.test(`a secret with ${flags.slice(0, 60) || JSON.stringify(stdin)} is refused, and its password not told`, async () => {
    const given = new Map([
      ["--namespace", "team"],
      ["--registry", "mirror.local"],
      ["--username", "me"],
    ]);
    const [flag, value, ...more] = flags.split(" ");
    if (flag !== undefined && value !== undefined) given.set(flag, value);
    const result = await runCtlWith(
      ["generate", "secret", ...[...given].flat(), ...more],
      stdin,
    );
    assert.match(result.stderr, message);
    assert.equal(result.code, code);
    assert.equal(result.stdout, "");
    assert.doesNotMatch(result.stderr, /hidden|two/);
  });
}
