/** Measures `--wait-for-taken` on a real node: `deno task bench:waits`, some fifty minutes. */

import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";
import { findBuilder } from "./builder.ts";
import { findNodeParts, findParts } from "./parts.ts";
import { whyNoNode } from "./real_node/namespaces.ts";
import { runRealNode } from "./real_node/run.ts";

const why = await whyNoNode();
if (why !== undefined) throw new Error(why);
const parts = await findParts(() => {});
const nodeParts = await findNodeParts(() => {});
const builder = await findBuilder();
const out = await Deno.makeTempDir();
try {
  const programs = {
    plugin: await builder.plugin(DEFAULT_SETTINGS, `${out}/plugin`),
    ctl: await builder.ctl(`${out}/ctl`),
  };
  await runRealNode({ parts, nodeParts, programs }, () => {}, "measure.ts");
} finally {
  await Deno.remove(out, { recursive: true });
}
