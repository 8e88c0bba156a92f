import assert from "node:assert/strict";
import { explainImageName, normalizeImage } from "../../src/sources/image_name.ts";

const DIGEST = `sha256:${"0".repeat(64)}`;

const NAMES: readonly [text: string, name: string | undefined][] = [
  ["nginx", "docker.io/library/nginx"],
  ["nginx:1.27", "docker.io/library/nginx"],
  [`nginx:1.27@${DIGEST}`, "docker.io/library/nginx"],
  ["team/app", "docker.io/team/app"],
  ["docker.io/nginx", "docker.io/library/nginx"],
  ["index.docker.io/team/app", "docker.io/team/app"],
  ["docker.io/library/nginx", "docker.io/library/nginx"],
  ["quay.io/team/app:v1", "quay.io/team/app"],
  ["localhost/app", "localhost/app"],
  ["localhost:5000/app", "localhost:5000/app"],
  ["localhost:5000/app:v1", "localhost:5000/app"],
  ["localhost:5000", "docker.io/library/localhost"],
  [`quay.io/team/app@sha512:${"0".repeat(128)}`, "quay.io/team/app"],
  ["MIRROR.example.com/app", "MIRROR.example.com/app"],
  // The kubelet takes these, and CRI-O does not.
  ["[::1]:5000/app:v1", undefined],
  ["REGISTRY/app", undefined],
  ["", undefined],
  ["quay.io/", undefined],
  ["quay.io/Team/app", undefined],
  ["https://quay.io/team/app", undefined],
  ["quay.io/team app", undefined],
];

for (const [text, name] of NAMES) {
  Deno.test(`the image ${JSON.stringify(text)} is named ${name ?? "by nobody"}`, () => {
    assert.equal(normalizeImage(text), name);
  });
}

const REFUSED: readonly [text: string, problem: RegExp][] = [
  ["", /is empty/],
  ["https://quay.io/team/app", /URL scheme: leave out https:\/\/$/],
  ["docker://nginx", /URL scheme: leave out docker:\/\/$/],
  ["quay.io/team app", /has a space/],
  ["nginx\n", /has a space or a control character/],
  ["Nginx", /upper case in its path, which image names cannot have: nginx$/],
  ["quay.io/Team/App:v1", /upper case in its path.*: team\/app$/],
  ["MIRROR/app", /begins with upper case: a host needs a dot or a port/],
  ["nginx:1.27:2", /has two tags/],
  ["quay.io/app:1:2", /has two tags/],
  ["nginx:", /broken tag/],
  ["nginx:-x", /broken tag/],
  [`nginx:${"a".repeat(129)}`, /broken tag/],
  ["nginx@", /broken digest/],
  ["nginx@sha256:00", /broken digest: expected sha256: and 64 hex digits/],
  [`nginx@sha256:${"A".repeat(64)}`, /broken digest/],
  [`nginx@md5:${"0".repeat(64)}`, /broken digest/],
  [`nginx@${DIGEST}@${DIGEST}`, /broken digest/],
  ["0".repeat(64), /is an image's ID/],
  ["[::1]:5000/app", /IPv6 address/],
  ["quay.io/", /not of the form host\/path:tag/],
  ["a//b", /not of the form/],
  ["-a", /not of the form/],
];

for (const [text, problem] of REFUSED) {
  Deno.test(`the image ${JSON.stringify(text.slice(0, 40))} is refused for ${problem.source}`, () => {
    assert.match(explainImageName(text) ?? "", problem);
    assert.equal(normalizeImage(text), undefined);
  });
}
