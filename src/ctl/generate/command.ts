/** `crio-credential-ctl generate`: manifests, ready to apply. */

import {
  AUDIENCE_COMMAND,
  DEFAULT_AUDIENCE,
  OPENSHIFT_AUDIENCE,
} from "../../manifests/audience.ts";
import { CRIO_CONFIG_VERSIONS, IGNITION_VERSIONS, PLATFORMS } from "../../manifests/choices.ts";
import { PULLED_IMAGES } from "../../kubelet/pulled_images.ts";
import { RUNTIMES } from "../../kubelet/runtime.ts";
import type { CtlContext } from "../context.ts";
import type { Flags as ChecksFlags } from "./checks.ts";
import type { Flags as CrioConfigFlags } from "./crio_credential_provider_config.ts";
import type { Flags as HostsTomlFlags } from "./hosts_toml.ts";
import type { Flags as InstallFlags } from "./install.ts";
import type { Flags as KubeletConfigFlags } from "./kubelet_config.ts";
import type { Flags as MachineConfigFlags } from "./machine_config.ts";
import type { Flags as RbacFlags } from "./rbac.ts";
import type { Flags as RegistriesConfFlags } from "./registries_conf.ts";
import type { Flags as SecretFlags } from "./secret.ts";
import { buildCommand, buildRouteMap } from "../../cli/help.ts";
import { settingFlags } from "../../cli/setting_flags.ts";
import { DEFAULT_SETTINGS } from "../../settings/settings.ts";
import { SETTINGS_FILE } from "../site_settings.ts";
import { optionalText, repeatedText, requiredText } from "../text_flags.ts";

/** A flag whose default depends on the platform that a command is for. */
function audience(fallback: string) {
  return optionalText("AUDIENCE", `Audience of the tokens, one of the API server's [${fallback}]`);
}
const MIRROR = repeatedText(
  "SOURCE=LOCATION",
  "Registry and a mirror of it, such as docker.io=mirror.local/hub",
);
const INSECURE = repeatedText("LOCATION", "Mirror that is reached without TLS or its verification");
const MATCH_IMAGE = "Images for which the kubelet runs the plugin, such as docker.io";
const MERGE = "Provider file whose other providers are kept, or - for stdin";

const SECRETS_ANNOTATION = optionalText(
  "KEY",
  "Annotation of service accounts that the kubelet passes on, in which they name their secrets; " +
    "empty: none [as the plugin is built: crio-credential-provider/secrets]",
);
const PULLED_IMAGES_FLAG = {
  kind: "enum",
  values: PULLED_IMAGES,
  optional: true,
  brief: "Who may use an image of a mirror that is on the node [as the plugin is built: node]",
} as const;

const ENV = {
  kind: "boolean",
  default: true,
  brief: "Give variables that bypass the sandbox values without effect",
} as const;

const kubeletConfig = buildCommand<KubeletConfigFlags, [], CtlContext>({
  loader: async () => (await import("./kubelet_config.ts")).generateKubeletConfig,
  docs: {
    brief: "The kubelet's CredentialProviderConfig",
    fullDescription: [
      "Prints the file that the kubelet's --image-credential-provider-config names. Entries that",
      "overlap those of another provider in the file are left out and reported, by the rule of",
      "OpenShift's Machine Config Operator. With --from, prints what that operator makes of a",
      "CRIOCredentialProviderConfig, and the conditions of the resource on stderr.",
      "The audience must be the cluster's. This prints it:",
      `  ${AUDIENCE_COMMAND}`,
    ].join("\n"),
    customUsage: [
      { input: "--match-image docker.io --match-image quay.io", brief: "two registries" },
      { input: "--match-image docker.io --merge providers.yaml", brief: "keep other providers" },
      {
        input: `--match-image docker.io --audience ${DEFAULT_AUDIENCE}`,
        brief: "for kubeadm's default cluster domain",
      },
      { input: "--match-image docker.io --runtime containerd", brief: "nodes with containerd" },
      {
        input: "--from cluster.yaml --platform aws --no-env --secrets-annotation=",
        brief: "as OpenShift 4.22 renders it",
      },
    ],
  },
  parameters: {
    flags: {
      matchImage: repeatedText("PATTERN", MATCH_IMAGE),
      from: optionalText("FILE", "CRIOCredentialProviderConfig to render, or - for stdin"),
      merge: optionalText("FILE", MERGE),
      platform: {
        kind: "enum",
        values: PLATFORMS,
        optional: true,
        brief: "With --from: OpenShift's platform, whose own provider is kept [none]",
      },
      audience: audience(`the file's of --merge, else ${DEFAULT_AUDIENCE}`),
      runtime: {
        kind: "enum",
        values: RUNTIMES,
        optional: true,
        brief: "Container runtime of the nodes [as the plugin is built: crio]",
      },
      arg: repeatedText("ARG", "Argument of the plugin, as in --arg=--log-level=debug"),
      secretsAnnotation: SECRETS_ANNOTATION,
      pulledImages: PULLED_IMAGES_FLAG,
      env: ENV,
    },
  },
});

const rbac = buildCommand<RbacFlags, [], CtlContext>({
  loader: async () => (await import("./rbac.ts")).generateRbac,
  docs: {
    brief: "RBAC of the nodes and of a namespace",
    fullDescription: [
      "Prints the namespace part for --namespace: with --secret, a Role for each service account",
      "that may get these secrets and nothing else, and on stderr the command for its annotation;",
      "without, one Role by which the accounts may list all secrets of the namespace. Prints the",
      "node part for --node or --all-nodes: kubelets may ask for tokens of one audience, which must",
      `be that of the kubelet's configuration: name the file with --from. OpenShift's is`,
      `${OPENSHIFT_AUDIENCE}. Without --secret all service accounts of a namespace belong into one`,
      "call, whose binding replaces the last.",
    ].join("\n"),
    customUsage: [
      { input: "--namespace team --secret pull-secret", brief: "one secret, by its name" },
      { input: "--namespace team --all-nodes", brief: "both parts, service account default" },
      { input: "--namespace team --service-account builder", brief: "the namespace alone" },
      { input: "--node worker-0 --node worker-1", brief: "two nodes alone" },
      {
        input: "--all-nodes --from providers.yaml",
        brief: "with the audience of the kubelet's configuration",
      },
    ],
  },
  parameters: {
    flags: {
      namespace: optionalText("NAME", "Namespace of the pods"),
      serviceAccount: repeatedText("NAME", "Service account of the pods [default]"),
      node: repeatedText("NAME", "Node of its own binding"),
      allNodes: {
        kind: "boolean",
        optional: true,
        withNegated: false,
        brief: "All nodes, through the group system:nodes",
      },
      secret: repeatedText("NAME", "Secret that the service accounts may get, and no other"),
      secretsAnnotation: optionalText(
        "KEY",
        "Annotation for the secrets' names [as the plugin is built: crio-credential-provider/secrets]",
      ),
      from: optionalText(
        "FILE",
        "CredentialProviderConfig whose audience counts, or - for stdin",
      ),
      audience: audience(DEFAULT_AUDIENCE),
    },
  },
});

const secret = buildCommand<SecretFlags, [], CtlContext>({
  loader: async () => (await import("./secret.ts")).generateSecret,
  docs: {
    brief: "A registry secret, with the password from stdin",
    fullDescription: [
      "Prints a secret of type kubernetes.io/dockerconfigjson, which carries the password in base64.",
      "The password is read from stdin; a line break at its end is removed. --also-for writes the",
      "annotation by which the credential goes to further registries, too.",
    ].join("\n"),
    customUsage: [
      {
        input: "--namespace team --registry mirror.local:5000 --username puller < password",
        brief: "a credential for a mirror",
      },
      {
        input: "--namespace team --registry docker.io --also-for mirror.local/hub " +
          "--username puller < password",
        brief: "one for a registry, which its mirror takes, too",
      },
    ],
  },
  parameters: {
    flags: {
      namespace: requiredText("NAME", "Namespace of the pods"),
      registry: requiredText(
        "HOST[:PORT][/PATH]",
        "What the credential opens: a mirror, or a path on it",
      ),
      username: requiredText("NAME", "User at the registry"),
      name: optionalText("NAME", "Name of the secret [registry-<host>]"),
      alsoFor: repeatedText(
        "HOST[:PORT][/PATH]",
        "What the credential opens as well, such as a mirror that takes the registry's login",
      ),
    },
  },
});

const registriesConf = buildCommand<RegistriesConfFlags, [], CtlContext>({
  loader: async () => (await import("./registries_conf.ts")).generateRegistriesConf,
  docs: {
    brief: "A drop-in for registries.conf",
    fullDescription: [
      "Prints a file for /etc/containers/registries.conf.d: mirrors of registries, tried in the order",
      "given. It replaces tables for the same registries in earlier files.",
    ].join("\n"),
    customUsage: [
      { input: "--mirror docker.io=mirror.local/hub", brief: "one mirror" },
      {
        input: "--mirror quay.io=10.0.0.1:5000 --insecure 10.0.0.1:5000",
        brief: "one without TLS",
      },
    ],
  },
  parameters: { flags: { mirror: MIRROR, insecure: INSECURE } },
});

const hostsToml = buildCommand<HostsTomlFlags, [], CtlContext>({
  loader: async () => (await import("./hosts_toml.ts")).generateHostsToml,
  docs: {
    brief: "containerd's hosts.toml of a registry",
    fullDescription: [
      "Prints the mirrors of one registry in the form that all versions of containerd read alike.",
      "The registry itself is not asked, so that a namespace's credential for the mirrors reaches",
      "nobody else; with --fallback it is asked last, and the credential needs its consent.",
    ].join("\n"),
    customUsage: [
      { input: "--mirror docker.io=mirror.local/hub", brief: "one mirror, and nothing else" },
      {
        input: "--mirror quay.io=mirror.local:5000/quay --fallback",
        brief: "quay.io where the mirror has no such image",
      },
    ],
  },
  parameters: {
    flags: {
      mirror: MIRROR,
      plainHttp: repeatedText("LOCATION", "Mirror that is reached without TLS"),
      fallback: {
        kind: "boolean",
        optional: true,
        withNegated: false,
        brief: "Ask the registry itself last",
      },
      containerdHostsDir: optionalText(
        "DIR",
        "Directory that the file goes under [as the plugin is built: /etc/containerd/certs.d]",
      ),
    },
  },
});

const machineConfig = buildCommand<MachineConfigFlags, [], CtlContext>({
  loader: async () => (await import("./machine_config.ts")).generateMachineConfig,
  docs: {
    brief: "OpenShift 4.21: a MachineConfig with provider file and registries drop-in",
    fullDescription: [
      "Prints a MachineConfig that writes the platform's provider file, with the platform's own",
      "provider kept, and the mirrors as a drop-in. From OpenShift 4.22 on, use",
      "crio-credential-provider-config for the former. 4.21 needs the feature gate",
      "KubeletServiceAccountTokenForCredentialProviders.",
    ].join("\n"),
    customUsage: [
      {
        input: "--role worker --platform aws --mirror docker.io=mirror.local/hub",
        brief: "the plugin for the mirrored registry",
      },
      {
        input: "--role worker --platform gcp --match-image docker.io --merge providers.yaml",
        brief: "with the provider file of the cluster",
      },
    ],
  },
  parameters: {
    flags: {
      role: requiredText("ROLE", "Pool of machines, such as worker"),
      platform: {
        kind: "enum",
        values: PLATFORMS,
        brief: "Platform of the cluster, whose own provider is kept",
      },
      matchImage: repeatedText("PATTERN", `${MATCH_IMAGE} [sources of the mirrors]`),
      mirror: MIRROR,
      insecure: INSECURE,
      merge: optionalText("FILE", `${MERGE} [what the platform ships]`),
      audience: audience(OPENSHIFT_AUDIENCE),
      secretsAnnotation: SECRETS_ANNOTATION,
      pulledImages: PULLED_IMAGES_FLAG,
      ignition: {
        kind: "enum",
        values: IGNITION_VERSIONS,
        default: "3.4",
        brief: "Version of Ignition's specification",
      },
      env: ENV,
    },
  },
});

const crioConfig = buildCommand<CrioConfigFlags, [], CtlContext>({
  loader: async () =>
    (await import("./crio_credential_provider_config.ts"))
      .generateCrioCredentialProviderConfig,
  docs: {
    brief: "OpenShift 4.22: a CRIOCredentialProviderConfig",
    customUsage: [{ input: "--match-image docker.io", brief: "one registry" }],
  },
  parameters: {
    flags: {
      matchImage: repeatedText("PATTERN", MATCH_IMAGE),
      apiVersion: {
        kind: "enum",
        values: CRIO_CONFIG_VERSIONS,
        default: "v1alpha1",
        brief: "Version of config.openshift.io: 4.22 has v1alpha1 alone",
      },
    },
  },
});

const checks = buildCommand<ChecksFlags, [], CtlContext>({
  loader: async () => (await import("./checks.ts")).generateChecks,
  docs: {
    brief: "A shell script that checks the cluster's side",
    fullDescription: [
      "Prints a script of plain kubectl commands, for whoever administers the cluster. It asks",
      "whether the node may get the service account and tokens of the audience, whether the account",
      "exists and may read its secrets, whether these are there and of the right type, and whether a",
      "token opens them. Each check that fails comes with what to apply. The script changes nothing",
      "in the cluster and prints no secret. Its exit status is 1 if a check fails. Its arguments are",
      "handed on to explain, which makes the last check: best on the node.",
    ].join("\n"),
    customUsage: [
      {
        input: "--namespace team --service-account builder --node worker-1 --secret pull-secret " +
          "> checks.sh",
        brief: "one secret, by its name",
      },
      { input: "--namespace team --node worker-1 | sh", brief: "all secrets of the namespace" },
      {
        input: "--namespace team --node worker-1 | sh -s -- --apiserver api.example.com:6443",
        brief: "with settings of the plugin for the last check",
      },
    ],
  },
  parameters: {
    flags: {
      namespace: requiredText("NAME", "Namespace of the pods"),
      serviceAccount: optionalText("NAME", "Service account of the pods [default]"),
      node: requiredText("NAME", "Node on which they are to run"),
      secret: repeatedText(
        "NAME",
        "Secret that the service account names, and may get; without it: may list all",
      ),
      audience: audience(DEFAULT_AUDIENCE),
      image: optionalText("IMAGE", "Image that has a mirror [docker.io/library/nginx]"),
    },
  },
});

function installCommand(version: string) {
  return buildCommand<InstallFlags, [], CtlContext>({
    loader: async () => {
      const { generateInstall } = await import("./install.ts");
      return function (this: CtlContext, flags: InstallFlags) {
        return generateInstall(this, flags, version);
      };
    },
    docs: {
      brief: "All the files of a site, the bound plugin among them, in one directory",
      fullDescription: [
        "Writes a directory that is not there yet: the plugin, bound to the settings; the kubelet's",
        "provider file and its flags, or for OpenShift a MachineConfig; the registries drop-in, or for",
        "containerd a hosts.toml for each registry; RBAC; the policy; and a README of the site with",
        "what goes where. For Ansible, an image build or GitOps. Nothing secret is in it. --release is",
        "a compiled plugin of this tool's version.",
      ].join("\n"),
      customUsage: [
        {
          input: "--release crio-credential-provider-x86_64 --settings site.jsonc " +
            "--mirror docker.io=mirror.local/hub --namespace team --out site",
          brief: "Kubernetes",
        },
        {
          input: "--release crio-credential-provider-x86_64 --settings site.jsonc " +
            "--runtime containerd --mirror docker.io=mirror.local/hub --out site",
          brief: "nodes with containerd",
        },
        {
          input: "--release crio-credential-provider-x86_64 --settings site.jsonc " +
            "--mirror docker.io=mirror.local/hub --role worker --platform aws --out site",
          brief: "OpenShift",
        },
      ],
    },
    parameters: {
      flags: {
        release: requiredText("FILE", "Compiled plugin to bind"),
        out: requiredText("DIR", "Directory to make"),
        settings: SETTINGS_FILE,
        mirror: MIRROR,
        insecure: INSECURE,
        plainHttp: repeatedText("LOCATION", "containerd: mirror that is reached without TLS"),
        fallback: {
          kind: "boolean",
          optional: true,
          withNegated: false,
          brief: "containerd: ask the registry itself last",
        },
        matchImage: repeatedText("PATTERN", `${MATCH_IMAGE} [sources of the mirrors]`),
        merge: optionalText("FILE", MERGE),
        audience: audience(`${DEFAULT_AUDIENCE}; OpenShift: ${OPENSHIFT_AUDIENCE}`),
        namespace: optionalText("NAME", "Namespace of pods that pull, for its RBAC"),
        serviceAccount: repeatedText("NAME", "Service account of the pods [default]"),
        secret: repeatedText("NAME", "Secret that the service accounts may get, and no other"),
        role: optionalText("ROLE", "OpenShift: pool of machines, such as worker"),
        platform: {
          kind: "enum",
          values: PLATFORMS,
          optional: true,
          brief: "OpenShift: platform of the cluster, whose own provider is kept",
        },
        ...settingFlags(DEFAULT_SETTINGS, { hidden: true }),
      },
    },
  });
}

/**
 * The sub-commands.
 *
 * @param version of this tool, which binds executables of the same.
 */
export function generateCommands(version: string) {
  return buildRouteMap<string, CtlContext>({
    routes: {
      kubeletConfig,
      rbac,
      secret,
      checks,
      registriesConf,
      hostsToml,
      machineConfig,
      crioCredentialProviderConfig: crioConfig,
      install: installCommand(version),
    },
    docs: {
      brief: "Print manifests, ready to apply",
      fullDescription:
        "Prints manifests to stdout and nothing else there; what there is to say about " +
        "them goes to stderr. install alone writes: a directory with all the files of a site.",
    },
  });
}
