/**
 * Reads an executable without running it, prints what it may touch, and compares that with the
 * policy of the settings it was built with, or with a policy under review.
 */

import { buildApplication, buildCommand, run } from "@stricli/core";
import * as v from "valibot";
import { APPLICATION, terminal, WRONG_USAGE } from "../src/cli/application.ts";
import { formatTable } from "../src/text/table.ts";
import { UsageError } from "../src/errors.ts";
import { type Policy, policyOf } from "../src/settings/sandbox.ts";
import { type Artifact, ArtifactError, type Grant, readArtifact } from "./support/artifact.ts";

const Line = v.object({
  kind: v.picklist(["read", "write", "net"]),
  target: v.string(),
  flag: v.string(),
  step: v.string(),
});
const PolicyFile = v.object({ allow: v.array(Line), deny: v.array(Line) });

/** How an executable differs from a policy; empty: not at all. */
export function compareWithPolicy({ grants, deviations }: Artifact, policy: Policy): string[] {
  const expected: Grant[] = [
    ...policy.allow.map(({ kind, target }): Grant => ({ verb: "allow", kind, target })),
    ...policy.deny.map(({ kind, target }): Grant => ({ verb: "deny", kind, target })),
  ];
  const differences = (from: readonly Grant[], what: readonly Grant[], verdict: string) =>
    what.filter((grant) => !from.some((other) => isSame(grant, other)))
      .map(({ verb, kind, target }) => `${verb} ${kind} ${target}: ${verdict}`);
  return [
    ...differences(expected, grants, "baked in, and not in the policy"),
    ...differences(grants, expected, "in the policy, and not baked in"),
    ...deviations,
  ];
}

function isSame(a: Grant, b: Grant): boolean {
  return a.verb === b.verb && a.kind === b.kind && a.target === b.target;
}

/** The table that an executable's own `audit` prints, from what is baked in. */
function formatArtifact(path: string, artifact: Artifact, policy: Policy, differences: string[]) {
  const { form, runtime, facts, grants } = artifact;
  const rows = (verb: Grant["verb"]) =>
    grants.filter((grant) => grant.verb === verb).map(({ kind, target }) => {
      const lines = policy[verb].filter((line) => line.kind === kind && line.target === target);
      const first = lines[0];
      return first === undefined
        ? [kind, target, "", "NOT IN THE POLICY"]
        : [kind, target, lines.map(({ flag }) => flag).join(" "), first.step];
    });
  return [
    `${path}: crio-credential-provider ${facts.version}, ${form} form, commit ${facts.gitCommit}`,
    ...formatTable([["bundleSha256", facts.bundleSha256], ["runtime", runtime]]),
    "",
    "Made of",
    ...formatTable(facts.dependencies.map((dependency) => [dependency])),
    "",
    "Allowed",
    ...formatTable(rows("allow")),
    "",
    "Denied within that",
    ...formatTable(rows("deny")),
    "",
    differences.length === 0
      ? "Result: just what the policy says."
      : `Result: ${differences.length} difference${differences.length === 1 ? "" : "s"}\n` +
        formatTable(differences.map((difference) => [difference])).join("\n"),
    "",
  ].join("\n");
}

async function readPolicy(path: string): Promise<Policy> {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), PolicyFile), await readText(path));
  if (!result.success) {
    throw new UsageError("flag-value-invalid", "--policy", `${path} is no policy`);
  }
  return result.output;
}

async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await readFile(path));
}

async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new UsageError(
      "flag-value-invalid",
      path,
      error instanceof Error ? error.message : "cannot be read",
    );
  }
}

async function main(): Promise<number> {
  let status = 0;
  const process = terminal();
  const command = buildCommand<{ readonly policy?: string }, [string]>({
    docs: {
      brief: "Read an executable without running it, and compare its sandbox with the policy",
      customUsage: ["dist/script/crio-credential-provider", "--policy reviewed.json FILE"],
    },
    parameters: {
      flags: {
        policy: {
          kind: "parsed",
          parse: String,
          optional: true,
          placeholder: "FILE",
          brief: "Policy to compare with (deno task policy); default: that of the settings inside",
        },
      },
      positional: {
        kind: "tuple",
        parameters: [{ parse: String, placeholder: "FILE", brief: "Executable of either form" }],
      },
    },
    func: async ({ policy: policyFile }, path) => {
      try {
        const artifact = await readArtifact(await readFile(path));
        const policy = policyFile === undefined
          ? policyOf(artifact.settings)
          : await readPolicy(policyFile);
        const differences = compareWithPolicy(artifact, policy);
        process.stdout.write(formatArtifact(path, artifact, policy, differences));
        if (differences.length > 0) status = 1;
      } catch (error) {
        if (!(error instanceof ArtifactError)) throw error;
        process.stderr.write(`error: ${path}: ${error.message}\n`);
        status = 1;
      }
    },
  });
  const app = buildApplication(command, { name: "deno task audit", ...APPLICATION });
  await run(app, Deno.args, { process });
  return process.exitCode === 0 ? status : WRONG_USAGE;
}

if (import.meta.main) Deno.exit(await main());
