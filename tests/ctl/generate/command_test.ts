import assert from "node:assert/strict";
import { runCtlWith } from "../../support/ctl.ts";
import { ASSUMED, ECR, fixture, FIXTURES, PASSWORD, RESOURCE } from "../../support/generated.ts";

const COMMAND_LINES: readonly [line: string, code: number, stdout: RegExp, stderr: RegExp][] = [
  ["--help", 0, /COMMANDS\n[^]* {2}generate/, /^$/],
  ["--version", 0, /^version: +1\.2\.3\n[^]*\nplatform: +linux/, /^$/],
  ["-version", 0, /^version: /, /^$/],
  ["--version-json", 0, /"version": "1\.2\.3"/, /^$/],
  ["", 0, /COMMANDS\n[^]* {2}generate/, /^$/],
  ["generate", 0, /\n {2}registries-conf/, /^$/],
  ["explode", 2, /^$/, /^error: unknown command explode; did you mean explain\?$/m],
  ["generate rbc", 2, /^$/, /did you mean rbac/],
  ["generate rbac --bogus", 2, /^$/, /error: unknown flag --bogus/],
  ["generate rbac --name a", 2, /^$/, /unknown flag --name; did you mean/],
  ["generate rbac", 2, /^$/, /error: generate rbac: has nothing to print; give --namespace or/],
  ["generate rbac --service-account a", 2, /^$/, /--service-account: needs --namespace/],
  ["generate rbac --node a --all-nodes", 2, /^$/, /--all-nodes: cannot be used with --node/],
  ["generate rbac --namespace a --audience b", 2, /^$/, /--audience: needs --node or/],
  ["generate rbac --all-nodes --audience *", 2, /^$/, /--audience: must name one audience/],
  [`generate rbac --namespace a --from ${ECR}`, 2, /^$/, /--from: needs --node or/],
  [
    `generate rbac --all-nodes --audience a --from ${ECR}`,
    2,
    /^$/,
    /--from: cannot be used with --audience; give one of them/,
  ],
  [
    `generate rbac --all-nodes --from ${RESOURCE}`,
    1,
    /^$/,
    /crio-credential-provider-config\.yaml: "metadata" is not a key/,
  ],
  ["generate rbac --all-nodes", 0, /^# The audience [^]*\napiVersion: /, ASSUMED],
  ["generate rbac --all-nodes --audience a.io", 0, /^apiVersion: [^]*\n {6}- a\.io\n/, /^$/],
  ["generate rbac --namespace a", 0, /^apiVersion: /, /^$/],
  [
    "generate kubelet-config --match-image a.io",
    0,
    /^# The audience https:[^]*\n# +kubectl create token default -o jsonpath='.*'\n(?:#.*\n)*apiVersion: [^]*\.cluster\.local\n/,
    ASSUMED,
  ],
  [
    "generate kubelet-config --match-image a.io --audience b",
    0,
    /^(?!# The audience)[^]*apiVersion: [^]* b\n/,
    /^$/,
  ],
  [
    `generate kubelet-config --match-image a.io --merge ${ECR}`,
    0,
    /^(?!# The audience)[^]*apiVersion: [^]*Audience: https:\/\/kubernetes\.default\.svc\n/,
    /^$/,
  ],
  [
    "generate kubelet-config --match-image a.io --arg=--log-levl=debug",
    2,
    /^$/,
    /--arg: "--log-levl=debug": unknown flag --log-levl; did you mean --log-level/,
  ],
  [
    "generate kubelet-config --match-image a.io --arg=--log-level=loud",
    2,
    /^$/,
    /--arg: --log-level: must be one of error, warn, info, debug, not "loud"/,
  ],
  [
    "generate kubelet-config --match-image a.io --arg=--log-level --arg=debug --audience b",
    0,
    /args:\n +- --log-level\n +- debug\n/,
    /^$/,
  ],
  ["generate kubelet-config --match-image a.io --arg=debug", 2, /^$/, /--arg: "debug": .*debug/],
  ["generate kubelet-config --match-image a.io --arg=--timeout", 2, /^$/, /--arg: "--timeout": /],
  ["generate kubelet-config --match-image a.io --arg=--version", 2, /^$/, /unknown flag --version/],
  [
    "generate kubelet-config --match-image a.io --arg=--help",
    2,
    /^$/,
    /--arg: "--help": with it the plugin answers no request/,
  ],
  [
    "generate kubelet-config --match-image index.docker.io --audience b",
    0,
    /index\.docker\.io/,
    /^warning: --match-image: "index\.docker\.io" matches nothing: the kubelet names such images docker\.io\/…; write docker\.io\n$/,
  ],
  [
    "generate kubelet-config --match-image [::1]:5000",
    2,
    /^$/,
    /--match-image: "\[::1\]:5000" is an IPv6 address, which no image name can have/,
  ],
  ["generate rbac --namespace A", 2, /^$/, /--namespace: "A" cannot be the name of a namespace/],
  ["generate rbac --namespace a --service-account b_c", 2, /^$/, /"b_c" cannot be the name/],
  ["generate rbac --node a/b", 2, /^$/, /--node: "a\/b" cannot be the name of a node/],
  ["generate rbac --secret a", 2, /^$/, /--secret: needs --namespace/],
  [
    "generate rbac --namespace a --secret B",
    2,
    /^$/,
    /--secret: "B" cannot be the name of a secret/,
  ],
  ["generate rbac --namespace a --secret ../b", 2, /^$/, /--secret: "\.\.\/b" cannot be the name/],
  [
    `generate rbac --namespace a ${
      Array.from({ length: 33 }, (_, i) => `--secret s${i}`).join(" ")
    }`,
    2,
    /^$/,
    /--secret: names 33 secrets, and at most 32 are read/,
  ],
  ["generate rbac --namespace a --secrets-annotation b/c", 2, /^$/, /needs --secret/],
  [
    "generate rbac --namespace a --secret b --secrets-annotation c/d/e",
    2,
    /^$/,
    /--secrets-annotation: "c\/d\/e" is not an annotation key; write it like example\.com\/secrets/,
  ],
  [
    "generate kubelet-config --match-image a.io --secrets-annotation a/b/c",
    2,
    /^$/,
    /--secrets-annotation/,
  ],
  [
    "generate kubelet-config --match-image a.io --pulled-images pod",
    2,
    /^$/,
    /Expected "pod" to be one of \(node\|service-account\)/,
  ],
  [
    `generate kubelet-config --from ${RESOURCE} --pulled-images node`,
    2,
    /^$/,
    /--from: cannot be used with --match-image, --audience, --arg, --pulled-images or --runtime/,
  ],
  ["generate secret", 2, /^$/, /error: --registry: its value is missing; --help lists the flags$/m],
  [
    "generate registries-conf --mirror docker.io",
    2,
    /^$/,
    /--mirror: "docker\.io" is not SOURCE=LOCATION; write it like docker\.io=mirror\.local\/hub/,
  ],
  ["generate registries-conf", 2, /^$/, /--mirror: is missing/],
  ["generate registries-conf --mirror https://a.io=b.io", 2, /^$/, /leave out the URL scheme/],
  ["generate registries-conf --mirror a.io=b.io=c.io", 2, /^$/, /is not SOURCE=LOCATION/],
  ["generate registries-conf --mirror a.io=nohost/x", 2, /^$/, /"nohost\/x" is not a registry/],
  ["generate registries-conf --mirror a.io=*.b.io", 2, /^$/, /"\*\.b\.io" is not a registry/],
  ["generate registries-conf --mirror *.a.io/x=b.io", 2, /^$/, /"\*\.a\.io\/x" is not a registry/],
  ["generate registries-conf --mirror *.a.io:5000=b.io", 2, /^$/, /is not a registry/],
  ["generate registries-conf --mirror a.io/X=b.io", 2, /^$/, /"a\.io\/X" has upper case in its/],
  [
    "generate registries-conf --mirror index.docker.io/team=m.example.com",
    2,
    /^$/,
    /--mirror: "index\.docker\.io\/team" never applies: such images are named docker\.io\/…; write docker\.io\/team\n/,
  ],
  [
    "generate registries-conf --mirror docker.io=[::1]:5000",
    2,
    /^$/,
    /--mirror: "\[::1\]:5000" is an IPv6 address, which the image library does not accept; use a host name/,
  ],
  [
    "generate registries-conf --mirror docker.io=MIRROR/hub",
    2,
    /^$/,
    /--mirror: "MIRROR\/hub" is not a host to the image library: .*; write the full name/,
  ],
  [
    "generate registries-conf --mirror a.io=b.io --insecure c.io",
    2,
    /^$/,
    /--insecure: "c\.io" is not a mirror that --mirror gives/,
  ],
  ["generate kubelet-config", 2, /^$/, /--match-image: is missing; name the registries/],
  ["generate kubelet-config --match-image https://a.io", 2, /^$/, /URL scheme: leave it out/],
  ["generate kubelet-config --match-image a.io:x", 2, /^$/, /--match-image: "a\.io:x" has "x" as/],
  ["generate kubelet-config --match-image a.io --platform aws", 2, /^$/, /--platform: needs/],
  ["generate kubelet-config --match-image a.io --audience=", 2, /^$/, /--audience: is empty/],
  [
    `generate kubelet-config --match-image a.io --from ${RESOURCE}`,
    2,
    /^$/,
    /--from: cannot be used/,
  ],
  [
    `generate kubelet-config --from ${RESOURCE} --merge ${ECR} --platform aws`,
    2,
    /^$/,
    /--merge: cannot be used with --platform/,
  ],
  [
    "generate kubelet-config --from - --merge -",
    2,
    /^$/,
    /--merge: cannot read stdin, which --from reads/,
  ],
  ["generate kubelet-config --from -", 2, /^$/, /stdin: is a terminal/],
  ["generate kubelet-config --from /nowhere/x", 1, /^$/, /\/nowhere\/x: does not exist; .*--from/],
  [
    `generate kubelet-config --from ${ECR}`,
    1,
    /^$/,
    /ecr-credential-provider\.yaml: "metadata" is/,
  ],
  [
    `generate kubelet-config --match-image a.io --merge ${RESOURCE}`,
    1,
    /^$/,
    /crio-credential-provider-config\.yaml: "metadata" is not a key/,
  ],
  [
    `generate kubelet-config --match-image x.us.amazonaws.com --platform=ibm`,
    2,
    /^$/,
    /Expected "ibm" to be one of \(aws\|gcp\|azure\|none\)/,
  ],
  ["generate machine-config --platform aws", 2, /^$/, /error: --role: its value is missing/],
  ["generate machine-config --role worker", 2, /^$/, /error: --platform: its value is missing/],
  ["generate machine-config --role worker --platform aws", 2, /^$/, /--match-image: is missing/],
  ["generate machine-config --role Worker --platform aws", 2, /^$/, /name of a role/],
  [
    "generate machine-config --role worker --platform aws --match-image a.io --ignition 2.2",
    2,
    /^$/,
    /Expected "2\.2" to be one of \(3\.4\|3\.5\)/,
  ],
  ["generate crio-credential-provider-config", 2, /^$/, /--match-image: is missing/],
  ["generate crio-credential-provider-config --match-image *", 2, /^$/, /"\*" is refused/],
  [
    "generate crio-credential-provider-config --match-image a.io --match-image a.io",
    2,
    /^$/,
    /twice/,
  ],
  ["generate crio-credential-provider-config --match-image re*.io", 2, /^$/, /a whole label/],
];

for (const [line, code, stdout, stderr] of COMMAND_LINES) {
  Deno.test(`crio-credential-ctl ${line.replaceAll(FIXTURES, "")} ends with ${code}`, async () => {
    const result = await runCtlWith(line === "" ? [] : line.split(" "));
    assert.match(result.stdout, stdout);
    assert.match(result.stderr, stderr);
    assert.equal(result.code, code);
  });
}

const SUBCOMMANDS = [
  "kubelet-config",
  "rbac",
  "secret",
  "registries-conf",
  "machine-config",
  "crio-credential-provider-config",
];

for (const command of SUBCOMMANDS) {
  Deno.test(`the help of generate ${command} shows an example that works`, async () => {
    const help = await runCtlWith(["generate", command, "--help"]);
    assert.equal(help.code, 0);
    const stdout = help.stdout.replaceAll(/ \\\n +/g, " ");
    const examples = [...stdout.matchAll(/^ {2}crio-credential-ctl (generate .*)\n {4}\w/gm)];
    assert.ok(examples.length > 0, help.stdout);
    const resource = fixture("openshift/crio-credential-provider-config.yaml");
    const providers = fixture("openshift/ecr-credential-provider.yaml");
    for (const [, line = ""] of examples) {
      const words = line
        .replace("cluster.yaml", "-")
        .replace("providers.yaml", "-")
        .replace(" < password", "")
        .split(" ");
      const stdin = line.includes("cluster.yaml") ? resource : providers;
      const result = await runCtlWith(words, command === "secret" ? PASSWORD : stdin);
      assert.equal(result.code, 0, `${line}\n${result.stderr}`);
      assert.notEqual(result.stdout, "");
    }
  });
}
