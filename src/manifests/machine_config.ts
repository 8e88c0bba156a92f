/** OpenShift's `MachineConfig` with files for the nodes, in Ignition's form. */

import type { IgnitionVersion } from "./choices.ts";
import { PLUGIN_DIRECTORY } from "./platform_providers.ts";
import type { Manifest } from "./yaml.ts";

/** A file of the nodes. */
export interface NodeFile {
  readonly path: string;
  readonly text: string;
}

/** Ignition takes the mode in decimal; JSON and YAML know no other numbers. */
const MODE = 0o644;

/**
 * Makes the manifest. The files replace what is there; each is gzipped, since a MachineConfig is
 * part of a larger one that etcd must hold.
 *
 * @param role the pool of machines: `worker`, `master` or a pool of the cluster's own.
 */
export async function createMachineConfig(
  role: string,
  ignition: IgnitionVersion,
  files: readonly NodeFile[],
): Promise<Manifest> {
  return {
    apiVersion: "machineconfiguration.openshift.io/v1",
    kind: "MachineConfig",
    metadata: {
      name: `99-${role}-crio-credential-provider`,
      labels: { "machineconfiguration.openshift.io/role": role },
    },
    spec: {
      config: {
        ignition: { version: `${ignition}.0` },
        storage: {
          files: await Promise.all(files.map(async ({ path, text }) => ({
            path,
            mode: MODE,
            overwrite: true,
            contents: {
              compression: "gzip",
              source: `data:;base64,${(await gzip(text)).toBase64()}`,
            },
          }))),
        },
      },
    },
  };
}

async function gzip(text: string): Promise<Uint8Array> {
  const compressed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(compressed).arrayBuffer());
}

/**
 * The drop-in that makes the kubelet read a provider file where the platform has none of its own.
 * Path and variable are the Machine Config Operator's; the units of on-premises platforms read that
 * variable from OpenShift 4.22 on.
 */
export function createKubeletDropIn(providerFile: string): NodeFile {
  const flags = [
    `--image-credential-provider-bin-dir=${PLUGIN_DIRECTORY}`,
    `--image-credential-provider-config=${providerFile}`,
  ];
  return {
    path: "/etc/systemd/system/kubelet.service.d/40-kubelet-crio-image-credential-provider.conf",
    text: `[Service]\nEnvironment="KUBELET_CRIO_IMAGE_CREDENTIAL_PROVIDER_FLAGS=${
      flags.join(" ")
    }"\n`,
  };
}
