/** What an executable may touch and why, as it finds out about itself. */

import { formatTable } from "../cli/table.ts";
import { findRuntimeVariables, type RuntimeVariable } from "../runtime_environment.ts";
import {
  deniedPermissions,
  isGranted,
  type Permission,
  type PolicyLine,
  policyOf,
  requiredPermissions,
} from "../sandbox.ts";
import type { Settings } from "../settings.ts";
import { type BuildFacts, executableForm, versionFields } from "../version.ts";
import { type ProbeResult, probesFor, tryProbe } from "./probes.ts";

/** A line of the policy, and whether the process holds that permission. */
export interface HeldPermission extends PolicyLine {
  readonly granted: boolean;
}

/** The outcome of an audit. */
export interface AuditReport {
  readonly executable: ReturnType<typeof versionFields>;
  readonly settings: Settings;
  /** What the settings ask for. */
  readonly allow: readonly HeldPermission[];
  /** What lies within and is denied all the same. */
  readonly deny: readonly HeldPermission[];
  /** What must be refused, tried. */
  readonly tried: readonly ProbeResult[];
  readonly notCovered: readonly string[];
  /** Variables that reach through the sandbox; `undefined` where no environment was given. */
  readonly variables: readonly RuntimeVariable[] | undefined;
  /** What is not as it should be; empty: the process holds just what its settings ask for. */
  readonly findings: readonly string[];
}

/** What no sandbox of the runtime covers. */
const NOT_COVERED = [
  "A symbolic link inside an allowed directory is followed when something is read there, so these " +
  "directories must be root's to write. In the auth directory files are created and renamed without " +
  "following links, and a directory that everyone can write to, or that is another user's, is refused.",
  "The runtime obeys variables of its environment before any permission. The script form empties its " +
  "environment; the compiled form needs the env entries of the documented CredentialProviderConfig.",
  "Root can replace this executable, read its memory and every file it reads.",
  "Names are resolved by the C library, which reads its own files and asks the node's name servers.",
  "The runtime keeps a cache of compiled code below $DENO_DIR (script form), and reads what the " +
  "kernel says of the machine's memory and processors.",
  "The runtime cannot list its permissions. That it holds one for a path or host not tried here is " +
  "found by reading the executable: deno task audit FILE.",
];

/**
 * Audits this process.
 *
 * @param environment the kubelet's environment, as `findRuntimeVariables` takes it.
 */
export async function auditProcess(
  settings: Settings,
  facts: BuildFacts,
  environment: string | undefined,
): Promise<AuditReport> {
  const policy = policyOf(settings);
  const allow = withGrants(policy.allow, requiredPermissions(settings));
  const deny = withGrants(policy.deny, deniedPermissions(settings));
  const tried: ProbeResult[] = [];
  for (const probe of probesFor(settings)) tried.push(await tryProbe(probe));
  const variables = environment === undefined ? undefined : findRuntimeVariables(environment);
  return {
    executable: versionFields(facts),
    settings,
    allow,
    deny,
    tried,
    notCovered: NOT_COVERED,
    variables,
    findings: [
      ...allow.filter(({ granted }) => !granted)
        .map(({ kind, target }) => `${kind} ${target} is needed and not granted`),
      ...deny.filter(({ granted }) => granted)
        .map(({ kind, target }) => `${kind} ${target} is granted and must not be`),
      ...tried.filter(({ denied }) => !denied)
        .map(({ kind, attempt }) => `${kind}: ${attempt} was not denied`),
      ...dangerous(variables).map(({ name, effect }) => `${name} is set: it ${effect}`),
    ],
  };
}

/** The script form empties its environment before the runtime starts. */
function dangerous(variables: readonly RuntimeVariable[] | undefined): readonly RuntimeVariable[] {
  if (variables === undefined || executableForm() === "script") return [];
  return variables.filter(({ compiled }) => compiled);
}

function withGrants(
  lines: readonly PolicyLine[],
  permissions: readonly Permission[],
): HeldPermission[] {
  return lines.map((line, index) => {
    const permission = permissions[index];
    return { ...line, granted: permission !== undefined && isGranted(permission) };
  });
}

/** The report for people. */
export function formatReport(report: AuditReport): string {
  const { executable: { version, gitCommit, gitCommitDate, form, ...rest } } = report;
  const { dependencies, ...parts } = rest;
  const lines = [
    `crio-credential-provider ${version}, ${form} form, commit ${gitCommit} of ${gitCommitDate}`,
    ...formatTable(Object.entries(parts).map(([name, value]) => [name, String(value)])),
    "",
    "Made of",
    ...[dependencies ?? []].flat().map((dependency) => `  ${dependency}`),
    "",
    "It may",
    ...formatTable(
      report.allow.map((line) => [...columns(line), line.granted ? "" : "NOT GRANTED"]),
    ),
    "",
    "but not",
    ...formatTable(report.deny.map((line) => [...columns(line), line.granted ? "NOT DENIED" : ""])),
    "",
    "Tried just now, and to be denied",
    ...formatTable(
      report.tried.map(({ kind, attempt, denied }) => [
        kind,
        attempt,
        denied ? "denied" : "NOT DENIED",
      ]),
    ),
    "",
    "What the sandbox does not cover",
    ...report.notCovered.map((text) => `  - ${text}`),
    "",
    ...formatVariables(report),
    "",
    report.findings.length === 0
      ? "Result: the process holds just what its settings ask for."
      : `Result: ${report.findings.length} findings\n${
        formatTable(report.findings.map((f) => [f])).join("\n")
      }`,
  ];
  return lines.join("\n") + "\n";
}

function columns({ kind, target, flag, step }: PolicyLine): string[] {
  return [kind, target, flag, step];
}

function formatVariables({ variables }: AuditReport): string[] {
  if (variables === undefined) {
    return ["The kubelet's environment was not given: audit --environment < /proc/<pid>/environ"];
  }
  if (variables.length === 0) return ["The environment holds no variable that the runtime obeys."];
  const effect = executableForm() === "script"
    ? "emptied by this form before the runtime starts"
    : "set these with env in the CredentialProviderConfig";
  return [
    `The environment holds variables that the runtime obeys; ${effect}`,
    ...formatTable(variables.map(({ name, effect }) => [name, effect])),
  ];
}
