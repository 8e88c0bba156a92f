/**
 * What the plugin's modules make of generated nodes, auth files and secrets, compared with what the image
 * library itself says, in both generations.
 */

import fc from "fast-check";
import { mustRun } from "../process.ts";
import { share } from "../../support/share.ts";
import { buildLibraryPrograms } from "./build.ts";
import { type CountedCase, type Difference, explainDifference } from "./differences.ts";
import { comparePull, pulls } from "./credentials.ts";
import { compareJudgement, judgedCases } from "./judgements.ts";
import { nodes } from "./nodes.ts";
import { Oracle } from "./oracle.ts";
import { compareNode } from "./registries.ts";

/** How much is compared, and which cases are generated. */
export interface Extent {
  /** @default 3000, and ten times that in a long run */
  readonly cases?: number;
  /** @default 1 */
  readonly seed?: number;
}

/**
 * Compares, and says how much was compared.
 *
 * @throws {Error} with the smallest case that was found to differ, and with what either side says of it;
 * also when the cases met too little of what they are made to meet.
 */
async function compareWithImageLibrary(
  { cases = share(3000, 30_000), seed = 1 }: Extent = {},
): Promise<string> {
  const programs = await buildLibraryPrograms();
  const versions = [];
  for (const program of [programs.older, programs.newer]) {
    versions.push((await mustRun(program, ["--version"])).trim());
  }
  await using older = new Oracle(programs.older);
  await using newer = new Oracle(programs.newer);
  const oracles = { older, newer };
  const met = new Map<string, number>();
  const count: CountedCase = (what) => met.set(what, (met.get(what) ?? 0) + 1);

  await none("node", nodes, (node) => compareNode(oracles, node, count), { cases, seed });
  await none("pull", pulls, (pull) => comparePull(oracles, pull, count), { cases, seed });
  await none("file", judgedCases, (made) => compareJudgement(oracles, made, count), {
    cases,
    seed,
  });

  const rare = EXPECTED.filter((what) => (met.get(what) ?? 0) < cases / 1000);
  if (rare.length > 0) throw new Error(`hardly any case met: ${rare.join("; ")}`);
  const counts = [...met].map(([what, times]) => `${what} ${times}`).sort().join(", ");
  return `${cases} nodes, pulls and auth files each as image library ${
    versions.join(" and ")
  }; ${counts}`;
}

/** What the cases have to meet, or their agreement would mean little. */
const EXPECTED = [
  "configurations left to chance",
  "configurations accepted",
  "configurations refused",
  "configurations refused by one generation",
  "images without a mirror",
  "images with mirrors",
  "images with a blocked source",
  "images with other sources by digest than by tag",
  "images refused",
  "images refused by tag or by digest alone",
  "configurations with credential helpers",
  "auth files written",
  "global files refused",
  "credentials chosen and found",
  "sources left to the global file",
  "logins of secrets found",
  "look-ups judged as none",
  "look-ups judged as login",
  "look-ups judged as error",
  "look-ups judged as helper",
  "keys that are found",
  "keys that are never found",
];

/** @throws {Error} with the smallest case of which there is a difference. */
async function none<Case>(
  what: string,
  cases: fc.Arbitrary<Case>,
  compare: (made: Case) => Promise<readonly Difference[]>,
  { cases: numRuns, seed }: Required<Extent>,
): Promise<void> {
  const property = fc.asyncProperty(cases, async (made) => (await compare(made)).length === 0);
  const { failed, counterexample, numRuns: runs } = await fc.check(property, {
    numRuns,
    seed,
  });
  if (!failed) return;
  const [smallest] = counterexample ?? [];
  if (smallest === undefined) throw new Error(`a ${what} could not be compared`);
  const differences = await compare(smallest);
  throw new Error(
    `seed ${seed}, ${what} ${runs}:\n${differences.map(explainDifference).join("\n")}\n` +
      JSON.stringify(
        smallest,
        (_, value) => value instanceof Uint8Array ? decode(value) : value,
        2,
      ),
  );
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** The case of the end-to-end run. */
export const IMAGE_LIBRARY = {
  name: "the image library itself",
  expected: "it pulls from what the plugin says, and finds the credentials that the plugin chose",
  play: () => compareWithImageLibrary(),
} as const;

if (import.meta.main) {
  const [cases, seed] = Deno.args.map(Number);
  // deno-lint-ignore no-console
  console.log(
    await compareWithImageLibrary({
      ...(cases !== undefined && { cases }),
      ...(seed !== undefined && { seed }),
    }),
  );
}
