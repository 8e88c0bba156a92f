import assert from "node:assert/strict";
import { checkMirrors, checkRegistries, pullHosts } from "../../../src/ctl/doctor/registries.ts";
import type { RegistriesFiles } from "../../../src/sources/registries_conf/files.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const FIXTURES = new URL("../../../fixtures/registries/", import.meta.url);

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
      /ocp-release \(1 mirror, for pulls by digest only\), registry\.redhat\.io \(1 mirror, for pulls by digest only; itself blocked\), docker\.io\/library \(2 mirrors, for pulls by tag only\)/,
    ],
  ], [["pass", /4 mirrors with valid references/]]],
  [
    "mirrors for some pulls",
    files(`${registry("a.io", "b.io", "c.io")}pull-from-mirror = "tag-only"`),
    [["pass", /a\.io \(2 mirrors, 1 for pulls by tag only\)/]],
    [["pass", /2 mirrors/]],
  ],
  [
    "mirrors and a source that is never contacted",
    files(
      `[[registry]]\nprefix = ""\nlocation = "quay.io/team"\nblocked = true\n\n[[registry.mirror]]\nlocation = "mirror.example.com:5000/team"\npull-from-mirror = "digest-only"\n`,
    ),
    [["pass", /quay\.io\/team \(1 mirror, for pulls by digest only; itself blocked\)/]],
    [["pass", /1 mirror with valid references/]],
  ],
  [
    "a mirror that a table of its own blocks",
    files(`${HUB}${registry("mirror.local")}blocked = true\n`),
    [["pass", /docker\.io \(1 mirror\)/]],
    [[
      "warn",
      /docker\.io \(\/main\): the mirror mirror\.local\/hub is never asked, since \[\[registry\]\] mirror\.local \(\/main\) is blocked .* -> drop the mirror/,
    ]],
  ],
  [
    "credential helpers and no auth file",
    files(`credential-helpers = ["ecr-login"]\n${HUB}`),
    [[
      "fail",
      /\/main: "credential-helpers" has no "containers-auth\.json": CRI-O reads no auth file.* -> put /,
    ]],
    [["pass", /1/]],
  ],
  [
    "a credential helper before the auth file",
    files(HUB, `credential-helpers = ["pass", "containers-auth.json"]`),
    [["warn", /\/drop0: "credential-helpers" has "pass" before "containers-auth\.json"/]],
    [["pass", /1/]],
  ],
  [
    "a key in two cases",
    files(HUB.replace("location", `Location = "x.io"\nlocation`)),
    [[
      "warn",
      /\/main: "location" in "registry\[0\]" is written in more than one case.* -> keep one/,
    ]],
    [["pass", /1/]],
  ],
  [
    "a key of the whole file below a table",
    files(`${HUB}\n unqualified-search-registries = ["docker.io"]\n`),
    [[
      "warn",
      /\/main:6:2: "unqualified-search-registries" is below \[\[registry\.mirror\]\]: .* -> put it above/,
    ]],
    [["pass", /1/]],
  ],
  [
    "keys in capitals",
    files(
      HUB.toUpperCase().replace("MIRROR.LOCAL/HUB", "mirror.local/hub").replace(
        "DOCKER.IO",
        "docker.io",
      ),
    ),
    [
      ["pass", /docker\.io \(1 mirror\)/],
    ],
    [["pass", /1 mirror/]],
  ],
  ["an unknown mode", files(`short-name-mode = "sometimes"\n${HUB}`), [
    ["fail", /\/main: "short-name-mode" has an unknown value -> it may be enforcing/],
  ], []],
  [
    "a search registry with a scheme",
    files(`unqualified-search-registries = ["https://docker.io"]\n${HUB}`),
    [
      [
        "fail",
        /\/main: "unqualified-search-registries\[0\]" begins with a URL scheme -> leave out/,
      ],
    ],
    [],
  ],
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
      /\/main:4: the mirror "mirror\.local\/Hub" makes "mirror\.local\/Hub\/library\/sample" of the image, which is not a valid reference: it has a path in upper case\. CRI-O refuses every pull of docker\.io/,
    ],
  ]],
  ["a mirror without a host", files(registry("quay.io/team", "mirror")), [["pass", /1/]], [
    [
      "fail",
      /\/main:4: the mirror "mirror" makes "mirror\/sample" of .*: it has a host without dot and port/,
    ],
  ]],
  ["a host with an underscore", files(registry("docker.io", "mirror_1.example.com")), [[
    "pass",
    /1/,
  ]], [
    [
      "fail",
      /\/main:4: mirror_1\.example\.com is not a host name: CRI-O cannot contact it -> name the host/,
    ],
  ]],
  ["a name that no image has", files(registry("index.docker.io", "a.io")), [["pass", /1/]], [
    ["warn", /no image's full name begins with it, so the table never applies -> write/],
  ]],
];

for (const [name, given, registries, mirrors] of CONFIGURATIONS) {
  Deno.test(`a registries configuration with ${name} gives ${registries[0]?.[0]}`, () => {
    const findings = checkRegistries(given);
    assertChecks(findings.checks, registries);
    assertChecks(checkMirrors(findings), mirrors);
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
