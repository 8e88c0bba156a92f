import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert";
import { DEFAULT_SETTINGS } from "../../../src/settings/settings.ts";
import { runCtlWith } from "../../support/ctl.ts";
import { smallRelease } from "../../support/small_release.ts";

const SITE =
  `{ "apiserver-hosts": ["*.clusters.example.com:6443"], "pulled-images": "service-account" }`;
const SETTINGS = {
  ...DEFAULT_SETTINGS,
  apiserverHosts: ["*.clusters.example.com:6443"],
  pulledImages: "service-account",
} as const;

/** A directory with a release and a site's settings. */
async function makePlace() {
  const directory = await Deno.makeTempDir();
  const path = (name: string) => `${directory}/${name}`;
  await Deno.writeFile(path("release"), await smallRelease(), { mode: 0o755 });
  await Deno.writeTextFile(path("site.jsonc"), SITE);
  const entries = async (name = "") =>
    (await Array.fromAsync(Deno.readDir(path(name)))).map(({ name }) => name).sort();
  const install = (...args: readonly string[]) =>
    runCtlWith([
      ...["generate", "install", "--release", path("release"), "--out", path("site")],
      ...["--settings", path("site.jsonc"), ...args],
    ]);
  return {
    path,
    entries,
    install,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

const MIRROR = ["--mirror", "docker.io=mirror.local/hub", "--audience", "https://a.example"];

Deno.test("generate install writes all the files of a site, as the single commands print them", async () => {
  await using place = await makePlace();
  const { code, stdout, stderr } = await place.install(...MIRROR, "--namespace", "team");
  deepStrictEqual([code, stderr], [0, ""]);
  deepStrictEqual(await place.entries(), ["release", "site", "site.jsonc"]);
  const names = [
    "50-crio-credential-provider.conf",
    "README.md",
    "credential-provider-config.yaml",
    "crio-credential-provider",
    "kubelet-extra-args.env",
    "policy.json",
    "rbac.yaml",
  ];
  deepStrictEqual(await place.entries("site"), names);
  for (const name of names) ok(stdout.includes(name), name);

  const read = (name: string) => Deno.readTextFile(place.path(`site/${name}`));
  const plugin = await Deno.readFile(place.path("site/crio-credential-provider"));
  deepStrictEqual(plugin, await smallRelease({ settings: SETTINGS }));
  const { mode } = await Deno.stat(place.path("site/crio-credential-provider"));
  strictEqual((mode ?? 0) & 0o777, 0o755);
  const printed: readonly [file: string, args: readonly string[]][] = [
    ["50-crio-credential-provider.conf", ["registries-conf", ...MIRROR.slice(0, 2)]],
    ["credential-provider-config.yaml", [
      "kubelet-config",
      "--match-image=docker.io",
      ...MIRROR.slice(2),
    ]],
    ["rbac.yaml", ["rbac", "--all-nodes", "--namespace=team", ...MIRROR.slice(2)]],
  ];
  for (const [file, args] of printed) {
    const alone = await runCtlWith(["generate", ...args], undefined, SETTINGS);
    strictEqual(await read(file), alone.stdout, file);
  }
  match(
    await read("kubelet-extra-args.env"),
    /^KUBELET_EXTRA_ARGS=--image-credential-provider-bin/,
  );
  const readme = await read("README.md");
  for (const name of names) if (name !== "README.md") ok(readme.includes(`| ${name} |`), name);
  match(readme, /wider than a host: \*\.clusters\.example\.com:6443/);
  const audit = await runCtlWith([
    ...["audit", "--policy", place.path("site/policy.json")],
    place.path("site/crio-credential-provider"),
  ]);
  strictEqual(audit.code, 0, audit.stdout);
});

/** Runs the commands of the README that put files on a node, below a directory. */
async function runReadme({ path }: { readonly path: (name: string) => string }): Promise<void> {
  const readme = await Deno.readTextFile(path("site/README.md"));
  const [, commands = ""] = /```sh\n(install -D[^]*?)```/.exec(readme) ?? [];
  const below = commands.replaceAll(/ (\/(?:usr|etc)\/)/g, ` ${path("node")}$1`);
  const { code, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-euc", below],
    cwd: path("site"),
  }).output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
}

Deno.test("the commands of a site's README are such as a shell understands, and install what is there", async () => {
  await using place = await makePlace();
  await place.install(...MIRROR);
  await runReadme(place);
  const installed = "node/usr/libexec/kubelet-image-credential-provider-plugins";
  deepStrictEqual(await place.entries(installed), ["crio-credential-provider"]);
  deepStrictEqual(
    await place.entries("node/etc/containers/registries.conf.d"),
    ["50-crio-credential-provider.conf"],
  );
});

Deno.test("generate install for OpenShift writes a MachineConfig in the place of the node's files", async () => {
  await using place = await makePlace();
  const { code, stderr } = await place.install(
    ...MIRROR.slice(0, 2),
    ...["--role", "worker", "--platform", "aws"],
  );
  strictEqual(code, 0, stderr);
  deepStrictEqual(await place.entries("site"), [
    "README.md",
    "crio-credential-provider",
    "machine-config.yaml",
    "policy.json",
    "rbac.yaml",
  ]);
  const rbac = await Deno.readTextFile(place.path("site/rbac.yaml"));
  match(rbac, /- https:\/\/kubernetes\.default\.svc\n/);
});

Deno.test("generate install hands its flags to each file of a site", async () => {
  await using place = await makePlace();
  const merged = place.path("merged.yaml");
  await Deno.writeTextFile(
    merged,
    (await runCtlWith([
      "generate",
      "kubelet-config",
      "--match-image",
      "quay.io",
      ...MIRROR.slice(2),
    ]))
      .stdout,
  );
  const { code, stderr } = await place.install(
    ...[...MIRROR, "--insecure", "mirror.local/hub", "--merge", merged],
    ...["--match-image", "docker.io/team", "--service-account", "builder", "--secret", "login"],
    ...["--namespace", "team"],
  );
  strictEqual(code, 0, stderr);
  const read = (name: string) => Deno.readTextFile(place.path(`site/${name}`));
  match(await read("50-crio-credential-provider.conf"), /^ *insecure = true$/m);
  match(await read("credential-provider-config.yaml"), /docker\.io\/team/);
  match(await read("rbac.yaml"), /- login\n/);
  match(await read("rbac.yaml"), /name: builder\n/);
});

Deno.test("a site's README says that nothing in it is secret, but for what a merged file had", async (test) => {
  const openShift = ["--role", "worker", "--platform", "aws"];
  await test.step("nothing is merged", async () => {
    await using place = await makePlace();
    strictEqual((await place.install(...MIRROR)).code, 0);
    const readme = await Deno.readTextFile(place.path("site/README.md"));
    match(readme, /^Nothing here is secret\.$/m);
    doesNotMatch(readme, /merged/);
  });
  for (
    const [platform, file] of [
      [[], "credential-provider-config.yaml"],
      [openShift, "machine-config.yaml"],
    ] as const
  ) {
    await test.step(file, async () => {
      await using place = await makePlace();
      await Deno.writeTextFile(
        place.path("merged.yaml"),
        `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: other
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    matchImages: [quay.io]
    defaultCacheDuration: 1h
    env:
      - name: PASSWORD
        value: hidden-in-the-merged-file
`,
      );
      const merge = ["--merge", place.path("merged.yaml")];
      const { code, stderr } = await place.install(...MIRROR, ...merge, ...platform);
      strictEqual(code, 0, stderr);
      const readme = await Deno.readTextFile(place.path("site/README.md"));
      match(
        readme,
        /^Nothing here is secret, but for what came from the merged provider file: the `env` and$/m,
      );
      ok(readme.includes(`are in \`${file}\` as they were.`), readme);
      doesNotMatch(readme, /hidden-in-the-merged-file/);
      if (platform.length > 0) return;
      match(await Deno.readTextFile(place.path(`site/${file}`)), /hidden-in-the-merged-file/);
    });
  }
});

Deno.test("generate install without an audience assumes the API server's own, and says so", async () => {
  await using place = await makePlace();
  const { code, stderr } = await place.install(...MIRROR.slice(0, 2));
  strictEqual(code, 0, stderr);
  const rbac = await Deno.readTextFile(place.path("site/rbac.yaml"));
  match(rbac, /# The audience [^]*https:\/\/kubernetes\.default\.svc/);
});

Deno.test("generate install hands its flags to a MachineConfig", async () => {
  await using place = await makePlace();
  const { code, stderr } = await place.install(
    ...[...MIRROR, "--insecure", "mirror.local/hub", "--match-image", "docker.io/team"],
    ...["--role", "worker", "--platform", "aws"],
  );
  strictEqual(code, 0, stderr);
  const manifest = await Deno.readTextFile(place.path("site/machine-config.yaml"));
  const files = await Promise.all(
    [...manifest.matchAll(/base64,([\w+/=]+)/g)].map(async ([, data = ""]) => {
      const bytes = new Blob([Uint8Array.fromBase64(data)]).stream();
      return await new Response(bytes.pipeThrough(new DecompressionStream("gzip"))).text();
    }),
  );
  for (const part of ["insecure = true", "docker.io/team", "https://a.example"]) {
    ok(files.join("\n").includes(part), part);
  }
});

const CONTAINERD = [...MIRROR, "--runtime", "containerd"];

/** A site of nodes with containerd, whose file must not set what only CRI-O has. */
async function makeContainerdPlace() {
  const place = await makePlace();
  await Deno.writeTextFile(place.path("site.jsonc"), SITE.replace(/, "pulled.*"/, ""));
  return place;
}

Deno.test("generate install for containerd has a hosts.toml for each registry, and nothing of CRI-O", async () => {
  await using place = await makeContainerdPlace();
  const { code, stderr } = await place.install(
    ...CONTAINERD,
    ...["--mirror", "docker.io=other.local", "--mirror", "localhost:5812=localhost:5811"],
    ...["--plain-http", "localhost:5811"],
  );
  deepStrictEqual([code, stderr], [0, ""]);
  deepStrictEqual(await place.entries("site"), [
    "README.md",
    "certs.d",
    "credential-provider-config.yaml",
    "crio-credential-provider",
    "kubelet-extra-args.env",
    "policy.json",
    "rbac.yaml",
  ]);
  const settings = {
    ...DEFAULT_SETTINGS,
    apiserverHosts: SETTINGS.apiserverHosts,
    runtime: "containerd",
  } as const;
  deepStrictEqual(
    await Deno.readFile(place.path("site/crio-credential-provider")),
    await smallRelease({ settings }),
  );
  const printed: readonly [file: string, args: readonly string[]][] = [
    ["certs.d/docker.io/hosts.toml", [
      "hosts-toml",
      "--mirror=docker.io=mirror.local/hub",
      "--mirror=docker.io=other.local",
    ]],
    ["certs.d/localhost_5812_/hosts.toml", [
      "hosts-toml",
      "--mirror=localhost:5812=localhost:5811",
      "--plain-http=localhost:5811",
    ]],
    ["credential-provider-config.yaml", [
      "kubelet-config",
      ...["--match-image=docker.io", "--match-image=localhost:5812"],
      ...MIRROR.slice(2),
    ]],
  ];
  for (const [file, args] of printed) {
    const alone = await runCtlWith(["generate", ...args], undefined, settings);
    strictEqual(await Deno.readTextFile(place.path(`site/${file}`)), alone.stdout, file);
  }
  const readme = await Deno.readTextFile(place.path("site/README.md"));
  doesNotMatch(readme, /systemctl \w+ crio\b|\/etc\/crio|\/etc\/containers|MachineConfig/);
  match(readme, /must be `\/etc\/containerd\/certs\.d` alone/);
  match(readme, /The plugin looks in `\/etc\/docker\/certs\.d`, too/);
});

Deno.test("the README's commands for containerd put each hosts.toml where containerd looks", async () => {
  await using place = await makeContainerdPlace();
  const directory = place.path("node/it's here");
  const { code } = await place.install(...CONTAINERD, "--containerd-hosts-dir", directory);
  strictEqual(code, 0);
  const readme = await Deno.readTextFile(place.path("site/README.md"));
  doesNotMatch(readme, /The plugin looks in/);
  await runReadme(place);
  deepStrictEqual(await place.entries("node/it's here/docker.io"), ["hosts.toml"]);
});

Deno.test("with --fallback the consent that a site of containerd needs is told", async () => {
  await using place = await makeContainerdPlace();
  const { code, stderr } = await place.install(...CONTAINERD, "--fallback");
  strictEqual(code, 0);
  match(stderr, /registry-1\.docker\.io is asked last and would see each pair/);
  const file = await Deno.readTextFile(place.path("site/certs.d/docker.io/hosts.toml"));
  match(file, /^server = "https:\/\/registry-1\.docker\.io"$/m);
});

Deno.test("generate install writes nothing where anything is wrong", async (test) => {
  const cases: readonly [string, readonly string[], number, RegExp][] = [
    ["no registry", [], 2, /--match-image: is missing/],
    ["half of OpenShift", [...MIRROR, "--role", "worker"], 2, /--platform: needs --role/],
    [
      "OpenShift with containerd",
      [...CONTAINERD, "--role", "worker", "--platform", "aws"],
      2,
      /--platform: is for OpenShift, whose nodes run CRI-O/,
    ],
    [
      "a pool of OpenShift with containerd",
      [...CONTAINERD, "--role", "worker"],
      2,
      /--role: is for OpenShift/,
    ],
    [
      "--insecure with containerd",
      [...CONTAINERD, "--insecure", "mirror.local/hub"],
      2,
      /--insecure: has no meaning .*write --plain-http/,
    ],
    [
      "--plain-http of no mirror",
      [...CONTAINERD, "--plain-http", "b.io"],
      2,
      /--plain-http: "b\.io" is not a mirror/,
    ],
    [
      "a part of a registry with containerd",
      [...CONTAINERD, "--mirror", "quay.io/team=a.io"],
      2,
      /--mirror: "quay\.io\/team" is not a registry/,
    ],
    [
      "--plain-http with CRI-O",
      [...MIRROR, "--plain-http", "mirror.local/hub"],
      2,
      /--plain-http: has no meaning with --runtime crio/,
    ],
    ["--fallback with CRI-O", [...MIRROR, "--fallback"], 2, /--fallback: has no meaning/],
    ["a setting that is none", [...MIRROR, "--timeout", "x"], 2, /--timeout/],
    ["another program", [...MIRROR, "--release", "/bin/true"], 1, /not made by deno compile/],
  ];
  for (const [name, args, code, problem] of cases) {
    await test.step(name, async () => {
      await using place = await makePlace();
      const words = ["generate", "install", "--out", place.path("site"), ...args];
      const release = args.includes("--release") ? [] : ["--release", place.path("release")];
      const result = await runCtlWith([...words, ...release]);
      deepStrictEqual([result.code, result.stdout], [code, ""]);
      match(result.stderr, problem);
      deepStrictEqual(await place.entries(), ["release", "site.jsonc"]);
    });
  }
  await test.step("a directory that is there", async () => {
    await using place = await makePlace();
    await Deno.mkdir(place.path("site"));
    const { code, stdout, stderr } = await place.install(...MIRROR);
    deepStrictEqual([code, stdout], [1, ""]);
    match(stderr, /site: is there already; name another, or remove it/);
    deepStrictEqual(await place.entries("site"), []);
  });
  await test.step("a directory that another run writes", async () => {
    await using place = await makePlace();
    await Deno.mkdir(place.path("site.new"));
    const { code, stderr } = await place.install(...MIRROR);
    strictEqual(code, 1);
    match(stderr, /site\.new: is in the way; another run writes it, or one was interrupted/);
  });
  await test.step("no directory", async () => {
    const result = await runCtlWith(["generate", "install", "--release", "/r", "--out="]);
    strictEqual(result.code, 2);
    match(result.stderr, /--out: is empty, expected a path/);
  });
  await test.step("the tool in the plugin's place", async () => {
    await using place = await makePlace();
    await Deno.writeFile(
      place.path("release"),
      await smallRelease({ name: "crio-credential-ctl" }),
    );
    const { code, stderr } = await place.install(...MIRROR);
    strictEqual(code, 1);
    match(stderr, /is crio-credential-ctl, expected crio-credential-provider/);
    deepStrictEqual(await place.entries(), ["release", "site.jsonc"]);
  });
});
