/** An explanation as a flow chart for Mermaid, which GitHub and GitLab draw. */

import { escapeControls } from "../../process/log.ts";
import type { Candidate } from "./credentials.ts";
import type { Explanation, PlacedSource } from "./explanation.ts";
import { placeText } from "./registry_tables.ts";

/**
 * Draws request, registry table, pull sources, credentials and auth file. Dotted lines lead to what
 * was passed over and to endpoints that are not asked; credentials for other hosts are counted only.
 */
export function formatMermaid(explanation: Explanation): string {
  const chart = new Chart();
  const { image, namespace, registries, conclusions, sources, blockedSources } = explanation;
  const request = chart.node("request", [image, ...(namespace ? [`namespace ${namespace}`] : [])]);
  const table = registries?.table;
  let last = request;
  if (table !== undefined) {
    last = chart.node("table", [`[[registry]] ${table.prefix}`, placeText(table)]);
    chart.edge(request, last);
  }
  for (const { repository } of blockedSources) {
    chart.dotted(last, chart.node(`blocked ${repository}`, [repository]), "blocked");
  }
  if (sources.length === 0) {
    chart.edge(last, chart.node("nothing", conclusions));
    return chart.text();
  }
  for (const [index, source] of sources.entries()) drawSource(chart, last, source, index);
  drawFile(chart, explanation);
  return chart.text();
}

function drawSource(chart: Chart, table: string, source: PlacedSource, index: number): void {
  const { repository, role, asked, candidates, used } = source;
  const node = chart.node(`source${index + 1}`, [repository]);
  const label = role === "mirror" ? `mirror ${index + 1}` : "the registry itself";
  if (asked) chart.edge(table, node, label);
  else chart.dotted(table, node, `${label}, not asked`);
  let elsewhere = 0;
  for (const candidate of candidates) {
    if (candidate.verdict === "other-host") elsewhere++;
    else if (candidate.verdict === "chosen") chart.edge(node, drawCandidate(chart, candidate));
    else chart.dotted(node, drawCandidate(chart, candidate), SHORT_REASONS[candidate.verdict]);
  }
  if (used.kind === "none") chart.edge(node, chart.node("none", ["no credential"]));
  if (elsewhere > 0) chart.comment(`${elsewhere} for other hosts than that of ${repository}`);
}

const SHORT_REASONS: Readonly<Record<Exclude<Candidate["verdict"], "chosen">, string>> = {
  "other-host": "other host",
  "other-port": "other port",
  "other-path": "other path",
  "shorter-path": "shorter path",
  "wider-host": "wider wildcard",
  "earlier-in-order": "earlier in order",
  "by-annotation": "by annotation",
  "no-credential": "holds no credential",
  "broken": "broken",
  "never-found": "never found",
  "behind-namespace": "namespace first",
};

function drawCandidate(
  chart: Chart,
  { origin, secret = "", key, scope = "", annotation, user }: Candidate,
): string {
  const also = annotation === undefined ? [] : [`also for ${scope}`];
  const login = user === undefined ? [] : [`user ${user}`];
  return origin === "secret"
    ? chart.node([`secret ${secret} ${key}`, ...also].join(" "), [
      `secret ${secret}`,
      ...[key, ...also, ...login],
    ])
    : chart.node(`${origin} ${key}`, [
      origin === "global-entry" ? "global file" : "global credential helper",
      key,
      ...login,
    ]);
}

function drawFile(chart: Chart, { authFile, sources }: Explanation): void {
  if (authFile === undefined || !authFile.written) return;
  const name = authFile.path.slice(authFile.path.lastIndexOf("/") + 1);
  const file = chart.node("file", ["auth file", `${name.slice(0, -".json".length - 56)}….json`]);
  for (const { candidates, used } of sources) {
    for (const candidate of candidates) {
      if (candidate.verdict !== "chosen") continue;
      const node = drawCandidate(chart, candidate);
      if (used.kind === "secret") {
        for (const key of used.foundUnder) chart.edge(node, file, key);
      } else chart.edge(node, file, used.kind === "helper" ? "credHelpers" : candidate.key);
    }
  }
}

/** Nodes and edges, each drawn once however often it is asked for. */
class Chart {
  readonly #nodes = new Map<string, { readonly id: string; readonly label: string }>();
  readonly #edges = new Set<string>();
  readonly #comments: string[] = [];

  /** @returns the node's name in edges. */
  node(identity: string, lines: readonly string[]): string {
    const known = this.#nodes.get(identity);
    if (known !== undefined) return known.id;
    const id = `n${this.#nodes.size + 1}`;
    this.#nodes.set(identity, { id, label: lines.map(escapeLabel).join("<br/>") });
    return id;
  }

  edge(from: string, to: string, label = ""): void {
    this.#edges.add(`${from} -->${label === "" ? "" : `|"${escapeLabel(label)}"|`} ${to}`);
  }

  dotted(from: string, to: string, label: string): void {
    this.#edges.add(`${from} -.->|"${escapeLabel(label)}"| ${to}`);
  }

  comment(text: string): void {
    this.#comments.push(escapeControls(text));
  }

  text(): string {
    const lines = [
      ...[...this.#nodes.values()].map(({ id, label }) => `${id}["${label}"]`),
      ...this.#edges,
      ...this.#comments.map((text) => `%% ${text}`),
    ];
    return ["flowchart LR", ...lines.map((line) => `  ${line}`), ""].join("\n");
  }
}

/**
 * Escapes what Mermaid might read as markup: it takes labels as Markdown, which makes links of URLs
 * and emphasis of asterisks, and `#name;` for a character.
 */
function escapeLabel(text: string): string {
  return escapeControls(text)
    .replaceAll(/[^\p{L}\p{N} ./:,()[\]…-]/gu, (character) => `#${character.codePointAt(0)};`)
    .replaceAll("://", "#58;//")
    .replaceAll("www.", "www#46;");
}
