import assert from "node:assert/strict";
import {
  compareSpecificity,
  covers,
  formatScope,
  parseScope,
} from "../../src/credentials/scope.ts";
import { parseRepository } from "../../src/sources/reference.ts";

const KEYS: readonly [key: string, scope: string | undefined][] = [
  ["registry.example.com", "registry.example.com"],
  ["registry.example.com:5000", "registry.example.com:5000"],
  ["registry.example.com/team/app", "registry.example.com/team/app"],
  ["http://registry.example.com", "registry.example.com"],
  ["https://registry.example.com:5000", "registry.example.com:5000"],
  ["https://registry.example.com/team/app", "registry.example.com/team/app"],
  ["registry.example.com/", "registry.example.com"],
  ["https://registry.example.com/team/", "registry.example.com/team"],
  ["https://registry.example.com/v1/", "registry.example.com"],
  ["https://registry.example.com/v2/", "registry.example.com"],
  ["https://registry.example.com/v2", "registry.example.com"],
  ["registry.example.com/v1/", "registry.example.com"],
  ["registry.example.com/v2/team", "registry.example.com/team"],
  ["registry.example.com/v2", "registry.example.com/v2"],
  ["https://index.docker.io/v1/", "docker.io"],
  ["docker.io", "docker.io"],
  ["registry-1.docker.io", "docker.io"],
  ["docker.io/team", "docker.io/team"],
  ["*.registry.example.com", "*.registry.example.com"],
  ["[::1]:5000", undefined],
  ["localhost", "localhost"],
  ["", undefined],
  ["https://", undefined],
  ["ftp://registry.example.com", undefined],
  ["registry.example.com:port", undefined],
  ["a b.example.com", undefined],
  ["user:password@registry.example.com", undefined],
  ["registry.example.com/team?x", undefined],
  ["registry.example.com/a\nb", undefined],
  ["registry.example.com/*", undefined],
  ["../../etc/passwd", undefined],
  ["https://registry.example.com:5000/v2/team/app/", "registry.example.com:5000/team/app"],
  ["https://registry.example.com/v2beta/app", "registry.example.com/v2beta/app"],
  ["registry.example.com/team/app:1.0", undefined],
  ["registry.example.com:", undefined],
  ["/team/app", undefined],
];

for (const [key, expected] of KEYS) {
  const meaning = expected === undefined ? "names no registry" : `speaks for ${expected}`;
  Deno.test(`the key ${JSON.stringify(key)} ${meaning}`, () => {
    const scope = parseScope(key);
    assert.equal(scope && formatScope(scope), expected);
  });
}

const COVERS: readonly [key: string, repository: string, covered: boolean][] = [
  ["quay.io", "quay.io/team/app", true],
  ["quay.io/team", "quay.io/team/app", true],
  ["quay.io/team/app", "quay.io/team/app", true],
  ["quay.io/tea", "quay.io/team/app", false],
  ["quay.io/team/app/x", "quay.io/team/app", false],
  ["quay.io", "quay.io:443/team/app", false],
  ["quay.io:443", "quay.io/team/app", false],
  ["quay.io", "cdn.quay.io/team/app", false],
  ["https://index.docker.io/v1/", "docker.io/library/nginx", true],
  ["registry-1.docker.io", "docker.io/library/nginx", true],
  ["docker.io", "registry-1.docker.io/library/nginx", true],
  ["*.example.com", "a.example.com/app", true],
  ["*.example.com", "a.b.example.com/app", false],
  ["*.example.com", "example.com/app", false],
  ["*.example.com:5000", "a.example.com:5000/app", true],
  ["*.example.com", "a.example.com:5000/app", false],
  ["*.example.com/team", "a.example.com/team/app", true],
  ["a.*.com", "a.example.com/app", true],
  ["prefix-*.example.com", "prefix-1.example.com/app", true],
  ["prefix-*.example.com", "other-1.example.com/app", false],
  ["*-*.example.com", "a-b.example.com/app", true],
  ["*-*-*.example.com", "a-b.example.com/app", false],
  ["a*a.example.com", "a.example.com/app", false],
  ["*.*.example.com", "a.b.example.com/app", true],
  ["*", "localhost/app", true],
  // A wildcard is part of a DNS label, and a port is none: the kubelet compares ports by themselves.
  ["*", "localhost:5000/app", false],
  ["*:5000", "localhost:5000/app", true],
  ["registry.example.*", "registry.example.com/app", true],
  ["registry.example.*", "registry.example.com:5000/app", false],
  ["registry.example.c*", "registry.example.com:5000/app", false],
  ["registry.example.*m:5000", "registry.example.com:5000/app", true],
  ["*.io", "docker.io/library/nginx", true],
  ["*.io/library", "docker.io/library/nginx", true],
  ["https://index.docker.io/v1/team", "docker.io/team/app", true],
  ["quay.io/v2", "quay.io/v2/app", true],
];

for (const [key, reference, covered] of COVERS) {
  Deno.test(`the key ${key} ${covered ? "covers" : "does not cover"} ${reference}`, () => {
    const scope = parseScope(key), repository = parseRepository(reference);
    assert.ok(scope && repository);
    assert.equal(covers(scope, repository), covered);
  });
}

const MORE_SPECIFIC: readonly [more: string, less: string][] = [
  ["quay.io/team", "quay.io"],
  ["quay.io/team/app", "quay.io/team"],
  ["a.example.com", "*.example.com"],
  ["*.example.com/team", "a.example.com"],
  ["a.b.example.com", "a.*.example.com"],
];

for (const [more, less] of MORE_SPECIFIC) {
  Deno.test(`${more} is more specific than ${less}`, () => {
    const [a, b] = [parseScope(more), parseScope(less)];
    assert.ok(a && b);
    assert.ok(compareSpecificity(a, b) > 0);
    assert.ok(compareSpecificity(b, a) < 0);
  });
}
