import { mergeRegistries } from "../../../src/sources/registries_conf/config.ts";
import { findPullSources } from "../../../src/sources/registries_conf/pull_sources.ts";

const TABLES = Array.from(
  { length: 2_000 },
  (_, i) =>
    `[[registry]]\nprefix = "registry-${i}.example.com/team"\nlocation = "registry-${i}.example.com"\n` +
    `[[registry.mirror]]\nlocation = "mirror.local/${i}"\n`,
);
const FILES = { main: { path: "registries.conf", text: TABLES.join("\n") }, dropIns: [] };
const CONFIGURATION = mergeRegistries(FILES);

Deno.bench("load a registries.conf of 2,000 tables", () => {
  mergeRegistries(FILES);
});

Deno.bench("find the pull sources of an image among 2,000 tables", () => {
  findPullSources(CONFIGURATION, "registry-1999.example.com/team/app");
});
