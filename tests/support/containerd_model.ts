/**
 * What containerd makes of a tree of `hosts.toml` files, version by version: a model for tests, made from
 * what was seen of it and sharing nothing with the program.
 *
 * Seen on containerd 1.6.20, 1.7.35, 2.0.14, 2.2.9 and 2.4.2.
 */

/** Versions that differ in what they make of a file. */
export const VERSIONS = ["1.6", "1.7", "2.0", "2.2"] as const;
export type Version = typeof VERSIONS[number];

/** A `[host."…"]` table. */
export interface HostTable {
  readonly url: string;
  /** As written: `undefined` without the key. */
  readonly capabilities: readonly string[] | undefined;
  readonly overridePath: boolean;
  readonly dialTimeout: string | undefined;
  /** How the table is written; only the first two have a header of their own. */
  readonly form: "table" | "headers" | "inline" | "dotted";
}

/** A `hosts.toml`. */
export interface HostsToml {
  readonly byteOrderMark: boolean;
  readonly server: string | undefined;
  readonly serverCapabilities: readonly string[] | undefined;
  readonly tables: readonly HostTable[];
  /** A line that is in the way of reading the file at all. */
  readonly mistake: "" | "server = 1" | "not toml" | "ca = 3";
}

/** Directories by path; `undefined` without a `hosts.toml`. */
export type Tree = ReadonlyMap<string, HostsToml | undefined>;

/** A host that is asked, and the repository there without the API's version. */
export interface Asked {
  readonly host: string;
  readonly repository: string;
}

/** The text of a file. Inline and dotted tables are written in front, where TOML has them. */
export function formatHostsToml(file: HostsToml): string {
  const value = (table: HostTable) => [
    ...(table.capabilities === undefined
      ? []
      : [`capabilities = [${table.capabilities.map((name) => JSON.stringify(name)).join(", ")}]`]),
    ...(table.overridePath ? ["override_path = true"] : []),
    ...(table.dialTimeout === undefined
      ? []
      : [`dial_timeout = ${JSON.stringify(table.dialTimeout)}`]),
  ];
  const lines: string[] = [];
  if (file.mistake !== "") lines.push(file.mistake);
  if (file.server !== undefined) lines.push(`server = ${JSON.stringify(file.server)}`);
  if (file.serverCapabilities !== undefined) {
    lines.push(`capabilities = ${JSON.stringify(file.serverCapabilities)}`);
  }
  for (const table of file.tables) {
    const name = `host.${JSON.stringify(table.url)}`;
    if (table.form === "inline") lines.push(`${name} = { ${value(table).join(", ")} }`);
    if (table.form === "dotted") {
      lines.push(
        `${name}.skip_verify = false`,
        ...value(table).map((line) => `${name}.${line}`),
      );
    }
  }
  for (const table of file.tables) {
    const name = `host.${JSON.stringify(table.url)}`;
    if (table.form === "table" || table.form === "headers") {
      lines.push(`[${name}]`, ...value(table));
    }
    if (table.form === "headers") lines.push(`[${name}.header]`, `x-note = "a"`);
  }
  return `${file.byteOrderMark ? "\ufeff" : ""}${lines.join("\n")}\n`;
}

/** Every host that a version asks for an image and shows a pair to that asks for one, in order. */
export function askedBy(
  version: Version,
  roots: readonly string[],
  tree: Tree,
  image: string,
): Asked[] {
  const [host = "", ...rest] = image.split("/");
  const name = rest.join("/");
  const origin = { host: host === "docker.io" ? "registry-1.docker.io" : host, repository: name };
  const directory = firstDirectory(roots, tree, host);
  const file = directory === undefined ? undefined : tree.get(directory);
  if (file === undefined || isDropped(version, file)) return [origin];
  const asked: Asked[] = [];
  for (const table of file.tables) {
    const hasHeader = table.form === "table" || table.form === "headers";
    // From 2.0 on only tables with a header are seen.
    if (!hasHeader && (version === "2.0" || version === "2.2")) continue;
    if (isAsked(table.capabilities)) asked.push(place(table.url, name));
  }
  if (file.server === undefined || file.server === "") return [...asked, origin];
  return isAsked(file.serverCapabilities) ? [...asked, place(file.server, name)] : asked;
}

function firstDirectory(roots: readonly string[], tree: Tree, host: string): string | undefined {
  const [name, port] = host.split(":");
  const names = port === undefined ? [host] : [`${name}_${port}_`, host];
  for (const root of roots) {
    for (const each of [...names, "_default"]) {
      if (tree.has(`${root}/${each}`)) return `${root}/${each}`;
    }
  }
  return undefined;
}

function isDropped(version: Version, file: HostsToml): boolean {
  if (file.mistake !== "") return true;
  if (version === "2.2" && file.byteOrderMark) return true;
  if (version === "1.6" && file.tables.length === 0 && (file.server ?? "") !== "") return true;
  const known = ["pull", "resolve", "push", ...(version === "2.2" ? ["referrers"] : [])];
  const lists = [
    file.serverCapabilities ?? [],
    ...file.tables.map(({ capabilities }) => capabilities ?? []),
  ];
  if (lists.flat().some((name) => !known.includes(name.toLowerCase()))) return true;
  const timeouts = file.tables.map(({ dialTimeout }) => dialTimeout);
  return version === "2.2" && timeouts.includes("soon");
}

function isAsked(capabilities: readonly string[] | undefined): boolean {
  return capabilities === undefined || capabilities.length === 0 ||
    capabilities.some((name) => name.toLowerCase() === "pull");
}

/** Where a host's URL leads for a repository. */
function place(url: string, name: string): Asked {
  const whole = url.startsWith("http") ? url : `https://${url}`;
  const { host, pathname } = new URL(whole);
  // The URL class leaves out a scheme's own port, which containerd does not.
  const written = /^https?:\/\/(?:[^@/]*@)?([^/?]*)/.exec(whole)?.[1] ?? host;
  const parts = pathname.split("/").filter((part) => part !== "" && part !== "v2");
  return { host: written, repository: [...parts, name].join("/") };
}
