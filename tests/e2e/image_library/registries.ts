/** Compares what the plugin and the image library make of a node's registries files. */

import type { CountedCase, Difference } from "./differences.ts";
import type { LibraryPull, Oracle, Oracles } from "./oracle.ts";
import { isForBothGenerations, type Node } from "./nodes.ts";
import { type PluginNode, type PluginPull, readNode } from "./plugin.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

const FORMS = ["tag", "digest"] as const;
type LibraryForms = Readonly<Record<(typeof FORMS)[number], LibraryPull>>;

/** What the library makes of a node. */
interface LibraryNode {
  readonly error: string;
  readonly credentialHelpers: readonly string[];
  readonly pulls: readonly LibraryForms[];
}

async function askFor(oracle: Oracle, { files, images }: Node): Promise<LibraryNode> {
  const { error, credentialHelpers, pulls } = await oracle.ask({
    files,
    authFile: undefined,
    images: images.flatMap((image) => [`${image}:1.0`, `${image}@${DIGEST}`]),
    repositories: [],
  });
  return {
    error,
    credentialHelpers,
    pulls: images.flatMap((_, index) => {
      const [tag, digest] = pulls.slice(2 * index);
      return tag === undefined || digest === undefined ? [] : [{ tag, digest }];
    }),
  };
}

/** What the plugin sees otherwise than every generation of the library that may run on the node. */
export async function compareNode(
  oracles: Oracles,
  node: Node,
  count: CountedCase = () => {},
): Promise<Difference[]> {
  const plugin = await inDirectory(node, (root) => readNode(root, node.images));
  // The plugin warns of it, or refuses one of the two. (A file that is not read is no matter.)
  if (isLeftToChance(node) && (plugin.error !== "" || plugin.warnsOfTwins)) {
    count("configurations left to chance");
    return [];
  }
  const [newer, older] = await Promise.all([
    askFor(oracles.newer, node),
    isForBothGenerations(node) ? askFor(oracles.older, node) : undefined,
  ]);
  const answers = { newer, older: older ?? newer };
  countWhatIsMet(answers, count);
  return compare(node, plugin, answers);
}

/**
 * Whether a file spells `registry` in two ways. The library decodes one list over the other, in no fixed
 * order and member by member: there is nothing that the plugin could agree with.
 */
function isLeftToChance({ files }: Node): boolean {
  return Object.values(files).some((content) => {
    const text = new TextDecoder().decode(content);
    const spellings = [...text.matchAll(/^\[\["?([^".\]]+)/gm)].map(([, name = ""]) => name);
    return new Set(spellings).size > 1;
  });
}

function countWhatIsMet({ older, newer }: Answers, count: CountedCase): void {
  const refusing = [older, newer].filter(({ error }) => error !== "").length;
  if (refusing === 1) count("configurations refused by one generation");
  if (refusing === 2) return count("configurations refused");
  count("configurations accepted");
  const { credentialHelpers, pulls } = newer.error === "" ? newer : older;
  if (credentialHelpers.join() !== AUTH_FILES) count("configurations with credential helpers");
  for (const { tag, digest } of pulls) {
    const refused = [tag, digest].filter(({ error }) => error !== "").length;
    if (refused === 1) count("images refused by tag or by digest alone");
    if (refused > 0) count("images refused");
    else if (tag.sources.length + digest.sources.length === 2) count("images without a mirror");
    else count("images with mirrors");
    if (digest.sources.some(({ blockedBy }) => blockedBy !== "")) {
      count("images with a blocked source");
    }
    if (refused === 0 && tag.sources.length !== digest.sources.length) {
      count("images with other sources by digest than by tag");
    }
  }
}

async function inDirectory<T>({ files }: Node, read: (root: string) => T): Promise<T> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, content] of Object.entries(files)) {
      await Deno.mkdir(`${root}${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      await Deno.writeFile(`${root}${path}`, content);
    }
    return read(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** What the newer generation alone refuses, and the plugin takes also where it could tell which it is. */
const ACCEPTED_RIGHTLY: readonly { readonly reason: string; readonly error: RegExp }[] = [
  {
    reason: "a main file of version 1 means that there is nothing to do, whoever reads it",
    error: /registries\.conf": registries\.conf must be in v2 format but is in v1$/,
  },
  {
    reason: "the older generation does not know the key",
    error: /"registry(\.mirror)?\.namespace-proxy"\): incompatible types/i,
  },
];

interface Answers {
  readonly older: LibraryNode;
  readonly newer: LibraryNode;
}

function compare({ images }: Node, plugin: PluginNode, { older, newer }: Answers): Difference[] {
  // The plugin does not know which generation it serves. What one of them refuses, the other may
  // take: then it has to serve that one.
  const accepting = [older, newer].filter(({ error }) => error === "");
  const [library] = accepting;
  if (library === undefined) {
    if (plugin.error !== "" || ACCEPTED_RIGHTLY.some(({ error }) => error.test(newer.error))) {
      return [];
    }
    return [{
      kind: "a configuration is accepted that the library refuses",
      library: newer.error,
      plugin: "accepted",
    }];
  }
  if (plugin.error !== "") {
    return [{
      kind: "a configuration is refused that the library accepts",
      library: "accepted",
      plugin: plugin.error,
    }];
  }
  const helpers = plugin.credentialHelpers.length > 0 ? plugin.credentialHelpers : [AUTH_FILES];
  const differences: Difference[] = [];
  if (helpers.join() !== library.credentialHelpers.join()) {
    const kind = "other credential helpers";
    differences.push({ kind, library: library.credentialHelpers.join(), plugin: helpers.join() });
  }
  for (const [index, image] of images.entries()) {
    const own = plugin.pulls[index];
    const each = accepting.map(({ pulls }) => {
      const pull = pulls[index];
      if (own === undefined || pull === undefined) throw new Error(`no answer for ${image}`);
      return comparePull(image, own, pull);
    });
    // One generation's answer has to be the plugin's.
    differences.push(...each.find((differences) => differences.length === 0) ?? each[0] ?? []);
  }
  return differences;
}

/** What the library says where no file sets `credential-helpers`. */
const AUTH_FILES = "containers-auth.json";

function comparePull(image: string, plugin: PluginPull, library: LibraryForms): Difference[] {
  const { tag, digest } = library;
  if (tag.prefix !== plugin.prefix) {
    return [{ kind: "another table", library: tag.prefix, plugin: plugin.prefix }];
  }
  const told = {
    library: `by tag ${describe(tag)}; by digest ${describe(digest)}`,
    plugin: JSON.stringify([plugin.sources, plugin.forms]),
  };
  if (plugin.forms === undefined) {
    const isAlone = [tag, digest].every(({ error, sources }) =>
      error === "" && sources.every(({ repository }) => repository === image)
    );
    return isAlone && plugin.sources.length === 0 ? [] : [{ kind: "nothing is done", ...told }];
  }
  const differences: Difference[] = [];
  for (const form of FORMS) {
    const { error, sources } = library[form];
    const own = plugin.forms[form];
    if (own.refused !== (error !== "")) {
      differences.push({ kind: `the refusal of a pull by ${form}`, ...told });
    } else if (!own.refused) {
      const isSame = sources.length === own.endpoints.length &&
        sources.every(({ repository, host, blockedBy }, index) => {
          const endpoint = own.endpoints[index];
          // What has no host is never reached: the plugin may call it a repository, or none.
          const isNamed = host === "" || endpoint?.repository === repository;
          return isNamed && endpoint?.blockedBy === blockedBy;
        });
      if (!isSame) differences.push({ kind: `what a pull by ${form} asks`, ...told });
    }
  }
  if (differences.length > 0) return differences;
  // What credentials are provided for: whatever one of the forms asks.
  const asked = FORMS.flatMap((form) => library[form].sources)
    .filter(({ blockedBy }) => blockedBy === "");
  const missing = asked.some(({ repository, host }) =>
    host !== "" && !plugin.sources.includes(repository)
  );
  // A form that is refused leaves open what it would have asked.
  const isWhole = FORMS.every((form) => library[form].error === "");
  const tooMany = isWhole &&
    plugin.sources.some((source) => !asked.some(({ repository }) => repository === source));
  return !missing && !tooMany ? [] : [{ kind: "what credentials are provided for", ...told }];
}

function describe({ error, sources }: LibraryPull): string {
  if (error !== "") return error;
  return sources.map(({ repository, blockedBy }) =>
    blockedBy === "" ? repository : `${repository} (blocked by ${blockedBy})`
  ).join(", ");
}
