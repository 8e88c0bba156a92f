/** What CRI-O did in a pull, beside what the explanation expects of it. */

import type { Attempt, CrioLog, LoggedPull } from "./crio_log.ts";
import { pullsOf } from "./crio_log.ts";
import type { Explanation, PlacedSource } from "./explanation.ts";
import type { LoggedComparison, LoggedSource } from "./logged_comparison.ts";

/** Compares the last pull of the image, and of the namespace as far as the log shows, with an explanation. */
export function compareWithLog(
  explanation: Explanation,
  log: CrioLog,
  from: string,
): LoggedComparison {
  const all = pullsOf(log, explanation.image);
  const pull = all.findLast((pull) => mayBeOurs(pull, explanation));
  if (pull === undefined) {
    return { from, pulls: all.length, sources: [], differences: [], limits: [whyNone(log, all)] };
  }
  const { time, image, outcome, error, authFile } = pull;
  return {
    from,
    pulls: all.length,
    pull: {
      ...{ time, image, outcome },
      ...(error !== undefined && { error }),
      ...(authFile !== undefined && { authFile }),
    },
    sources: [
      ...pull.attempts.map((attempt, index) => ({
        repository: attempt.repository,
        expected: expectation(explanation, attempt.repository),
        tried: true,
        answer: answerOf(pull, attempt, index),
        ...tellCredentials(attempt),
      })),
      ...untried(explanation, pull).map(({ repository }) => ({
        repository,
        expected: "asked" as const,
        tried: false,
      })),
    ],
    differences: [...comparePath(explanation, pull), ...compareSources(explanation, pull)],
    limits: [
      ...(log.debug ? [] : [
        'the log has no lines of level debug: with log_level = "debug" CRI-O also says what each ' +
        "registry answered, and where it had the credentials from",
      ]),
      // deno-coverage-ignore -- of the log alone: tests/ctl/explain/crio_log_test.ts
      ...(pull.overlapped
        ? ["other pulls went on at the same time: lines may belong to one of them"]
        : []),
    ],
  };
}

/** Whether a pull may be of the namespace: CRI-O looks for a file of the namespace and the image. */
function mayBeOurs({ lookedFor, authFile }: LoggedPull, { authFile: expected }: Explanation) {
  const path = lookedFor ?? authFile;
  return path === undefined || expected === undefined || nameOf(path) === nameOf(expected.path);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function whyNone({ lines }: CrioLog, others: readonly LoggedPull[]): string {
  if (lines === 0) {
    return "there is no line of CRI-O's in it: journalctl -u crio -o cat prints them";
  }
  if (others.length > 0) return "its pulls of the image are of other namespaces";
  return "it has no pull of the image: CRI-O logs pulls at the levels info and debug";
}

function expectation(
  { image, sources, blockedSources }: Explanation,
  repository: string,
): LoggedSource["expected"] {
  // Without mirrors the image is pulled from where it says, and there is nothing to explain.
  if (sources.length === 0 && blockedSources.length === 0 && repository === image) return "asked";
  const source = sources.find((source) => source.repository === repository);
  if (source !== undefined) return source.asked ? "asked" : "not-asked";
  return blockedSources.some((blocked) => blocked.repository === repository)
    ? "blocked"
    : "unknown";
}

/** The expected sources that were not tried. */
function untried({ sources }: Explanation, { attempts }: LoggedPull): PlacedSource[] {
  return sources.filter(({ asked, repository }) =>
    asked && !attempts.some((attempt) => attempt.repository === repository)
  );
}

function answerOf({ outcome, attempts }: LoggedPull, { error }: Attempt, index: number): string {
  if (error !== undefined) return error;
  const isLast = index === attempts.length - 1;
  if (!isLast) return "did not give the image; the log does not say why";
  switch (outcome) {
    case "pulled":
      return "gave the image";
    case "failed":
      return "did not give the image";
    case "unknown":
      return "the log does not say";
  }
}

function tellCredentials({ credentials }: Attempt): { readonly credentials?: string } {
  if (credentials === undefined) return {};
  if (credentials === "none") return { credentials: "none found" };
  if (credentials === "request") return { credentials: "the pod's own, from its imagePullSecrets" };
  return {
    credentials: "file" in credentials
      ? `from ${credentials.file}`
      : `from the credential helper ${credentials.helper}`,
  };
}

/** Whether the auth file was there that the plugin writes. */
function comparePath({ authFile }: Explanation, pull: LoggedPull): string[] {
  if (authFile === undefined) return [];
  const { path, written } = authFile;
  if (pull.authFile === undefined) {
    if (!written) return [];
    return [
      `CRI-O took no auth file, and ${path} is expected. ` +
      (pull.lookedFor !== undefined && pull.lookedFor !== path
        ? `It looked for ${pull.lookedFor}: namespaced_auth_dir and --auth-dir must agree.`
        : "Either the plugin's run before this pull failed (journalctl -t " +
          "crio-credential-provider), or another pull took the file, or CRI-O is older than 1.34.3."),
    ];
  }
  if (pull.authFile !== path) {
    return [`CRI-O took ${pull.authFile}, and ${path} is expected.`];
  }
  if (written) return [];
  return [
    `CRI-O took ${path}, and the plugin would write none: it is of an earlier run, when the ` +
    "namespace's secrets were others.",
  ];
}

function compareSources(explanation: Explanation, pull: LoggedPull): string[] {
  const differences: string[] = [];
  const expected = explanation.sources.filter(({ asked }) => asked);
  const tried = pull.attempts.filter(({ repository }) =>
    expectation(explanation, repository) !== "blocked"
  );
  for (const [index, { repository, credentials }] of tried.entries()) {
    const source = explanation.sources.find((source) => source.repository === repository);
    if (expectation(explanation, repository) === "unknown") {
      differences.push(
        `CRI-O tried ${repository}, which is not a pull source by the registries configuration that ` +
          "was read here: systemctl reload crio makes CRI-O read it, too.",
      );
    } else if (source?.asked === false) {
      differences.push(
        `CRI-O tried ${repository}, which is not asked for an image that is named as it is here; ` +
          `in the log it is ${pull.image}.`,
      );
    }
    const turn = expected[index];
    if (turn !== undefined && turn.repository !== repository && source?.asked) {
      differences.push(
        `CRI-O tried ${repository} where ${turn.repository} is expected: the order of the mirrors ` +
          "is another in what CRI-O has read.",
      );
    }
    if (source !== undefined) differences.push(...compareCredentials(source, credentials));
  }
  const next = expected[tried.length];
  if (pull.outcome === "failed" && next !== undefined && tried.length > 0) {
    differences.push(`CRI-O gave up before it tried ${next.repository}.`);
  }
  if (tried.length === 0 && pull.outcome !== "unknown" && expected.length > 0) {
    differences.push(
      `The log names no source that CRI-O tried, and ${expected[0]?.repository} is expected.`,
    );
  }
  return differences;
}

function compareCredentials(
  { repository, used }: PlacedSource,
  credentials: Attempt["credentials"],
): string[] {
  if (credentials === undefined) return [];
  if (credentials === "request") {
    return [`CRI-O pulled from ${repository} with the pod's own pull secret, not with the file's.`];
  }
  const has = used.kind === "secret" || used.kind === "global" || used.kind === "helper";
  if (credentials === "none" && has) {
    return [`CRI-O found no credentials for ${repository}, where some are expected.`];
  }
  if (credentials !== "none" && !has) {
    return [`CRI-O found credentials for ${repository}, where none are expected.`];
  }
  return [];
}
