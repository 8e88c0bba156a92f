import assert from "node:assert/strict";
import fc from "fast-check";
import {
  describeWide,
  liesWithin,
  parseHostPattern,
  samplesOf,
} from "../../src/kubernetes/api_server_hosts.ts";
import { share } from "../support/share.ts";

const PATTERNS: readonly [text: string, pattern: string][] = [
  ["api.example.com:6443", "api.example.com:6443"],
  ["API.Example.com:06443", "api.example.com:6443"],
  ["10.1.2.3:443", "10.1.2.3:443"],
  ["[FD00::1]:6443", "[fd00::1]:6443"],
  ["*.clusters.example.com:6443", "*.clusters.example.com:6443"],
  ["*.Example.com:6443", "*.example.com:6443"],
  ["*.example.co.uk:6443", "*.example.co.uk:6443"],
  ["*.cluster.local:6443", "*.cluster.local:6443"],
  // Whether it is a public suffix is asked of the list, which a pull does not load.
  ["*.co.uk:6443", "*.co.uk:6443"],
  ["10.20.0.0/16:6443", "10.20.0.0/16:6443"],
  ["10.0.0.0/8:6443", "10.0.0.0/8:6443"],
  ["10.20.30.40/32:6443", "10.20.30.40/32:6443"],
];

Deno.test("a host, a domain and a range of addresses with a port are where an API server may be", async (t) => {
  for (const [text, pattern] of PATTERNS) {
    await t.step(text, () => assert.equal(parseHostPattern(text), pattern));
  }
});

const REFUSED: readonly [text: string, problem: RegExp][] = [
  ["", /has no port/],
  ["*", /has no port/],
  ["*:6443", /would be every host/],
  ["api.example.com", /has no port/],
  ["*.clusters.example.com", /has no port/],
  ["10.20.0.0/16", /has no port/],
  ["api.example.com:0", /has no port/],
  ["api.example.com:65536", /has no port/],
  ["api.example.com:*", /has no port/],
  ["*.com:6443", /hosts of anybody/],
  ["*.local:6443", /hosts of anybody/],
  ["*.corp:6443", /hosts of anybody/],
  ["*.:6443", /the name of a domain/],
  ["*..com:6443", /the name of a domain/],
  ["*.*.example.com:6443", /the name of a domain/],
  ["*.exa_mple.com:6443", /the name of a domain/],
  ["api.*.example.com:6443", /is not HOST:PORT/],
  ["api*.example.com:6443", /is not HOST:PORT/],
  ["https://api.example.com:6443", /is not /],
  ["user@api.example.com:6443", /is not HOST:PORT/],
  ["unix:/run/x:1", /is not a range/],
  ["0.0.0.0/0:6443", /is wider than \/8/],
  ["8.0.0.0/7:6443", /is wider than \/8/],
  ["10.20.0.0/33:6443", /is not a range/],
  ["10.20.0/16:6443", /is not a range/],
  ["10.20.0.256/32:6443", /is not a range/],
  ["10.020.0.0/16:6443", /is not a range/],
  ["10.20.3.0/16:6443", /does not begin where its range begins; write 10\.20\.0\.0\/16/],
  ["[fd00::]/64:6443", /ranges of IPv4 addresses alone/],
];

Deno.test("whatever else, or a whole top-level name, is refused", async (t) => {
  for (const [text, problem] of REFUSED) {
    await t.step(text, () => assert.throws(() => parseHostPattern(text), problem));
  }
});

/** Hosts and patterns that lie near each other. */
const LABEL = fc.constantFrom("a", "b", "clusters", "example");
const NAME = fc.array(LABEL, { minLength: 1, maxLength: 4 }).map((labels) =>
  [...labels, "example", "com"].join(".")
);
const PORT = fc.constantFrom("443", "6443");
const BYTE = fc.constantFrom(0, 1, 127, 128, 255);
const ADDRESS = fc.tuple(fc.constant(10), BYTE, BYTE, BYTE).map((bytes) => bytes.join("."));
const HOST = fc.tuple(fc.oneof(NAME, ADDRESS), PORT).map((parts) => parts.join(":"));
const PATTERN = fc.oneof(
  HOST,
  fc.tuple(NAME, PORT).map(([name, port]) => `*.${name}:${port}`),
  fc.tuple(ADDRESS, fc.integer({ min: 8, max: 32 }), PORT).map(([address, prefix, port]) => {
    const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
    const value = ((a * 256 + b) * 256 + c) * 256 + d;
    const start = value - value % 2 ** (32 - prefix);
    const bytes = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256);
    return `${bytes.join(".")}/${prefix}:${port}`;
  }),
);

/** Which of the hosts a process with `--allow-net` of these patterns may connect to. */
async function askRuntime(patterns: readonly string[], hosts: readonly string[]) {
  const program = "console.log(JSON.stringify(Deno.args.map((host) => " +
    `Deno.permissions.querySync({ name: "net", host }).state === "granted")))`;
  const file = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(file, program);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", `--allow-net=${patterns.join()}`, file, ...hosts],
    }).output();
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("a host lies within patterns where the runtime lets a process with them connect", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(PATTERN, { minLength: 1, maxLength: 3 }),
      fc.array(HOST, { minLength: 20, maxLength: 40 }),
      async (patterns, random) => {
        patterns.forEach((pattern) => assert.equal(parseHostPattern(pattern), pattern));
        // Those that lie within by construction, too, since chance seldom meets them.
        const hosts = [...random, ...patterns.flatMap(samplesOf)];
        const verdicts = hosts.map((host) => liesWithin(host, patterns));
        assert.deepEqual(verdicts, await askRuntime(patterns, hosts));
        assert.ok(patterns.flatMap(samplesOf).every((host) => liesWithin(host, patterns)));
      },
    ),
    { numRuns: share(8, 100) },
  );
});

Deno.test("what is wider than a host is described in a line of its own, and nothing else is", () => {
  assert.deepEqual(
    describeWide([
      "api.example.com:6443",
      "[fd00::1]:6443",
      "*.clusters.example.com:6443",
      "unix:/run/systemd/journal/stdout",
      "10.20.0.0/16:6443",
      "10.20.0.1/32:6443",
    ]),
    [
      "wider than a host: *.clusters.example.com:6443: clusters.example.com and every host below it",
      "wider than a host: 10.20.0.0/16:6443: 65536 addresses, 10.20.0.0 to 10.20.255.255, port 6443",
    ],
  );
});
