import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../src/errors.ts";
import {
  explainUnmatchable,
  intersects,
  matchesImage,
  parseMatchImage,
  scopesOverlap,
} from "../../src/manifests/match_images.ts";

const REFUSED: readonly [pattern: string, problem: RegExp][] = [
  ["docker io", /no host name can have/],
  ["dock{er}.io", /no host name can have/],
  ["docker.io:port", /"port" as port/],
  ["docker.io:50:50", /as port/],
  ["docker.io/%zz", /two hex digits/],
  ["docker.io#%", /two hex digits/],
  ["docker.io\t", /control character/],
  ["[docker.io]", /no host name can have/],
  ["[1::2::3]", /no IPv6 address/],
  ["us er@docker.io", /not of the form/],
];

for (const [pattern, problem] of REFUSED) {
  Deno.test(`the kubelet would not start with the pattern ${JSON.stringify(pattern)}`, () => {
    assert.throws(() => parseMatchImage(pattern), (thrown) => {
      assert.ok(thrown instanceof UserError);
      assert.match(thrown.problem, problem);
      return true;
    });
  });
}

const MATCHES: readonly [pattern: string, image: string, expected: boolean][] = [
  ["docker.io", "docker.io/library/nginx", true],
  ["docker.io/library", "docker.io/library/nginx", true],
  ["docker.io/lib", "docker.io/library/nginx", true],
  ["docker.io/library/", "docker.io/library/nginx", true],
  ["docker.io/library/nginx/", "docker.io/library/nginx", false],
  ["docker.io/bitnami", "docker.io/library/nginx", false],
  ["*.k8s.io", "registry.k8s.io/pause", true],
  ["*.k8s.io", "a.registry.k8s.io/pause", false],
  ["*.k8s.io", "k8s.io/pause", false],
  ["*.*.k8s.io", "a.registry.k8s.io/pause", true],
  ["k8s.*", "k8s.io/pause", true],
  ["reg*try.k8s.io", "registry.k8s.io/pause", true],
  ["reg*t.k8s.io", "registry.k8s.io/pause", false],
  ["quay.io", "quay.io:443/team/app", false],
  ["quay.io:443", "quay.io:443/team/app", true],
  ["quay.io:443", "quay.io/team/app", false],
  ["*:5000", "localhost:5000/app", true],
  ["*", "localhost/app", true],
  ["*", "docker.io/app", false],
  ["Quay.io", "quay.io/app", false],
  ["[::1]:5000", "[::1]:5000/app", true],
  ["[::1]", "[::1]/app", false],
  ["*", "[::1]/app", true],
  ["user@quay.io", "quay.io/app", true],
  ["quay.io?x=1", "quay.io/app", true],
  ["https://quay.io", "quay.io/app", false],
  ["quay.io/%74eam", "quay.io/team/app", true],
  ["quay.io/%ff", "quay.io/team/app", false],
  ["", "quay.io/app", false],
];

for (const [pattern, image, expected] of MATCHES) {
  Deno.test(`${JSON.stringify(pattern)} ${expected ? "matches" : "does not match"} ${image}`, () => {
    assert.equal(matchesImage(parseMatchImage(pattern), image), expected);
  });
}

const INTERSECTIONS: readonly [a: string, b: string, expected: boolean][] = [
  ["docker.io", "docker.io", true],
  ["docker.io", "docker.io/library", true],
  ["docker.io/bitnami", "docker.io/library", false],
  ["docker.io", "quay.io", false],
  ["*.gcr.io", "eu.*.io", true],
  ["*.gcr.io", "gcr.io", false],
  ["a*.gcr.io", "*b.gcr.io", true],
  ["a*.gcr.io", "b*.gcr.io", false],
  ["a*c.gcr.io", "ab.gcr.io", false],
  ["*.dkr.ecr.*.amazonaws.com", "1.dkr.ecr.us-east-1.amazonaws.com", true],
  ["quay.io", "quay.io:5000", false],
];

for (const [a, b, expected] of INTERSECTIONS) {
  Deno.test(`an image ${expected ? "can match" : "cannot match"} both ${a} and ${b}`, () => {
    assert.equal(intersects(parseMatchImage(a), parseMatchImage(b)), expected);
    assert.equal(intersects(parseMatchImage(b), parseMatchImage(a)), expected);
  });
}

const label = fc.array(fc.constantFrom("a", "b", "*"), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join(""));
const host = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join("."));
const fill = fc.constantFrom("", "a", "b", "ab", "ba");

Deno.test("two patterns that match one image intersect", () => {
  fc.assert(
    fc.property(host, host, fc.array(fill, { minLength: 15, maxLength: 15 }), (a, b, texts) => {
      // An image made from the first pattern, which the second may or may not match.
      let next = 0;
      const image = `${a.replaceAll("*", () => texts[next++] ?? "")}/app`;
      fc.pre(image.split("/")[0]?.split(".").every((part) => part !== "") ?? false);
      assert.ok(matchesImage(parseMatchImage(a), image), image);
      if (matchesImage(parseMatchImage(b), image)) {
        assert.ok(intersects(parseMatchImage(a), parseMatchImage(b)), image);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("many wildcards in a label cost no more time than its length asks for", () => {
  const long = parseMatchImage(`${"*a".repeat(500)}.io`);
  assert.equal(intersects(long, parseMatchImage(`${"*b".repeat(500)}.io`)), false);
});

// https://github.com/openshift/runtime-utils: a "*." in front covers any depth, and is otherwise text.
const OVERLAPS: readonly [a: string, b: string, expected: boolean][] = [
  ["gcr.io", "gcr.io", true],
  ["gcr.io/team", "gcr.io", true],
  ["gcr.io.example.com", "gcr.io", false],
  ["*.gcr.io", "gcr.io", false],
  ["eu.gcr.io", "*.gcr.io", true],
  ["a.eu.gcr.io", "*.gcr.io", true],
  ["eu.gcr.io/team", "*.gcr.io", true],
  ["eu.gcr.io:5000/team", "*.gcr.io", true],
  ["*.cloud.google.com", "container.cloud.google.com", true],
  ["quay.io/x.gcr.io", "*.gcr.io", false],
  ["quay.io/x.gcr.io:5000", "*.gcr.io", false],
  ["gcr.io:5000", "gcr.io", false],
  ["1.dkr.ecr.us-east-1.amazonaws.com", "*.dkr.ecr.*.amazonaws.com", false],
  ["*.dkr.ecr.*.amazonaws.com", "*.dkr.ecr.*.amazonaws.com", true],
  ["*.*.amazonaws.com", "*.dkr.ecr.*.amazonaws.com", true],
  ["*.amazonaws.com", "*.dkr.ecr.*.amazonaws.com", true],
];

for (const [a, b, expected] of OVERLAPS) {
  Deno.test(`to OpenShift ${a} and ${b} ${expected ? "overlap" : "do not overlap"}`, () => {
    assert.equal(scopesOverlap(a, b), expected);
    assert.equal(scopesOverlap(b, a), expected);
  });
}

const UNMATCHABLE: readonly [pattern: string, reason: RegExp | undefined][] = [
  ["docker.io", undefined],
  ["*.k8s.io", undefined],
  ["localhost", undefined],
  ["localhost:5000/team", undefined],
  ["registry:5000", undefined],
  ["[::1]:5000/team", /IPv6/],
  ["docker.io/team/a__b--c.d", undefined],
  ["quay.io/team_", undefined],
  ["quay.io/team/", undefined],
  ["quay.io/te", undefined],
  ["MIRROR.example.com", undefined],
  ["a*-b.example.com", undefined],
  ["index.docker.io", /kubelet names such images docker\.io\/…/],
  ["index.docker.io/library/nginx", /docker\.io\/…/],
  ["index.docker.io.example.com", undefined],
  ["quay.io//team", /not of the form/],
  ["quay.io/-team", /not of the form/],
  ["quay.io/a..b", /not of the form/],
  ["-a.io", /not of the form/],
  ["a-.io", /not of the form/],
  ["MIRROR/team", /full names/],
  ["*", undefined],
  ["docker.io/library/", undefined],
  ["https://docker.io", /URL scheme/],
  ["nginx", /full names/],
  ["library/nginx", /full names/],
  ["docker.io/library/nginx:1.29", /tag or digest/],
  ["docker.io/library/nginx@sha256:00", /tag or digest/],
  ["docker.io/*", /not a wildcard/],
  ["docker.io/Library", /upper case/],
  ["user@docker.io", /not of the form/],
  ["docker.io?tag=1", /not of the form/],
  ["[::1]", /IPv6/],
  ["docker..io", /empty part/],
  ["docker.io:", /empty part/],
];

for (const [pattern, reason] of UNMATCHABLE) {
  const says = reason === undefined ? "nothing to say about" : "a reason to doubt";
  Deno.test(`there is ${says} the pattern ${pattern}`, () => {
    const found = explainUnmatchable(pattern);
    if (reason === undefined) assert.equal(found, undefined);
    else assert.match(found ?? "", reason);
  });
}
