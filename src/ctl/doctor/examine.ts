/** Is this node ready? The story of an examination: the node's files in, findings out. */

import { type ApiServer, findApiServer } from "../../kubernetes/api_server.ts";
import { applyFlags, type Settings } from "../../settings/settings.ts";
import { askVersion, checkApiServer } from "./api_server.ts";
import { type Check, CHECK_NAMES, explainFailure, recordFailure, skip } from "./check.ts";
import type { Examination } from "./examination.ts";
import { examineContainerd } from "./examine_containerd.ts";
import { examineCrio, examineCrioFiles } from "./examine_crio.ts";
import { readKubeletConfigs, readKubeletFlags, readPulledRecords } from "./examine_kubelet.ts";
import { checkProvider, examineAudience, readPlugin, withoutProvider } from "./examine_provider.ts";
import { checkFeatureGate } from "./feature_gate.ts";
import { checkJournald } from "./journald.ts";
import { findFlag } from "./kubelet_flags.ts";
import { ExaminedNode } from "./examined_node.ts";
import { checkProviderArguments } from "./provider_arguments.ts";
import { checkSecretsAnnotation } from "./provider_config.ts";
import { checkProviderEnvironment } from "./provider_environment.ts";
import { checkPulledImages } from "./pulled_images.ts";
import { checkOwnHosts, checkSandbox } from "./sandbox.ts";

/** Examines a node. Nothing is changed, and only the API server is contacted. */
export async function examineNode(examination: Examination): Promise<Check[]> {
  const { root, given } = examination;
  const files = new ExaminedNode(root);
  const copied = root !== "";
  const checks: Check[] = [];

  const kubelet = readKubeletFlags(examination, files, checks);
  const kubeletConfigs = readKubeletConfigs(examination, kubelet, files, checks);
  const { provider, isKnown, binDir } = checkProvider(examination, kubelet, files, checks);
  const plugin = readPlugin(examination, binDir, files, checks);
  const base = plugin?.built.settings ?? examination.settings;
  const args = checkProviderArguments(provider?.args ?? [], base);
  const settings = applyFlags(args.settings, given);
  checks.push(...args.checks);
  if (provider !== undefined) {
    checks.push(
      ...checkProviderEnvironment(provider.env, plugin?.built.form),
      ...checkSecretsAnnotation(provider, settings.secretsAnnotation),
      ...examineAudience(provider, settings, examination.roles, kubeletConfigs, files),
    );
  } else if (!isKnown) checks.push(...withoutProvider());

  const isCrio = settings.runtime === "crio";
  const mirrors = isCrio
    ? examineCrioFiles(examination, settings, provider, files, checks)
    : examineContainerd(settings, provider, files, checks);

  const server = await findServer(settings, root, checks);
  const api = server === undefined
    ? undefined
    : checkApiServer(server, await askVersion(server, settings.timeout), copied);
  checks.push(...api?.checks ?? []);
  if (plugin !== undefined) {
    const local = server && { ...server, caOrigin: server.caOrigin.slice(root.length) };
    // deno-coverage-ignore -- for a node's own files: tests/artifact/doctor_test.ts
    checks.push(...checkSandbox(plugin.path, plugin.built, settings, copied ? local : server));
    checks.push(...await checkOwnHosts(plugin.path, plugin.built));
    if (server === undefined) {
      checks.push(skip("sandbox", "whether it may connect to the API server, which was not found"));
    }
  }
  const { journaldSocket } = settings;
  recordFailure("journald", checks, () => {
    const facts = journaldSocket === ""
      ? undefined
      : files.facts(journaldSocket, "journald-socket");
    // Sockets are not copied.
    // deno-coverage-ignore -- for a node's own files: tests/artifact/doctor_test.ts
    if (!copied || facts !== undefined) checks.push(...checkJournald(journaldSocket, facts));
  });
  if (isCrio) checks.push(...examineCrio(settings, mirrors.registries, files));
  const gates = {
    ...kubeletConfigs,
    flag: findFlag(kubelet.sources, "feature-gates"),
    version: api?.version,
  };
  checks.push(...checkFeatureGate(gates));
  checks.push(...checkPulledImages({
    ...gates,
    // Where pairs are given, images are always the service account's.
    mode: isCrio ? settings.pulledImages : "service-account",
    records: readPulledRecords(examination, kubelet, files, checks),
    ...mirrors,
  }));
  return checks.map((check) => withoutRoot(check, root)).sort(byName);
}

/** Finds the API server as the plugin does. */
async function findServer(
  settings: Settings,
  root: string,
  checks: Check[],
): Promise<ApiServer | undefined> {
  try {
    return await findApiServer(settings, root);
  } catch (error) {
    checks.push(explainFailure("api-server", error));
    return undefined;
  }
}

/** Paths are shown as they are on the node. */
function withoutRoot(check: Check, root: string): Check {
  // deno-coverage-ignore -- for a node's own files: tests/artifact/doctor_test.ts
  if (root === "") return check;
  const strip = (text: string) => text.replaceAll(`${root}/`, "/");
  return { ...check, found: strip(check.found), advice: strip(check.advice) };
}

function byName(a: Check, b: Check): number {
  return CHECK_NAMES.indexOf(a.name) - CHECK_NAMES.indexOf(b.name);
}
