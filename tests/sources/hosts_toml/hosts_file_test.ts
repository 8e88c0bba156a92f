import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { share } from "../../support/share.ts";
import { isUnsure, parseHostsFile } from "../../../src/sources/hosts_toml/hosts_file.ts";

const MIRROR_ONLY = `server = "https://mirror.example.com"

[host."https://mirror.example.com"]
  capabilities = ["pull", "resolve"]
`;

const PIECES = [
  `server = "https://m.example.com"\n`,
  `[host."https://m.example.com"]\n`,
  `[host."https://m.example.com".header]\n`,
  `capabilities = ["pull"]\n`,
  `ca = [`,
  `"""`,
  `\ufeff`,
  `[[host]]\n`,
  `host = 1\n`,
  `x = { a = 1,`,
  `header = { a = ["b"] }\n`,
  `client = [["a", "b"]]\n`,
  `dial_timeout = "3s"\r\n`,
  `__proto__ = 1\n`,
  `"\\u0000" = 1\n`,
];

Deno.test("no text makes the reading of a file fail: it is read, or unsure", () => {
  const text = fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 8 })), {
    maxLength: 8,
  }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, (text) => {
      const file = parseHostsFile(text);
      if (isUnsure(file)) ok(file.problem !== "" && file.advice !== "");
      else ok(file.hosts.every(({ host }) => host !== ""));
    }),
    { numRuns: share(2_000, 100_000) },
  );
});

function hosts(text: string) {
  const file = parseHostsFile(text);
  ok(!isUnsure(file), `unsure: ${JSON.stringify(file)}`);
  return file;
}

Deno.test("hosts are read in the order of their table headers, the server apart", () => {
  const file = hosts(`
server = "https://origin.example.com"
[host."https://b.example.com"]
[host."https://a.example.com"]
capabilities = ["pull"]
[host."https://b.example.com".header]
x-team = "blue"
`);
  deepStrictEqual(file.hosts.map(({ host, line }) => [host, line]), [
    ["b.example.com", 3],
    ["a.example.com", 4],
  ]);
  strictEqual(file.server?.host, "origin.example.com");
  strictEqual(file.server?.line, 2);
});

Deno.test("a URL becomes scheme, host and path as containerd makes them", async (t) => {
  const cases: [string, boolean, string, string, string][] = [
    ["https://m.example.com", false, "https", "m.example.com", "/v2"],
    ["m.example.com:5000", false, "https", "m.example.com:5000", "/v2"],
    ["http://m.example.com/", false, "http", "m.example.com", "/v2"],
    ["https://m.example.com/hub", false, "https", "m.example.com", "/hub/v2"],
    ["https://m.example.com/hub/v2", false, "https", "m.example.com", "/hub/v2"],
    ["https://m.example.com/v2/hub", true, "https", "m.example.com", "/v2/hub"],
    ["https://m.example.com/a//b/../c", true, "https", "m.example.com", "/a/c"],
    ["https://m.example.com", true, "https", "m.example.com", ""],
    ["https://[2001:db8::1]:5000", false, "https", "[2001:db8::1]:5000", "/v2"],
  ];
  for (const [url, override, scheme, host, path] of cases) {
    await t.step(`${url}${override ? " with override_path" : ""}`, () => {
      const [entry] = hosts(`[host."${url}"]\noverride_path = ${override}\n`).hosts;
      deepStrictEqual([entry?.scheme, entry?.host, entry?.path], [scheme, host, path]);
    });
  }
});

Deno.test("capabilities say what a host is asked for; none or an empty list mean all", async (t) => {
  const cases: [string, boolean, boolean][] = [
    ["", true, true],
    ["capabilities = []", true, true],
    [`capabilities = ["pull"]`, true, false],
    [`capabilities = ["resolve"]`, false, true],
    [`capabilities = ["PULL", "Resolve"]`, true, true],
    [`capabilities = ["push"]`, false, false],
  ];
  for (const [line, pull, resolve] of cases) {
    await t.step(line === "" ? "none" : line, () => {
      const [entry] = hosts(`[host."https://m.example.com"]\n${line}\n`).hosts;
      deepStrictEqual([entry?.pull, entry?.resolve], [pull, resolve]);
    });
  }
});

Deno.test("capabilities at the top are the server's", () => {
  const file = hosts(`capabilities = ["push"]\n${MIRROR_ONLY}`);
  strictEqual(file.server?.pull, false);
  strictEqual(file.hosts[0]?.pull, true);
});

Deno.test("an Authorization header is seen, whatever its letters", () => {
  const [entry] = hosts(
    `[host."https://m.example.com".header]\nauthorization = ["Basic x"]\n`,
  ).hosts;
  strictEqual(entry?.authorization, true);
});

Deno.test("a file that one version drops or reads otherwise is unsure, with the line", async (t) => {
  const table = `[host."https://m.example.com"]\n`;
  const cases: [string, string, number | undefined, RegExp][] = [
    ["broken TOML", `${table}capabilities = [\n`, 3, /not valid TOML/],
    ["a byte order mark", `\ufeff${table}`, 1, /byte order mark/],
    ["an unknown capability", `${table}capabilities = ["pul"]`, 1, /has a capability/],
    ["a capability of 2.2", `${table}capabilities = ["referrers"]`, 1, /has a capability/],
    ["capabilities of another type", `${table}capabilities = "pull"`, 1, /"capabilities"/],
    ["skip_verify of another type", `${table}skip_verify = "yes"`, 1, /"skip_verify"/],
    ["override_path of another type", `${table}override_path = 1`, 1, /"override_path"/],
    ["ca of another type", `${table}ca = 1`, 1, /"ca"/],
    ["a client that is no pair", `${table}client = [["a", "b", "c"]]`, 1, /"client"/],
    ["a header of another type", `${table}header = {a = 1}`, 1, /"header"/],
    ["a header that is no table", `${table}header = 1`, 1, /"header"/],
    ["a dial_timeout that is none", `${table}dial_timeout = "3 s"`, 1, /dial_timeout/],
    ["a dial_timeout as a number", `${table}dial_timeout = 3`, 1, /dial_timeout/],
    ["server of another type", `server = 1\n${table}`, undefined, /"server"/],
    ["server alone", `# one mirror\nserver = "https://m.example.com"\n`, 2, /1\.6/],
    ["an inline host", `host = {"https://m.example.com" = {}}\n`, undefined, /table header/],
    ["a dotted host", `host."https://m.example.com".skip_verify = true\n`, undefined, /header/],
    ["a host that is no table", `[host]\n"https://m.example.com" = "x"\n`, undefined, /header/],
    ["host as a list", `[[host]]\n`, undefined, /"host"/],
    ["a key in capitals", `Server = "https://m.example.com"\n${table}`, undefined, /"Server"/],
    ["a host's key in capitals", `${table}Capabilities = ["pull"]\n`, 1, /"Capabilities"/],
    ["user and password in the URL", `[host."https://u:p@m.example.com"]\n`, 1, /not plain/],
    ["a query in the URL", `[host."https://m.example.com/?ns=x"]\n`, 1, /not plain/],
    ["another scheme", `[host."ftp://m.example.com"]\n`, 1, /not plain/],
    ["a scheme without host", `[host."https://"]\n`, 1, /not plain/],
    ["a name that begins with http", `[host."httpd.example.com"]\n`, 1, /not plain/],
    ["a string over several lines", `${table}ca = """x\n[host."https://n"]\n"""\n`, 2, /several/],
    ["an inline table over several lines", `${table}header = {a = "1",\n}\n`, 2, /TOML 1\.1/],
    ["an inline table with a comma at its end", `${table}header = {a = "1",}\n`, 2, /TOML 1\.1/],
    ["an escape of TOML 1.1", `${table}ca = "\\e"\n`, 2, /escape/],
    ["a time of TOML 1.1", `${table}since = 07:32\n`, 2, /seconds/],
  ];
  for (const [name, text, line, problem] of cases) {
    await t.step(name, () => {
      const file = parseHostsFile(text);
      ok(isUnsure(file), "was read");
      strictEqual(file.line, line);
      ok(problem.test(file.problem), file.problem);
    });
  }
});

Deno.test("what a reason says never quotes a header's value or the password of a URL", () => {
  for (
    const text of [
      `[host."https://u:SECRET@m.example.com"]\n`,
      `host = {"https://u:SECRET@m.example.com" = {}}\n`,
      `server = "https://u:SECRET@m.example.com"\n`,
      `[host."https://n.example.com".header]\nauthorization = "Basic SECRET`,
      `[host."https://n.example.com"]\ncapabilities = ["SECRET"]`,
    ]
  ) {
    const file = parseHostsFile(text);
    ok(isUnsure(file) && !JSON.stringify(file).includes("SECRET"), text);
  }
});

Deno.test("unknown keys, escaped backslashes and comments with quotes are no reason to be unsure", () => {
  const file = hosts(
    `# it's "fine" {\n[host."https://m.example.com"] # 'so is this\nca = "C:\\\\eca.pem"\nfoo = 1\n`,
  );
  strictEqual(file.hosts.length, 1);
});

Deno.test("a line of a list is no table header", () => {
  const list = `[host."https://m.example.com"]\nclient = [\n["/a.pem", "/b.pem"],\n]\n`;
  strictEqual(hosts(list).hosts.length, 1);
});

Deno.test("an empty file names no host", () => {
  deepStrictEqual(hosts("# nothing\n"), { hosts: [], server: undefined });
});

Deno.test("no problem of a file shows the user and password of a host", () => {
  const secret = "user:not-shown-anywhere";
  for (const scheme of ["https://", "http://", ""]) {
    const host = `${scheme}${secret}@mirror.example.com`;
    const server = `server = "https://origin.example.com"\n`;
    const texts = [
      `[[host."${host}"]]\n`,
      `[[host.'${host}']]\n`,
      `[host."${host}"]\n`,
      `[host."${host}"]\ncapabilities = 5\n`,
      `[host."${host}"]\nunknown = 5\n`,
      `[host."${host}"]\nskip_verify = "no"\n`,
      `[host."${host}"]\n[host."${host}"]\n`,
      `host = { "${host}" = {} }\n`,
      `host."${host}" = 5\n`,
      `server = "${host}"\n`,
      `server = "${host}/a?b=c"\n`,
    ];
    for (const text of texts.flatMap((text) => [text, server + text])) {
      const file = parseHostsFile(text);
      if (isUnsure(file)) ok(!`${file.problem} ${file.advice}`.includes("not-shown"), text);
    }
  }
});
