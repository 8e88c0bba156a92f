/**
 * The public suffix list (publicsuffix.org), with both of its sections: names below which anybody can
 * have hosts, registries' such as `co.uk` and companies' such as `github.io`.
 *
 * The list has 140 kB. The plugin is built without it, and the tool loads it where there is a name to
 * look up.
 */

// The package's own functions say of a name which suffix it ends with, and not whether one is below it.
// @ts-types="tldts/dist/types/src/data/trie.d.ts"
import {
  edgeChild,
  edgeLength,
  edgeStart,
  exceptionsRoot,
  labelText,
  nodeFlags,
  rulesRoot,
} from "tldts/dist/es6/src/data/trie.js";

/** A label of the list, and the node that it leads to. */
interface Edge {
  readonly label: string;
  readonly child: number;
}

/** Where the label of each edge begins in the text that all labels are in. */
const LABEL_STARTS = new Uint32Array(edgeLength.length);
edgeLength.reduce((start, length, edge) => {
  LABEL_STARTS[edge] = start;
  return start + length;
}, 0);

function edgesOf(node: number): Edge[] {
  const edges: Edge[] = [];
  for (let edge = at(edgeStart, node); edge < at(edgeStart, node + 1); edge++) {
    const start = at(LABEL_STARTS, edge);
    const label = labelText.slice(start, start + at(edgeLength, edge));
    edges.push({ label, child: at(edgeChild, edge) });
  }
  return edges;
}

function at(values: ArrayLike<number>, index: number): number {
  // deno-coverage-ignore -- for the compiler: the index is in range
  return values[index] ?? 0;
}

/**
 * Finds a public suffix that a domain is or has below it: hosts of anybody can lie below such a domain.
 *
 * The rules are those of "Format" and "Algorithm" at https://github.com/publicsuffix/list/wiki/Format: `*`
 * is any label, a rule with `!` excepts a name from that. The last rule of the algorithm, by which every
 * top-level name is a suffix, known or not, is left to the caller.
 *
 * @param domain in lower case, names of other alphabets in Punycode.
 * @returns the suffix as the list has it, such as `github.io` for `github.io` and `s3.amazonaws.com` or
 * another for `amazonaws.com`; `undefined`: the domain is somebody's, and so is all below it.
 */
export function publicSuffixWithin(domain: string): string | undefined {
  return findRule(rulesRoot, domain.split("."), []);
}

/**
 * @param above the labels that are still to be found, the top-level one last.
 * @param found those that were, as the list has them.
 */
function findRule(
  node: number,
  above: readonly string[],
  found: readonly string[],
): string | undefined {
  const label = above.at(-1);
  if (label === undefined) return firstRule(node, found);
  for (const edge of edgesOf(node)) {
    if (edge.label !== label && (edge.label !== "*" || isException([label, ...found]))) continue;
    const rule = findRule(edge.child, above.slice(0, -1), [edge.label, ...found]);
    if (rule !== undefined) return rule;
  }
  return undefined;
}

/** The rule of a node, or else one below it: each branch ends with a rule. */
function firstRule(node: number, found: readonly string[]): string | undefined {
  if (nodeFlags[node] !== 0) return found.join(".");
  const [edge] = edgesOf(node);
  return edge && firstRule(edge.child, [edge.label, ...found]);
}

function isException(labels: readonly string[]): boolean {
  let node = exceptionsRoot;
  for (const label of labels.toReversed()) {
    const edge = edgesOf(node).find((edge) => edge.label === label);
    if (edge === undefined) return false;
    node = edge.child;
  }
  return nodeFlags[node] !== 0;
}
