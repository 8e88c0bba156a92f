import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { parseHostPattern } from "../../src/kubernetes/api_server_hosts.ts";
import { hostAndPort, parseApiServerUrl } from "../../src/kubernetes/api_server_url.ts";
import { describeHostsOfAnybody, refuseHostsOfAnybody } from "../../src/kubernetes/owned_hosts.ts";

const OWNED = [
  "api.example.com:6443",
  "10.20.0.0/16:6443",
  "[fd00::1]:6443",
  "*.example.com:6443",
  "*.cluster.local:6443",
  "*.my-site.github.io:6443",
  // A host of its own, whatever is below it.
  "github.io:6443",
];

Deno.test("hosts, ranges of addresses and domains of one owner are taken", async () => {
  await refuseHostsOfAnybody(OWNED);
  assert.deepEqual(await describeHostsOfAnybody([...OWNED, "unix:/run/x"]), []);
});

const REFUSED: readonly [pattern: string, suffix: string, advice: RegExp][] = [
  ["*.github.io:6443", "github.io", /^name what is yours below it/],
  ["*.co.uk:6443", "co.uk", /^name what is yours below it/],
  ["*.COM.au:6443", "com.au", /^name what is yours below it/],
  ["*.x.kawasaki.jp:6443", "*.kawasaki.jp", /^name what is yours below it/],
  ["*.scw.cloud:6443", ".scw.cloud", /^name a domain of your own/],
];

Deno.test("hosts of anybody are refused with the suffix of the list", async (t) => {
  for (const [text, suffix, advice] of REFUSED) {
    await t.step(text, async () => {
      const pattern = parseHostPattern(text);
      await assert.rejects(refuseHostsOfAnybody([...OWNED, pattern]), (error) => {
        assert.ok(error instanceof UsageError);
        assert.ok(error.problem.startsWith(`"${pattern}" would be hosts of anybody: `));
        assert.ok(error.problem.includes(`${suffix} is on the public suffix list`), error.problem);
        assert.match(error.advice ?? "", advice);
        return true;
      });
      assert.equal((await describeHostsOfAnybody([...OWNED, pattern])).length, 1);
    });
  }
});

Deno.test("a permission that no setting gives is described with what is wrong with it", async () => {
  const lines = await describeHostsOfAnybody(["*:6443", "*.local:6443", "api.example.com"]);
  assert.deepEqual(lines.length, 3);
  assert.match(lines.join("\n"), /every host\n.*hosts of anybody\n.*has no port/);
});

Deno.test("each host that an API server's address leads to is one that audit takes", async () => {
  const addresses = [
    "https://API.example.com",
    "my_host:6443",
    "[fd00::1]:443",
    "https://10.0.0.1",
  ];
  const targets = addresses.map((address) => hostAndPort(parseApiServerUrl(address) ?? address));
  assert.deepEqual(await describeHostsOfAnybody([...targets, "localhost:6443"]), []);
});
