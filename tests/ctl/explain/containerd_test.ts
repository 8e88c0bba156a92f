import assert from "node:assert/strict";
import type { ContainerdExplanation } from "../../../src/ctl/explain/containerd.ts";
import { providePullCredentials } from "../../../src/plugin.ts";
import { CLOCK } from "../../../src/process/clock.ts";
import { createLog } from "../../../src/process/log.ts";
import type { Settings } from "../../../src/settings/settings.ts";
import { ApiServer } from "../../support/api_server.ts";
import { request } from "../../support/cluster.ts";
import { type CtlResult, runCtlWith } from "../../support/ctl.ts";
import { serviceAccountToken } from "../../support/service_account_token.ts";
import { type TempNode, tempNode } from "../../support/temp_node.ts";

const SETTINGS: Partial<Settings> = { runtime: "containerd" };
const MIRRORS = `[host."http://m.example.com:5000/hub"]\ncapabilities = ["pull"]\n\n` +
  `[host."https://b.example.com"]\n`;
const auth = (login: string) => ({ auth: btoa(login) });
const SECRETS = JSON.stringify({
  apiVersion: "v1",
  kind: "List",
  items: [{
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "mine", namespace: "team" },
    type: "kubernetes.io/dockerconfigjson",
    data: {
      ".dockerconfigjson": btoa(JSON.stringify({
        auths: {
          "m.example.com:5000": auth("puller:s3cret"),
          "b.example.com": auth("puller:s3cret"),
          "quay.io": auth("other:s3cret"),
        },
      })),
    },
  }],
});

/** Explains a pull on a prepared node. */
async function explain(
  prepare: (node: TempNode) => Promise<void>,
  args: readonly string[] = [],
  settings: Partial<Settings> = {},
  secrets = SECRETS,
): Promise<CtlResult> {
  await using node = await tempNode({ settings: { ...SETTINGS, ...settings } });
  await prepare(node);
  const read = ["--namespace", "team", "--secrets-file", "-"];
  const { code, stdout, stderr } = await runCtlWith(
    ["explain", "--image", "nginx:1.27", ...read, ...args],
    secrets,
    node.settings,
  );
  for (const text of [stdout, stderr]) {
    assert.ok(!text.includes("s3cret") && !text.includes(btoa("puller:s3cret")));
  }
  return { code, stdout: stdout.replaceAll(node.root, ""), stderr };
}

const withMirrors = (node: TempNode) => node.writeHostsToml("docker.io", MIRRORS);

Deno.test("a withheld pair is explained with the directories, the hosts, and who would see it", async () => {
  const { stdout } = await explain(async (node) => {
    await withMirrors(node);
    await node.writeHostsToml("_default", MIRRORS);
  }, ["--show-users"]);
  const expected = `image           docker.io/library/nginx, by tag
namespace       team
directories     /etc/containerd/certs.d/docker.io: used, the first that exists
                /etc/containerd/certs.d/_default: exists, and is not looked into
                /etc/docker/certs.d/docker.io: does not exist
                /etc/docker/certs.d/_default: does not exist
file            /etc/containerd/certs.d/docker.io/hosts.toml
secrets         mine from stdin

host 1: http://m.example.com:5000/hub/v2/library/nginx (mirror, line 1, not for pulls by tag)
  + secret "mine", key "m.example.com:5000", user "puller": chosen, the only one of the namespace that covers it
  - secret "mine", key "b.example.com", user "puller": passed over, another host
  - secret "mine", key "quay.io", user "other": passed over, another host

host 2: https://b.example.com/v2/library/nginx (mirror, line 4)
  + secret "mine", key "b.example.com", user "puller": chosen, the only one of the namespace that covers it
  - secret "mine", key "m.example.com:5000", user "puller": passed over, another host
  - secret "mine", key "quay.io", user "other": passed over, another host

host 3: https://registry-1.docker.io/v2/library/nginx (the image's own registry, asked because "server" is missing)
  - secret "mine", key "b.example.com", user "puller": passed over, another host
  - secret "mine", key "m.example.com:5000", user "puller": passed over, another host
  - secret "mine", key "quay.io", user "other": passed over, another host

withheld: secret "mine", key "m.example.com:5000", user "puller", chosen for m.example.com:5000/hub/library/nginx
  + m.example.com:5000/hub/library/nginx may see it: secret "mine", key "m.example.com:5000"
  + b.example.com/library/nginx may see it: secret "mine", key "b.example.com"
  - registry-1.docker.io/library/nginx would see it, and no secret and no consent allows that
`;
  assert.equal(stdout.slice(0, expected.length), expected);
  assert.match(
    stdout,
    /^ {2}the credential of secret "mine" .*--containerd-also-offer registry-1/m,
  );
  assert.match(stdout, /^warning: \S+hosts\.toml: "server" is missing/m);
  assert.match(
    stdout,
    /The kubelet gets no pair: every credential that was chosen is withheld\.\n$/,
  );
});

Deno.test("pairs that are given are explained with the order of tries", async () => {
  const consent = ["--containerd-also-offer", "docker.io"];
  const { stdout } = await explain(withMirrors, consent);
  assert.match(
    stdout,
    /registry-1\.docker\.io\/library\/nginx may see it: --containerd-also-offer/,
  );
  assert.match(
    stdout,
    /^order of tries\n {2}1\. secret "mine" \(key "docker\.io\/library\/nginx"\)\n {2}2\. without credentials \(key "docker\.io"\)$/m,
  );
  const json: ContainerdExplanation = JSON.parse(
    (await explain(withMirrors, [...consent, "--json"])).stdout,
  );
  assert.deepEqual(json.tries.map(({ key }) => key), ["docker.io/library/nginx", "docker.io"]);
  assert.deepEqual(json.hosts.map(({ role }) => role), ["mirror", "mirror", "registry"]);
  assert.deepEqual(json.offers.map(({ given }) => given), [true, true]);
});

Deno.test("an annotation that is not read, by --also-for off, gives no credential to explain", async () => {
  const { items: [item] } = JSON.parse(SECRETS);
  const annotations = { "crio-credential-provider/also-for": "quay.io=docker.io" };
  const metadata = { ...item.metadata, annotations };
  const secrets = JSON.stringify({ kind: "List", items: [{ ...item, metadata }] });
  const asked = async (alsoFor: Settings["alsoFor"]) => {
    const { stdout } = await explain(withMirrors, ["--json"], { alsoFor }, secrets);
    const { hosts, secrets: read }: ContainerdExplanation = JSON.parse(stdout);
    return [hosts[2]?.candidates[0]?.verdict, read?.unusable.map(({ reason }) => reason)];
  };
  assert.deepEqual(await asked("on"), ["chosen", []]);
  assert.deepEqual(await asked("off"), [
    "other-host",
    ["annotation crio-credential-provider/also-for is not looked at: --also-for off"],
  ]);
});

Deno.test("a pull without mirrors, and one with an unsure file, are explained without reading secrets", async () => {
  const nothing = await explain(() => Promise.resolve());
  assert.match(nothing.stdout, /nothing to do: no hosts directory for the registry\.\n$/);
  const unsure = await explain((node) => node.writeHostsToml("docker.io", "server = 1\n"));
  assert.match(unsure.stdout, /^warning: \S+hosts\.toml: has a "server" that is not a string: /m);
  assert.match(unsure.stdout, /not read alike by all versions of containerd\.\n$/);
});

Deno.test("what a pull for containerd has none of is left out, and what it has is named", async () => {
  const own = `server = "https://m.example.com:5000/hub"\n${MIRRORS}`;
  const none = await explain((node) =>
    node.writeHostsToml("docker.io", `server = "https://x.io"\n[host."https://x.io"]\n`)
  );
  assert.match(none.stdout, /no candidates|passed over/);
  assert.match(
    none.stdout,
    /The kubelet gets no pair: no credential of the namespace covers a host/,
  );
  const { stdout } = await explain((node) => node.writeHostsToml("docker.io", own));
  assert.match(stdout, /may see it: secret "mine", key "m\.example\.com:5000"/);
  assert.match(stdout, /The kubelet gets one pair; .*\nThe last try is without credentials\.$/m);
});

Deno.test("the account, the secrets that it names, and what a key is read as are told", async () => {
  await using node = await tempNode({ settings: SETTINGS });
  await node.writeHostsToml("docker.io", MIRRORS.replace(/\n\n[^]*/, `\n`));
  const secrets = `${node.root}/secrets.json`;
  const items = [["a", "https://m.example.com:5000/v1/"], ["b", "m.example.com:5000/hub"]]
    .map(([name = "", key = ""]) => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name },
      type: "kubernetes.io/dockerconfigjson",
      stringData: { ".dockerconfigjson": JSON.stringify({ auths: { [key]: auth(`${name}:p`) } }) },
    }));
  await Deno.writeTextFile(secrets, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  const token = serviceAccountToken({ namespace: "team", serviceAccount: "builder" });
  const { code, stdout, stderr } = await runCtlWith(
    ["explain", "--secrets-file", secrets],
    request("docker.io/library/nginx", token, { "crio-credential-provider/secrets": "a" }),
    node.settings,
  );
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^image +docker\.io\/library\/nginx$/m);
  assert.match(stdout, /^namespace +team, service account builder$/m);
  assert.match(stdout, /read as "m\.example\.com:5000"/);
  assert.match(stdout, /named by .*: a$/m);
  const staticPod = await runCtlWith(
    ["explain", "--secrets-file", secrets],
    request("docker.io/library/nginx", ""),
    node.settings,
  );
  assert.equal(staticPod.code, 0, staticPod.stderr);
  assert.doesNotMatch(staticPod.stdout, /^namespace/m);
});

Deno.test("CRI-O's log has no place where the settings are for containerd", async () => {
  const { code, stdout, stderr } = await explain(withMirrors, ["--crio-log", "/dev/null"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /--crio-log: is CRI-O's log, and the settings are for containerd/);
});

Deno.test("a picture, which is of CRI-O's auth file, is refused", async () => {
  const { code, stdout, stderr } = await explain(withMirrors, ["--format", "mermaid"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /--format: mermaid draws CRI-O's auth file; use text or json/);
});

Deno.test("explain tells the tries of the very answer that a pull gives", async () => {
  await using api = await ApiServer.start();
  await using node = await tempNode({
    apiServer: api,
    settings: { ...SETTINGS, containerdAlsoOffer: ["docker.io"] },
  });
  await withMirrors(node);
  const token = api.addServiceAccount("team");
  api.grant("team");
  api.addDockerConfig("team", "a", { "m.example.com:5000": auth("one:s3cret") });
  api.addDockerConfig("team", "b", {
    "https://b.example.com": auth("two:s3cret"),
    "m.example.com:5000/hub": auth("two:s3cret"),
  });
  const asked = request("docker.io/library/nginx", token);
  const { response } = await providePullCredentials(asked, {
    settings: node.settings,
    log: createLog({ level: "error", format: "text", sinks: [], now: () => new Date() }),
    clock: CLOCK,
    started: CLOCK.now(),
    deadline: CLOCK.now() + 30_000,
  });
  const { stdout } = await runCtlWith(["explain", "--json", "--show-users"], asked, node.settings);
  const { tries }: ContainerdExplanation = JSON.parse(stdout);
  const given: [string, { username: string }][] = Object.entries(JSON.parse(response).auth);
  assert.deepEqual(
    tries.map(({ key, user = "" }) => [key, user]),
    given.map(([key, { username }]) => [key, username]),
  );
  assert.equal(tries[0]?.user, "two");
});
