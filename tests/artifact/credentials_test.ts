import assert from "node:assert/strict";
import { status } from "../support/api_server.ts";
import { AUTH, Cluster, IMAGE, PASSWORD, request } from "../support/cluster.ts";
import { authFileName } from "../support/crio_consumer.ts";
import { PLUGIN_ENV, runPlugin } from "../support/plugin.ts";

/** What must not be found in any file. */
function secretsOf(cluster: Cluster): string[] {
  return [PASSWORD, AUTH, cluster.token];
}

/** The files below a directory that hold one of the texts. */
async function filesWith(directory: string, texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) found.push(...await filesWith(path, texts));
    if (!isFile) continue;
    const content = await Deno.readTextFile(path);
    if (texts.some((text) => content.includes(text))) found.push(path);
  }
  return found;
}

/** Steps at which a pull is made to fail, from the first to the last. */
const FAILURES: readonly [
  name: string,
  prepare: (cluster: Cluster) => Promise<void> | void,
  error: RegExp,
][] = [
  ["the registries", ({ node }) => node.writeRegistriesConf("["), /registries\.conf:1/],
  [
    "the CA",
    ({ node }) => node.writeCa("none"),
    /ca\.crt: has no PEM certificate/,
  ],
  [
    "the list of secrets",
    ({ api }) => {
      api.respond = () => status(403, "Forbidden", "no");
    },
    /may not list secrets/,
  ],
  [
    "the second page of the list",
    ({ api }) => {
      for (let i = 0; i < 600; i++) api.addDockerConfig("default", `s${i}`, { a: { auth: AUTH } });
      api.respond = ({ query }) => query.has("continue") ? new Response(AUTH) : undefined;
    },
    /SecretList of .*: not valid JSON/,
  ],
  [
    "the global auth file",
    ({ node }) => node.writeGlobalAuthFile("{"),
    /config\.json: not valid JSON/,
  ],
  [
    "the auth directory",
    ({ node }) => node.write(node.settings.authDir, ""),
    /cannot create the directory/,
  ],
  [
    "the directory's mode, looked at when the file is open",
    async ({ node }) => {
      await Deno.mkdir(node.settings.authDir, { recursive: true });
      await Deno.chmod(node.settings.authDir, 0o777);
    },
    /can be written to by everyone/,
  ],
  [
    "putting the file in place",
    async ({ node: { settings: { authDir } } }) => {
      const path = `${authDir}/${await authFileName("default", IMAGE)}`;
      await Deno.mkdir(`${path}/occupied`, { recursive: true, mode: 0o700 });
    },
    /cannot put the auth file in place/,
  ],
];

for (const [name, prepare, error] of FAILURES) {
  Deno.test(`a failure at ${name} leaves no credential on disk`, async () => {
    await using cluster = await Cluster.start();
    await prepare(cluster);
    const { code, stderr } = await cluster.pull();
    assert.match(stderr, error);
    assert.equal(code, 1);
    assert.deepEqual(await filesWith(cluster.node.root, secretsOf(cluster)), []);
  });
}

Deno.test("a failure to write the file leaves no credential on disk", async () => {
  await using cluster = await Cluster.start();
  cluster.api.addDockerConfig("default", "large", {
    "localhost:5000/library": { auth: btoa(`user:${PASSWORD.repeat(100_000)}`) },
  });
  // The shell's limit counts blocks of 512 bytes; unless the signal is ignored, it ends the process.
  const limited = `ulimit -f 100; trap '' XFSZ; exec "$0"`;
  const { code, stderr } = await runPlugin("/bin/sh", {
    args: ["-c", limited, cluster.executable],
    stdin: request(IMAGE, cluster.token),
  });
  assert.match(stderr, /cannot write the auth file: File too large/);
  assert.equal(code, 1);
  assert.deepEqual(await filesWith(cluster.node.root, secretsOf(cluster)), []);
});

Deno.test("a failure to answer the kubelet leaves no credential on disk", async () => {
  await using cluster = await Cluster.start();
  const { code, stderr } = await runPlugin("/bin/sh", {
    args: ["-c", `exec "$0" >/dev/full`, cluster.executable],
    stdin: request(IMAGE, cluster.token),
    env: PLUGIN_ENV,
  });
  assert.match(stderr, /wrote the auth file[\s\S]*stdout: cannot write the response/);
  assert.equal(code, 1);
  assert.deepEqual(await filesWith(cluster.node.root, secretsOf(cluster)), []);
});

Deno.test("a pull that succeeds has its credentials in the one file, and the token nowhere", async () => {
  await using cluster = await Cluster.start();
  assert.equal((await cluster.pull()).code, 0);
  const path = `${cluster.node.settings.authDir}/${await authFileName("default", IMAGE)}`;
  assert.deepEqual(await filesWith(cluster.node.root, [PASSWORD, AUTH]), [path]);
  assert.deepEqual(await filesWith(cluster.node.root, [cluster.token]), []);
});
