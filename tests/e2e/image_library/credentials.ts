/** Compares auth files that the plugin makes with what the image library finds in them. */

import fc from "fast-check";
import { authFiles, type MadeSecret, REPOSITORIES, secrets } from "./auth_files.ts";
import type { CountedCase, Difference } from "./differences.ts";
import type { LibraryCredential, Oracle, Oracles } from "./oracle.ts";
import { makeFile, type PluginFile } from "./plugin.ts";

/** A pull: what it needs credentials for, and where these may come from. */
export interface Pull {
  /** `host/path` of each pull source. */
  readonly repositories: readonly string[];
  readonly secrets: readonly MadeSecret[];
  /** Text of the node's global auth file, if there is one. */
  readonly global: string | undefined;
}

/** Pulls. */
export const pulls: fc.Arbitrary<Pull> = fc.record({
  repositories: fc.uniqueArray(fc.constantFrom(...REPOSITORIES), { minLength: 1, maxLength: 3 }),
  secrets,
  global: fc.option(authFiles, { nil: undefined, freq: 4 }),
});

/** How often the library is asked again, where it may leave its answer to chance. */
const TRIES = 60;

/** What either generation of the library finds otherwise than the plugin intends. */
export async function comparePull(
  oracles: Oracles,
  pull: Pull,
  count: CountedCase = () => {},
): Promise<Difference[]> {
  const plugin = makeFile(pull.repositories, pull.secrets, pull.global);
  const tryUntilSame = async (library: Oracle, count: CountedCase) => {
    let differences: Difference[] = [];
    for (let tries = 0; tries < TRIES; tries++) {
      differences = await compareFile(library, pull, plugin, tries === 0 ? count : () => {});
      if (differences.length === 0) break;
    }
    return [...differences, ...await compareSecrets(library, pull, count)];
  };
  const both = await Promise.all([
    tryUntilSame(oracles.older, () => {}),
    tryUntilSame(oracles.newer, count),
  ]);
  return both.flat();
}

/** The file that the plugin writes: each source finds its credential in it. */
async function compareFile(
  library: Oracle,
  { repositories, global }: Pull,
  plugin: PluginFile,
  count: CountedCase,
): Promise<Difference[]> {
  const alone = global === undefined
    ? repositories.map(() => NOTHING)
    : await findCredentials(library, global, repositories);
  const isGlobalRefused = alone.some((answers) => answers.some(isFileRefused));
  if (isGlobalRefused) count("global files refused");
  if (plugin.error !== "") {
    return isGlobalRefused ? [] : [{
      kind: "a global file is refused that the library takes",
      library: alone.map(describeAnswers).join(", "),
      plugin: plugin.error,
    }];
  }
  if (plugin.text !== undefined) count("auth files written");
  const found = plugin.text === undefined
    ? repositories.map(() => NOTHING)
    : await findCredentials(library, plugin.text, repositories);
  const refused = found.flat().find(isFileRefused);
  if (refused !== undefined) {
    return [{ kind: "the library refuses the file", library: refused.error, plugin: "written" }];
  }
  const differences: Difference[] = [];
  for (const [index, repository] of repositories.entries()) {
    const answers = found[index] ?? [];
    const before = alone[index] ?? [];
    const choice = plugin.chosen[index];
    const told = {
      library: `${repository}: ${describeAnswers(answers)}`,
      plugin: describeAnswers(choice === undefined ? before : [choice]),
    };
    if (choice !== undefined) {
      count("credentials chosen and found");
      if (!answers.every((answer) => isSame(answer, choice))) {
        differences.push({ kind: "the chosen credential is not found", ...told });
      }
    } else if (plugin.warnings.some((text) => text.startsWith(`${repository} is pulled without`))) {
      count("sources that lose the global credential helper of their host");
    } else if (!isGlobalRefused) {
      if (before.some((answer) => !isSame(answer, NONE))) count("sources left to the global file");
      if (!answers.every((answer) => before.some((other) => isSame(answer, other)))) {
        differences.push({ kind: "the global file's credential is not found", ...told });
      }
    }
  }
  return differences;
}

/** Logins that the library finds in a secret's text, and the plugin need not: with the reason. */
const NOT_FOUND_RIGHTLY: readonly { readonly reason: string; readonly text: RegExp }[] = [
  {
    reason:
      "a path behind a scheme is part of what a key covers, to the kubelet (BasicDockerKeyring)",
    text: /"https?:\/\/[^"/]+\/(?!v[12]\/?")[^"]/,
  },
  {
    reason:
      "a key with two schemes is one of a host named https to the kubelet, and to everyone else",
    text: /"http:\/\/https:\/\//,
  },
  {
    reason: "the kubelet refuses a secret with a user name or password that is no text",
    text: /"(?:username|password)":(?!"|null)/i,
  },
];

/** Where the library would find a login in a secret, were it an auth file, the plugin finds one. */
async function compareSecrets(
  library: Oracle,
  { repositories, secrets }: Pull,
  count: CountedCase,
): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const secret of secrets) {
    const isOldForm = secret.type === "kubernetes.io/dockercfg";
    const text = isOldForm ? `{"auths":${secret.text}}` : secret.text;
    const found = await findCredentials(library, text, repositories);
    for (const [index, repository] of repositories.entries()) {
      const answers = found[index] ?? [];
      const isLogin = answers.every(({ error, username, password, identitytoken }) =>
        error === "" && username + password + identitytoken !== "" && username !== OF_HELPER
      );
      if (!isLogin) continue;
      const [chosen] = makeFile([repository], [secret], undefined).chosen;
      if (chosen !== undefined) {
        count("logins of secrets found");
      } else if (!NOT_FOUND_RIGHTLY.some(({ text }) => text.test(secret.text))) {
        const library = `${repository}: ${describeAnswers(answers)}`;
        differences.push({ kind: "a login of a secret is not found", library, plugin: "none" });
      }
    }
  }
  return differences;
}

/** The user that every credential helper of the oracle knows. */
const OF_HELPER = "of-helper";

export const NONE: LibraryCredential = { error: "", username: "", password: "", identitytoken: "" };
const NOTHING: readonly LibraryCredential[] = [NONE];

export async function findCredentials(
  library: Oracle,
  authFile: string,
  repositories: readonly string[],
): Promise<readonly (readonly LibraryCredential[])[]> {
  const { error, lookups } = await library.ask({ files: {}, authFile, images: [], repositories });
  if (error !== "") throw new Error(`no registries files, and yet: ${error}`);
  return lookups.map(({ answers }) => answers);
}

export function isFileRefused({ error }: LibraryCredential): boolean {
  return error.includes("reading JSON file");
}

export function isSame(a: LibraryCredential, b: Omit<LibraryCredential, "error">): boolean {
  return describeAnswers([a]) === describeAnswers([b]);
}

export function describeAnswers(answers: readonly Partial<LibraryCredential>[]): string {
  return answers.map(({ error = "", username = "", password = "", identitytoken = "" }) =>
    error !== "" ? error : JSON.stringify([username, password, identitytoken])
  ).join(" or ");
}
