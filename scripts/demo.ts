/**
 * The main job, shown end to end: a kubelet request for an image whose registry is mirrored, a
 * namespace's secret in an API server, and the auth file that opens the mirror for that one pull.
 * The API server and the mirror are embedded; the plugin is the built artifact in its sandbox: the
 * compiled form, or the script form where the other cannot be made.
 */

import { ApiServer } from "../tests/support/api_server.ts";
import { PLUGIN_ENV, type PluginResult, runPlugin } from "../tests/support/plugin.ts";
import { Registry } from "../tests/support/registry.ts";
import { type TempNode, tempNode } from "../tests/support/temp_node.ts";
import { parseAuthFile } from "../src/delivery/auth_file/auth_file.ts";
import { readCredential } from "../src/credentials/docker_config.ts";
import type { Settings } from "../src/settings/settings.ts";
import { buildScript } from "./build.ts";
import { compile } from "./compile.ts";
import { findRuntimePart } from "./runtime_part.ts";
import { print } from "./support/print.ts";
import { readExecutable } from "../src/executable/executable.ts";

const IMAGE = "docker.io/library/nginx";
const MANIFEST = "/v2/library/nginx/manifests/latest";

const claims = { held: 0, failed: 0 };

/** Shows a claim with its verdict; one that does not hold makes the demo fail. */
function claim(text: string, holds: boolean): void {
  claims[holds ? "held" : "failed"]++;
  print(`   ${holds ? "ok   " : "FAILED"} ${text}`);
}

function heading(text: string): void {
  const bold = Deno.stdout.isTerminal() && !Deno.noColor;
  print(bold ? `\n\x1b[1m${text}\x1b[0m` : `\n${text}`);
}

function indent(text: string): void {
  print(text.trimEnd().replaceAll(/^/gm, "   "));
}

function requestFor(token: string): string {
  return JSON.stringify(
    {
      apiVersion: "credentialprovider.kubelet.k8s.io/v1",
      kind: "CredentialProviderRequest",
      image: IMAGE,
      serviceAccountToken: token,
      serviceAccountAnnotations: {},
    },
    null,
    2,
  );
}

/** Runs the plugin as the kubelet does: request on stdin, hardly any environment. */
function pull(executable: string, token: string): Promise<PluginResult> {
  return runPlugin(executable, { stdin: requestFor(token), env: PLUGIN_ENV });
}

/** The status a registry's client gets for the image's manifest. */
async function fetchManifest(mirror: Registry, auth?: string): Promise<number> {
  const headers = new Headers(auth === undefined ? {} : { Authorization: `Basic ${auth}` });
  const response = await fetch(mirror.url + MANIFEST, { headers });
  await response.body?.cancel();
  return response.status;
}

/** The mirror's `auth` value in the auth file of a namespace; `undefined` without file or entry. */
async function readAuth(node: TempNode, namespace: string, host: string) {
  const name = (await node.authDirEntries()).find((entry) => entry.startsWith(`${namespace}-`));
  if (name === undefined) return undefined;
  const path = `${node.settings.authDir}/${name}`;
  const text = await Deno.readTextFile(path);
  const mode = ((await Deno.stat(path)).mode ?? 0) & 0o777;
  const auth = readCredential(parseAuthFile(text, path).auths.get(host) ?? {})?.auth;
  return auth === undefined ? undefined : { name, text, auth, mode };
}

/** Builds the plugin, and says in which form. */
async function build(settings: Settings, out: string): Promise<string> {
  const part = await findRuntimePart();
  if ("from" in part) {
    print(`The plugin is shown in its compiled form (runtime part: ${part.from}).`);
    return await compile({ settings, out });
  }
  print("The plugin is shown in its script form: the compiled form cannot be made here,");
  print(part.missing);
  return await buildScript({ settings, out, deno: Deno.execPath() });
}

/** The permissions inside of an executable, by kind. */
async function readPermissions(executable: string): Promise<string[]> {
  const { grants } = await readExecutable(await Deno.readFile(executable));
  const kinds = Map.groupBy(grants, ({ verb, kind }) => `--${verb}-${kind}=`);
  return [...kinds].map(([flag, lines]) => {
    const separator = `,\n${" ".repeat(flag.length)}`;
    return flag + lines.map(({ target }) => target).join(separator);
  });
}

async function demo(): Promise<void> {
  await using api = await ApiServer.start();
  await using mirror = await Registry.start({ users: { myuser: { password: "mypassword" } } });
  await using node = await tempNode({ apiServer: api });
  const tokens = {
    "team-a": api.addServiceAccount("team-a"),
    "team-b": api.addServiceAccount("team-b"),
  };
  for (const namespace of ["team-a", "team-b"]) api.grant(namespace);
  api.addDockerConfig("team-a", "mirror-login", {
    [`http://${mirror.host}`]: { auth: btoa("myuser:mypassword") },
  });
  const registriesConf = [
    "[[registry]]",
    `location = "docker.io"`,
    "[[registry.mirror]]",
    `location = "${mirror.host}"`,
    "insecure = true",
  ].join("\n");
  await node.writeRegistriesConf(registriesConf);
  const executable = await build(node.settings, node.path("bin"));

  heading("1. The node mirrors docker.io to a registry that wants a login");
  indent(registriesConf);
  claim(`without credentials the mirror answers 401`, await fetchManifest(mirror) === 401);

  heading("2. The plugin is one file; this is what its sandbox lets it touch");
  indent((await readPermissions(executable)).join("\n").replaceAll(node.root, ""));

  heading("3. A pod of namespace team-a starts: the kubelet's request (token shortened)");
  indent(requestFor(`${tokens["team-a"].slice(0, 8)}…`));
  const first = await pull(executable, tokens["team-a"]);
  heading("4. The plugin's log");
  indent(first.stderr.replaceAll(node.root, ""));

  heading("5. The auth file that CRI-O takes for this one pull (password masked)");
  const file = await readAuth(node, "team-a", mirror.host);
  if (file !== undefined) {
    indent(file.name);
    indent(file.text.replaceAll(file.auth, `${btoa("myuser:").slice(0, 8)}…`));
  }
  claim("it can be read by its owner alone", file?.mode === 0o600);

  heading("6. The response: done, and not to be cached");
  indent(first.stdout);
  claim("the plugin succeeded", first.code === 0 && first.stdout.includes(`"cacheDuration":"0s"`));
  claim(
    "with the file's credentials the mirror answers 200",
    file !== undefined && await fetchManifest(mirror, file.auth) === 200,
  );

  heading("7. A pod of namespace team-b pulls the same image");
  const second = await pull(executable, tokens["team-b"]);
  indent(second.stderr.replaceAll(node.root, ""));
  claim("it got no credentials, and no file", (await node.authDirEntries()).length === 1);
  using client = Deno.createHttpClient({ caCerts: [api.ca.certificatePem] });
  const stolen = await fetch(`${api.url}/api/v1/namespaces/team-a/secrets`, {
    client,
    headers: { Authorization: `Bearer ${tokens["team-b"]}` },
  });
  await stolen.body?.cancel();
  claim("its token is refused the secrets of team-a: 403", stolen.status === 403);
  const output = [first, second].map(({ stdout, stderr }) => stdout + stderr).join();
  const secrets = [...Object.values(tokens), "mypassword", btoa("myuser:mypassword")];
  claim("no token and no password was logged", !secrets.some((secret) => output.includes(secret)));
}

await demo();
heading(`${claims.held} claims held, ${claims.failed} failed`);
Deno.exit(claims.failed === 0 ? 0 : 1);
