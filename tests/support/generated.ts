/** What `crio-credential-ctl generate` prints, and files to generate from. */

import assert from "node:assert/strict";
import { runCtlWith } from "./ctl.ts";

/** Ends in a slash. */
export const FIXTURES = new URL("../../fixtures/", import.meta.url).pathname;
/** OpenShift's provider file on AWS. */
export const ECR = `${FIXTURES}openshift/ecr-credential-provider.yaml`;
/** OpenShift's resource for the mirrors' credentials. */
export const RESOURCE = `${FIXTURES}openshift/crio-credential-provider-config.yaml`;
/** With a colon and a letter beyond ASCII. */
export const PASSWORD = "pass:w0rd ü";

/** The text of a fixture. */
export function fixture(path: string): string {
  return Deno.readTextFileSync(`${FIXTURES}${path}`);
}

/** What commands say on stderr that are given no audience, and no others. */
export const ASSUMED =
  /^warning: --audience is not given: using kubeadm's default, https:\/\/kubernetes\.default\.svc\.cluster\.local; compare .*\n/;
/** Nothing on stderr, or {@link ASSUMED}. */
export const SILENT = new RegExp(`^$|${ASSUMED.source}$`);

/** Runs a command that must succeed, and say nothing on stderr unless that is expected. */
export async function generate(line: string, stdin?: string, stderr = SILENT): Promise<string> {
  const result = await runCtlWith(["generate", ...line.split(" ")], stdin);
  assert.match(result.stderr, stderr);
  assert.equal(result.code, 0);
  return result.stdout;
}
