/** A `hosts.toml` of containerd that every version of it in use reads alike. */

import { UsageError } from "../errors.ts";
import { hostDirectories } from "../sources/hosts_toml/host_directory.ts";
import { isHost, isRecognisableHost } from "../sources/reference.ts";
import type { MirrorRule } from "./registries_conf.ts";

/** What is asked for in place of Docker Hub's name (containerd's `ConfigureHosts`). */
const ORIGINS: ReadonlyMap<string, string> = new Map([["docker.io", "registry-1.docker.io"]]);

/** What the file is to say. */
export interface HostsTomlOptions {
  /** All of one registry. */
  readonly rules: readonly MirrorRule[];
  /** Mirrors that are reached without TLS. */
  readonly plainHttp: ReadonlySet<string>;
  /** Whether the registry itself is asked where no mirror has the image. */
  readonly fallback: boolean;
  /** The directory of `config_path` that the file goes under. */
  readonly root: string;
}

/** A file, and what it needs. */
export interface HostsTomlFile {
  readonly path: string;
  readonly text: string;
  /** `host[:port]` of the registry, where it is asked too and would see the pairs of the mirrors. */
  readonly origin: string | undefined;
}

/**
 * Makes the file of one registry: its mirrors in the order given, and behind them the last mirror once
 * more as `server`, since without `server`, or with it alone, some versions ask the registry itself.
 *
 * A path of a mirror is part of the repository's name there, as in `registries.conf`: it is behind
 * `/v2`, which only `override_path` makes possible.
 *
 * @throws {UsageError} whose place is left to be filled in, when the rules are not of one registry.
 */
export function createHostsToml(
  { rules, plainHttp, fallback, root }: HostsTomlOptions,
): HostsTomlFile {
  const [source = "", ...others] = new Set(rules.map(({ source }) => source));
  if (others.length > 0) {
    throw new UsageError(
      "flag-value-invalid",
      "",
      "names several registries",
      "make a file for each: containerd has one each",
    );
  }
  if (!isHost(source) || !isRecognisableHost(source)) {
    throw new UsageError(
      "flag-value-invalid",
      "",
      `${JSON.stringify(source)} is not a registry`,
      "containerd has mirrors for whole registries: write HOST or HOST:PORT before the =",
    );
  }
  const origin = ORIGINS.get(source) ?? source;
  const mirrors = [...new Set(rules.map(({ mirror }) => mirror))].map((mirror) =>
    mirrorEntry(mirror, plainHttp.has(mirror))
  );
  const last = fallback
    ? [`server = "https://${origin}"`]
    // deno-coverage-ignore -- for the compiler: there is a mirror
    : [`server = ${JSON.stringify(mirrors.at(-1)?.url)}`, ...(mirrors.at(-1)?.lines ?? [])];
  const tables = mirrors.flatMap((
    { url, lines },
  ) => ["", `[host.${JSON.stringify(url)}]`, ...lines]);
  const [directory] = hostDirectories([root], source);
  return {
    path: `${directory?.path}/hosts.toml`,
    text: [...last, ...tables, ""].join("\n"),
    origin: fallback ? origin : undefined,
  };
}

function mirrorEntry(mirror: string, plainHttp: boolean) {
  const slash = mirror.indexOf("/");
  const host = slash === -1 ? mirror : mirror.slice(0, slash);
  const path = slash === -1 ? "" : `/v2${mirror.slice(slash)}`;
  return {
    url: `${plainHttp ? "http" : "https"}://${host}${path}`,
    lines: [
      `capabilities = ["pull", "resolve"]`,
      // Else /v2 would be added behind the path.
      ...(path === "" ? [] : ["override_path = true"]),
    ],
  };
}
