// deno-coverage-ignore-file -- only in a child process: tests/artifact/audit_test.ts
/** What an executable may touch and why, as it finds out about itself. */

import { formatLines } from "../process/printed.ts";
import { formatTable } from "../text/table.ts";
import {
  findRuntimeVariables,
  isObeyed,
  type RuntimeVariable,
} from "../executable/runtime_environment.ts";
import {
  deniedPermissions,
  isGranted,
  type Permission,
  type PolicyLine,
  policyOf,
  requiredPermissions,
  wideLines,
} from "../settings/sandbox.ts";
import type { Settings } from "../settings/settings.ts";
import { type BuildFacts, executableForm, versionFields } from "../executable/version.ts";
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
  /** A line for each permission to connect that is wider than a host. */
  readonly wide: readonly string[];
  /** What must be refused, tried. */
  readonly tried: readonly ProbeResult[];
  /** What no permission refuses, and is closed all the same. */
  readonly closed: readonly Closed[];
  readonly notCovered: readonly string[];
  /** Variables that reach through the sandbox; `undefined` where no environment was given. */
  readonly variables: readonly RuntimeVariable[] | undefined;
  /** What is not as it should be; empty: the process holds just what its settings ask for. */
  readonly findings: readonly string[];
}

/** A way past the permissions that is closed by other means. */
export interface Closed {
  readonly way: string;
  /** What closes it. */
  readonly by: string;
  /** How that is seen. */
  readonly proof: string;
}

type Form = ReturnType<typeof executableForm>;

/** The ways that nothing can be tried of, since trying would need what is not to be there. */
function closedWays(form: Form): Closed[] {
  const reading = "crio-credential-ctl audit FILE";
  return [
    form === "compiled"
      ? {
        way: "load code, JSON or text with import()",
        by: "not in the program: its modules import each other, by fixed names, and nothing else",
        proof: `${reading} parses every module`,
      }
      : {
        way: "load code, JSON or text with import()",
        by: "not in the program: it has no import(), and imports no module",
        proof: `${reading} parses the whole program`,
      },
    form === "compiled"
      ? {
        way: "the same by code that got into the program",
        by: "the executable's import map blocks import() of every file",
        proof: `${reading} finds the import map in the executable`,
      }
      : {
        way: "the same by code that got into the program",
        by: "the runtime asks for the permissions above, and denies all hosts",
        proof: "--deny-import in the second line of the executable",
      },
    form === "compiled"
      ? {
        way: "plant compiled code in a directory for temporary files",
        by: "the executable reads and writes no cache of compiled code",
        proof: `${reading} finds code_cache_key null`,
      }
      : {
        way: "plant compiled code in the cache of the runtime",
        by: "the cache is below $DENO_DIR, the home directory of the kubelet's user",
        proof: "the owner of that directory",
      },
  ];
}

/** What no sandbox of the runtime covers. */
function notCovered(form: Form): string[] {
  return [...NOT_COVERED, ...form === "compiled" ? NOT_COVERED_COMPILED : NOT_COVERED_SCRIPT];
}

const NOT_COVERED_COMPILED = [
  "The runtime obeys variables of its environment before any permission, and the dynamic loader " +
  "others before that. This form needs the env entries of the documented CredentialProviderConfig.",
  "The runtime reads what the kernel says of the machine's memory and processors.",
];

const NOT_COVERED_SCRIPT = [
  "The shell, env and the runtime are programs of the node, and the dynamic loader obeys LD_PRELOAD " +
  "and the like in each before the environment is emptied. So this form needs the env entries of " +
  "the documented CredentialProviderConfig, too.",
  "The runtime keeps a cache of compiled code below $DENO_DIR, and reads what the kernel says of the " +
  "machine's memory and processors.",
];

const NOT_COVERED = [
  "An import() of a data: URL or of Node's modules would make code of text, which the runtime asks no " +
  "permission for. The program has no such import(): crio-credential-ctl audit FILE parses it. What the " +
  "permissions deny stays denied to such code.",
  "A symbolic link inside an allowed directory is followed when something is read there, so these " +
  "directories must be root's to write. In the auth directory files are created and renamed without " +
  "following links, and a directory that its group or everyone can write to, or that is another " +
  "user's, is refused.",
  "Root can replace this executable, read its memory and every file it reads.",
  "Names are resolved by the C library, which reads its own files and asks the node's name servers.",
  "The runtime cannot list its permissions. That it holds one for a path or host not tried here is " +
  "found by reading the executable: crio-credential-ctl audit FILE.",
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
  const form = executableForm();
  const variables = environment === undefined ? undefined : findRuntimeVariables(environment);
  return {
    executable: versionFields(facts),
    settings,
    allow,
    deny,
    wide: wideLines(policy),
    tried,
    closed: closedWays(form),
    notCovered: notCovered(form),
    variables,
    findings: [
      ...allow.filter(({ granted }) => !granted)
        .map(({ kind, target }) => `${kind} ${target} is needed and not granted`),
      ...deny.filter(({ granted }) => granted)
        .map(({ kind, target }) => `${kind} ${target} is granted and must not be`),
      ...tried.filter(({ denied }) => !denied)
        .map(({ kind, attempt }) => `${kind}: ${attempt} was not denied`),
      ...dangerous(variables, form).map(({ name, effect }) => `${name} is set: it ${effect}`),
    ],
  };
}

function dangerous(
  variables: readonly RuntimeVariable[] | undefined,
  form: Form,
): readonly RuntimeVariable[] {
  return variables?.filter((variable) => isObeyed(variable, form)) ?? [];
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
    "Allowed",
    ...formatTable(
      report.allow.map((line) => [...columns(line), line.granted ? "" : "NOT GRANTED"]),
    ),
    ...report.wide.map((line) => `  ${line}`),
    "",
    // A mode that writes no file has nothing to keep its hands off.
    ...(report.deny.length === 0 ? [] : [
      "Denied within that",
      ...formatTable(
        report.deny.map((line) => [...columns(line), line.granted ? "NOT DENIED" : ""]),
      ),
      "",
    ]),
    "Tried just now; each must be denied",
    ...formatTable(
      report.tried.map(({ kind, attempt, denied }) => [
        kind,
        attempt,
        denied ? "denied" : "NOT DENIED",
      ]),
    ),
    "",
    "Closed by other means than permissions",
    ...report.closed.flatMap(({ way, by, proof }) => [`  - ${way}`, `    ${by}`, `    ${proof}`]),
    "",
    "What the sandbox does not cover",
    ...report.notCovered.map((text) => `  - ${text}`),
    "",
    ...formatVariables(report),
    "",
    ...(report.findings.length === 0
      ? ["Result: the process holds just what its settings ask for."]
      : [
        `Result: ${report.findings.length} findings`,
        ...formatTable(report.findings.map((f) => [f])),
      ]),
  ];
  return formatLines(lines);
}

function columns({ kind, target, flag, step }: PolicyLine): string[] {
  return [kind, target, flag, step];
}

function formatVariables({ variables }: AuditReport): string[] {
  if (variables === undefined) {
    return ["The kubelet's environment was not given: audit --environment < /proc/<pid>/environ"];
  }
  if (variables.length === 0) {
    return ["The environment holds no variable that bypasses the sandbox."];
  }
  const form = executableForm();
  return [
    "The environment holds variables that bypass the sandbox. Set with env in the",
    "CredentialProviderConfig those that have a value that does nothing; unset the others.",
    ...formatTable(variables.map((variable) => {
      const { name, effect, neutral } = variable;
      if (!isObeyed(variable, form)) return [name, effect, "emptied by this form"];
      return [name, effect, neutral === undefined ? "unset it" : `set it to "${neutral}"`];
    })),
  ];
}
