/** `crio-credential-ctl explain`: why a pull gets, or does not get, its credentials. */

import type { Settings } from "../../settings/settings.ts";
import type { CtlContext } from "../context.ts";
import { EXPLAIN_FORMATS } from "./formats.ts";
import type { Flags } from "./run.ts";
import { buildCommand } from "../../cli/help.ts";
import { settingFlags } from "../../cli/setting_flags.ts";
import { optionalText, repeatedText } from "../text_flags.ts";

const SWITCH = { kind: "boolean", optional: true, withNegated: false } as const;

/** The command, whose help shows the defaults of the build. */
export function explainCommand(settings: Settings) {
  return buildCommand<Flags, [], CtlContext>({
    loader: async () => (await import("./run.ts")).explain,
    docs: {
      brief: "Why a pull gets, or does not get, these credentials",
      fullDescription: [
        "Follows a pull and shows what it finds on the way: the [[registry]] table, the pull",
        "sources, every credential with the reason it is chosen or passed over, the keys of the auth",
        "file; with --runtime containerd the hosts, who would see each credential and the order of",
        "tries. Nothing is written. The pull is a CredentialProviderRequest on stdin, or --image",
        "with --token-file or --namespace. The secrets come from --secrets-file, else from the API",
        "server, with the token. --crio-log puts beside it what CRI-O did, source by source, by its log",
        "at level info or debug. Passwords are never shown.",
      ].join("\n"),
      customUsage: [
        { input: "< request.json", brief: "on a node, with the kubelet's request" },
        {
          input: "--image docker.io/library/nginx --token-file token",
          brief: "the same with a token of the namespace's service account",
        },
        {
          input: "--image nginx --namespace team --secrets-file secrets.json",
          brief: "without a cluster: kubectl get secrets -n team -o json > secrets.json",
        },
        {
          input: "--image nginx --namespace team --secrets-file secrets.json " +
            "--service-account-annotation crio-credential-provider/secrets=mirror",
          brief: "where the service account names its secrets",
        },
        {
          input: "--image nginx --token-file token --crio-log crio.log",
          brief: "with what CRI-O did: journalctl -u crio -o cat > crio.log",
        },
        {
          input: "--image nginx --namespace team --secrets-file - --format mermaid < secrets.yaml",
          brief: "as a picture",
        },
      ],
    },
    parameters: {
      flags: {
        image: optionalText("IMAGE", "Image to be pulled, in the place of a request on stdin"),
        namespace: optionalText("NAME", "Namespace of the pod, when there is no token"),
        tokenFile: optionalText("FILE", "Token of the pod's service account, or - for stdin"),
        secretsFile: optionalText(
          "FILE",
          "What kubectl get secrets -o json|yaml printed, or - for stdin",
        ),
        serviceAccountAnnotation: repeatedText(
          "KEY=VALUE",
          "Annotation of the pod's service account, as kubectl annotate takes it",
        ),
        crioLog: optionalText(
          "FILE",
          "CRI-O's log of a pull, to be put beside what is expected, or - for stdin",
        ),
        showUsers: { ...SWITCH, brief: "Show user names" },
        format: {
          kind: "enum",
          values: EXPLAIN_FORMATS,
          optional: true,
          brief: "What to print [text]",
        },
        json: { ...SWITCH, brief: "The same as --format json" },
        ...settingFlags(settings, { hidden: true }),
      },
    },
  });
}
