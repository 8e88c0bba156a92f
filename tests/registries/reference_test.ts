import assert from "node:assert/strict";
import { formatRepository, parseRepository } from "../../src/registries/reference.ts";

const VALID: readonly [reference: string, repository: string][] = [
  ["quay.io/team/app", "quay.io/team/app"],
  ["localhost/app", "localhost/app"],
  ["localhost:5000/a/b-c/d_e/f__g/h.i", "localhost:5000/a/b-c/d_e/f__g/h.i"],
  ["[::1]:5000/app", "[::1]:5000/app"],
  ["UPPER/app", "UPPER/app"],
  ["quay.io/app:1.0", "quay.io/app"],
  [`quay.io/app@sha256:${"0".repeat(64)}`, "quay.io/app"],
  [`quay.io/app:1.0@sha256:${"0".repeat(64)}`, "quay.io/app"],
  ["docker.io/library/nginx", "docker.io/library/nginx"],
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
