import assert from "node:assert/strict";
import { findOfferedHosts } from "../../../src/sources/hosts_toml/offered_hosts.ts";
import { askedBy, VERSIONS } from "../../support/containerd_model.ts";
import { runCtlWith } from "../../support/ctl.ts";

async function generate(...args: string[]) {
  return await runCtlWith(["generate", "hosts-toml", ...args]);
}

/** What is asked for an image by a generated file. */
function requests(text: string, image: string): string[] {
  const path = "/d";
  const { hosts, unsure } = findOfferedHosts(
    { path, isDefault: false, file: `${path}/hosts.toml`, text },
    image,
  );
  assert.equal(unsure, undefined);
  return hosts.map(({ repository, requestPath, entry }) =>
    `${entry?.scheme}://${repository.host}${requestPath}`
  );
}

Deno.test("a mirror is the only host that is asked, and its path is part of the repository's name", async () => {
  const { code, stdout, stderr } = await generate("--mirror", "docker.io=mirror.local/hub");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(
    stdout,
    `# /etc/containerd/certs.d/docker.io/hosts.toml
server = "https://mirror.local/v2/hub"
capabilities = ["pull", "resolve"]
override_path = true

[host."https://mirror.local/v2/hub"]
capabilities = ["pull", "resolve"]
override_path = true
`,
  );
  const url = "https://mirror.local/v2/hub/library/nginx";
  assert.deepEqual(requests(stdout, "docker.io/library/nginx"), [url, url]);
});

Deno.test("no version of containerd asks the registry itself by a generated file", () => {
  const roots = ["/r"];
  const table = {
    url: "https://mirror.local/v2/hub",
    capabilities: ["pull", "resolve"],
    overridePath: true,
    dialTimeout: undefined,
    form: "table",
  } as const;
  const file = {
    byteOrderMark: false,
    server: table.url,
    serverCapabilities: table.capabilities,
    tables: [table],
    mistake: "",
  } as const;
  const tree = new Map([["/r/docker.io", file]]);
  for (const version of VERSIONS) {
    const hosts = askedBy(version, roots, tree, "docker.io/library/nginx").map(({ host }) => host);
    assert.deepEqual([...new Set(hosts)], ["mirror.local"], version);
  }
});

Deno.test("with --fallback the registry is asked last, and the consent that it needs is told", async () => {
  const { stdout, stderr } = await generate(
    ...["--mirror", "docker.io=a.local", "--mirror", "docker.io=b.local:5000/hub", "--fallback"],
    ...["--plain-http", "a.local"],
  );
  assert.match(
    stdout,
    /^# .*\n# registry-1\.docker\.io is asked last .*\n# holds it .*--containerd-also-offer=registry-1\.docker\.io\n/,
  );
  assert.match(stderr, /registry-1\.docker\.io is asked last and would see each pair/);
  assert.deepEqual(requests(stdout, "docker.io/library/nginx"), [
    "http://a.local/v2/library/nginx",
    "https://b.local:5000/v2/hub/library/nginx",
    "https://registry-1.docker.io/v2/library/nginx",
  ]);
});

Deno.test("a registry with a port has a directory that all versions find", async () => {
  const args = ["--mirror", "localhost:5812=localhost:5811", "--containerd-hosts-dir", "/x"];
  const { stdout } = await generate(...args);
  assert.match(stdout, /^# \/x\/localhost_5812_\/hosts\.toml$/m);
});

const REFUSED: readonly [name: string, args: string[], error: RegExp][] = [
  ["no mirror", [], /--mirror: is missing/],
  [
    "two registries",
    ["--mirror", "docker.io=a.io", "--mirror", "quay.io=a.io"],
    /--mirror: names several registries/,
  ],
  [
    "a part of a registry",
    ["--mirror", "quay.io/team=a.io"],
    /"quay\.io\/team" is not a registry; .*whole registries/,
  ],
  ["a wildcard", ["--mirror", "*.example.com=a.io"], /"\*\.example\.com" is not a registry/],
  ["a mirror of another kind", ["--mirror", "docker.io=https://a.io"], /leave out the URL scheme/],
  [
    "--plain-http of no mirror",
    ["--mirror", "docker.io=a.io", "--plain-http", "b.io"],
    /--plain-http: "b\.io" is not a mirror/,
  ],
  [
    "a relative directory",
    ["--mirror", "docker.io=a.io", "--containerd-hosts-dir", "x"],
    /--containerd-hosts-dir: "x" is not an absolute path/,
  ],
];

for (const [name, args, error] of REFUSED) {
  Deno.test(`hosts-toml with ${name} is refused`, async () => {
    const { code, stdout, stderr } = await generate(...args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, error);
  });
}

const CONFIG = ["generate", "kubelet-config", "--match-image", "docker.io", "--audience", "a"];

Deno.test("kubelet-config --runtime containerd passes the runtime, and tells who may use pulled images", async () => {
  const consent = "--containerd-also-offer=registry-1.docker.io";
  const { code, stdout, stderr } = await runCtlWith(
    [...CONFIG, "--runtime", "containerd", `--arg=${consent}`],
  );
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^# With containerd: an image of a mirror .* service accounts/);
  assert.ok(!stdout.includes("--pulled-images"));
  assert.match(
    stdout,
    /args:\n {6}- "?--containerd-also-offer=registry-1\.docker\.io"?\n {6}- "?--runtime=containerd"?\n/,
  );
});

Deno.test("kubelet-config refuses to keep an argument that the plugin would refuse in every pull", async () => {
  const old = await runCtlWith([...CONFIG, "--pulled-images", "node"]);
  const merged = await runCtlWith(
    [...CONFIG, "--runtime", "containerd", "--merge", "-"],
    old.stdout,
  );
  assert.equal(merged.code, 1);
  assert.match(merged.stderr, /passes --pulled-images to the plugin, .* drop it from "args"/);
});

Deno.test("kubelet-config refuses what has no meaning for the runtime", async () => {
  const mode = await runCtlWith([...CONFIG, "--runtime", "containerd", "--pulled-images", "node"]);
  assert.match(mode.stderr, /--pulled-images: has no meaning with --runtime containerd/);
  const consent = await runCtlWith([...CONFIG, "--arg=--containerd-also-offer=quay.io"]);
  assert.match(consent.stderr, /--arg: .*has no meaning with --runtime crio/);
  assert.deepEqual([mode.code, consent.code], [2, 2]);
});
