/**
 * Draws the picture of the documentation: what `crio-credential-ctl explain --format mermaid` prints
 * for a pull of `fixtures/`, with its files where a node has them.
 */

import { authFilePath, parseAuthFile } from "../src/delivery/auth_file/auth_file.ts";
import { explainPull } from "../src/ctl/explain/explanation.ts";
import { formatMermaid } from "../src/ctl/explain/mermaid.ts";
import { explainRegistries } from "../src/ctl/explain/registry_tables.ts";
import { readSecretsFile } from "../src/ctl/explain/secrets_file.ts";
import { DEFAULT_SETTINGS } from "../src/settings/settings.ts";
import { writeText } from "../src/process/stdio.ts";
import { PROJECT } from "./support/project.ts";

const IMAGE = "docker.io/library/nginx";
const NAMESPACE = "team";

/** The picture as Mermaid's text. */
export async function drawPicture(): Promise<string> {
  const { authDir, kubeletAuthFile, pulledImages, registriesConf, secretTypes } = DEFAULT_SETTINGS;
  const main = { path: registriesConf[0] ?? "", text: await fixture("registries/openshift.conf") };
  const secrets = await fixture("secrets/team.yaml");
  const global = parseAuthFile(await fixture("secrets/global.json"), kubeletAuthFile);
  const explanation = explainPull(
    { image: IMAGE, namespace: NAMESPACE },
    explainRegistries({ main, dropIns: [] }, IMAGE),
    {
      secrets: readSecretsFile(secrets, "team.yaml", { namespace: NAMESPACE, types: secretTypes }),
      global: { path: kubeletAuthFile, file: global },
      authFile: await authFilePath(authDir, NAMESPACE, IMAGE),
      pulledImages,
      alsoFor: DEFAULT_SETTINGS.alsoFor,
      showUsers: false,
    },
  );
  return formatMermaid(explanation);
}

async function fixture(path: string): Promise<string> {
  return await Deno.readTextFile(`${PROJECT}/fixtures/${path}`);
}

if (import.meta.main) writeText(Deno.stdout, await drawPicture());
