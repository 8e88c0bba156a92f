import assert from "node:assert/strict";
import { hostAndPort } from "../../src/kubernetes/api_server_url.ts";
import { type PolicyLine, policyOf } from "../../src/settings/sandbox.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";
import { AUTH, Cluster, type ClusterOptions, MIRROR } from "../support/cluster.ts";
import { type RecordedAccess, recordPull } from "../support/permission_record.ts";

function isWithin({ permission, value }: RecordedAccess, { kind, target }: PolicyLine): boolean {
  if (permission !== kind) return false;
  // A request is recorded with its URL.
  if (value.startsWith("https://")) return hostAndPort(value) === target;
  return value === target || (kind !== "net" && value.startsWith(`${target}/`));
}

/** Nodes that between them make a pull use every line of the policy. */
const NODES: readonly [
  name: string,
  options: ClusterOptions,
  prepare: (cluster: Cluster) => Promise<void>,
][] = [
  [
    "a flag for the API server, and files of every kind",
    { settings: { journaldSocket: "/run/systemd/journal/stdout" } },
    async ({ node }) => {
      await node.writeDropIn("10.conf", MIRROR);
      await node.writeGlobalAuthFile({ auths: { "quay.io": { auth: AUTH } } });
    },
  ],
  [
    "an env file and a kubeconfig",
    { settings: ({ url }) => ({ apiserver: url, caFile: "" }) },
    ({ node, api }) => node.writeKubeconfig({ server: api.url, caPem: api.ca.certificatePem }),
  ],
  [
    "an API server that only the env file names",
    { settings: { apiserver: "", timeout: 3_000 } },
    ({ node }) => node.writeApiserverEnv("localhost", 6443),
  ],
  [
    "files that are all missing but the CA",
    { registriesConf: "", settings: {} },
    ({ node }) => node.writeDropIn("10.conf", MIRROR),
  ],
];

Deno.test("the runtime's own record of a pull holds nothing but what the policy lists", async (test) => {
  const used = new Set<string>();
  for (const [name, options, prepare] of NODES) {
    await test.step(name, async () => {
      await using cluster = await Cluster.start(options);
      await prepare(cluster);
      const { allow, deny } = policyOf(cluster.node.settings);
      const { accesses } = await recordPull(cluster);
      assert.ok(accesses.length > 5);
      for (const access of accesses) {
        const line = allow.find((line) => isWithin(access, line));
        assert.ok(line !== undefined, `${access.permission} ${access.value} is not in the policy`);
        assert.ok(!deny.some((line) => isWithin(access, line)), access.value);
        used.add(`${line.kind} ${line.flag}`);
      }
    });
  }
  await test.step("and every line of the policy is used by one of these pulls", () => {
    const lines = policyOf(DEFAULT_SETTINGS).allow.map(({ kind, flag }) => `${kind} ${flag}`);
    assert.deepEqual(lines.filter((line) => !used.has(line)), []);
  });
});
