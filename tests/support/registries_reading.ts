/**
 * What a node's registries configuration means, by containers-registries.conf(5) and the order in
 * which the image library reads its files. Written apart from the plugin and without regard to
 * speed, as what its loading is judged by.
 */

/** A value of TOML. */
export type Toml = string | number | boolean | Date | Toml[] | TomlTable;
export interface TomlTable {
  [key: string]: Toml;
}

/** A file as it was made: a document, or one that is no TOML. */
export interface MadeFile {
  readonly name: string;
  readonly content: TomlTable | "broken";
}

/** A node's files: places for the main file, and directories of drop-ins, later ones over earlier. */
export interface MadeNode {
  readonly mains: readonly { readonly path: string; readonly file: MadeFile | undefined }[];
  readonly directories: readonly { readonly path: string; readonly files: readonly MadeFile[] }[];
}

/** A `[[registry]]` table with everything filled in; a `location` of "" is none. */
export interface ReadTable {
  readonly prefix: string;
  readonly location: string;
  readonly blocked: boolean;
  readonly mirrors: readonly string[];
  readonly file: string;
}

/** Told of each rule that decided something. */
export type OnRule = (rule: string) => void;

class Refused extends Error {}

/** The tables that count, by prefix; `undefined` when a file has to be refused. */
export function readRegistries(
  node: MadeNode,
  onRule: OnRule,
): Map<string, ReadTable> | undefined {
  try {
    const tables = new Map<string, ReadTable>();
    for (const [path, content, isMain] of filesInOrder(node, onRule)) {
      const inFile: ReadTable[] = [];
      for (const table of readFile(path, content, isMain, onRule)) {
        if (inFile.some(({ prefix }) => prefix === table.prefix)) {
          onRule("of two tables with one prefix in a file the first counts");
        } else {
          inFile.push(table);
        }
      }
      for (const table of inFile) {
        if (tables.has(table.prefix)) onRule("a later file's table replaces an earlier one's");
        tables.set(table.prefix, table);
      }
    }
    return tables;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

function filesInOrder(
  { mains, directories }: MadeNode,
  onRule: OnRule,
): [path: string, content: TomlTable | "broken", isMain: boolean][] {
  const files: [string, TomlTable | "broken", boolean][] = [];
  const index = mains.findIndex(({ file }) => file !== undefined);
  const main = mains[index];
  if (main?.file === undefined) onRule("there is no main file");
  else files.push([main.path, main.file.content, true]);
  if (index > 0) onRule("a later main file counts where the first does not exist");

  const bytes = (name: string) => [...new TextEncoder().encode(name)];
  const names = directories.flatMap(({ files }) => files.map(({ name }) => name))
    .filter((name) => name.endsWith(".conf"));
  const inOrder = [...new Set(names)].sort((a, b) => {
    const left = bytes(a), right = bytes(b);
    const at = left.findIndex((byte, i) => byte !== right[i]);
    return at === -1 ? left.length - right.length : (left[at] ?? 0) - (right[at] ?? -1);
  });
  const places: number[] = [];
  for (const name of inOrder) {
    const holders = directories.filter(({ files }) => files.some((file) => file.name === name));
    if (holders.length > 1) onRule("of two drop-ins of one name the later directory's counts");
    const last = holders.at(-1);
    const file = last?.files.find((file) => file.name === name);
    if (last === undefined || file === undefined) continue;
    places.push(directories.indexOf(last));
    files.push([`${last.path}/${name}`, file.content, false]);
  }
  if (places.some((place, i) => place < (places[i - 1] ?? 0))) {
    onRule("drop-ins apply in the order of their names, not of their directories");
  }
  return files;
}

function isTable(value: Toml | undefined): value is TomlTable {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Date);
}

/** Refuses, for a reason that is counted. */
function refuse(rule: string, onRule: OnRule): never {
  onRule(`refused: ${rule}`);
  throw new Refused(rule);
}

function readFile(
  path: string,
  content: TomlTable | "broken",
  isMain: boolean,
  onRule: OnRule,
): ReadTable[] {
  if (content === "broken") refuse("no TOML", onRule);
  const wrongType = () => refuse("a value of the wrong type", onRule);
  const { registries, registry } = content;
  if (registries !== undefined) {
    if (!isTable(registries)) return wrongType();
    const { search, insecure, block } = registries;
    const lists = [search, insecure, block].filter((list) => list !== undefined);
    if (lists.length > 0) {
      if (!isMain) refuse("version 1 in a drop-in", onRule);
      if (registry !== undefined) refuse("versions 1 and 2 in one file", onRule);
      for (const list of lists) {
        if (!isTable(list)) return wrongType();
        const names = list["registries"] ?? [];
        if (!Array.isArray(names)) return wrongType();
        for (const name of names) if (typeof name !== "string") return wrongType();
      }
      onRule("a main file of version 1 carries no mirrors");
      return [];
    }
  }
  if (registry === undefined) return [];
  if (!Array.isArray(registry)) return wrongType();

  const text = (table: TomlTable, key: string) => {
    const value = table[key];
    if (value === undefined) return undefined;
    return typeof value === "string" ? value : wrongType();
  };
  const flag = (table: TomlTable, key: string) => {
    const value = table[key];
    if (value === undefined) return false;
    return typeof value === "boolean" ? value : wrongType();
  };
  const location = (table: TomlTable, key: string) => {
    let value = text(table, key) ?? "";
    if (value.endsWith("/")) onRule("slashes at the end go");
    while (value.endsWith("/")) value = value.slice(0, -1);
    if (value.startsWith("http://") || value.startsWith("https://")) refuse("a scheme", onRule);
    return value;
  };

  // A decoder looks at every type before anything else is looked at.
  for (const table of registry) {
    if (!isTable(table)) return wrongType();
    for (const key of ["prefix", "location", "pull-from-mirror"]) text(table, key);
    for (const key of ["insecure", "blocked", "mirror-by-digest-only"]) flag(table, key);
    const mirrors = table["mirror"] ?? [];
    if (!Array.isArray(mirrors)) return wrongType();
    for (const mirror of mirrors) {
      if (!isTable(mirror)) return wrongType();
      text(mirror, "location");
      text(mirror, "pull-from-mirror");
      flag(mirror, "insecure");
    }
  }

  const tables: { table: ReadTable; insecure: boolean }[] = [];
  for (const made of registry) {
    if (!isTable(made)) return wrongType();
    const ownLocation = location(made, "location");
    let prefix = location(made, "prefix");
    if (prefix === "") {
      if (ownLocation === "") refuse("neither prefix nor location", onRule);
      prefix = ownLocation;
      onRule("a missing prefix is the location");
    }
    const isWildcard = prefix.startsWith("*.");
    if (ownLocation === "" && !isWildcard) refuse("a plain prefix without location", onRule);
    if (isWildcard && [..."/:@"].some((sign) => prefix.includes(sign))) {
      refuse("a wildcard with more than a host", onRule);
    }
    if ((text(made, "pull-from-mirror") ?? "") !== "") {
      refuse("pull-from-mirror on the registry", onRule);
    }
    const mirrors: string[] = [];
    const madeMirrors = made["mirror"] ?? [];
    for (const mirror of Array.isArray(madeMirrors) ? madeMirrors : []) {
      if (!isTable(mirror)) return wrongType();
      const place = location(mirror, "location");
      if (place === "") refuse("a mirror without location", onRule);
      const pull = text(mirror, "pull-from-mirror") ?? "";
      if (pull !== "" && flag(made, "mirror-by-digest-only")) {
        refuse("pull-from-mirror beside mirror-by-digest-only", onRule);
      }
      if (pull !== "" && pull !== "all" && pull !== "digest-only" && pull !== "tag-only") {
        refuse("an unknown pull-from-mirror", onRule);
      }
      mirrors.push(place);
    }
    tables.push({
      table: { prefix, location: ownLocation, blocked: flag(made, "blocked"), mirrors, file: path },
      insecure: flag(made, "insecure"),
    });
  }
  // What has no location goes by its prefix.
  for (const a of tables) {
    for (const b of tables) {
      if ((a.table.location || a.table.prefix) !== (b.table.location || b.table.prefix)) continue;
      if (a.insecure !== b.insecure) refuse("one location, insecure and not", onRule);
      if (a.table.blocked !== b.table.blocked) refuse("one location, blocked and not", onRule);
    }
  }
  return tables.map(({ table }) => table);
}

/** What the configuration makes of an image. */
export interface ReadSources {
  readonly table: ReadTable | undefined;
  /** `host/path` of each repository, in the order in which they are tried. */
  readonly sources: readonly string[];
  /** Rewritten references that are none. */
  readonly unusable: readonly string[];
}

/** The table that applies to an image, and what the image is pulled from. */
export function readSources(
  tables: ReadonlyMap<string, ReadTable>,
  image: string,
  onRule: OnRule,
): ReadSources {
  const matching = [...tables.values()].filter(({ prefix }) => rest(image, prefix) !== undefined);
  if (matching.length === 0) onRule("no table applies");
  if (matching.length > 1) onRule("the longest of several prefixes applies");
  // The text leaves open which of equally long ones it is; the library goes through them sorted,
  // where `*` comes before every letter and digit.
  const [table, next] = matching.sort((a, b) =>
    b.prefix.length - a.prefix.length || (a.prefix < b.prefix ? -1 : 1)
  );
  if (table === undefined) return { table, sources: [], unusable: [] };
  if (next?.prefix.length === table.prefix.length) onRule("two prefixes are equally long");
  if (table.prefix.startsWith("*.")) onRule("a wildcard applies");
  if (table.blocked) {
    onRule("the registry is blocked");
    return { table, sources: [], unusable: [] };
  }
  const after = rest(image, table.prefix) ?? "";
  if (after.startsWith(":")) onRule("the prefix ends at a colon");
  if (after.startsWith("@")) onRule("the prefix ends at an at sign");
  if (after === "") onRule("the prefix is the image");
  const own = table.location === "" ? image : table.location + after;
  if (table.location === "") onRule("a wildcard without location is not rewritten");
  if (own !== image) onRule("the registry itself is rewritten");
  if (table.mirrors.length === 0 && own === image) {
    onRule("neither a mirror nor a rewriting");
    return { table, sources: [], unusable: [] };
  }
  if (table.mirrors.length > 0) onRule("mirrors come before the registry itself");

  const sources: string[] = [];
  const unusable: string[] = [];
  for (const reference of [...table.mirrors.map((mirror) => mirror + after), own]) {
    const repository = repositoryOf(reference);
    if (repository === undefined) {
      onRule("a rewriting is no reference");
      unusable.push(reference);
    } else if (sources.includes(repository)) {
      onRule("a source stands twice");
    } else {
      sources.push(repository);
    }
  }
  return { table, sources, unusable };
}

/** What follows the part of the image that a prefix stands for; `undefined` if it does not match. */
function rest(image: string, prefix: string): string | undefined {
  let matched = prefix;
  if (prefix.startsWith("*.")) {
    const [host = ""] = image.split("/");
    const [before = "", ...others] = host.split(prefix.slice(1));
    if (others.length === 0) return undefined;
    matched = before + prefix.slice(1);
  }
  return ["", "/", ":", "@"].some((sign) => (image + "\n").startsWith(matched + (sign || "\n")))
    ? image.slice(matched.length)
    : undefined;
}

/** `host/path` of a canonical reference, by the grammar of the Distribution project. */
function repositoryOf(reference: string): string | undefined {
  let name = reference;
  const at = name.indexOf("@");
  if (at !== -1) {
    const [algorithm = "", hex = "", ...more] = name.slice(at + 1).split(":");
    if (more.length > 0 || !/^[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*$/.test(algorithm)) {
      return undefined;
    }
    if (hex.length < 32 || !/^[0-9a-fA-F]+$/.test(hex)) return undefined;
    name = name.slice(0, at);
  }
  const colon = name.lastIndexOf(":");
  if (colon > name.lastIndexOf("/")) {
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(name.slice(colon + 1))) return undefined;
    name = name.slice(0, colon);
  }
  const [host = "", ...path] = name.split("/");
  const domain = host.replace(/:[0-9]+$/, "");
  const label = /^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])$/;
  const isAddress = /^\[[0-9A-Fa-f:]+\]$/.test(domain);
  if (!isAddress && !domain.split(".").every((part) => label.test(part))) return undefined;
  const isHost = host.includes(".") || host.includes(":") || host === "localhost" ||
    host.toLowerCase() !== host;
  if (!isHost || path.length === 0 || name.length > 255) return undefined;
  const component = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;
  if (!path.every((part) => component.test(part))) return undefined;
  // Docker Hub has one canonical spelling.
  if (host === "index.docker.io" || (host === "docker.io" && path.length === 1)) return undefined;
  return name;
}
