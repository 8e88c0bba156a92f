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
  readonly mirrors: readonly { readonly location: string; readonly pulls: string }[];
  readonly file: string;
}

/** What the files come to. */
export interface ReadConfiguration {
  readonly tables: ReadonlyMap<string, ReadTable>;
  /** `undefined` when no file has any. */
  readonly credentialHelpers: readonly string[] | undefined;
  readonly aliases: ReadonlyMap<string, string>;
}

/** Told of each rule that decided something. */
export type OnRule = (rule: string) => void;

class Refused extends Error {}

/** What counts of all files; `undefined` when a file has to be refused. */
export function readRegistries(
  node: MadeNode,
  onRule: OnRule,
): ReadConfiguration | undefined {
  try {
    const tables = new Map<string, ReadTable>();
    const aliases = new Map<string, string>();
    let credentialHelpers: readonly string[] | undefined;
    for (const [path, content, isMain] of filesInOrder(node, onRule)) {
      const inFile: ReadTable[] = [];
      const file = readFile(path, content, isMain, onRule);
      for (const table of file.tables) {
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
      for (const [name, target] of file.aliases) {
        if (aliases.has(name)) onRule("a later file's alias replaces an earlier one's");
        aliases.set(name, target);
      }
      if (file.helpers !== undefined) {
        if (credentialHelpers !== undefined) {
          onRule("a later file's helpers replace an earlier one's");
        }
        credentialHelpers = file.helpers;
      }
    }
    return { tables, aliases, credentialHelpers };
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

/** The value under a name in any case; no table here has one key in two cases. */
function under(table: TomlTable, name: string): Toml | undefined {
  const [key] = Object.keys(table).filter((key) => key.toLowerCase() === name);
  return key === undefined ? undefined : table[key];
}

interface ReadFile {
  readonly tables: readonly ReadTable[];
  readonly helpers: readonly string[] | undefined;
  readonly aliases: ReadonlyMap<string, string>;
}

/** Host with optional port: letters, digits and hyphens between dots. There is no IPv6 address. */
function isDomain(text: string): boolean {
  const [name = "", port, ...more] = text.split(":");
  const label = /^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])$/;
  return more.length === 0 && (port === undefined || /^[0-9]+$/.test(port)) &&
    name.split(".").every((part) => label.test(part));
}

function readFile(
  path: string,
  content: TomlTable | "broken",
  isMain: boolean,
  onRule: OnRule,
): ReadFile {
  if (content === "broken") refuse("no TOML", onRule);
  const wrongType = () => refuse("a value of the wrong type", onRule);
  const strings = (value: Toml): string[] => {
    if (!Array.isArray(value)) return wrongType();
    return value.map((item) => typeof item === "string" ? item : wrongType());
  };
  if (Object.keys(content).some((key) => key !== key.toLowerCase())) {
    onRule("a key is in another case");
  }
  const registry = under(content, "registry");
  const registries = under(content, "registries");
  const search = under(content, "unqualified-search-registries");
  const mode = under(content, "short-name-mode");
  const helpers = under(content, "credential-helpers");
  const aliases = under(content, "aliases");
  if (mode !== undefined && typeof mode !== "string") return wrongType();
  const listed = helpers === undefined ? undefined : strings(helpers);
  const searched = search === undefined ? [] : strings(search);
  const named = new Map<string, string>();
  if (aliases !== undefined) {
    if (!isTable(aliases)) return wrongType();
    for (const [name, target] of Object.entries(aliases)) {
      if (typeof target !== "string") return wrongType();
      named.set(name, target);
    }
  }
  const lists: Record<string, string[]> = {};
  if (registries !== undefined) {
    if (!isTable(registries)) return wrongType();
    for (const key of ["search", "insecure", "block"]) {
      const list = under(registries, key);
      if (list === undefined) continue;
      if (!isTable(list)) return wrongType();
      const names = under(list, "registries");
      if (names === undefined) onRule("a version 1 table without its list counts for nothing");
      else lists[key] = strings(names);
    }
  }
  if (Object.keys(lists).length > 0) {
    if (Object.values(lists).every((list) => list.length === 0)) {
      onRule("an empty list is version 1");
    }
    if (!isMain) refuse("version 1 in a drop-in", onRule);
    const version2 = [registry, search, helpers, aliases, mode === "" ? undefined : mode];
    if (version2.some((value) => value !== undefined)) {
      refuse("versions 1 and 2 in one file", onRule);
    }
    onRule("a main file of version 1 carries no mirrors");
    const tables = [...lists["block"] ?? [], ...lists["insecure"] ?? []].map((written) => {
      const location = readPlace(written, onRule);
      if (location === "") refuse("an empty entry of version 1", onRule);
      const blocked = (lists["block"] ?? []).some((name) => readPlace(name, onRule) === location);
      if (blocked) onRule("version 1 blocks a registry");
      return { prefix: location, location, blocked, mirrors: [], file: path };
    });
    checkSearch(lists["search"] ?? [], onRule);
    return { tables, helpers: undefined, aliases: new Map() };
  }
  const checkRest = () => {
    checkSearch(searched, onRule);
    if (mode !== undefined && !["", "enforcing", "permissive", "disabled"].includes(mode)) {
      refuse("an unknown short-name mode", onRule);
    }
    for (const [name, target] of named) {
      const [first = "", ...others] = name.split("/");
      const isHost = /[.:]/.test(first) || first === "localhost";
      if ((others.length > 0 && isHost) || repositoryOf(`a.io/${name}`) !== `a.io/${name}`) {
        refuse("an alias that is not a short name", onRule);
      }
      if (target === "") continue;
      const written = target.startsWith("docker.io/") && target.split("/").length === 2
        ? target.replace("/", "/library/")
        : target;
      if (repositoryOf(written) !== written) refuse("an alias that leads nowhere", onRule);
    }
    return { helpers: listed, aliases: named };
  };
  if (registry === undefined) return { tables: [], ...checkRest() };
  if (!Array.isArray(registry)) return wrongType();

  const text = (table: TomlTable, key: string) => {
    const value = under(table, key);
    if (value === undefined) return undefined;
    return typeof value === "string" ? value : wrongType();
  };
  const flag = (table: TomlTable, key: string) => {
    const value = under(table, key);
    if (value === undefined) return false;
    return typeof value === "boolean" ? value : wrongType();
  };
  const location = (table: TomlTable, key: string) => readPlace(text(table, key) ?? "", onRule);

  // A decoder looks at every type before anything else is looked at.
  for (const table of registry) {
    if (!isTable(table)) return wrongType();
    for (const key of ["prefix", "location", "pull-from-mirror"]) text(table, key);
    for (const key of ["insecure", "blocked", "mirror-by-digest-only"]) flag(table, key);
    const mirrors = under(table, "mirror") ?? [];
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
    if (prefix === "" && ownLocation === "") refuse("neither prefix nor location", onRule);
    if ((text(made, "prefix") ?? "") === "") {
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
    const mirrors: { location: string; pulls: string }[] = [];
    const madeMirrors = under(made, "mirror") ?? [];
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
      const pulls = flag(made, "mirror-by-digest-only")
        ? "digest-only"
        : pull === ""
        ? "all"
        : pull;
      mirrors.push({ location: place, pulls });
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
  return { tables: tables.map(({ table }) => table), ...checkRest() };
}

/** A place without the slashes at its end. */
function readPlace(written: string, onRule: OnRule): string {
  let value = written;
  if (value.endsWith("/")) onRule("slashes at the end go");
  while (value.endsWith("/")) value = value.slice(0, -1);
  if (value.startsWith("http://") || value.startsWith("https://")) refuse("a scheme", onRule);
  return value;
}

function checkSearch(list: readonly string[], onRule: OnRule): void {
  for (const written of list) {
    if (!isDomain(readPlace(written, onRule))) refuse("a search registry that is none", onRule);
  }
}

/** What the configuration makes of an image. */
export interface ReadSources {
  readonly table: ReadTable | undefined;
  /** `host/path` of each repository, in the order in which they are tried. */
  readonly sources: readonly string[];
  /** `host/path` of those that are blocked. */
  readonly blocked: readonly string[];
  /** Whether pulls by tag and by digest come to nothing, because a rewriting is no reference. */
  readonly refused: readonly ("tag" | "digest")[];
}

/** The table that applies to a reference. */
function tableOf(
  tables: ReadonlyMap<string, ReadTable>,
  reference: string,
  onRule: OnRule,
): ReadTable | undefined {
  const matching = [...tables.values()].filter(({ prefix }) =>
    prefix !== "" && rest(reference, prefix) !== undefined
  );
  if (matching.length === 0) onRule("no table applies");
  if (matching.length > 1) onRule("the longest of several prefixes applies");
  // The text leaves open which of equally long ones it is; the library goes through them sorted,
  // where `*` comes before every letter and digit.
  const [table, next] = matching.sort((a, b) =>
    b.prefix.length - a.prefix.length || (a.prefix < b.prefix ? -1 : 1)
  );
  if (table !== undefined && next?.prefix.length === table.prefix.length) {
    onRule("two prefixes are equally long");
  }
  return table;
}

/** What an image is pulled from. */
export function readSources(
  tables: ReadonlyMap<string, ReadTable>,
  image: string,
  onRule: OnRule,
): ReadSources {
  const none = { sources: [], blocked: [], refused: [] };
  const table = tableOf(tables, image, onRule);
  if (table === undefined) return { table, ...none };
  if (table.prefix.startsWith("*.")) onRule("a wildcard applies");
  const after = rest(image, table.prefix) ?? "";
  if (after.startsWith(":")) onRule("the prefix ends at a colon");
  if (after.startsWith("@")) onRule("the prefix ends at an at sign");
  if (after === "") onRule("the prefix is the image");
  const own = table.location === "" ? image : table.location + after;
  if (table.location === "") onRule("a wildcard without location is not rewritten");
  if (own !== image) onRule("the registry itself is rewritten");
  if (table.mirrors.length === 0 && own === image) {
    onRule("neither a mirror nor a rewriting");
    return { table, ...none };
  }
  if (table.mirrors.length > 0) onRule("mirrors come before the registry itself");

  const asked = [
    ...table.mirrors.map(({ location, pulls }) => ({ reference: location + after, pulls })),
    { reference: own, pulls: "all" },
  ];
  const sources: string[] = [];
  const blocked: string[] = [];
  for (const { reference } of asked) {
    const repository = repositoryOf(reference);
    if (repository === undefined) {
      onRule("a rewriting is no reference");
    } else if (tableOf(tables, repository, () => {})?.blocked) {
      onRule(reference === own ? "the registry itself is blocked" : "a mirror is blocked");
      blocked.push(repository);
    } else if (sources.includes(repository)) {
      onRule("a source is there twice");
    } else {
      if (table.blocked && reference !== own) onRule("a mirror of a blocked table is asked");
      sources.push(repository);
    }
  }
  const hasForm = after.startsWith("@") || /:[^/]*$/.test(image.slice(image.indexOf("/")));
  const spoils = (form: "tag" | "digest", suffix: string) =>
    asked.some(({ reference, pulls }) =>
      (pulls === "all" || pulls === `${form}-only`) &&
      repositoryOf(reference + (hasForm ? "" : suffix)) === undefined
    );
  const refused: ("tag" | "digest")[] = [];
  if (spoils("tag", ":latest")) refused.push("tag");
  if (spoils("digest", `@sha256:${"0".repeat(64)}`)) refused.push("digest");
  for (const form of refused) onRule(`a pull by ${form} is refused as a whole`);
  return { table, sources, blocked, refused };
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
  const isHost = host.includes(".") || host.includes(":") || host === "localhost";
  if (!isHost || path.length === 0 || name.length > 255) return undefined;
  const component = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;
  // What is no domain may be a path component that is taken for one because of its dot.
  if (!isDomain(host) && !component.test(host)) return undefined;
  if (!path.every((part) => component.test(part))) return undefined;
  // Docker Hub has one canonical spelling.
  if (host === "index.docker.io" || (host === "docker.io" && path.length === 1)) return undefined;
  return name;
}
