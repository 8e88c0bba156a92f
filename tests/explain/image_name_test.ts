import assert from "node:assert/strict";
import { normalizeImage } from "../../src/explain/image_name.ts";

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
