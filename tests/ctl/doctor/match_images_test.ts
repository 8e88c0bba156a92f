import { checkMatchImages } from "../../../src/ctl/doctor/match_images.ts";
import type { Registry } from "../../../src/sources/registries_conf/tables.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

function table(prefix: string, ...mirrors: string[]): Registry {
  return {
    prefix,
    location: prefix.startsWith("*.") ? "" : prefix,
    blocked: false,
    mirrors: mirrors.map((location) => ({ location, pulls: "all" })),
    file: "f",
  };
}

const HUB = table("docker.io", "mirror.local/hub");

const NODES: readonly [
  name: string,
  matchImages: readonly string[],
  registries: readonly Registry[] | undefined,
  expected: readonly Expected[],
][] = [
  ["one registry", ["docker.io"], [HUB, table("quay.io")], [[
    "pass",
    /that have mirrors: docker\.io/,
  ]]],
  ["a part of a registry", ["docker.io"], [table("docker.io/library", "a.io")], [[
    "pass",
    /library/,
  ]]],
  ["a wildcard", ["*.example.com"], [table("*.example.com", "a.io")], [[
    "pass",
    /\*\.example\.com/,
  ]]],
  ["a host by a wildcard", ["*.example.com"], [table("a.example.com", "a.io")], [[
    "pass",
    /a\.ex/,
  ]]],
  ["a port", ["a.io:5000"], [table("a.io:5000", "b.io")], [["pass", /a\.io:5000/]]],
  ["a renamed registry", ["a.io"], [{ ...table("a.io"), location: "b.io" }], [["pass", /a\.io/]]],
  ["one of two registries", ["docker.io"], [HUB, table("quay.io", "m.io")], [
    ["warn", /quay\.io \(f\) has mirrors, and no entry covers it -> add "quay\.io"/],
  ]],
  ["less than the registry", ["docker.io/library"], [HUB], [["warn", /cover only a part of it/]]],
  ["one host of a wildcard", ["a.example.com"], [table("*.example.com", "a.io")], [
    ["warn", /cover only a part of it -> add "\*\.example\.com"/],
  ]],
  ["deep hosts of a wildcard", ["a.b.example.com"], [table("*.example.com", "a.io")], [
    ["warn", /cover only a part of it/],
  ]],
  ["a registry without mirrors", ["docker.io", "quay.io"], [HUB, table("quay.io")], [
    [
      "warn",
      /"quay\.io" covers no registry that has mirrors: the plugin runs without need -> drop it/,
    ],
  ]],
  [
    "a blocked registry",
    ["docker.io", "a.io"],
    [HUB, { ...table("a.io", "b.io"), blocked: true }],
    [["pass", /docker\.io, a\.io/]],
  ],
  ["a URL", ["docker.io", "https://docker.io"], [HUB], [
    ["warn", /"https:\/\/docker\.io" begins with a URL scheme.* -> write "docker\.io" in "matchI/],
  ]],
  ["Docker Hub by its other name", ["index.docker.io/team"], [HUB], [
    [
      "warn",
      /"index\.docker\.io\/team" matches nothing: .* docker\.io\/… -> write "docker\.io\/team"/,
    ],
    ["fail", /docker\.io \(f\) has mirrors, and no entry covers it/],
  ]],
  ["a path that no name has", ["docker.io", "quay.io/Team"], [HUB], [
    ["warn", /"quay\.io\/Team" has upper case in its path.* -> write it like docker\.io or/],
  ]],
  ["registries that were not read", ["docker.io", "nginx"], undefined, [
    ["warn", /"nginx" begins with no host/],
    ["skip", /not checked: whether the entries cover the registries that have mirrors/],
  ]],
  ["the wrong registry", ["quay.io"], [HUB], [
    ["fail", /docker\.io \(f\) has mirrors, and no entry covers it/],
    ["warn", /"quay\.io" covers no registry/],
  ]],
  ["another port", ["a.io"], [table("a.io:5000", "b.io")], [["fail", /no entry/], [
    "warn",
    /without need/,
  ]]],
  ["a renamed registry's new name", ["b.io"], [{ ...table("a.io"), location: "b.io" }], [
    ["fail", /a\.io \(f\) is renamed, and no entry covers it/],
    ["warn", /without need/],
  ]],
];

for (const [name, matchImages, registries, expected] of NODES) {
  Deno.test(`matchImages for ${name} gives ${expected[0]?.[0]}`, () => {
    assertChecks(checkMatchImages(matchImages, registries), expected);
  });
}
