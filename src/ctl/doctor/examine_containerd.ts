/** A node with containerd: its configuration, and its `hosts.toml` files. */

import type { CredentialProvider } from "../../manifests/credential_provider_config.ts";
import type { Settings } from "../../settings/settings.ts";
import { type Check, recordFailure } from "./check.ts";
import {
  checkContainerdConfig,
  CONTAINERD_CONF,
  importsOf,
  parseContainerdFile,
} from "./containerd.ts";
import type { Mirrors } from "./examination.ts";
import { checkHostsFiles, checkMatchedRegistries } from "./hosts_toml.ts";
import type { ExaminedNode, TextFile } from "./examined_node.ts";

/** Checks containerd's configuration and its `hosts.toml` files. */
export function examineContainerd(
  { containerdHostsDir: roots }: Settings,
  provider: CredentialProvider | undefined,
  files: ExaminedNode,
  checks: Check[],
): Mirrors {
  recordFailure("containerd-config", checks, () => {
    const configs = readContainerdConfigs(files).map(parseContainerdFile);
    checks.push(...checkContainerdConfig(configs, roots));
  });
  recordFailure("hosts-toml", checks, () => {
    const flag = "containerd-hosts-dir";
    const found = roots.flatMap((root) =>
      (files.list(root, flag) ?? [])
        .filter((name) => files.facts(`${root}/${name}`, flag)?.kind === "directory")
        .map((name) => ({
          root,
          name,
          text: recordFailure(
            "hosts-toml",
            checks,
            () => files.read(`${root}/${name}/hosts.toml`, flag, { keepByteOrderMark: true }),
          )?.text,
        }))
    );
    checks.push(...checkHostsFiles(found, roots));
    if (provider !== undefined) {
      checks.push(...checkMatchedRegistries(provider.matchImages, found));
    }
  });
  return { registries: undefined, global: undefined };
}

/** containerd's files in the order in which it merges them: the main one, then what it imports. */
function readContainerdConfigs(files: ExaminedNode): TextFile[] {
  const flag = "root";
  const read: TextFile[] = [];
  const pending = [CONTAINERD_CONF];
  const seen = new Set<string>();
  for (let path = pending.shift(); path !== undefined; path = pending.shift()) {
    if (seen.has(path)) continue;
    seen.add(path);
    if (path.includes("*")) {
      pending.unshift(...expand(path, files, flag));
      continue;
    }
    const file = files.read(path, flag);
    if (file === undefined) continue;
    read.push(file);
    pending.push(...importsOf(parseContainerdFile({ ...file, path })));
  }
  return read;
}

/** The files of a pattern that has its `*` in the last part, as drop-ins have it. */
function expand(pattern: string, files: ExaminedNode, flag: string): string[] {
  const slash = pattern.lastIndexOf("/");
  const [start = "", ...rest] = pattern.slice(slash + 1).split("*");
  // deno-coverage-ignore -- for the compiler: an array has a last element
  const end = rest.at(-1) ?? "";
  return (files.list(pattern.slice(0, slash), flag) ?? [])
    .filter((name) => name.startsWith(start) && name.endsWith(end))
    .map((name) => `${pattern.slice(0, slash)}/${name}`);
}
