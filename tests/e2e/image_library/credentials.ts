/** Compares auth files that the plugin makes with what the image library finds in them. */

import fc from "fast-check";
import { authFiles, type MadeSecret, REPOSITORIES, secrets } from "./auth_files.ts";
import type { Difference } from "./differences.ts";
import type { LibraryCredential, Oracle } from "./oracle.ts";
import { makeFile } from "./plugin.ts";

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
const TRIES = 12;

/** What the library finds otherwise than the plugin intends. */
export async function comparePull(library: Oracle, pull: Pull): Promise<Difference[]> {
  let differences: Difference[] = [];
  for (let tries = 0; tries < TRIES; tries++) {
    differences = await tryPull(library, pull);
    if (differences.length === 0) break;
  }
  return differences;
}

async function tryPull(library: Oracle, pull: Pull): Promise<Difference[]> {
  const { repositories, secrets, global } = pull;
  const plugin = makeFile(repositories, secrets, global);
  const alone = global === undefined
    ? repositories.map(() => NOTHING)
    : await find(library, global, repositories);
  const globalRefused = alone.flat().find(isFileRefused);
  if (plugin.error !== "") {
    return globalRefused !== undefined ? [] : [{
      kind: "refuses a global file that the library accepts",
      library: alone.map(describe).join(", "),
      plugin: plugin.error,
    }];
  }
  const found = plugin.text === undefined
    ? repositories.map(() => NOTHING)
    : await find(library, plugin.text, repositories);
  const refused = found.flat().find(isFileRefused);
  if (refused !== undefined) {
    return [{ kind: "writes a file that the library refuses", library: refused.error, plugin: "" }];
  }

  const differences: Difference[] = [];
  for (const [index, repository] of repositories.entries()) {
    const answers = found[index] ?? [];
    const choice = plugin.chosen[index];
    const told = {
      library: `${repository}: ${describe(answers)}`,
      plugin: choice === undefined ? describe(alone[index] ?? []) : describe([choice]),
    };
    if (choice !== undefined) {
      if (!answers.every((answer) => equal(answer, choice))) {
        differences.push({ kind: "the chosen credential is not found", ...told });
      }
    } else if (
      globalRefused === undefined &&
      !plugin.warnings.some((warning) => warning.startsWith(`${repository} is pulled without`)) &&
      !answers.every((answer) => (alone[index] ?? []).some((other) => equal(answer, other)))
    ) {
      differences.push({ kind: "the global credential is not kept", ...told });
    }
  }
  return [...differences, ...await compareSecrets(library, pull)];
}

/** Where the library would find a login in a secret, were it an auth file, the plugin finds one. */
async function compareSecrets(
  library: Oracle,
  { repositories, secrets }: Pull,
): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const secret of secrets) {
    const isOldForm = secret.type === "kubernetes.io/dockercfg";
    const text = isOldForm ? `{"auths":${secret.text}}` : secret.text;
    const found = await find(library, text, repositories);
    for (const [index, repository] of repositories.entries()) {
      const answers = found[index] ?? [];
      const isLogin = answers.every(({ error, username, password, identitytoken }) =>
        error === "" && username + password + identitytoken !== "" && username !== "of-helper"
      );
      if (!isLogin) continue;
      const [chosen] = makeFile([repository], [secret], undefined).chosen;
      if (chosen === undefined) {
        const library = `${repository}: ${describe(answers)}`;
        differences.push({ kind: "a login of a secret is not found", library, plugin: "none" });
      }
    }
  }
  return differences;
}

const NOTHING: readonly LibraryCredential[] = [
  { error: "", username: "", password: "", identitytoken: "" },
];

async function find(
  library: Oracle,
  authFile: string,
  repositories: readonly string[],
): Promise<readonly (readonly LibraryCredential[])[]> {
  const { error, lookups } = await library.ask({ files: {}, authFile, images: [], repositories });
  if (error !== "") throw new Error(`no registries files, and yet: ${error}`);
  return lookups.map(({ answers }) => answers);
}

function isFileRefused({ error }: LibraryCredential): boolean {
  return error.includes("reading JSON file");
}

function equal(a: LibraryCredential, b: Omit<LibraryCredential, "error">): boolean {
  return describe([a]) === describe([b]);
}

function describe(answers: readonly Partial<LibraryCredential>[]): string {
  return answers.map(({ error = "", username = "", password = "", identitytoken = "" }) =>
    error !== "" ? error : JSON.stringify([username, password, identitytoken])
  ).join(" or ");
}
