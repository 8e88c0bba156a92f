/** An explanation of a pull by containerd as text for people. */

import { formatLines } from "../../process/printed.ts";
import type {
  AskedHost,
  ContainerdExplanation,
  ExplainedOffer,
  ExplainedTry,
  ExplainedViewer,
  HostCandidate,
} from "./containerd.ts";
import { labelled, secretsLines } from "./text.ts";

/** Formats an explanation. Names and keys come from strangers, so control characters are escaped. */
export function formatContainerdText(explanation: ContainerdExplanation): string {
  const { hosts, offers, tries, warnings, conclusions } = explanation;
  const blocks = [
    overview(explanation),
    ...hosts.map(hostBlock),
    ...offers.map(offerBlock),
    tries.length === 0 ? [] : ["order of tries", ...tries.map(tryLine)],
    warnings.map((warning) => `warning: ${warning}`),
    conclusions,
  ];
  return blocks.filter((lines) => lines.length > 0).map(formatLines).join("\n");
}

function overview(explanation: ContainerdExplanation): string[] {
  const { image, form, namespace, serviceAccount, directories, file, secrets } = explanation;
  const account = serviceAccount === undefined ? "" : `, service account ${serviceAccount}`;
  return [
    ...labelled("image", [image + (form === undefined ? "" : `, by ${form}`)]),
    // deno-coverage-ignore -- no test has a static pod's pull with something to do
    ...labelled("namespace", namespace === undefined ? [] : [namespace + account]),
    ...labelled("directories", directories.map(({ path, state }) => `${path}: ${STATES[state]}`)),
    ...labelled("file", file === undefined ? [] : [file]),
    ...labelled("secrets", secrets === undefined ? [] : secretsLines(secrets)),
  ];
}

const STATES = {
  missing: "does not exist",
  used: "used, the first that exists",
  shadowed: "exists, and is not looked into",
} as const;

function hostBlock({ url, role, line, forTags, candidates }: AskedHost, index: number): string[] {
  const what = role === "mirror" ? "mirror" : "the image's own registry";
  const where = line === undefined
    ? ', asked because "server" is missing'
    : `, line ${line}${forTags ? "" : ", not for pulls by tag"}`;
  const title = `host ${index + 1}: ${url} (${what}${where})`;
  return [
    title,
    // deno-coverage-ignore -- no test has a host without candidates
    ...(candidates.length === 0 ? ["  no candidates"] : candidates.map(candidateLine)),
  ];
}

function candidateLine({ secret, key, scope, user, verdict, reason }: HostCandidate): string {
  const read = scope === key ? "" : `, read as ${quote(scope)}`;
  const name = `secret ${quote(secret)}, key ${quote(key)}${read}${asUser(user)}`;
  return verdict === "chosen"
    ? `  + ${name}: chosen, ${reason}`
    : `  - ${name}: passed over, ${reason}`;
}

function offerBlock(
  { secret, key, user, chosenFor, given, seenBy, withheld }: ExplainedOffer,
): string[] {
  const name = `secret ${quote(secret)}, key ${quote(key)}${asUser(user)}`;
  return [
    `${given ? "given" : "withheld"}: ${name}, chosen for ${chosenFor}`,
    ...seenBy.map(viewerLine),
    ...(withheld === undefined ? [] : [`  ${withheld}`]),
  ];
}

function viewerLine({ repository, allowedBy, secret, key }: ExplainedViewer): string {
  switch (allowedBy) {
    case "secret":
      // deno-coverage-ignore -- for the compiler: a pair of a secret has both
      return `  + ${repository} may see it: secret ${quote(secret ?? "")}, key ${quote(key ?? "")}`;
    case "consent":
      return `  + ${repository} may see it: --containerd-also-offer`;
    case "nobody":
      return `  - ${repository} would see it, and no secret and no consent allows that`;
  }
}

function tryLine({ key, secret, user }: ExplainedTry, index: number): string {
  const what = secret === undefined
    ? "without credentials"
    : `secret ${quote(secret)}${asUser(user)}`;
  return `  ${index + 1}. ${what} (key ${quote(key)})`;
}

function asUser(user: string | undefined): string {
  return user === undefined ? "" : `, user ${quote(user)}`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
