import assert from "node:assert/strict";
import { dirname } from "node:path";
import { buildCtl, buildScript } from "../scripts/build.ts";
import { compileProgram } from "../scripts/compile.ts";
import { kubeadmAudience } from "../src/manifests/audience.ts";
import { DEFAULT_SETTINGS } from "../src/settings/settings.ts";
import { ApiServer } from "./support/api_server.ts";
import { request } from "./support/cluster.ts";
import { runCtlWith } from "./support/ctl.ts";
import { buildTool, formUnderTest } from "./support/executable.ts";
import {
  allPages,
  type Block,
  callsOf,
  fragments,
  links,
  type Page,
  shows,
  sourceTexts,
  tableRows,
} from "./support/pages.ts";
import { PLUGIN_ENV, runPlugin } from "./support/plugin.ts";
import { release } from "./support/releases.ts";
import { tempNode } from "./support/temp_node.ts";

const PROJECT = new URL("../", import.meta.url);
const CTL = "crio-credential-ctl";
const PAGES = await allPages();
const KUBERNETES = pageAt("docs/operate/install-kubernetes.md");
const OPENSHIFT = pageAt("docs/operate/install-openshift.md");
/** The API server's address in the examples of the pages. */
const API_SERVERS = ["https://api.example.com:6443", "https://api-int.cluster.example.com:6443"];

function pageAt(path: string): Page {
  const page = PAGES.find((page) => page.path === path);
  assert.ok(page !== undefined, path);
  return page;
}

const IMAGE = "docker.io/library/nginx";
const MIRROR = "mirror.example.com/hub";
const SECRET = "registry-mirror.example.com-hub";
const PASSWORD = "not-shown-anywhere";

/** The blocks of commands, each with the blocks that show what it prints. */
function commandsWithOutput({ blocks }: Page): [commands: Block, outputs: Block[]][] {
  const pairs: [Block, Block[]][] = [];
  for (const block of blocks) {
    if (block.language === "sh") pairs.push([block, []]);
    else pairs.at(-1)?.[1].push(block);
  }
  return pairs;
}

/** Whether commands are calls of `generate` and nothing else, which need no cluster. */
function onlyGenerates({ text }: Block): boolean {
  const programs = text.trimEnd().replace(/^umask 077\n/, "").replaceAll(/\\\n/g, "")
    .split(/\|\s*|\n/);
  return programs.every((program) => program.trim().startsWith(`${CTL} generate `));
}

/** Blocks that show files of others, files to be written, or a picture, which is held elsewhere. */
function isPrinted({ language, text }: Block): boolean {
  return !["dockerfile", "mermaid", "ts"].includes(language) &&
    !text.startsWith("KUBELET_EXTRA_ARGS=");
}

/** Files that commands of the pages read, by their names there. */
const GIVEN = {
  "ecr-credential-provider.yaml": "fixtures/openshift/ecr-credential-provider.yaml",
  "providers.yaml": "fixtures/openshift/ecr-credential-provider.yaml",
  "cluster.yaml": "fixtures/openshift/crio-credential-provider-config.yaml",
};

/** Runs a command that must succeed; resolves to what it prints on stdout and on stderr. */
async function run(
  command: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    cwd: PROJECT,
    ...options,
    args: [...args],
  }).output();
  const texts = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(code, 0, `${args.join(" ")}\n${texts[1]}`);
  return texts;
}

/** For messages of failed tests: without what could be a credential. */
function mask(text: string): string {
  return text.replaceAll(/("auth": ")[^"]+/g, "$1…").replaceAll(/(json: )\S+/g, "$1…");
}

/**
 * Puts the compiled files of a release into a directory, with their checksums. Where none can be made they
 * are made around what is no runtime: they can be bound, and not run.
 */
async function makeRelease(directory: string): Promise<void> {
  const target = "x86_64-unknown-linux-gnu";
  const work = await Deno.makeTempDir();
  try {
    for (const name of ["crio-credential-provider", "crio-credential-ctl"] as const) {
      const made = await formUnderTest() === "compiled"
        ? await release(name, "compiled")
        : await compileProgram(name, { out: work, target, runtime: "/bin/true" });
      await Deno.copyFile(made, `${directory}/${name}-${target}`);
    }
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  await run("/bin/sh", ["-ec", "sha256sum crio-* > SHA256SUMS"], { cwd: directory });
}

Deno.test("the OpenShift page shows the feature gate's manifest as the fixture has it", async () => {
  const fixture = new URL("fixtures/openshift/feature-gate.yaml", PROJECT);
  const [comment = "", ...lines] = (await Deno.readTextFile(fixture)).split("\n");
  assert.match(comment, /^# /);
  const command = `oc apply -f - <<'EOF'\n${lines.join("\n")}EOF\n`;
  assert.ok(OPENSHIFT.blocks.some(({ text }) => text === command));
});

/** Whether commands begin with the files of a release, and make a site's of them. */
function beginsWithRelease({ language, text }: Block): boolean {
  return language === "sh" && text.includes("sha256sum --check") &&
    / (?:bind|generate install) /.test(text);
}

Deno.test("the README and each page of installing begin with the files of a release", () => {
  const pages = PAGES.filter(({ blocks }) => blocks.some(beginsWithRelease));
  assert.deepEqual(pages.map(({ path }) => path).sort(), [
    "README.md",
    "docs/operate/install-containerd.md",
    "docs/operate/install-kubernetes.md",
    "docs/operate/install-openshift.md",
  ]);
});

for (const page of PAGES) {
  const [pair, ...others] = commandsWithOutput(page)
    .filter(([commands]) => beginsWithRelease(commands));
  if (pair === undefined) continue;
  const [commands, outputs] = pair;
  Deno.test({
    name: `${page.path}: from an empty directory and a release its commands make what it says`,
    ignore: await formUnderTest() !== "compiled" || Deno.build.arch !== "x86_64",
    fn: async () => {
      assert.deepEqual(others, []);
      const directory = await Deno.makeTempDir();
      try {
        await makeRelease(directory);
        const bin = `${directory}/.local/bin`;
        // Neither a cluster nor a node is at hand.
        const lines = commands.text.split("\n")
          .filter((line) => !/^(?:oc|kubectl|scp|ssh) /.test(line));
        const [printed = ""] = await run("/bin/sh", ["-ec", lines.join("\n")], {
          cwd: directory,
          env: { HOME: directory, PATH: `${bin}:/usr/bin:/bin` },
        });
        for (const { text } of outputs.filter(isPrinted)) assert.ok(shows(text, printed), printed);
        const [, place] = /--out (site|example)\b/.exec(commands.text) ?? [];
        const bound = `${directory}/${place}/crio-credential-provider`;
        const [shown = ""] = await run(`${bin}/crio-credential-ctl`, ["audit", "--json", bound]);
        const { settings, differences } = JSON.parse(shown);
        const [inWords = ""] = await run(`${bin}/crio-credential-ctl`, ["audit", bound]);
        for (const { text } of page.blocks.filter(({ text }) => text.startsWith("  read "))) {
          assert.ok(shows(text, inWords), inWords);
        }
        const [, address] = /--apiserver (\S+)/.exec(commands.text) ?? [];
        assert.deepEqual([settings.apiserver, differences], [`https://${address}`, []]);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

let played: Promise<string[]> | undefined;

/** What the two programs print in the example of the pages, with either address. */
async function outputsOfExample(): Promise<string[]> {
  played ??= Promise.all(API_SERVERS.map(playExample)).then((outputs) => outputs.flat());
  return await played;
}

for (const page of PAGES) {
  const commands = page.blocks.filter(({ language }) => language === "sh");
  const manifests = commandsWithOutput(page).filter(([commands]) => onlyGenerates(commands));
  const others = commandsWithOutput(page)
    .filter(([commands]) => !onlyGenerates(commands) && !beginsWithRelease(commands))
    .flatMap(([, blocks]) => blocks).filter(isPrinted);

  Deno.test({
    name: `${page.path}: each generated manifest is what the tool prints`,
    ignore: manifests.length === 0,
    fn: async () => {
      const directory = await Deno.makeTempDir();
      try {
        const bin = `${directory}/bin`;
        await buildTool(DEFAULT_SETTINGS, bin);
        await Deno.writeTextFile(`${directory}/password`, `${PASSWORD}\n`);
        for (const [name, path] of Object.entries(GIVEN)) {
          await Deno.copyFile(new URL(path, PROJECT), `${directory}/${name}`);
        }
        if (manifests.some(([{ text }]) => / (?:bind|audit|generate install) /.test(text))) {
          await makeRelease(directory);
        }
        for (const [commands, blocks] of manifests) {
          // As a reader would paste it.
          const printed = await run("/bin/sh", ["-ec", commands.text], {
            cwd: directory,
            env: { PATH: `${bin}:${dirname(Deno.execPath())}:/usr/bin:/bin` },
          });
          for (const [, file] of commands.text.matchAll(/> (\S+)/g)) {
            printed.push(await Deno.readTextFile(`${directory}/${file}`));
          }
          for (const { text, line } of blocks) {
            const found = printed.some((output) => shows(text, output));
            assert.ok(found, `line ${line}; printed was:\n${mask(printed.join(""))}`);
          }
        }
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });

  Deno.test({
    name: `${page.path}: what the two programs print is what they print`,
    ignore: others.length === 0,
    fn: async () => {
      const outputs = await outputsOfExample();
      for (const { text, line } of others) {
        const found = outputs.some((output) => shows(text, output));
        assert.ok(found, `line ${line}; printed was:\n${mask(outputs.join(""))}`);
      }
      assert.ok(!`${page.text}${outputs.join()}`.includes(PASSWORD));
    },
  });

  Deno.test(`${page.path}: each call of the tool is understood`, async () => {
    const all = commands.flatMap(({ text }) => callsOf(text, CTL));
    const inText = [...page.text.matchAll(/`(crio-credential-ctl [^`]*)`/g)]
      .flatMap(([, call = ""]) => callsOf(call, CTL));
    for (const words of [...all, ...inText]) {
      const command = words.filter((word, index) => index < 2 && !word.startsWith("-"));
      const { code, stdout } = await runCtlWith([...command, "--help-all"]);
      assert.equal(code, 0, words.join(" "));
      for (const flag of words.filter((word) => word.startsWith("--"))) {
        const name = flag.replace(/=.*/, "").replace(/^--no-/, "--");
        assert.match(stdout, new RegExp(`${name}[/ \\n]`), words.join(" "));
      }
    }
  });

  Deno.test(`${page.path}: each message of its tables is one that the program prints`, async () => {
    const code = await sourceTexts();
    for (const [message = ""] of tableRows(page, "message")) {
      for (const part of message.replaceAll("`", "").split("…")) {
        assert.ok(code.includes(part.trim()), `nothing prints ${JSON.stringify(part.trim())}`);
      }
    }
  });

  Deno.test(`${page.path}: each link leads somewhere`, async () => {
    for (const [path, fragment] of links(page)) {
      assert.doesNotMatch(path, /:/);
      const target = path === "" ? new URL(page.path, PROJECT) : new URL(
        path,
        new URL(page.path, PROJECT),
      );
      await Deno.stat(target);
      if (fragment === "") continue;
      assert.ok(fragments(await Deno.readTextFile(target)).has(fragment), `${path}#${fragment}`);
    }
    for (const [, file = ""] of page.text.matchAll(/apply -f (fixtures\S+)/g)) {
      await Deno.stat(new URL(file, PROJECT));
    }
  });

  Deno.test(`${page.path}: its tasks are tasks of the project, with flags that they have`, async () => {
    const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", PROJECT)));
    for (const [, task = ""] of page.text.matchAll(/(?:deno|deno@2\.9\.6) task ([\w:-]+)/g)) {
      assert.ok(task in tasks, task);
    }
    const named = commands.flatMap(({ text }) => callsOf(text, "deno task"));
    for (const [task = "", ...words] of named) {
      const flags = words.filter((word) => word.startsWith("--"));
      if (flags.length === 0) continue;
      const script = /scripts\/\w+\.ts/.exec(tasks[task]?.command ?? "")?.[0];
      assert.ok(script !== undefined, task);
      const [help = ""] = await run(Deno.execPath(), ["run", "--allow-all", script, "--help-all"]);
      for (const flag of flags) assert.match(help, new RegExp(`${flag}[\\] ]`), `${task} ${flag}`);
    }
  });
}

Deno.test("the pages show much of what the programs print, so that all of this looks at something", () => {
  const pairs = PAGES.flatMap(commandsWithOutput);
  const shown = pairs.flatMap(([, blocks]) => blocks).filter(isPrinted);
  assert.ok(shown.length > 20, `${shown.length}`);
  assert.ok(pairs.filter(([commands]) => onlyGenerates(commands)).length > 8);
  assert.ok(PAGES.flatMap(links).length > 80);
});

Deno.test("there is one page of messages, of a run that failed and of one that did not", () => {
  const pages = PAGES.filter((page) => tableRows(page, "message").length > 0);
  assert.deepEqual(pages.map(({ path }) => path), ["docs/operate/troubleshoot.md"]);
  // Those of a run that failed have codes: tests/error_codes_test.ts.
  assert.ok(pages.flatMap((page) => tableRows(page, "message")).length > 15);
  assert.ok(pages.flatMap(({ text }) => text.match(/^- <a id=/gm) ?? []).length > 25);
});

Deno.test("a MachineConfig holds the provider file that the other commands print", async () => {
  const machineConfig = OPENSHIFT.blocks.flatMap(({ text }) => callsOf(text, CTL))
    .find(([, command]) => command === "machine-config");
  const { stdout } = await runCtlWith(machineConfig ?? []);
  const [, source = ""] = /source: data:;base64,(\S+)/.exec(stdout) ?? [];
  const file = new Blob([Uint8Array.fromBase64(source)]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const resource = await runCtlWith(
    ["generate", "crio-credential-provider-config", "--match-image=docker.io"],
  );
  const rendered = await runCtlWith(
    ["generate", "kubelet-config", "--from=-", "--platform=aws"],
    resource.stdout,
  );
  assert.equal(await new Response(file).text(), rendered.stdout);
});

/**
 * Plays the pages' example against an embedded API server: what the plugin and the tool print on its
 * node, with the paths and the address that the pages have, and the auth file.
 */
async function playExample(apiServer: string): Promise<string[]> {
  await using api = await ApiServer.start();
  await using node = await tempNode({ apiServer: api });
  const { settings } = node;
  const outputs: string[] = [];
  const print = (...texts: string[]) =>
    void outputs.push(
      ...texts.map((text) => text.replaceAll(node.root, "").replaceAll(api.url, apiServer)),
    );
  const options = { settings, out: node.path("bin"), deno: Deno.execPath() };
  const plugin = await buildScript(options);
  const pull = async (image: string, bearer: string, annotations = {}) => {
    const { stdout, stderr } = await runPlugin(plugin, {
      stdin: request(image, bearer, annotations),
      env: PLUGIN_ENV,
    });
    print(stdout, stderr);
  };

  const generate = ["generate", "registries-conf", `--mirror=docker.io=${MIRROR}`];
  const dropIn = await runCtlWith(generate);
  await node.writeDropIn("50-crio-credential-provider.conf", dropIn.stdout);
  await node.writeRegistriesConf(`unqualified-search-registries = ["docker.io"]\n`);
  await node.writeGlobalAuthFile({ auths: { "quay.io": { auth: btoa(`node:${PASSWORD}`) } } });
  const token = api.addServiceAccount("team");
  await pull(IMAGE, token);
  api.grantNamed("team", [SECRET]);
  const secret = { auth: btoa(`puller:${PASSWORD}`) };
  api.addDockerConfig("team", SECRET, { [MIRROR]: secret });
  const [explain = []] = KUBERNETES.blocks.flatMap(({ text }) => callsOf(text, CTL))
    .filter(([command]) => command === "explain");
  const explained = await runCtlWith(explain, token, settings);
  assert.equal(explained.code, 0, explained.stderr);
  print(explained.stdout);
  await pull(IMAGE, token, { "crio-credential-provider/secrets": SECRET });
  await pull("quay.io/team/app", token);
  for (const name of await node.authDirEntries()) {
    print(await Deno.readTextFile(`${settings.authDir}/${name}`));
  }

  // The node as it is set up, copied: what doctor says of it.
  const config = await runCtlWith([
    "generate",
    "kubelet-config",
    "--match-image=docker.io",
    `--audience=${kubeadmAudience()}`,
  ]);
  await node.write(node.path("etc/kubernetes/credential-provider-config.yaml"), config.stdout);
  const kubeletFlags = KUBERNETES.blocks.find((block) => !isPrinted(block))?.text ?? "";
  await node.write(node.path("etc/default/kubelet"), kubeletFlags);
  await node.write(node.path("var/lib/kubelet/config.yaml"), "kind: KubeletConfiguration\n");
  await node.write(node.path("var/lib/crio/version"), `"1.34.3"`);
  await Deno.chmod(settings.kubeletAuthFile, 0o644);
  await Deno.remove(settings.authDir, { recursive: true });
  const { caFile } = settings;
  const asBuilt = {
    ...DEFAULT_SETTINGS,
    apiserver: api.url,
    caFile: caFile.replace(node.root, ""),
  };
  const installed = node.path("usr/libexec/kubelet-image-credential-provider-plugins");
  await buildScript({ settings: asBuilt, out: installed, deno: "/usr/local/bin/deno" });
  const ctl = await buildCtl({ settings: asBuilt, out: node.path("ctl"), deno: Deno.execPath() });
  const examined = await runPlugin(ctl, { args: ["doctor", "--root", node.root] });
  assert.equal(examined.code, 0, examined.stderr);
  print(examined.stdout);

  // The build of the page, whose sandbox it shows: the same in either form, and this one needs no
  // runtime part. The page puts it where it overwrites nothing; so does this.
  const [compile = []] = KUBERNETES.blocks.flatMap(({ text }) =>
    callsOf(text, "deno task compile")
  );
  const out = node.path("page");
  const script = (name: string, ...args: string[]) =>
    run(Deno.execPath(), ["run", "--allow-all", `scripts/${name}.ts`, ...args]);
  await script("build", ...compile.slice(0, compile.indexOf("--out")), `--out=${out}`);
  print(...await script("audit", `${out}/crio-credential-provider`));
  return outputs;
}
