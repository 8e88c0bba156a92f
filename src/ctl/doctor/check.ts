/** What `doctor` says about one thing that it looked at. */

import type { ErrorCode } from "../../error_codes.ts";
import { UserError } from "../../errors.ts";
import { OutsideSandboxError } from "../../process/files.ts";

/** The names of the checks, in the order in which they are reported. */
export const CHECK_NAMES = [
  "provider-config",
  "provider-directory",
  "provider-arguments",
  "provider-environment",
  "audience",
  "feature-gate",
  "match-images",
  "registries",
  "containerd-config",
  "hosts-toml",
  "mirrors",
  "short-names",
  "auth-directory",
  "auth-files",
  "in-use",
  "pulled-images",
  "global-auth-file",
  "api-server",
  "sandbox",
  "journald",
  "crio-version",
  "crio-config",
  "crio-reload",
  "crio-auth-files",
  "pause-image",
] as const;
/** One of them. */
export type CheckName = typeof CHECK_NAMES[number];

/**
 * How a check ended. With `fail` pulls do not get their credentials, or only by luck; with `skip` it
 * was not made, since what it depends on could not be read.
 */
export type Status = "pass" | "warn" | "fail" | "skip";

/** One finding. Several may have the same name. */
export interface Check {
  readonly name: CheckName;
  readonly status: Status;
  readonly found: string;
  /** What to do; empty when there is nothing. */
  readonly advice: string;
  /** Of the error that was found, or that kept the check from being made; missing when there was none. */
  readonly code?: ErrorCode;
}

/** A finding that asks for nothing. */
export function pass(name: CheckName, found: string): Check {
  return { name, status: "pass", found, advice: "" };
}

/** A finding that keeps some pulls from what their owners may expect. */
export function warn(name: CheckName, found: string, advice: string): Check {
  return { name, status: "warn", found, advice };
}

/** A finding that keeps pulls from their credentials. */
export function fail(name: CheckName, found: string, advice: string): Check {
  return { name, status: "fail", found, advice };
}

/** A check that could not be made. */
export function skip(name: CheckName, found: string, advice = ""): Check {
  return { name, status: "skip", found: `not checked: ${found}`, advice };
}

/** Errors in what a file says: editing it at the place mends it. */
const IN_CONTENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "file-not-utf8",
  "json-invalid",
  "toml-invalid",
  "yaml-invalid",
  "content-invalid",
  "registries-invalid",
  "global-auth-file-too-deep",
  "api-server-address-invalid",
  "kubeconfig-incomplete",
]);

/**
 * What an error found while checking means. Where the tool's own sandbox or user was in the way, nothing is known
 * about the node.
 *
 * @throws what was thrown, if it is no {@link UserError}.
 */
export function explainFailure(name: CheckName, error: unknown): Check {
  if (error instanceof OutsideSandboxError) {
    const found = `${error.where}: outside of this tool's own sandbox, not looked at`;
    return { ...warn(name, found, error.advice), code: error.code };
  }
  if (!(error instanceof UserError)) throw error;
  const { code } = error;
  const found = `${error.where}: ${error.problem}`;
  if (code === "permission-denied") {
    const advice = "run this as root, as the kubelet runs the plugin";
    return { ...warn(name, `${found}, not looked at`, advice), code };
  }
  const usual = IN_CONTENT.has(code) ? `edit ${error.where}` : "";
  return { ...fail(name, found, error.advice ?? usual), code };
}

/** Runs a part of a check; an error that it throws becomes a finding. */
export function recordFailure<Result>(
  name: CheckName,
  checks: Check[],
  action: () => Result,
): Result | undefined {
  try {
    return action();
  } catch (error) {
    checks.push(explainFailure(name, error));
    return undefined;
  }
}

/** What a finding lists; the rest is counted. */
const MOST_LISTED = 5;

/** `a, b, c, d, e and 3 more` */
export function listSome(texts: readonly string[]): string {
  const more = texts.length - MOST_LISTED;
  return texts.slice(0, MOST_LISTED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** `1 file`, `2 files`; `2 aliases`. */
export function count(number: number, noun: string, nouns = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : nouns}`;
}
