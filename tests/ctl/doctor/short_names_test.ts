import { checkShortNames } from "../../../src/ctl/doctor/short_names.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

/** Mirrored in these tests: quay.io, and Docker Hub. */
const hasMirrors = (image: string) => /^(?:quay|docker)\.io\//.test(image);

const CASES: readonly [name: string, files: readonly string[], expected: readonly Expected[]][] = [
  ["nothing", [], [["pass", /none leads to another registry/]]],
  [
    "an alias to where there are no mirrors",
    [`[aliases]\nfedora = "registry.fedoraproject.org/fedora"`],
    [["pass", /none/]],
  ],
  [
    "an alias to where the kubelet's name leads",
    [`[aliases]\nnginx = "docker.io/library/nginx"\n"team/app" = "docker.io/team/app"`],
    [["pass", /none/]],
  ],
  [
    "an alias to a mirrored registry",
    [`[aliases]\npodman = "quay.io/podman/stable"`],
    [[
      "warn",
      /1 alias to images with mirrors.* docker\.io\/library: podman = quay\.io\/podman\/stable -> name/,
    ]],
  ],
  [
    "an alias that a later file takes away",
    [`[aliases]\npodman = "quay.io/podman/stable"`, `[aliases]\npodman = ""`],
    [["pass", /none/]],
  ],
  [
    "many aliases",
    [`[aliases]\n${[..."abcdefg"].map((name) => `${name} = "quay.io/x/${name}"`).join("\n")}`],
    [["warn", /7 aliases .*: a = quay\.io\/x\/a, .*e = quay\.io\/x\/e and 2 more -> /]],
  ],
  [
    "a search registry that is mirrored",
    [`unqualified-search-registries = ["quay.io", "docker.io", "example.com"]`],
    [["warn", /searched at quay\.io as well, where there are mirrors/]],
  ],
  [
    "search registries that a later file replaces",
    [
      `unqualified-search-registries = ["quay.io"]`,
      `unqualified-search-registries = ["docker.io"]`,
    ],
    [["pass", /none/]],
  ],
  ["a file that is broken", ["[aliases"], [["pass", /none/]]],
  ["aliases of another type", [`aliases = 1`], [["pass", /none/]]],
];

for (const [name, files, expected] of CASES) {
  Deno.test(`short names with ${name} give ${expected[0]?.[0]}`, () => {
    const read = files.map((text, index) => ({ path: `f${index}`, text }));
    assertChecks(checkShortNames(read, hasMirrors), expected);
  });
}
