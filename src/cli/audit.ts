// deno-coverage-ignore-file -- only in a child process: tests/artifact/audit_test.ts
/** `crio-credential-provider audit`: what this executable may touch, and why. */

import { buildApplication, run } from "@stricli/core";
import { auditProcess, formatReport } from "../audit/report.ts";
import { formatJson } from "../process/printed.ts";
import { readText, writeText } from "../process/stdio.ts";
import type { Build } from "../executable/program.ts";
import { APPLICATION, terminal, WRONG_USAGE } from "./application.ts";
import { buildCommand } from "./help.ts";

interface Flags {
  readonly json?: boolean;
  readonly environment?: boolean;
}

/** An environment is at most some MiB on Linux. */
const MAX_ENVIRONMENT_BYTES = 8 * 1024 * 1024;
const ENVIRONMENT_TIMEOUT = 10_000;

/**
 * Runs the command.
 *
 * @param args what follows `audit` on the command line.
 * @returns the exit status: 0 the process holds just what its settings ask for, 1 it does not, 2
 * wrong usage.
 */
export async function audit(
  args: readonly string[],
  build: Build,
): Promise<number> {
  let status = 0;
  const process = terminal();
  const flag = { kind: "boolean", optional: true, withNegated: false } as const;
  const command = buildCommand<Flags>({
    docs: {
      brief: "Show what this executable may touch and why, and try what it may not",
      customUsage: [
        { input: "", brief: "for people" },
        { input: "--json", brief: "for programs" },
        {
          input: "--environment < /proc/$(pidof kubelet)/environ",
          brief: "and look for variables that bypass the sandbox",
        },
      ],
    },
    parameters: {
      flags: {
        json: { ...flag, brief: "Print JSON" },
        environment: {
          ...flag,
          brief:
            "Check the environment on stdin: NAME=value each, separated by NULs or line breaks",
        },
      },
    },
    func: async ({ json, environment }) => {
      const text = environment
        ? await readText(Deno.stdin, MAX_ENVIRONMENT_BYTES, ENVIRONMENT_TIMEOUT)
        : undefined;
      const report = await auditProcess(build.settings, build.facts, text);
      writeText(Deno.stdout, json ? formatJson(report) : formatReport(report));
      if (report.findings.length > 0) status = 1;
    },
  });
  await run(
    buildApplication(command, { name: "crio-credential-provider audit", ...APPLICATION }),
    args,
    { process },
  );
  return process.exitCode === 0 ? status : WRONG_USAGE;
}
