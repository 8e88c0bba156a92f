import assert from "node:assert/strict";
import { applySettingsFile } from "../src/settings/settings_file.ts";
import { parseAuthFile } from "../src/delivery/auth_file/auth_file.ts";
import { describeError, UsageError, UserError } from "../src/errors.ts";
import { parseRequest } from "../src/kubelet/credential_provider.ts";
import { findApiServer } from "../src/kubernetes/api_server.ts";
import { parseKubeconfig } from "../src/kubernetes/kubeconfig.ts";
import { readServiceAccount } from "../src/kubernetes/service_account_token.ts";
import { parseRegistriesFile } from "../src/sources/registries_conf/content.ts";
import { applyFlags, DEFAULT_SETTINGS } from "../src/settings/settings.ts";
import { compactToken, serviceAccountToken } from "./support/service_account_token.ts";
import { tempNode } from "./support/temp_node.ts";

Deno.test("an error reads as one line: the place, what is wrong, and what to do if that is known", () => {
  assert.equal(
    new UserError("content-invalid", "a.conf", "is broken").message,
    "a.conf: is broken",
  );
  assert.equal(
    new UsageError("flag-value-invalid", "--a", "is missing", "give it").message,
    "--a: is missing; give it",
  );
  assert.ok(new UsageError("flag-value-invalid", "", "") instanceof UserError);
});

Deno.test("each part of an error is cut and masked, and the advice is kept", () => {
  const long = "x".repeat(700_000);
  const { message, where, problem } = new UserError(
    "content-invalid",
    long,
    `has ${long}`,
    "mend it",
  );
  assert.ok(message.length < 3000);
  assert.ok(message.endsWith("… (700004 characters); mend it"));
  assert.ok(message.startsWith(`${where}: ${problem}; `));
  const token = serviceAccountToken();
  const masked = new UserError("content-invalid", token, `has ${token}`, `use ${token}`);
  assert.equal(masked.message, "[masked]: has [masked]; use [masked]");
});

const MARKER = "s3cret";

const FOREIGN: readonly [name: string, error: unknown, described: RegExp][] = [
  ["a message of one line", new TypeError(MARKER), /^internal error: TypeError at .*errors_test/],
  ["a message of several", new SyntaxError(`x\n  at ${MARKER}`), /^internal error: SyntaxError/],
  [
    "a stack of other words",
    Object.assign(new Error(MARKER), { stack: "at x" }),
    /^internal error: Error$/,
  ],
  ["a stack that is gone", Object.assign(new Error(MARKER), { stack: undefined }), /error: Error$/],
  ["no stack", Object.assign(new Error(MARKER), { stack: MARKER }), /^internal error: Error$/],
  ["no error at all", MARKER, /^internal error: a value that is not an error was thrown$/],
];

for (const [name, error, described] of FOREIGN) {
  Deno.test(`an error that is not ours, with ${name}, is described without its words`, () => {
    assert.match(describeError(error), described);
    assert.ok(!describeError(error).includes(MARKER));
  });
}

/** Reads a node's API server after one of its files was written. */
async function findWith(setting: "apiserverEnvFile" | "kubeletConf" | "caFile", text: string) {
  await using node = await tempNode({ settings: setting === "caFile" ? {} : { caFile: "" } });
  const path = setting === "kubeletConf" ? node.settings.kubeconfig[0] : node.settings[setting];
  await node.write(path ?? "", text);
  await findApiServer(node.settings);
}

const kubeconfig = (server: string) =>
  `current-context: a\ncontexts: [{name: a, context: {cluster: a}}]\n` +
  `clusters: [{name: a, cluster: {server: "${server}"}}]\n`;
const request = (changes: unknown) =>
  JSON.stringify(Object.assign({
    apiVersion: "credentialprovider.kubelet.k8s.io/v1",
    kind: "CredentialProviderRequest",
    image: "docker.io/library/nginx",
  }, changes));
const registries = (text: string) => parseRegistriesFile({ path: "r.conf", text }, { v1: true });
const flag = (name: string, text: string) =>
  applyFlags(DEFAULT_SETTINGS, new Map([[name, [text]]]));

/** Inputs that are broken around a secret, for every reader of the program. */
const BROKEN: readonly [name: string, read: () => unknown][] = [
  ["a request cut in its token", () => parseRequest(`{"serviceAccountToken": "${MARKER}`)],
  [
    "a request with a token of another type",
    () => parseRequest(request({ serviceAccountToken: [MARKER] })),
  ],
  ["a request of another kind", () => parseRequest(request({ kind: MARKER }))],
  ["a request that is the token", () => parseRequest(MARKER)],
  ["a token of one part", () => readServiceAccount(MARKER)],
  ["a token whose claims are cut", () => readServiceAccount(compactToken(`{"x": "${MARKER}`))],
  [
    "a token of a namespace that is none",
    () => readServiceAccount(compactToken(`{"kubernetes.io": {"namespace": "/${MARKER}"}}`)),
  ],
  ["a global auth file cut in an entry", () => parseAuthFile(`{"auths": {"a": "${MARKER}`, "f")],
  ["a global auth file with text around it", () => parseAuthFile(`${MARKER} {}`, "f")],
  [
    "a global auth file that lists helpers",
    () => parseAuthFile(`{"credHelpers": ["${MARKER}"]}`, "f"),
  ],
  [
    "a kubeconfig broken beside a token",
    () => parseKubeconfig(`users:\n - token: ${MARKER}\n :`, "f"),
  ],
  ["a kubeconfig that is a token", () => parseKubeconfig(MARKER, "f")],
  [
    "a kubeconfig with a password in its URL",
    () => findWith("kubeletConf", kubeconfig(`https://admin:${MARKER}@a.io`)),
  ],
  ["an env file with a password in its address", () =>
    findWith(
      "apiserverEnvFile",
      `KUBERNETES_SERVICE_HOST=admin:${MARKER}@a.io\nKUBERNETES_SERVICE_PORT=6443`,
    )],
  [
    "an env file with a token beside the address",
    () => findWith("apiserverEnvFile", `TOKEN=${MARKER}\nKUBERNETES_SERVICE_HOST=a.io`),
  ],
  [
    "a key in the place of the CA",
    () => findWith("caFile", `-----BEGIN PRIVATE KEY-----\n${MARKER}`),
  ],
  ["a mirror with a password in its URL", () =>
    registries(
      `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "https://u:${MARKER}@b.io"`,
    )],
  ["--apiserver with a password", () => flag("apiserver", `https://admin:${MARKER}@a.io`)],
  [
    "a settings file with a password in a URL",
    () => applySettingsFile(DEFAULT_SETTINGS, `{"apiserver": "https://u:${MARKER}@a.io"}`, "f"),
  ],
];

for (const [name, read] of BROKEN) {
  Deno.test(`${name} is refused without a word of the secret`, async () => {
    await assert.rejects(async () => await read(), (thrown) => {
      assert.ok(thrown instanceof UserError);
      assert.ok(!describeError(thrown).includes(MARKER), "the message holds the secret");
      return true;
    });
  });
}
