/** Reads an executable without running it, and says how it differs from a policy. */

import * as v from "valibot";
import { UserError } from "../../errors.ts";
import {
  compareWithPolicy,
  type Executable,
  type Grant,
  readExecutable,
} from "../../executable/executable.ts";
import { readExecutableFile, readOrExplain } from "../../executable/executable_file.ts";
import { policyOfProgram } from "../../executable/programs.ts";
import { describeWide } from "../../kubernetes/api_server_hosts.ts";
import { describeHostsOfAnybody } from "../../kubernetes/owned_hosts.ts";
import { formatJson, formatLines } from "../../process/printed.ts";
import { EVERYTHING, type Policy } from "../../settings/sandbox.ts";
import { formatTable } from "../../text/table.ts";
import { type CtlContext, inputName, readInput } from "../context.ts";

/** Flags of the command. */
export interface Flags {
  readonly policy?: string;
  readonly json?: boolean;
}

/** In the order in which they are shown. */
const KINDS = ["read", "write", "net"] as const;

const Line = v.object({
  kind: v.picklist(KINDS),
  target: v.string(),
  flag: v.string(),
  step: v.string(),
});
const PolicyFile = v.object({ allow: v.array(Line), deny: v.array(Line) });

/** The command. */
export async function audit(this: CtlContext, flags: Flags, path: string): Promise<void> {
  const { bytes } = readExecutableFile(path);
  const executable = await readOrExplain(path, () => readExecutable(bytes));
  const policy = flags.policy === undefined
    ? policyOfProgram(executable.name, executable.settings)
    : await readPolicy(this, flags.policy);
  const differences = [
    ...compareWithPolicy(executable, policy),
    ...await describeHostsOfAnybody(connections(executable)),
  ];
  this.process.stdout.write(
    flags.json
      ? formatReport(executable, policy, differences)
      : formatText(path, executable, policy, differences),
  );
  if (differences.length > 0) this.process.exitCode = 1;
}

async function readPolicy(context: CtlContext, path: string): Promise<Policy> {
  const text = await readInput(context, path, "policy");
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), PolicyFile), text);
  if (result.success) return result.output;
  throw new UserError(
    "content-invalid",
    inputName(path),
    "is not a policy",
    "write one with: crio-credential-ctl policy",
  );
}

function formatReport(executable: Executable, policy: Policy, differences: readonly string[]) {
  const { form, name, settings, facts, grants, compiled } = executable;
  const stepsOf = (verb: Grant["verb"]) =>
    inOrder(grants, verb).map(({ kind, target }) => {
      const line = linesOf(policy, verb, kind, target)[0];
      return { kind, target, flag: line?.flag ?? null, step: line?.step ?? null };
    });
  const report = {
    executable: { name, form, ...(compiled && { machine: compiled.machine }), ...facts },
    settings,
    allow: stepsOf("allow"),
    deny: stepsOf("deny"),
    wide: describeWide(connections(executable)),
    differences,
  };
  return formatJson(report);
}

/** Grants of a verb, the same way in either form: what no policy has comes first. */
function inOrder(grants: readonly Grant[], verb: Grant["verb"]): Grant[] {
  const place = ({ kind }: Grant) => KINDS.findIndex((known) => known === kind);
  return grants.filter((grant) => grant.verb === verb).sort((a, b) => place(a) - place(b));
}

/** What it may connect to by what is baked in, whatever the policy says. */
function connections({ grants }: Executable): string[] {
  return grants.filter(({ verb, kind }) => verb === "allow" && kind === "net")
    .map(({ target }) => target).filter((target) => target !== EVERYTHING);
}

function linesOf(policy: Policy, verb: Grant["verb"], kind: string, target: string) {
  return policy[verb].filter((line) => line.kind === kind && line.target === target);
}

/** The table that an executable's own `audit` prints, from what is baked in. */
function formatText(
  path: string,
  executable: Executable,
  policy: Policy,
  differences: readonly string[],
): string {
  const { form, name, runtime, facts, grants, compiled } = executable;
  const rows = (verb: Grant["verb"]) =>
    inOrder(grants, verb).map(({ kind, target }) => {
      const lines = linesOf(policy, verb, kind, target);
      const flags = lines.map(({ flag }) => flag).join(" ");
      return [kind, target, flags, lines[0]?.step ?? "NOT IN THE POLICY"];
    });
  const denied = rows("deny");
  return formatLines([
    `${path}: ${name} ${facts.version}, ${form} form, commit ${facts.gitCommit}`,
    ...formatTable([
      ["bundleSha256", facts.bundleSha256],
      ["runtime", runtime],
      // deno-coverage-ignore -- for a script, only in a child process: tests/docs_test.ts
      ...compiled ? [["runtimeSha256", compiled.runtimeSha256], ["machine", compiled.machine]] : [],
    ]),
    "",
    "Made of",
    ...formatTable(facts.dependencies.map((dependency) => [dependency])),
    "",
    "Allowed",
    ...formatTable(rows("allow")),
    ...describeWide(connections(executable)).map((line) => `  ${line}`),
    "",
    // deno-coverage-ignore -- for a policy without denials, which no program has
    ...denied.length === 0 ? [] : ["Denied within that", ...formatTable(denied), ""],
    ...differences.length === 0 ? ["Result: just what the policy says."] : [
      `Result: ${differences.length} difference${differences.length === 1 ? "" : "s"}`,
      ...formatTable(differences.map((difference) => [difference])),
    ],
  ]);
}
