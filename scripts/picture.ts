/**
 * Draws the picture of the documentation: what `crio-credential-ctl explain --format mermaid` prints
 * for a pull of `fixtures/`, with its files where a node has them.
 */

import { authFilePath, parseAuthFile } from "../src/delivery/auth_file/auth_file.ts";
import { explainPull } from "../src/ctl/explain/explanation.ts";
import { formatMermaid } from "../src/ctl/explain/mermaid.ts";
import { explainRegistries } from "../src/ctl/explain/registry_tables.ts";
import { readFileSecrets } from "../src/ctl/explain/read_secrets.ts";
import { DEFAULT_SETTINGS } from "../src/settings/settings.ts";
import { PROJECT } from "./support/project.ts";

const IMAGE = "docker.io/library/nginx";
const NAMESPACE = "team";

/** The picture as Mermaid's text. */
export async function drawPicture(): Promise<string> {
  const { authDir, kubeletAuthFile, pulledImages, registriesConf } = DEFAULT_SETTINGS;
  const main = { path: registriesConf[0] ?? "", text: await fixture("registries/openshift.conf") };
  const registries = explainRegistries({ main, dropIns: [] }, IMAGE);
  const reading = {
    token: "",
    serviceAccount: { namespace: NAMESPACE, name: undefined },
    annotations: new Map<string, string>(),
    sources: registries.pullSources.sources,
  };
  const secrets = { text: await fixture("secrets/team.yaml"), path: "team.yaml" };
  const global = parseAuthFile(await fixture("secrets/global.json"), kubeletAuthFile);
  const explanation = explainPull(
    { image: IMAGE, namespace: NAMESPACE },
    registries,
    {
      secrets: await readFileSecrets(reading, DEFAULT_SETTINGS, secrets),
      global: { path: kubeletAuthFile, file: global },
      authFile: await authFilePath(authDir, NAMESPACE, IMAGE),
      pulledImages,
      showUsers: false,
    },
  );
  return formatMermaid(explanation);
}

async function fixture(path: string): Promise<string> {
  return await Deno.readTextFile(`${PROJECT}/fixtures/${path}`);
}
