/** `doctor`: runs the checks and prints what they find. */

import { type Check, count, type Status } from "./check.ts";
import { examineNode } from "./examine.ts";
import { UsageError, UserError } from "../../errors.ts";
import { formatJson, formatLines } from "../../process/printed.ts";
import { parseLocalPath, parsePath } from "../../settings/setting_values.ts";
import { applyFlags } from "../../settings/settings.ts";
import { CLOCK } from "../../process/clock.ts";
import { ExaminedNode } from "./examined_node.ts";
import { type CtlContext, inputName, readInput } from "../context.ts";
import { atFlag } from "../text_flags.ts";
import { givenFlags, type SettingFlags } from "../../cli/setting_flags.ts";
import { wrapReport } from "../../text/wrap.ts";

/** Flags of the command. */
export interface Flags extends SettingFlags {
  readonly json?: boolean;
  readonly root?: string;
  readonly config?: string;
  readonly binDir?: string;
  readonly kubeletConfig?: readonly string[];
  readonly kubeletCmdline?: string;
  readonly kubeletRootDir?: string;
  readonly plugin?: string;
  readonly roles?: string;
}

/**
 * Prints the findings; the exit status is 1 when there is a failure among them.
 *
 * @throws {UserError} when flags contradict each other, or an input that they name cannot be read.
 */
export async function doctor(this: CtlContext, flags: Flags): Promise<void> {
  const given = givenFlags(flags);
  // A value that is none is wrong usage, whatever the node is like.
  applyFlags(this.settings, given);
  const root = readLocalPath("root", flags.root) ?? "";
  if (root !== "") requireDirectory(root);
  if (flags.roles === "-" && flags.kubeletCmdline === "-") {
    throw new UsageError(
      "flags-conflict",
      "--roles",
      "cannot read stdin, which --kubelet-cmdline reads",
    );
  }
  const checks = await examineNode({
    root,
    settings: this.settings,
    given,
    config: readPath("config", flags.config),
    binDir: readPath("bin-dir", flags.binDir),
    kubeletConfigs: (flags.kubeletConfig ?? []).map((text) => readPath("kubelet-config", text)),
    kubeletRoot: readPath("kubelet-root-dir", flags.kubeletRootDir),
    plugin: readLocalPath("plugin", flags.plugin),
    commandLine: await readCommandLine(this, flags.kubeletCmdline),
    roles: await readRoles(this, flags.roles),
    now: CLOCK.wallClock(),
  });
  const failed = checks.some(({ status }) => status === "fail");
  this.process.stdout.write(
    flags.json
      ? formatJson({ ready: !failed, checks })
      : wrapReport(formatChecks(checks), this.columns),
  );
  if (failed) this.process.exitCode = 1;
}

/** Without the copy that is to be examined, an empty node would be. */
function requireDirectory(root: string): void {
  const kind = new ExaminedNode("").facts(root, "root")?.kind;
  if (kind === "directory") return;
  const problem = kind === undefined ? "does not exist" : "is not a directory";
  throw new UsageError(
    "flag-value-invalid",
    "--root",
    `${root} ${problem}`,
    "name the directory that stands for /",
  );
}

/**
 * The kubelet's command line from the file or pipe that the flag names; empty without the flag, when
 * stdin is left alone: it may be a pipe that never ends.
 */
async function readCommandLine(context: CtlContext, path: string | undefined): Promise<string> {
  if (path === undefined) return "";
  const text = await readInput(context, path, "kubelet-cmdline");
  if (text !== "") return text;
  throw new UserError(
    "input-empty",
    inputName(path),
    "is empty, expected the kubelet's command line",
  );
}

/** What `kubectl` printed of roles. */
async function readRoles(context: CtlContext, path: string | undefined) {
  if (path === undefined) return undefined;
  const text = await readInput(context, path, "roles");
  if (text.trim() !== "") return { path: inputName(path), text };
  throw new UserError(
    "input-empty",
    inputName(path),
    "is empty, expected roles as kubectl prints them",
  );
}

/** A path of the node: absolute. */
function readPath<Text extends string | undefined>(flag: string, text: Text): Text | string {
  return text === undefined ? text : atFlag(`--${flag}`, () => parsePath(text));
}

/** A path of the machine that the tool runs on, which may be relative to the working directory. */
function readLocalPath(flag: string, text: string | undefined): string | undefined {
  return text === undefined ? text : atFlag(`--${flag}`, () => parseLocalPath(text));
}

const MARKS: Readonly<Record<Status, string>> = {
  pass: "ok",
  warn: "WARN",
  fail: "FAIL",
  skip: "skip",
};

/** What no node knows. */
const CLUSTER = "The cluster's side is checked by what this prints: crio-credential-ctl generate " +
  "checks --namespace NAMESPACE --service-account ACCOUNT --node NODE --audience AUDIENCE, and " +
  "--secret SECRET for each secret that the account names";

/** A line for each finding, and one for what to do about it. */
function formatChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, status, found, advice }) => {
    const line = `${MARKS[status].padEnd(4)}  ${name.padEnd(width)}  ${found}`;
    return advice === "" ? [line] : [line, `${" ".repeat(width + 8)}-> ${advice}`];
  });
  const tally = (status: Status) => checks.filter((check) => check.status === status).length;
  const failures = tally("fail");
  const result = [
    failures === 0 ? "Result: this node is ready" : "Result: this node is not ready",
    count(failures, "failure"),
    count(tally("warn"), "warning"),
    ...(tally("skip") === 0 ? [] : [`${tally("skip")} not checked`]),
  ];
  const end = ["", result.join(", ")];
  // deno-coverage-ignore-start -- as another user: tests/artifact/ctl_test.ts
  if (checks.some(({ code }) => code === "permission-denied")) {
    end.push("Some files could not be read: run this as root, as the kubelet runs the plugin");
    // deno-coverage-ignore-stop
  }
  end.push(CLUSTER);
  return formatLines([...lines, ...end]);
}
