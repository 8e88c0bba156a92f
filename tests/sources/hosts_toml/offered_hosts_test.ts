import { deepStrictEqual, match, strictEqual } from "node:assert";
import {
  hostDirectories,
  type HostDirectory,
} from "../../../src/sources/hosts_toml/host_directory.ts";
import {
  findOfferedHosts,
  readOfferedHosts,
} from "../../../src/sources/hosts_toml/offered_hosts.ts";

function directory(text: string | undefined): HostDirectory {
  const path = "/etc/containerd/certs.d/docker.io";
  return { path, isDefault: false, file: `${path}/hosts.toml`, text };
}

function asked(text: string, image = "docker.io/library/nginx") {
  return findOfferedHosts(directory(text), image).hosts.map(({ repository, isOrigin }) =>
    `${repository.host}/${repository.path}${isOrigin ? " (origin)" : ""}`
  );
}

Deno.test("in each root the port's spelling, the plain name and _default are looked for, in order", () => {
  deepStrictEqual(
    hostDirectories(["/a", "/b"], "localhost:5000").map(({ path }) => path),
    [
      ...["/a/localhost_5000_", "/a/localhost:5000", "/a/_default"],
      ...["/b/localhost_5000_", "/b/localhost:5000", "/b/_default"],
    ],
  );
  deepStrictEqual(
    hostDirectories(["/a"], "docker.io").map(({ path, isDefault }) => [path, isDefault]),
    [["/a/docker.io", false], ["/a/_default", true]],
  );
});

Deno.test("the first directory counts, also one without a hosts.toml", () => {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/a/docker.io`, { recursive: true });
    Deno.mkdirSync(`${root}/b/docker.io`, { recursive: true });
    Deno.mkdirSync(`${root}/b/_default`, { recursive: true });
    const text = `[host."https://m.example.com"]\n`;
    Deno.writeTextFileSync(`${root}/b/docker.io/hosts.toml`, text);
    Deno.writeTextFileSync(`${root}/b/_default/hosts.toml`, text);
    const image = "docker.io/library/nginx";
    const shadowed = readOfferedHosts([`${root}/a`, `${root}/b`], image);
    strictEqual(shadowed.directory?.path, `${root}/a/docker.io`);
    deepStrictEqual(shadowed.hosts, []);
    const found = readOfferedHosts([`${root}/none`, `${root}/b`], image);
    strictEqual(found.directory?.path, `${root}/b/docker.io`);
    strictEqual(found.hosts.length, 2);
    const other = readOfferedHosts([`${root}/none`, `${root}/b`], "quay.io/team/app");
    strictEqual(other.directory?.isDefault, true);
    strictEqual(readOfferedHosts([`${root}/none`], image).directory, undefined);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("the hosts that are asked end with the server, or with the image's own registry", async (t) => {
  const mirror = `[host."https://m.example.com/hub"]\n`;
  const cases: [string, string, string[]][] = [
    ["a mirror without server", mirror, [
      "m.example.com/hub/library/nginx",
      "registry-1.docker.io/library/nginx (origin)",
    ]],
    ["a mirror that is the server, too", `server = "https://m.example.com/hub"\n${mirror}`, [
      "m.example.com/hub/library/nginx",
      "m.example.com/hub/library/nginx",
    ]],
    ["a server that is the origin", `server = "https://registry-1.docker.io"\n${mirror}`, [
      "m.example.com/hub/library/nginx",
      "registry-1.docker.io/library/nginx (origin)",
    ]],
    ["a mirror without pull", `${mirror}capabilities = ["resolve"]\n`, []],
    ["a server without pull", `server = "https://m2"\ncapabilities = ["push"]\n${mirror}`, [
      "m.example.com/hub/library/nginx",
    ]],
    ["override_path", `[host."https://m.example.com/v2/hub"]\noverride_path = true\n`, [
      "m.example.com/hub/library/nginx",
      "registry-1.docker.io/library/nginx (origin)",
    ]],
    ["no host", "# nothing\n", []],
    [
      "the origin alone",
      `server = "https://docker.io"\n[host."https://registry-1.docker.io"]\n`,
      [],
    ],
  ];
  for (const [name, text, expected] of cases) {
    await t.step(name, () => deepStrictEqual(asked(text), expected));
  }
});

Deno.test("the path of a request begins with that of the host", () => {
  const [first] =
    findOfferedHosts(directory(`[host."m.example.com/hub"]\n`), "docker.io/a/b").hosts;
  strictEqual(first?.requestPath, "/hub/v2/a/b");
  const [plain] = findOfferedHosts(
    directory(`[host."https://m.example.com/"]\noverride_path = true\n`),
    "index.docker.io/a/b",
  ).hosts;
  strictEqual(plain?.requestPath, "/a/b");
});

Deno.test("without a directory or a file there is nothing to do", () => {
  deepStrictEqual(findOfferedHosts(undefined, "docker.io/a/b").hosts, []);
  deepStrictEqual(findOfferedHosts(directory(undefined), "docker.io/a/b").hosts, []);
});

Deno.test("a file that is unsure gives no host", () => {
  const { hosts, unsure } = findOfferedHosts(directory("server = 1\n"), "docker.io/a/b");
  deepStrictEqual(hosts, []);
  match(unsure?.problem ?? "", /"server"/);
});

Deno.test("a file that is no text gives no host, and says so", () => {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/docker.io`);
    for (const bytes of [[0xff, 0x41], [0xff, 0xfe, 0x41, 0]]) {
      Deno.writeFileSync(`${root}/docker.io/hosts.toml`, Uint8Array.from(bytes));
      const { hosts, unsure } = readOfferedHosts([root], "docker.io/a/b");
      deepStrictEqual(hosts, []);
      match(unsure?.problem ?? "", /UTF/);
    }
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("lines may end as on Windows", () => {
  const text = `server = "https://m.example.com"\r\n[host."https://m.example.com"]\r\n`;
  deepStrictEqual(asked(text), asked(text.replaceAll("\r", "")));
  strictEqual(asked(text).length, 2);
});

Deno.test("what may surprise is a warning with file and line", () => {
  const { warnings } = findOfferedHosts(
    directory(
      `[host."http://m.example.com"]\ncapabilities = ["pull"]\n` +
        `[host."http://m.example.com".header]\nAuthorization = "Basic SECRET"\n`,
    ),
    "docker.io/library/nginx",
  );
  const all = warnings.join("\n");
  for (
    const part of [
      '"server" is missing',
      ":1: m.example.com is asked without TLS",
      "Authorization header",
      'lacks "resolve"',
    ]
  ) {
    match(all, new RegExp(part.replaceAll(/[()]/g, "\\$&")));
  }
  strictEqual(all.includes("SECRET"), false);
});
