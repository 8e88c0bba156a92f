/** Compares what the plugin tells people of an auth file as it stands with what the library makes of it. */

import fc from "fast-check";
import { authFiles, keys, REPOSITORIES } from "./auth_files.ts";
import type { CountedCase, Difference } from "./differences.ts";
import { describeAnswers, findCredentials, isFileRefused, isSame, NONE } from "./credentials.ts";
import type { LibraryCredential, Oracle, Oracles } from "./oracle.ts";
import { isFindable, type JudgedEntry, judgeFile } from "./plugin.ts";

/** A file, with a key that is looked at by itself. */
export interface JudgedCase {
  readonly text: string;
  readonly repositories: readonly string[];
  readonly key: string;
}

export const judgedCases: fc.Arbitrary<JudgedCase> = fc.record({
  text: authFiles,
  repositories: fc.uniqueArray(fc.constantFrom(...REPOSITORIES), { minLength: 1, maxLength: 4 }),
  key: keys,
});

/** What the plugin tells otherwise than the library has it, in either generation. */
export async function compareJudgement(
  { older, newer }: Oracles,
  judged: JudgedCase,
  count: CountedCase = () => {},
): Promise<Difference[]> {
  const compare = async (library: Oracle, count: CountedCase) => [
    ...await compareFile(library, judged, count),
    ...await compareKey(library, judged, count),
  ];
  const both = await Promise.all([compare(older, () => {}), compare(newer, count)]);
  return both.flat();
}

/** Files that the library refuses, and of which the plugin need not say so: with the reason. */
const TAKEN_RIGHTLY: readonly { readonly reason: string; readonly text: RegExp }[] = [
  {
    reason:
      "an entry of a wrong type in whose place another spelling of its field has a good one: " +
      "what the plugin writes holds the good one alone",
    text: /("auth[s\u017f]":).*\1|("credhelper[s\u017f]":).*\2/isu,
  },
];

async function compareFile(
  library: Oracle,
  { text, repositories }: JudgedCase,
  count: CountedCase,
): Promise<Difference[]> {
  const judged = judgeFile(text, repositories);
  const found = await findCredentials(library, text, repositories);
  const refused = found.flat().find(isFileRefused);
  if (refused !== undefined && TAKEN_RIGHTLY.some((known) => known.text.test(text))) return [];
  if (judged.refused !== (refused !== undefined)) {
    const plugin = judged.refused ? "refused" : "taken";
    return [{ kind: "whether a file is refused", library: refused?.error ?? "taken", plugin }];
  }
  if (refused !== undefined) return [];
  const differences: Difference[] = [];
  for (const [index, repository] of repositories.entries()) {
    const entries = judged.lookups[index] ?? [];
    const answers = found[index] ?? [];
    for (const { kind } of entries) count(`look-ups judged as ${kind}`);
    if (answers.every((answer) => entries.some((entry) => agrees(entry, answer)))) continue;
    differences.push({
      kind: "what a look-up ends at",
      library: `${repository}: ${describeAnswers(answers)}`,
      plugin: JSON.stringify(entries),
    });
  }
  return differences;
}

function agrees(entry: JudgedEntry, answer: LibraryCredential): boolean {
  const isError = answer.error !== "";
  switch (entry.kind) {
    case "none":
      return isSame(answer, NONE);
    case "error":
      return isError && !answer.error.includes("docker-credential-");
    case "login":
      return !isError && !isSame(answer, NONE) && plain(answer.username) === plain(entry.user);
    case "helper":
      return entry.name === "knows-all"
        ? answer.username === "of-helper"
        : entry.name === "knows-none"
        ? isSame(answer, NONE)
        : answer.error.includes(`docker-credential-${entry.name}`);
  }
}

/** Bytes that are no UTF-8 are told in one way by either side. */
function plain(text: string): string {
  return text.replaceAll(/\ufffd+/g, "\ufffd");
}

/** A key is found by some look-up just where the plugin says so. */
async function compareKey(
  library: Oracle,
  { key }: JudgedCase,
  count: CountedCase,
): Promise<Difference[]> {
  const name = key.replace(/^(?:http:\/\/)?(?:https:\/\/)?/, "");
  const host = name.replace(/\/.*$/s, "");
  // Whatever finds the key is one of these.
  const repositories = [...REPOSITORIES, ...[name, `${name}/x/x`, `${host}/x/x`]];
  const text = JSON.stringify({ auths: { [key]: { auth: btoa("user:password") } } });
  const asked = [...new Set(repositories)].filter(isRepository);
  const found = await findCredentials(library, text, asked);
  const isFound = found.some((answers) => answers.some(({ username }) => username === "user"));
  count(isFound ? "keys that are found" : "keys that are never found");
  return isFound === isFindable(key) ? [] : [{
    kind: "whether a key is found",
    library: `${JSON.stringify(key)} is ${isFound ? "" : "never "}found`,
    plugin: isFound ? "never found" : "found",
  }];
}

/** Whether a text is surely a repository in full, so that the library can be asked for it. */
function isRepository(text: string): boolean {
  const [host = "", ...path] = text.split("/");
  if (!/^[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*(?::[0-9]+)?$/.test(host)) return false;
  if (!/[.:]/.test(host) || host === "index.docker.io") return false;
  if (path.length < (host === "docker.io" ? 2 : 1)) return false;
  return path.every((part) => /^[a-z0-9]+$/.test(part));
}
