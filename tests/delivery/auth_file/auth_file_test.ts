import assert from "node:assert/strict";
import {
  authFilePath,
  formatAuthFile,
  parseAuthFile,
  placeAuthFile,
  readGlobalAuthFile,
  removeAuthFile,
  writeAuthFile,
} from "../../../src/delivery/auth_file/auth_file.ts";
import type { Patience } from "../../../src/delivery/auth_file/placing.ts";
import { CLOCK } from "../../../src/process/clock.ts";

/** A run that replaces what lies there at once. */
const AT_ONCE: Patience = { clock: CLOCK, waitForTaken: 0, until: 0 };

async function withDirectory(check: (directory: string) => void | Promise<void>) {
  const directory = await Deno.makeTempDir();
  try {
    await check(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const names = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => name);

Deno.test("the file is named after the namespace and the image as the kubelet named it", async () => {
  assert.equal(
    await authFilePath("/etc/crio/auth", "default", "docker.io/library/nginx"),
    "/etc/crio/auth/default-7e59ad64326bc321517fb6fc6586de5ee149178394d9edfa2a877176cdf6fad5.json",
  );
});

Deno.test("the file is JSON with tabs", () => {
  const file = parseAuthFile(`{"auths":{"a.io":{"auth":"dTpw"}}}`, "test");
  assert.equal(
    formatAuthFile(file),
    `{\n\t"auths": {\n\t\t"a.io": {\n\t\t\t"auth": "dTpw"\n\t\t}\n\t}\n}`,
  );
});

Deno.test("a directory that is missing is made for its owner alone, and so is the file", async () => {
  await withDirectory(async (directory) => {
    const authDir = `${directory}/crio/auth`;
    await writeAuthFile(authDir, `${authDir}/a.json`, "{}", AT_ONCE);
    assert.equal(((await Deno.stat(authDir)).mode ?? 0) & 0o777, 0o700);
    assert.equal(((await Deno.stat(`${authDir}/a.json`)).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual(names(authDir), ["a.json"]);
  });
});

Deno.test("a file that is there is replaced whole; a reader keeps the old one", async () => {
  await withDirectory(async (directory) => {
    await writeAuthFile(directory, `${directory}/a.json`, "old and longer", AT_ONCE);
    using reader = await Deno.open(`${directory}/a.json`);
    await writeAuthFile(directory, `${directory}/a.json`, "new", AT_ONCE);
    assert.equal(await Deno.readTextFile(`${directory}/a.json`), "new");
    const buffer = new Uint8Array(32);
    assert.equal(await reader.read(buffer), "old and longer".length);
  });
});

Deno.test("a link in the place of the file is replaced, and what it points to is left alone", async () => {
  await withDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/victim`, "untouched");
    await Deno.symlink(`${directory}/victim`, `${directory}/a.json`);
    await writeAuthFile(directory, `${directory}/a.json`, "{}", AT_ONCE);
    assert.equal(await Deno.readTextFile(`${directory}/victim`), "untouched");
    assert.ok((await Deno.lstat(`${directory}/a.json`)).isFile);
  });
});

Deno.test("no temporary file is left when the file cannot be put in place", async () => {
  await withDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/a.json`);
    await assert.rejects(
      () => writeAuthFile(directory, `${directory}/a.json`, "{}", AT_ONCE),
      /a\.json: cannot put the auth file in place: Is a directory/,
    );
    assert.deepEqual(names(directory), ["a.json"]);
  });
});

Deno.test("a directory that everyone can write to is refused, and nothing is left in it", async () => {
  await withDirectory(async (directory) => {
    await Deno.chmod(directory, 0o777);
    await assert.rejects(
      () => writeAuthFile(directory, `${directory}/a.json`, "{}", AT_ONCE),
      /can be written to by everyone; make it private/,
    );
    assert.deepEqual(names(directory), []);
  });
});

Deno.test("a directory that belongs to another user is refused, which only root can try", async () => {
  if (Deno.uid() !== 0) return;
  await withDirectory(async (directory) => {
    await Deno.chown(directory, 65534, 65534);
    await assert.rejects(
      () => writeAuthFile(directory, `${directory}/a.json`, "{}", AT_ONCE),
      /belongs to user 65534; it must belong to root/,
    );
    assert.deepEqual(names(directory), []);
  });
});

Deno.test("a file in the place of the directory is refused", async () => {
  await withDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/auth`, "");
    await assert.rejects(
      () => writeAuthFile(`${directory}/auth`, `${directory}/auth/a.json`, "{}", AT_ONCE),
      /auth: cannot create the directory: something other than a directory is there; remove it/,
    );
  });
});

Deno.test("a pull with credentials leaves its file, and one without takes an earlier one away", async () => {
  await withDirectory(async (directory) => {
    const path = await authFilePath(directory, "default", "a.io/app");
    const place = async (text?: string) => {
      const file = text === undefined ? undefined : parseAuthFile(text, "test");
      return [(await placeAuthFile(directory, path, file, AT_ONCE)).outcome, names(directory)];
    };
    assert.deepEqual(await place(), ["no credentials", []]);
    const name = path.slice(directory.length + 1);
    assert.deepEqual(await place(`{"auths": {"a.io": {}}}`), ["wrote the auth file", [name]]);
    assert.deepEqual(await place(`{"auths": {}}`), [
      "wrote the auth file over one that was not taken",
      [name],
    ]);
    assert.deepEqual(await place(), ["no credentials any more, removed the auth file", []]);
  });
});

Deno.test("a directory that is there keeps its mode and its other files", async () => {
  await withDirectory(async (directory) => {
    await Deno.chmod(directory, 0o750);
    await Deno.mkdir(`${directory}/in-use`);
    await Deno.writeTextFile(`${directory}/other.json`, "other");
    await writeAuthFile(directory, `${directory}/a.json`, "{}", AT_ONCE);
    assert.equal(((await Deno.stat(directory)).mode ?? 0) & 0o777, 0o750);
    assert.deepEqual(names(directory).sort(), ["a.json", "in-use", "other.json"]);
  });
});

Deno.test("a file that others could read is replaced by one that they cannot", async () => {
  await withDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/a.json`, "{}", { mode: 0o644 });
    await writeAuthFile(directory, `${directory}/a.json`, "{}", AT_ONCE);
    assert.equal(((await Deno.stat(`${directory}/a.json`)).mode ?? 0) & 0o777, 0o600);
  });
});

Deno.test("what stands in the place of an outdated file and cannot be removed is named", async () => {
  await withDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/a.json/in-it`, { recursive: true });
    assert.throws(
      () => removeAuthFile(`${directory}/a.json`),
      /a\.json: cannot remove the outdated auth file: Directory not empty/,
    );
  });
});

Deno.test("an outdated file is removed, and none is no error", async () => {
  await withDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/a.json`, "{}");
    assert.equal(removeAuthFile(`${directory}/a.json`), true);
    assert.equal(removeAuthFile(`${directory}/a.json`), false);
    assert.equal(removeAuthFile(`${directory}/none/a.json`), false);
  });
});

Deno.test("what a global auth file holds is written as it was read, in other fields too", () => {
  const global = {
    auths: { "a.io": { auth: "dTpw", email: 5, x: [1, { y: null }] }, "": {}, "b.io": null },
    credHelpers: { "c.io": "helper", "d.io": null },
    HttpHeaders: { "X-A": "b" },
    nested: { auths: { "a.io": {} } },
  };
  assert.deepEqual(JSON.parse(formatAuthFile(parseAuthFile(JSON.stringify(global), "f"))), global);
});

Deno.test("a global auth file may lack entries and helpers, or hold null for them", () => {
  for (const text of ["{}", "null", `{"auths": null, "credHelpers": null}`]) {
    assert.equal(formatAuthFile(parseAuthFile(text, "f")), `{\n\t"auths": {}\n}`);
  }
});

Deno.test("a global auth file's fields are found in any case, put together and written once", () => {
  const text =
    `{"Auths": {"a.io": {"Auth": "dTpw"}}, "auths": {"b.io": {}, "a.io": {"auth": "dTpx"}},
    "CREDHELPERS": {"c.io": "h"}, "credsStore": "s", "CredsStore": "t"}`;
  assert.deepEqual(JSON.parse(formatAuthFile(parseAuthFile(text, "f"))), {
    auths: { "a.io": { auth: "dTpx" }, "b.io": {} },
    credHelpers: { "c.io": "h" },
    credsStore: "s",
    CredsStore: "t",
  });
  assert.equal(
    formatAuthFile(parseAuthFile(`{"auths": {"a.io": {}}, "Auths": null}`, "f")),
    `{\n\t"auths": {}\n}`,
  );
});

const WRONG_TYPES: readonly [entry: unknown, problem: string][] = [
  ["s3cret", "must be an object"],
  [["s3cret"], "must be an object"],
  [5, "must be an object"],
  [{ auth: 5 }, `must have a string for its "auth"`],
  [{ auth: "dTpw", AUTH: {} }, `must have a string for its "auth"`],
  [{ auth: "dTpw", identityToken: ["s3cret"] }, `must have a string for its "identitytoken"`],
];

for (const [entry, problem] of WRONG_TYPES) {
  Deno.test(`of a global auth file ${JSON.stringify(entry)} is left out: it ${problem}`, () => {
    const text = JSON.stringify({ auths: { "a.io": entry, "b.io": { auth: "dTpw" } }, x: 1 });
    const file = parseAuthFile(text, "f");
    assert.deepEqual(file.leftOut, [{ field: "auths", key: "a.io", problem }]);
    assert.deepEqual(JSON.parse(formatAuthFile(file)), {
      auths: { "b.io": { auth: "dTpw" } },
      x: 1,
    });
  });
}

Deno.test("an entry of a wrong type is told of, though another spelling of its field has a better one", () => {
  for (
    const text of [
      `{"auths": {"a.io": 1}, "AUTHS": {"a.io": {}}}`,
      `{"auths": {"a.io": 1}, "AUTHS": null}`,
    ]
  ) {
    assert.deepEqual(parseAuthFile(text, "f").leftOut.map(({ key }) => key), ["a.io"]);
  }
});

Deno.test("of a global auth file a credential helper that is no text is left out", () => {
  const { credHelpers, leftOut } = parseAuthFile(`{"credHelpers": {"a.io": 5, "b.io": "h"}}`, "f");
  assert.deepEqual([...credHelpers], [["b.io", "h"]]);
  assert.deepEqual(leftOut, [{ field: "credHelpers", key: "a.io", problem: "must be a string" }]);
});

Deno.test("a node without a global auth file has none", () => {
  assert.equal(readGlobalAuthFile("/nonexistent/config.json"), undefined);
});

const BROKEN: readonly [name: string, text: string, error: RegExp][] = [
  ["no JSON", `{"auths": "s3cret`, /^config\.json: not valid JSON/],
  ["nothing", "", /^config\.json: is empty, expected JSON/],
  ["an array", `["s3cret"]`, /^config\.json: it must be an object/],
  ["auths that are no object", `{"auths": "s3cret"}`, /^config\.json: "auths" must be an object/],
  ["helpers that are no object", `{"credHelpers": []}`, /"credHelpers" must be an object/],
];

for (const [name, text, error] of BROKEN) {
  Deno.test(`a global auth file that holds ${name} is refused by name, without its content`, () => {
    assert.throws(() => parseAuthFile(text, "config.json"), (thrown: Error) => {
      assert.match(thrown.message, error);
      assert.ok(!thrown.message.includes("s3cret"));
      return true;
    });
  });
}

Deno.test("a global auth file that is nested beyond measure is refused", () => {
  const text = `{"x": ${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
  assert.throws(() => formatAuthFile(parseAuthFile(text, "config.json")), /nested too deeply/);
});

Deno.test("a file that is withdrawn goes, and one that took its place since stays", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/a.json`;
    const file = parseAuthFile(`{"auths":{"a.io":{"auth":"dTpw"}}}`, "test");
    const first = await placeAuthFile(directory, path, file, AT_ONCE);
    const second = await placeAuthFile(directory, path, file, AT_ONCE);
    first.withdraw();
    assert.deepEqual(names(directory), ["a.json"]);
    second.withdraw();
    assert.deepEqual(names(directory), []);
    second.withdraw();
    (await placeAuthFile(directory, path, undefined, AT_ONCE)).withdraw();
    assert.deepEqual(names(directory), []);
  });
});
