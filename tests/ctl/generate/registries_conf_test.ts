import assert from "node:assert/strict";
import { mergeRegistries } from "../../../src/sources/registries_conf/config.ts";
import { findPullSources } from "../../../src/sources/registries_conf/pull_sources.ts";
import { formatRepository } from "../../../src/sources/reference.ts";
import { fixture, generate } from "../../support/generated.ts";

/** Where an image is pulled from with a drop-in over the documentation's main file. */
function pullSources(dropIn: string, image: string): string[] {
  const main = { path: "registries.conf", text: fixture("registries/mirror.conf") };
  const dropIns = [{ path: "50.conf", text: dropIn }];
  return findPullSources(mergeRegistries({ main, dropIns }), image).sources.map(formatRepository);
}

Deno.test("the drop-in is read as registries.conf, mirrors in order", async () => {
  const text = await generate(
    "registries-conf --mirror docker.io=mirror.local/hub/ --mirror quay.io/team=10.0.0.1:5000 " +
      "--mirror docker.io=backup.local --mirror *.example.com=m.local --mirror docker.io=backup.local " +
      "--insecure 10.0.0.1:5000",
  );
  assert.deepEqual(pullSources(text, "docker.io/library/nginx"), [
    "mirror.local/hub/library/nginx",
    "backup.local/library/nginx",
    "docker.io/library/nginx",
  ]);
  assert.deepEqual(pullSources(text, "quay.io/team/app"), [
    "10.0.0.1:5000/app",
    "quay.io/team/app",
  ]);
  assert.deepEqual(pullSources(text, "quay.io/other/app"), []);
  assert.deepEqual(pullSources(text, "a.b.example.com/app"), [
    "m.local/app",
    "a.b.example.com/app",
  ]);
  assert.equal(text.match(/insecure = true/g)?.length, 1);
  assert.equal(text.match(/location = "backup\.local"/g)?.length, 1);
  assert.match(text, /location = "10\.0\.0\.1:5000"\ninsecure = true/);
});
