import assert from "node:assert/strict";
import { billOfMaterials } from "../../scripts/support/bill_of_materials.ts";
import { readExecutable } from "../../src/executable/executable.ts";
import { PROJECT } from "../../scripts/support/project.ts";
import { formatPolicy } from "../../src/settings/sandbox.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";

/** Runs a command to its end in a directory. */
async function run(cwd: string, command: string, args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("a release holds the executables, what they are made of, their policy and checksums", async (test) => {
  const out = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${out}/crio-credential-provider-riscv64gc-unknown-linux-gnu`, "");
    // Any file does as the runtime, since the executable is read and not run.
    const made = await run(PROJECT, Deno.execPath(), [
      "run",
      "--allow-all",
      "scripts/release.ts",
      "--out",
      out,
    ], { DENORT_BIN: "/bin/true", DENORT_BIN_X86_64: "", DENORT_BIN_AARCH64: "" });
    assert.equal(made.code, 0, made.stderr);
    const names = (await Array.fromAsync(Deno.readDir(out))).map(({ name }) => name).sort();
    const name = "crio-credential-provider";
    const compiled = `${name}-${Deno.build.target}`;
    const ctl = "crio-credential-ctl";
    const expected = [`${name}.cdx.json`, `${name}.policy.json`, `${name}-script`, compiled];
    expected.push(`${ctl}.cdx.json`, `${ctl}-script`, `${ctl}-${Deno.build.target}`);
    assert.deepEqual(names, ["SHA256SUMS", ...expected].sort());

    await test.step("a runtime of another platform is not taken", () => {
      assert.match(
        made.stderr,
        /left out the compiled form for \S+: .*\(DENORT_BIN\) is not one for/,
      );
    });
    await test.step("the checksums are those of the files", async () => {
      const { code, stdout } = await run(out, "sha256sum", ["--check", "--strict", "SHA256SUMS"]);
      assert.equal(code, 0);
      assert.equal(stdout.trim().split("\n").length, names.length - 1);
    });
    await test.step("the policy is that of the executables", async () => {
      const policy = await Deno.readTextFile(`${out}/${name}.policy.json`);
      assert.equal(policy, formatPolicy(DEFAULT_SETTINGS));
    });
    await test.step("the bill of materials names the bundle, the packages and the runtime", async () => {
      const bom = JSON.parse(await Deno.readTextFile(`${out}/${name}.cdx.json`));
      const script = await readExecutable(await Deno.readFile(`${out}/${name}-script`));
      const binary = await readExecutable(await Deno.readFile(`${out}/${compiled}`));
      const { hashes: [hash], properties: [property] } = bom.metadata.component;
      assert.equal(hash.content, binary.facts.bundleSha256);
      assert.equal(property.value, script.facts.bundleSha256);
      const packages = bom.components.map((component: { "bom-ref": string }) =>
        component["bom-ref"]
      );
      assert.deepEqual(packages, [
        ...script.facts.dependencies.map((dependency) => dependency.split(" ")[0]),
        `deno@${Deno.version.deno}`,
      ]);
      const lock = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.lock`));
      for (const { "bom-ref": ref, hashes } of bom.components) {
        if (hashes === undefined) continue;
        const integrity = `sha512-${Uint8Array.fromHex(hashes[0].content).toBase64()}`;
        assert.equal(integrity, lock.npm[ref].integrity, ref);
      }
    });
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});

Deno.test("a package URL escapes the scope's sign", () => {
  const facts = {
    version: "1.0.0",
    gitCommit: "unknown",
    gitCommitDate: "unknown",
    bundleSha256: "00",
    dependencies: ["@scope/name@1.2.3 sha512-AAAA"],
  };
  const OTHERS = { scriptSha256: "00", denoVersion: "2.0.0" };
  const { components, metadata } = billOfMaterials("program", { facts, ...OTHERS });
  assert.equal(components[0]?.purl, "pkg:npm/%40scope/name@1.2.3");
  assert.ok(!("timestamp" in metadata));
  assert.deepEqual(metadata.component.licenses, [{ license: { id: "Apache-2.0" } }]);
  assert.throws(
    () => billOfMaterials("program", { facts: { ...facts, dependencies: ["name"] }, ...OTHERS }),
    /not a dependency of deno\.lock: name/,
  );
});

Deno.test("the same sources in two folders give the same executable, byte by byte", async () => {
  const directory = await Deno.makeTempDir();
  const built: string[] = [];
  try {
    for (const folder of ["one", "another one/and/deeper"]) {
      const copy = `${directory}/${folder}`;
      await Deno.mkdir(copy, { recursive: true });
      for (const part of ["src", "scripts", "deno.json", "deno.lock"]) {
        assert.equal((await run(PROJECT, "cp", ["-r", part, copy])).code, 0);
      }
      const options = ["run", "--allow-all"];
      const script = await run(copy, Deno.execPath(), [
        ...[...options, "scripts/build.ts", "--out", `${copy}/out`],
      ]);
      assert.equal(script.code, 0, script.stderr);
      built.push(await Deno.readTextFile(`${copy}/out/crio-credential-provider`));
      // The compiled form is made of these; its runtime is the same wherever.
      await Deno.writeTextFile(`${copy}/files.ts`, PRINT_FILES);
      const files = await run(copy, Deno.execPath(), [...options, "files.ts"]);
      assert.equal(files.code, 0, files.stderr);
      built.push(files.stdout);
    }
    const [script, files, otherScript, otherFiles] = built;
    assert.equal(otherScript, script);
    assert.ok((script?.length ?? 0) > 50_000);
    assert.equal(otherFiles, files);
    assert.match(files ?? "", /"chunk-1\.js"/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** A program that prints the files of both compiled programs. */
const PRINT_FILES = `
import { bundleFiles } from "./scripts/support/bundle.ts";
import { PROGRAMS } from "./src/executable/programs.ts";
import { DEFAULT_SETTINGS } from "./src/settings/settings.ts";
for (const name of PROGRAMS) {
  const { entry, modules } = await bundleFiles(name, DEFAULT_SETTINGS);
  console.log(JSON.stringify([entry, ...modules], null, 1));
}
`;
