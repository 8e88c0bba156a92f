/** An explanation as text for people. */

import { formatLines } from "../../process/printed.ts";
import type { Candidate } from "./credentials.ts";
import {
  describePulls,
  type Explanation,
  type PlacedSource,
  type PulledImage,
} from "./explanation.ts";
import type { NamedSecrets } from "./read_secrets.ts";
import { type PassedOverTable, placeText } from "./registry_tables.ts";

/** Formats an explanation. Names and keys come from strangers, so control characters are escaped. */
export function formatText(explanation: Explanation): string {
  const blocks = [
    overview(explanation),
    ...explanation.sources.map(sourceBlock),
    fileBlock(explanation),
    crioBlock(explanation),
    explanation.warnings.map((warning) => `warning: ${warning}`),
    explanation.notes.map((note) => `note: ${note}`),
    explanation.conclusions,
  ];
  return blocks.filter((lines) => lines.length > 0).map(formatLines).join("\n");
}

const LABEL_WIDTH = 16;

/** Lines behind a label. */
export function labelled(label: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => (index === 0 ? label : "").padEnd(LABEL_WIDTH) + line);
}

function overview(explanation: Explanation): string[] {
  const { image, form, namespace, serviceAccount, registries, secrets, global, pulledImage } =
    explanation;
  const account = serviceAccount === undefined ? "" : `, service account ${serviceAccount}`;
  return [
    ...labelled("image", [image + (form === undefined ? "" : `, by ${form}`)]),
    ...labelled("namespace", namespace === undefined ? [] : [namespace + account]),
    ...labelled("registries", registries === undefined ? [] : tables(registries)),
    ...labelled(
      "unusable",
      explanation.unusableSources.map(({ place, problem, refuses }) =>
        `${place}: ${problem}; CRI-O refuses every pull${
          refuses.length === 2 ? "" : ` by ${refuses[0]}`
        }`
      ),
    ),
    ...labelled(
      "blocked",
      explanation.blockedSources.map(({ repository, role, by }) =>
        `${repository}${roleText(role, "all")}: by [[registry]] with prefix ${quote(by.prefix)}, ${
          placeText(by)
        }`
      ),
    ),
    ...labelled("secrets", secrets === undefined ? [] : secretsLines(secrets)),
    ...labelled("global file", global === undefined ? [] : globalLines(global)),
    ...labelled("pulled image", pulledImage === undefined ? [] : pulledImageLines(pulledImage)),
  ];
}

/** What was read of secrets, and from where, in lines. */
export function secretsLines(secrets: NonNullable<Explanation["secrets"]>): string[] {
  return [
    `${list(secrets.read, "none")} from ${secrets.from}`,
    ...(secrets.named === undefined ? [] : namedLines(secrets.named)),
    ...(secrets.leftOut.length === 0 ? [] : [`not read: ${secrets.leftOut.join(", ")}`]),
    ...secrets.unusable.map(({ secret, key, reason, passedOver }) =>
      `- secret ${quote(secret)}${key === undefined ? "" : `, key ${quote(key)}`}: ${reason}` +
      (passedOver ? "; this pull does not look into it: it names none of its hosts" : "")
    ),
  ];
}

/** What a service account names, in lines. */
function namedLines({ annotation, names, repeated, notRead }: NamedSecrets): string[] {
  const account = `the service account's annotation ${annotation}`;
  if (names.length === 0) return [`${account} names none: no secret is read, on purpose`];
  return [
    `named by ${account}: ${names.join(", ")}`,
    ...(names.length === 1
      ? []
      : ["of equally specific credentials the one of the secret named later is used"]),
    ...repeated.map((secret) => `secret ${quote(secret)} is named twice: the last place counts`),
    ...notRead.map(({ secret, reason }) => `- secret ${quote(secret)}: ${reason}`),
  ];
}

function pulledImageLines(image: PulledImage): string[] {
  const { mode, meaning, otherwise, since, emptyPair } = image;
  return [
    `--pulled-images ${mode}: ${meaning}`,
    ...(mode === "node" ? [] : [
      emptyPair
        ? "the answer carries an empty pair: the image is recorded as the service account's"
        : "no credential of the namespace is chosen: the answer carries no pair, " +
          "and the image is recorded as every pod's",
    ]),
    otherwise,
    since,
  ];
}

function tables({ files, table, passedOver }: NonNullable<Explanation["registries"]>): string[] {
  if (table === undefined) return [`no table matches, in ${list(files, "no file at all")}`];
  const mirrors = table.mirrors.map(({ location, pulls }) =>
    pulls === "all" ? location : `${location} (${describePulls(pulls)})`
  );
  // deno-coverage-ignore -- no test has a table without a location here
  const what = `mirrors: ${list(mirrors, "none")}; location: ${table.location || "as named"}` +
    (table.blocked ? "; blocked" : "");
  return [
    `[[registry]] with prefix ${quote(table.prefix)}, ${placeText(table)}`,
    what,
    ...passedOver.map((other: PassedOverTable) =>
      `- passed over: prefix ${quote(other.prefix)}, ${placeText(other)}: ${other.reason}`
    ),
  ];
}

function globalLines(global: NonNullable<Explanation["global"]>): string[] {
  if (!global.found) return [`${global.path} does not exist`];
  const parts: [string, readonly string[]][] = [
    ["kept", global.kept],
    ["replaced", global.replaced],
    ["credential helpers kept", global.helpersKept],
    ["credential helpers left out", global.helpersLeftOut],
    ["other fields kept", global.otherFields],
  ];
  const lines = parts.filter(([, keys]) => keys.length > 0)
    .map(([label, keys]) => `${label}: ${keys.join(", ")}`);
  return [lines.length === 0 ? `${global.path} is empty` : global.path, ...lines];
}

function roleText(role: PlacedSource["role"], pulls: PlacedSource["pulls"]): string {
  const what = role === "mirror" ? "mirror" : "the registry itself";
  return pulls === "all" ? ` (${what})` : ` (${what}, ${describePulls(pulls)})`;
}

function sourceBlock(
  { repository, role, pulls, candidates }: PlacedSource,
  index: number,
): string[] {
  const title = `pull source ${index + 1}: ${repository}${roleText(role, pulls)}`;
  if (candidates.length === 0) return [title, "  no candidates"];
  return [title, ...candidates.map(candidateLine)];
}

function candidateLine(candidate: Candidate): string {
  const { verdict, reason } = candidate;
  return verdict === "chosen"
    ? `  + ${nameCandidate(candidate)}: chosen, ${reason}`
    : `  - ${nameCandidate(candidate)}: passed over, ${reason}`;
}

/** `secret "team", key "https://quay.io/team" (quay.io/team), user "puller"` */
function nameCandidate({ origin, secret, key, scope, user, annotation }: Candidate): string {
  const login = user === undefined ? "" : `, user ${quote(user)}`;
  switch (origin) {
    case "secret": {
      const read = annotation !== undefined
        // deno-coverage-ignore-start -- for the compiler: a secret's credential has these
        ? `, also for ${quote(scope ?? "")} by annotation ${annotation}`
        : scope === undefined || scope === key
        ? ""
        : `, read as ${quote(scope)}`;
      return `secret ${quote(secret ?? "")}, key ${quote(key)}${read}${login}`;
      // deno-coverage-ignore-stop
    }
    case "global-entry":
      return `global file, key ${quote(key)}${login}`;
    case "global-helper":
      return `global file, credential helper of ${quote(key)}`;
  }
}

function fileBlock({ authFile }: Explanation): string[] {
  if (authFile === undefined) return [];
  if (!authFile.written) return [`auth file: none, since nothing would be in it`];
  return [
    `auth file: ${authFile.path}`,
    ...authFile.entries.map(({ key, origin, secret, replacesGlobal }) =>
      `  ${quote(key)} from ${
        // deno-coverage-ignore -- for the compiler: a secret's entry names it
        origin === "global" ? "the global file" : `secret ${quote(secret ?? "")}`}` +
      (replacesGlobal ? ", in the place of the global file's entry" : "")
    ),
  ];
}

/** What CRI-O did, by its log. */
function crioBlock({ crioLog }: Explanation): string[] {
  if (crioLog === undefined) return [];
  const { from, pulls, pull, sources, differences, limits } = crioLog;
  if (pull === undefined) return [`CRI-O's log, ${from}: ${limits.join("; ")}`];
  const which = pulls === 1 ? "the one pull" : `the last that may be this one of ${pulls} pulls`;
  return [
    `CRI-O's log, ${from}: ${which} of the image, begun ${pull.time}, as ${pull.image}`,
    `  auth file: ${pull.authFile ?? "none taken"}`,
    ...sources.map(({ repository, expected, tried, answer, credentials }) =>
      tried
        ? `  ${expected === "asked" || expected === "blocked" ? "+" : "!"} ${repository}` +
          `${EXPECTED[expected]}: ${answer}` +
          (credentials === undefined ? "" : `; credentials: ${credentials}`)
        : `  - ${repository}: not tried`
    ),
    `  outcome: ${OUTCOMES[pull.outcome]}`,
    ...limits.map((limit) => `  note: ${limit}`),
    ...(differences.length === 0
      ? ["  As expected, as far as the log shows."]
      : differences.map((difference) => `  They part: ${difference}`)),
  ];
}

const EXPECTED = {
  asked: "",
  blocked: " (blocked: not contacted)",
  "not-asked": " (not expected in this pull)",
  unknown: " (not expected)",
};

const OUTCOMES = {
  pulled: "pulled",
  failed: "failed",
  unknown: "the log has no end of the pull; at level info a pull that fails has none",
};

function list(items: readonly string[], none: string): string {
  return items.length === 0 ? none : items.join(", ");
}

function quote(text: string): string {
  return JSON.stringify(text);
}
