import assert from "node:assert/strict";
import { checkMirrors, checkRegistries, pullHosts } from "../../src/doctor/registries.ts";
import type { RegistriesFiles } from "../../src/registries/config.ts";
import { assertChecks, type Expected } from "../support/checks.ts";

const FIXTURES = new URL("../../fixtures/registries/", import.meta.url);

function files(main: string | undefined, ...dropIns: string[]): RegistriesFiles {
  return {
    main: main === undefined ? undefined : { path: "/main", text: main },
    dropIns: dropIns.map((text, index) => ({ path: `/drop${index}`, text })),
  };
}

function fixture(name: string): string {
  return Deno.readTextFileSync(new URL(name, FIXTURES));
}

function registry(location: string, ...mirrors: string[]): string {
  const table = `[[registry]]\nlocation = "${location}"\n`;
  return table + mirrors.map((mirror) => `[[registry.mirror]]\nlocation = "${mirror}"\n`).join("");
}

const HUB = registry("docker.io", "mirror.local/hub");

const CONFIGURATIONS: readonly [
  name: string,
  files: RegistriesFiles,
  registries: readonly Expected[],
  mirrors: readonly Expected[],
][] = [
  ["one mirror", files(HUB), [["pass", /1 file read: docker\.io \(1 mirror\)/]], [
    ["pass", /1 mirror with valid/],
  ]],
  ["OpenShift's file", files(fixture("openshift.conf")), [
    [
      "pass",
      /quay\.io\/openshift-release-dev\/ocp-release \(1 mirror\), docker\.io\/library \(2 mir/,
    ],
  ], [[
    "warn",
    /registry\.redhat\.io \(\/main\) is blocked: its 1 mirror are never asked -> drop/,
  ]]],
  ["renamed registries", files(fixture("rewritten.conf")), [
    [
      "pass",
      /example\.com\/foo \(0 mirrors\), \*\.cloud\.example\.com \(0 .*, \*\.example\.org \(1/,
    ],
  ], [["pass", /1 mirror with/]]],
  ["a drop-in alone", files(undefined, HUB), [["pass", /1 file read/]], [["pass", /1 mirror/]]],
  [
    "no file",
    files(undefined),
    [["warn", /no registries\.conf: the plugin has nothing .* -> add/]],
    [],
  ],
  [
    "no mirror",
    files(registry("docker.io")),
    [["warn", /1 file read: no registry has mirrors/]],
    [],
  ],
  ["the old form", files(fixture("version-1.conf")), [[
    "warn",
    /\/main: in version 1, which has no/,
  ]], []],
  [
    "the old form beside a drop-in",
    files(fixture("version-1.conf"), HUB),
    [["warn", /version 1/]],
    [
      ["pass", /1 mirror/],
    ],
  ],
  ["faults in two files", files("x =", HUB, "[[registry]]\n"), [
    ["fail", /\/main:1:\d+: not valid TOML/],
    ["fail", /\/drop1: "registry\[0\]": both "prefix" and "location" are missing/],
  ], [["pass", /1 mirror/]]],
  ["a mirror in upper case", files(registry("docker.io", "mirror.local/Hub", "b.io")), [[
    "pass",
    /2/,
  ]], [
    [
      "fail",
      /docker\.io \(\/main\): docker\.io\/library\/sample would be "mirror\.local\/Hub\/library/,
    ],
  ]],
  ["a mirror without a host", files(registry("quay.io/team", "mirror")), [["pass", /1/]], [
    ["fail", /quay\.io\/team\/sample would be "mirror\/sample" there, which is no valid reference/],
  ]],
  ["a name that no image has", files(registry("index.docker.io", "a.io")), [["pass", /1/]], [
    ["warn", /no image's full name begins so, the table never applies -> write/],
  ]],
];

for (const [name, given, registries, mirrors] of CONFIGURATIONS) {
  Deno.test(`a registries configuration with ${name} gives ${registries[0]?.[0]}`, () => {
    const { checks, configuration } = checkRegistries(given);
    assertChecks(checks, registries);
    assertChecks(checkMirrors(configuration), mirrors);
  });
}

Deno.test("pulls go to the mirrors and the registries themselves", () => {
  const { configuration } = checkRegistries(files(fixture("rewritten.conf"), HUB));
  assert.deepEqual([...pullHosts(configuration.registries)].sort(), [
    "docker.io",
    "internal-registry.example.net",
    "mirror.local",
    "proxy.example.net:5000",
  ]);
});
