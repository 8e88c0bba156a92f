import assert from "node:assert/strict";
import {
  formatRepository,
  isShortName,
  namedBy,
  parseAliasTarget,
  parseRepository,
} from "../../src/sources/reference.ts";

const VALID: readonly [reference: string, repository: string][] = [
  ["quay.io/team/app", "quay.io/team/app"],
  ["localhost/app", "localhost/app"],
  ["localhost:5000/a/b-c/d_e/f__g/h.i", "localhost:5000/a/b-c/d_e/f__g/h.i"],
  ["UPPER.io/app", "UPPER.io/app"],
  ["UPPER:5000/app", "UPPER:5000/app"],
  ["quay.io/app:1.0", "quay.io/app"],
  [`quay.io/app@sha256:${"0".repeat(64)}`, "quay.io/app"],
  [`quay.io/app:1.0@sha256:${"0".repeat(64)}`, "quay.io/app"],
  ["docker.io/library/nginx", "docker.io/library/nginx"],
  // To the library all of it is a path, and a valid one.
  ["mirror_1.example.com/app", "mirror_1.example.com/app"],
];

for (const [reference, repository] of VALID) {
  Deno.test(`${reference.slice(0, 40)} names the repository ${repository}`, () => {
    const parsed = parseRepository(reference);
    assert.equal(parsed && formatRepository(parsed), repository);
  });
}

const INVALID: readonly [name: string, reference: string][] = [
  ["a name without host", "nginx"],
  ["a first component that is no host", "library/nginx"],
  ["an upper-case path", "quay.io/Team/app"],
  ["an empty path component", "quay.io/team//app"],
  ["a path that begins with a separator", "quay.io/-app"],
  ["three underscores", "quay.io/a___b"],
  ["an IPv6 address as host", "[::1]:5000/app"],
  ["a host of capitals without a dot or port", "UPPER/app"],
  ["a host that ends with a dot", "quay.io./app"],
  ["a host whose labels begin with a hyphen", "a.-io/app"],
  ["a port that is no number", "quay.io:port/app"],
  ["a host that begins with a hyphen", "-quay.io/app"],
  ["Docker Hub under its old name", "index.docker.io/library/nginx"],
  ["Docker Hub without library/", "docker.io/nginx"],
  ["a name over 255 characters", `quay.io/${"a".repeat(248)}`],
  ["a digest that is too short", "quay.io/app@sha256:00"],
];

for (const [name, reference] of INVALID) {
  Deno.test(`${name} is no reference`, () => {
    assert.equal(parseRepository(reference), undefined);
  });
}

for (const name of ["nginx", "team/app", "Team/app", "a_b/c", "a.b_c/d", "a/b/c"]) {
  Deno.test(`${name} may be the name of an alias`, () => assert.ok(isShortName(name)));
}

const NO_SHORT_NAMES: readonly [reason: string, name: string][] = [
  ["has a registry", "quay.io/app"],
  ["has a registry with a port", "quay:5000/app"],
  ["is localhost's", "localhost/app"],
  ["has a tag", "nginx:1.0"],
  ["has a digest", `nginx@sha256:${"0".repeat(64)}`],
  ["is empty", ""],
  ["is in upper case", "Nginx"],
  ["begins with underscores", "__proto__"],
  ["is longer than a name may be", "a".repeat(256)],
];

for (const [reason, name] of NO_SHORT_NAMES) {
  Deno.test(`a name that ${reason} is none of an alias`, () => assert.ok(!isShortName(name)));
}

const TARGETS: readonly [target: string, repository: string | undefined][] = [
  ["quay.io/team/app", "quay.io/team/app"],
  ["localhost/app", "localhost/app"],
  ["docker.io/nginx", "docker.io/library/nginx"],
  ["index.docker.io/team/app", "docker.io/team/app"],
  ["nginx", undefined],
  ["library/nginx", undefined],
  ["quay.io", undefined],
  ["quay.io/app:1.0", undefined],
  [`quay.io/app@sha256:${"0".repeat(64)}`, undefined],
  ["quay.io/App", undefined],
  ["https://quay.io/app", undefined],
  [`docker.io/${"a".repeat(244)}`, undefined],
];

for (const [target, repository] of TARGETS) {
  Deno.test(`an alias ${repository === undefined ? "cannot lead" : "leads"} to ${target.slice(0, 30)}`, () => {
    const parsed = parseAliasTarget(target);
    assert.equal(parsed && formatRepository(parsed), repository);
  });
}

const NAMED: readonly [image: string, by: "tag" | "digest" | undefined][] = [
  ["nginx", undefined],
  ["nginx:1.0", "tag"],
  ["localhost:5000/app", undefined],
  ["localhost:5000/app:1.0", "tag"],
  [`nginx@sha256:${"0".repeat(64)}`, "digest"],
  [`quay.io/app:1.0@sha256:${"0".repeat(64)}`, "digest"],
];

for (const [image, by] of NAMED) {
  Deno.test(`the image ${image.slice(0, 30)} is named by ${by ?? "its name alone"}`, () => {
    assert.equal(namedBy(image), by);
  });
}
