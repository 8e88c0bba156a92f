import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import fc from "fast-check";
import { bindExecutable, policyChanges, readBindable } from "../../src/executable/bind.ts";
import { joinBytes, readCompiledFile } from "../../src/executable/compiled_file.ts";
import { findDeviations, readExecutable } from "../../src/executable/executable.ts";
import { ExecutableError } from "../../src/executable/program.ts";
import { applyFlags, DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import { share } from "../support/share.ts";
import { runtimeOf } from "../support/small_executable.ts";
import { BUNDLE, smallRelease } from "../support/small_release.ts";

const VERSION = "1.2.3";

const path = fc.array(fc.stringMatching(/^[A-Za-z0-9_ '"$-]{1,8}$/), { minLength: 1, maxLength: 3 })
  .map((parts) => `/${parts.join("/")}`);
const host = fc.constantFrom(
  "api.example.com:6443",
  "10.0.0.1:443",
  "[fd00::1]:6443",
  "localhost:1",
);
const FLAGS: Readonly<Record<string, fc.Arbitrary<readonly string[]>>> = {
  "registries-conf": path.map((one) => [one]),
  "registries-conf-dir": fc.array(path, { minLength: 1, maxLength: 3 }),
  "auth-dir": path.map((one) => [one]),
  "kubelet-auth-file": path.map((one) => [one]),
  "kubeconfig": path.map((one) => [one]),
  "ca-file": path.map((one) => [one]),
  "apiserver": host.map((one) => [one]),
  "apiserver-hosts": fc.subarray(["*.clusters.example.com:6443", "10.20.0.0/16:6443", "a.io:1"], {
    minLength: 1,
  }),
  "timeout": fc.integer({ min: 1, max: 55 }).map((seconds) => [`${seconds}s`]),
  "log-level": fc.constantFrom(["debug"], ["error"]),
  "journald-socket": fc.constantFrom([""], ["/run/log"]),
};

/** Flags that only one runtime has. */
const CRIO_FLAGS: typeof FLAGS = {
  "pulled-images": fc.constantFrom(["node"], ["service-account"]),
};
const CONTAINERD_FLAGS: typeof FLAGS = {
  "containerd-hosts-dir": fc.array(path, { minLength: 1, maxLength: 3 }),
  "containerd-also-offer": fc.subarray(["registry-1.docker.io", "quay.io", "localhost:5000"], {
    minLength: 1,
  }),
  "cache-duration": fc.integer({ min: 0, max: 60 }).map((minutes) => [`${minutes}m`]),
};

/** Settings as a command line gives them, for nodes with either runtime. */
const SETTINGS: fc.Arbitrary<Settings> = fc.oneof(
  fc.record({ ...FLAGS, ...CRIO_FLAGS }, { requiredKeys: [] }),
  fc.record({ ...FLAGS, ...CONTAINERD_FLAGS, runtime: fc.constant(["containerd"]) }, {
    requiredKeys: ["runtime"],
  }),
).map((given) =>
  applyFlags(
    DEFAULT_SETTINGS,
    new Map(Object.entries(given).map(([flag, texts]) => [flag, texts ?? []])),
  )
);

Deno.test("binding gives what a build gives, whatever was bound before, and changes nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(
      SETTINGS,
      SETTINGS,
      fc.constantFrom(0x3e, 0xb7),
      fc.constantFrom("crio-credential-provider", "crio-credential-ctl"),
      async (first, second, machine, name) => {
        const release = await smallRelease({ machine, name });
        const once = await bindExecutable(release, first, VERSION);
        deepStrictEqual(once.bytes, await smallRelease({ settings: first, machine, name }));
        const again = await bindExecutable(once.bytes, second, VERSION);
        deepStrictEqual(again.bytes, await smallRelease({ settings: second, machine, name }));
        deepStrictEqual((await bindExecutable(again.bytes, second, VERSION)).bytes, again.bytes);
        deepStrictEqual(
          (await bindExecutable(again.bytes, DEFAULT_SETTINGS, VERSION)).bytes,
          release,
        );
        const [before, after] = [release, again.bytes].map((bytes) =>
          runtimeOf(readCompiledFile(bytes))
        );
        deepStrictEqual(after, before);
        strictEqual(again.after.compiled.program.bundle, BUNDLE);
        strictEqual(again.after.compiled.runtimeSha256, once.before.compiled.runtimeSha256);
        deepStrictEqual(again.after.settings, second);
        deepStrictEqual(findDeviations(await readExecutable(again.bytes)), []);
      },
    ),
    { numRuns: share(40, 2000) },
  );
});

Deno.test("what changes of the policy is told line by line, and nothing where nothing does", async () => {
  const release = await smallRelease();
  const same = await bindExecutable(release, { ...DEFAULT_SETTINGS, timeout: 20_000 }, VERSION);
  deepStrictEqual(policyChanges(same.before, same.after), []);
  const settings = applyFlags(
    DEFAULT_SETTINGS,
    new Map([["apiserver-hosts", ["*.clusters.example.com:6443"]], ["auth-dir", ["/srv/auth"]]]),
  );
  const { before, after } = await bindExecutable(release, settings, VERSION);
  deepStrictEqual(
    policyChanges(before, after).map(({ sign, verb, line: { kind, target } }) =>
      `${sign} ${verb} ${kind} ${target}`
    ),
    [
      "- allow read /etc/crio/auth",
      "- allow write /etc/crio/auth",
      "- allow net localhost:6443",
      "- deny read /etc/crio/auth/in-use",
      "- deny write /etc/crio/auth/in-use",
      "+ allow read /srv/auth",
      "+ allow write /srv/auth",
      "+ allow net *.clusters.example.com:6443",
      "+ deny read /srv/auth/in-use",
      "+ deny write /srv/auth/in-use",
    ],
  );
});

/** Where something begins in a file, and where it ends. */
function placeOf(bytes: Uint8Array, from: string, to: string): [start: number, end: number] {
  const text = new TextDecoder("latin1").decode(bytes);
  const start = text.indexOf(from);
  return [start, text.indexOf(to, start) + to.length];
}

Deno.test("a byte changed anywhere is refused, or is a value of the line of what the build fixed", async () => {
  const release = await smallRelease();
  const settings = { ...DEFAULT_SETTINGS, timeout: 1_000 };
  const { facts } = await readBindable(release, VERSION);
  const [lineStart, lineEnd] = placeOf(release, "const BUILD=", "\n");
  const [bundleStart, bundleEnd] = placeOf(release, BUNDLE.slice(0, 50), BUNDLE.slice(-20));
  ok(lineStart > 0 && bundleStart >= lineEnd && bundleEnd > bundleStart);
  let accepted = 0;
  for (let at = 0; at < release.length; at++) {
    // Its hash covers the bundle, so that a share of its bytes stands for all.
    if (at >= bundleStart && at < bundleEnd && at % share(97, 5) !== 0) continue;
    for (const flip of [0x01, 0x20]) {
      const bytes = release.slice();
      bytes[at] = (bytes[at] ?? 0) ^ flip;
      let result;
      try {
        result = await bindExecutable(bytes, settings, VERSION);
      } catch (error) {
        if (error instanceof ExecutableError) continue;
        throw error;
      }
      accepted++;
      ok(at >= lineStart && at < lineEnd, `byte ${at} changed by ${flip}`);
      // Another value of a setting has no part in what is bound. What the build said of its commit and
      // its packages is carried over as it is.
      const { gitCommit, gitCommitDate, dependencies } = result.after.facts;
      const told = { gitCommit, gitCommitDate, dependencies };
      deepStrictEqual({ ...result.after.facts, ...told }, { ...facts, ...told });
      deepStrictEqual(result.after.settings, settings);
    }
  }
  ok(accepted > 0 && accepted < lineEnd - lineStart, `${accepted}`);
});

Deno.test("a file that is cut anywhere is refused", async () => {
  const release = await smallRelease();
  for (let length = 0; length < release.length; length += share(61, 1)) {
    await rejects(readBindable(release.slice(0, length), VERSION), ExecutableError, `${length}`);
  }
});

Deno.test("what is no release of this version is refused with the reason", async (test) => {
  const release = await smallRelease();
  const text = new TextEncoder();
  const cases: readonly [string, Uint8Array<ArrayBuffer>, RegExp][] = [
    [
      "a script",
      text.encode("#!/bin/sh\necho\n"),
      /it is a script: the compiled form alone can be bound/,
    ],
    ["zeros", new Uint8Array(100_000), /no ELF header/],
    ["another version", await smallRelease({ version: "1.3.0" }), /"1\.3\.0".*knows 1\.2\.3 alone/],
    ["a program behind it", joinBytes([release, release]), /behind its program/],
    [
      "a program with an import()",
      await smallRelease({ bundle: `${BUNDLE}import(x);` }),
      /not as it was built: the program calls import\(\)/,
    ],
    [
      "a program without the lock-down",
      await smallRelease({ bundle: "run(BUILD);\n" }),
      /does not begin with the lock-down/,
    ],
  ];
  for (const [name, bytes, problem] of cases) {
    await test.step(name, () =>
      rejects(
        readBindable(bytes, VERSION),
        (error) => error instanceof ExecutableError && problem.test(error.message),
      ));
  }
});
