/** Which tests judge which form of the executables. This is the one place that says so. */

import type { Form } from "../../tests/support/form.ts";
import { BUILDS_DIRECTORY } from "../../tests/support/releases.ts";
import type { RuntimePart } from "../runtime_part.ts";
import { PROJECT } from "./project.ts";

/**
 * What runs on the script form where everything has run on the compiled form, which is what is shipped:
 * what a pull does and answers, its sandbox, environment and command line, every kind of error, the disk,
 * the pipes and what else a run finds around it, the operator's tool. Left out are the faults of the API
 * server, kills, races and storms, where both forms run the same code behind the same runtime, and the
 * tests of modules, which build nothing.
 */
export const SCRIPT_SHARE: readonly string[] = [
  "tests/artifact",
  "tests/cli",
  "tests/ctl",
  "tests/faults/file_system_test.ts",
  "tests/faults/stdio_test.ts",
  "tests/faults/surroundings_test.ts",
];

/** A run of `deno test`. */
export interface TestRun {
  /** `undefined`: that of the executable that `PLUGIN` names. */
  readonly form: Form | undefined;
  /** Flags of `deno test`, and what to run. */
  readonly args: readonly string[];
}

/** Which forms are judged, for people, and the runs that do it. */
export interface TestPlan {
  readonly summary: string;
  readonly runs: readonly TestRun[];
}

/**
 * Plans the runs.
 *
 * @param plugin value of `PLUGIN`; empty without an executable to judge as it is.
 * @param args what was given in the place of all tests: flags of `deno test`, and paths.
 * @param hasPaths whether there are paths among them.
 */
export function planTests(
  { plugin, part, args, hasPaths }: {
    readonly plugin: string;
    readonly part: RuntimePart;
    readonly args: readonly string[];
    readonly hasPaths: boolean;
  },
): TestPlan {
  const all = hasPaths ? args : [...args, "tests"];
  if (plugin !== "") {
    return { summary: `the executable ${plugin}`, runs: [{ form: undefined, args: all }] };
  }
  if ("missing" in part) {
    return {
      summary: `the script form alone, for the compiled form cannot be made: ${part.missing}`,
      runs: [{ form: "script", args: all }],
    };
  }
  const share = hasPaths ? args : [...args, ...SCRIPT_SHARE];
  return {
    summary: `the compiled form (runtime part: ${part.from})` +
      (hasPaths ? " and the script form" : `, and the script form in ${SCRIPT_SHARE.join(", ")}`),
    runs: [{ form: "compiled", args: all }, { form: "script", args: share }],
  };
}

/**
 * Carries the runs out, one after the other, up to the first that fails: what failed is then the last
 * thing that is printed.
 *
 * @param options.flags further flags of `deno test`.
 * @param options.env further variables.
 * @param options.signal ends what is running.
 * @returns whether all of them passed.
 */
export async function runTests(
  { runs }: TestPlan,
  { flags, env, signal }: {
    readonly flags: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  },
): Promise<boolean> {
  const builds = await Deno.makeTempDir();
  try {
    for (const { form, args } of runs) {
      if (signal?.aborted) return false;
      const { success } = await new Deno.Command(Deno.execPath(), {
        args: ["test", "--allow-all", ...flags, ...args],
        cwd: PROJECT,
        env: { ...env, [BUILDS_DIRECTORY]: builds, ...(form !== undefined && { FORM: form }) },
        ...(signal && { signal }),
      }).spawn().status;
      if (!success) return false;
    }
    return true;
  } finally {
    await Deno.remove(builds, { recursive: true });
  }
}
