/** Compares what the plugin and the image library make of a node's registries files. */

import type { Difference } from "./differences.ts";
import type { LibraryPull, Oracle } from "./oracle.ts";
import { isForBothGenerations, type Node } from "./nodes.ts";
import { type PluginNode, type PluginPull, readNode } from "./plugin.ts";

/** The two generations of the library; a node has one of them. */
export interface Oracles {
  readonly older: Oracle;
  readonly newer: Oracle;
}

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

/** What the library makes of a node. */
interface LibraryNode {
  readonly error: string;
  readonly pulls: readonly { readonly byTag: LibraryPull; readonly byDigest: LibraryPull }[];
}

async function askFor(oracle: Oracle, { files, images }: Node): Promise<LibraryNode> {
  const { error, pulls } = await oracle.ask({
    files,
    authFile: undefined,
    images: images.flatMap((image) => [`${image}:1.0`, `${image}@${DIGEST}`]),
    repositories: [],
  });
  return {
    error,
    pulls: images.flatMap((_, index) => {
      const [byTag, byDigest] = pulls.slice(2 * index);
      return byTag === undefined || byDigest === undefined ? [] : [{ byTag, byDigest }];
    }),
  };
}

/** How often the library is asked again, to see whether it leaves its answer to chance. */
const TRIES = 12;

/** What the plugin sees otherwise than every generation of the library that may run on the node. */
export async function compareNode(oracles: Oracles, node: Node): Promise<Difference[]> {
  const plugin = await inDirectory(node, (root) => readNode(root, node.images));
  const forBoth = isForBothGenerations(node);
  let differences: Difference[] = [];
  for (let tries = 0; tries < TRIES; tries++) {
    const newer = await askFor(oracles.newer, node);
    const older = forBoth ? await askFor(oracles.older, node) : newer;
    differences = compare(node, plugin, older, newer);
    if (differences.length === 0) break;
  }
  return differences;
}

async function inDirectory<T>({ files }: Node, read: (root: string) => T): Promise<T> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, content] of Object.entries(files)) {
      Deno.mkdirSync(`${root}${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      Deno.writeFileSync(`${root}${path}`, content);
    }
    return read(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function compare(
  { images }: Node,
  plugin: PluginNode,
  older: LibraryNode,
  newer: LibraryNode,
): Difference[] {
  // The plugin does not know which generation it serves. What one of them refuses, the other may
  // take: then it has to serve that one.
  const accepting = [older, newer].filter(({ error }) => error === "");
  const [library] = accepting;
  if (library === undefined) {
    return plugin.error !== ""
      ? []
      : [{ kind: "accepts what the library refuses", library: newer.error, plugin: "accepted" }];
  }
  if (plugin.error !== "") {
    return [{
      kind: "refuses what the library accepts",
      library: "accepted",
      plugin: plugin.error,
    }];
  }
  const all = images.map((image, index) => {
    const own = plugin.pulls[index];
    const each = accepting.map(({ pulls }) => {
      const pull = pulls[index];
      if (own === undefined || pull === undefined) throw new Error(`no answer for ${image}`);
      return comparePull(image, own, pull.byTag, pull.byDigest);
    });
    // One generation's answer has to be the plugin's.
    return each.find((differences) => differences.length === 0) ?? each[0] ?? [];
  });
  return all.flat();
}

function comparePull(
  image: string,
  plugin: PluginPull,
  byTag: LibraryPull,
  byDigest: LibraryPull,
): Difference[] {
  if (byTag.prefix !== plugin.prefix) {
    return [{ kind: "another table", library: byTag.prefix, plugin: plugin.prefix }];
  }
  const forms = [byTag, byDigest];
  const told = {
    library: forms.map(describe).join("; by digest: "),
    plugin: plugin.sources.join(", ") + (plugin.refused ? " (refused)" : ""),
  };
  const isRefused = forms.some(({ error }) => error !== "");
  // Where nothing is mirrored or rewritten there is nothing for the plugin to do, whatever the
  // library makes of a name.
  if (plugin.refused !== isRefused) return [{ kind: "refusal of a pull", ...told }];
  if (forms.every(({ error }) => error !== "")) return [];

  const wanted = forms.map(({ sources }) =>
    sources.filter(({ blockedBy }) => blockedBy === "").map(({ repository }) => repository)
  );
  const isAlone = forms.every(({ sources }) =>
    sources.every(({ repository }) => repository === image)
  );
  if (isAlone && plugin.sources.length === 0) return [];
  const all = new Set(wanted.flat());
  const missing = [...all].filter((source) => !plugin.sources.includes(source));
  if (missing.length > 0) return [{ kind: "a source is missing", ...told }];
  // A form that is refused leaves open what the other one's sources would have been.
  if (!isRefused && plugin.sources.some((source) => !all.has(source))) {
    return [{ kind: "a source too many", ...told }];
  }
  const inOrder = wanted.every((sources) => {
    const places = [...new Set(sources)].map((source) => plugin.sources.indexOf(source));
    return places.every((place, index) => index === 0 || place > (places[index - 1] ?? -1));
  });
  return inOrder ? [] : [{ kind: "another order", ...told }];
}

function describe({ error, sources }: LibraryPull): string {
  if (error !== "") return error;
  return sources.map(({ repository, blockedBy }) =>
    blockedBy === "" ? repository : `${repository} (blocked by ${blockedBy})`
  ).join(", ");
}
