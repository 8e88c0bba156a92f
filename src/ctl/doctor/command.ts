/** `crio-credential-ctl doctor`: is this node ready? */

import type { Settings } from "../../settings/settings.ts";
import type { CtlContext } from "../context.ts";
import type { Flags } from "./run.ts";
import { buildCommand } from "../../cli/help.ts";
import { settingFlags } from "../../cli/setting_flags.ts";
import { optionalText } from "../text_flags.ts";

/**
 * The command.
 *
 * @param defaults what the plugin built together with the tool was built with.
 */
export function doctorCommand(defaults: Settings) {
  return buildCommand<Flags, [], CtlContext>({
    loader: async () => (await import("./run.ts")).doctor,
    docs: {
      brief: "Check whether a node is ready",
      fullDescription: [
        "Checks what a pull through the plugin depends on: the kubelet's configuration, registries.conf,",
        "the auth directory, the API server, CRI-O; on nodes with containerd its configuration and the",
        "hosts.toml files. Changes nothing and sends no token. The settings are those of the plugin that",
        "is installed, with args of its provider; flags win over them. The kubelet's flags are looked",
        "for in the files that make them, unless --kubelet-cmdline gives them as they are: no sandbox",
        "of this tool reaches into /proc, so pass them on stdin.",
        "Exit status: 0, also with warnings; 1 with failures; 2 for wrong usage.",
      ].join("\n"),
      customUsage: [
        { input: "", brief: "this node" },
        { input: "--json", brief: "for programs" },
        {
          input: "--kubelet-cmdline - < /proc/$(pidof kubelet)/cmdline",
          brief: "with the flags of the running kubelet",
        },
        { input: "--root /mnt/node", brief: "the copy of a node's files" },
        {
          input: "--config /etc/kubernetes/credential-providers --bin-dir /usr/libexec/plugins",
          brief: "where nothing is in the usual places",
        },
      ],
    },
    parameters: {
      flags: {
        json: {
          kind: "boolean",
          optional: true,
          withNegated: false,
          brief: "Print JSON",
        },
        root: optionalText(
          "DIR",
          "Copy of a node's files: paths of the node are looked for below it",
        ),
        config: optionalText(
          "PATH",
          "The kubelet's CredentialProviderConfig, a file or a directory",
        ),
        binDir: optionalText("DIR", "The kubelet's directory of credential provider plugins"),
        kubeletConfig: {
          ...optionalText(
            "PATH",
            "The kubelet's configuration, or a directory of drop-ins; may be repeated",
          ),
          variadic: true,
        },
        kubeletCmdline: optionalText(
          "FILE",
          "The command line of the running kubelet, as in /proc, or - for stdin",
        ),
        kubeletRootDir: optionalText(
          "DIR",
          "The kubelet's root directory, where it keeps its records of pulled images",
        ),
        plugin: optionalText(
          "FILE",
          "Build of the plugin on this machine, in the place of the installed one",
        ),
        roles: optionalText(
          "FILE",
          "What kubectl get clusterroles -o yaml printed, or - for stdin: do they name the audience",
        ),
        ...settingFlags(defaults, { hidden: true }),
      },
    },
  });
}
