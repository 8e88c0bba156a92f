/** The files of a node that is ready, below a directory, and the API server of its cluster. */

import assert from "node:assert/strict";
import * as v from "valibot";
import { buildScript } from "../../scripts/build.ts";
import { ERROR_CODES } from "../../src/error_codes.ts";
import { CHECK_NAMES } from "../../src/ctl/doctor/check.ts";
import { PLUGIN_DIRECTORY } from "../../src/manifests/platform_providers.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import { ApiServer } from "./api_server.ts";
import { type CtlResult, runCtlWith } from "./ctl.ts";
import { NodeFiles } from "./node_files.ts";

export { PLUGIN_DIRECTORY };

/** Where the kubelet's configuration is, on the node. */
export const CONFIG = "/etc/kubernetes/credential-provider-config.yaml";
/** Where the plugin is, on the node. */
export const PLUGIN = `${PLUGIN_DIRECTORY}/crio-credential-provider`;
/** The kubelet's configuration as documented. */
export const DOCUMENTED = await Deno.readTextFile(
  new URL("../../fixtures/kubernetes/credential-provider-config.yaml", import.meta.url),
);
const MIRROR = await Deno.readTextFile(
  new URL("../../fixtures/registries/mirror.conf", import.meta.url),
);

/** What `doctor --json` prints. */
const Report = v.strictObject({
  ready: v.boolean(),
  checks: v.array(v.strictObject({
    name: v.picklist(CHECK_NAMES),
    status: v.picklist(["pass", "warn", "fail", "skip"]),
    found: v.pipe(v.string(), v.nonEmpty()),
    advice: v.string(),
    code: v.optional(v.picklist(ERROR_CODES)),
  })),
});

/**
 * The findings of `doctor --json`, but for those about files' owner, which is whoever runs the tests.
 *
 * @throws {Error} when the report and the exit status are not as documented.
 */
export function readFindings({ code, stdout, stderr }: CtlResult): string[] {
  assert.equal(stderr, "");
  const { ready, checks } = v.parse(v.pipe(v.string(), v.parseJson(), Report), stdout);
  assert.equal(ready, checks.every(({ status }) => status !== "fail"));
  assert.equal(code, ready ? 0 : 1);
  return checks.filter(({ found }) => !found.includes("belongs to user"))
    .map(({ name, status, found, advice }) => `${status} ${name}: ${found} -> ${advice}`);
}

/** The copy of a node that is ready, below a directory. */
export class NodeCopy extends NodeFiles {
  readonly api: ApiServer;

  private constructor(api: ApiServer, root: string) {
    super(root);
    this.api = api;
  }

  /** @param settings that the plugin is built with. */
  static async create(settings: Partial<Settings> = {}): Promise<NodeCopy> {
    const api = await ApiServer.start();
    const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "node-" }));
    const node = new NodeCopy(api, root);
    const built = { ...DEFAULT_SETTINGS, apiserver: api.url, ...settings };
    await buildScript({
      settings: built,
      out: root + PLUGIN_DIRECTORY,
      program: `const BUILD=${JSON.stringify({ settings: built, facts: { version: "1.2.3" } })};\n`,
    });
    await node.write(CONFIG, DOCUMENTED);
    await node.write("/etc/containers/registries.conf", MIRROR);
    await node.write("/etc/kubernetes/pki/ca.crt", api.ca.certificatePem);
    await node.write(
      "/var/lib/kubelet/kubeadm-flags.env",
      `KUBELET_KUBEADM_ARGS="--pod-infra-container-image=registry.k8s.io/pause:3.10"\n`,
    );
    await node.write("/var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\n");
    await node.write("/var/lib/crio/version", `"1.34.3"`);
    await Deno.mkdir(`${root}/etc/crio/auth`, { mode: 0o700, recursive: true });
    return node;
  }

  /** Examines the copy. */
  run(args: readonly string[] = [], stdin?: string): Promise<CtlResult> {
    const server = ["--apiserver", this.api.url];
    return runCtlWith(["doctor", "--root", this.root, ...server, ...args], stdin);
  }

  /** What is found. */
  async findings(args: readonly string[] = [], stdin?: string): Promise<string[]> {
    return readFindings(await this.run(["--json", ...args], stdin));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.api.close();
  }
}
