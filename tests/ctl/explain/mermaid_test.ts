import assert from "node:assert/strict";
import type { Candidate } from "../../../src/ctl/explain/credentials.ts";
import type { Explanation } from "../../../src/ctl/explain/explanation.ts";
import { formatMermaid } from "../../../src/ctl/explain/mermaid.ts";

function explanationWith(candidates: readonly Candidate[]): Explanation {
  return {
    image: "quay.io/app",
    unusableSources: [],
    blockedSources: [],
    sources: [{
      repository: "quay.io/app",
      role: "registry",
      pulls: "all",
      asked: true,
      candidates,
      used: { kind: "none", keys: [] },
      conclusion: "",
    }],
    warnings: [],
    notes: [],
    conclusions: [],
  };
}

const candidate = (key: string, verdict: Candidate["verdict"]): Candidate => ({
  origin: "secret",
  secret: "s",
  key,
  verdict,
  reason: "",
});

Deno.test("nothing in a name or key ends a label or is taken for markup", () => {
  const keys = [
    `x"]; click n1 "javascript:alert(1)"`,
    "<script>alert(1)</script>",
    "a*b*_c_`d`",
    "#quot;",
    "line\nend\u2028",
    "%%{init: {}}%%",
    "https://www.example.com/a@b.example.com",
  ];
  const chart = formatMermaid(explanationWith(keys.map((key) => candidate(key, "broken"))));
  const lines = chart.split("\n");
  assert.equal(lines[0], "flowchart LR");
  for (const line of lines.slice(1, -1)) {
    const text = `[^"<>*_\`@\\\\{}|%&;]|#\\d+;|<br/>`;
    assert.match(
      line,
      new RegExp(`^  n\\d+(?:\\["(?:${text})*"\\]| -\\.?->(?:\\|"(?:${text})*"\\|)? n\\d+)$`),
    );
    assert.doesNotMatch(line, /:\/\/|www\./);
  }
});

Deno.test("credentials for other hosts are counted and not drawn", () => {
  const chart = formatMermaid(explanationWith([
    candidate("ghcr.io", "other-host"),
    candidate("docker.io", "other-host"),
    candidate("quay.io/x", "other-path"),
  ]));
  assert.match(chart, /%% 2 for other hosts than that of quay\.io\/app\n/);
  assert.doesNotMatch(chart, /ghcr|docker/);
  assert.match(chart, /n2 -\.->\|"other path"\| n3\n/);
});

Deno.test("a pull with nothing to do ends at the reason", () => {
  const chart = formatMermaid({ ...explanationWith([]), sources: [], conclusions: ["Nothing."] });
  assert.equal(chart, `flowchart LR\n  n1["quay.io/app"]\n  n2["Nothing."]\n  n1 --> n2\n`);
});
