import assert from "node:assert/strict";
import { mergeRegistries } from "../../../src/sources/registries_conf/config.ts";
import { readRegistriesFiles } from "../../../src/sources/registries_conf/files.ts";

/** Makes files, given by path, in a directory that stands for the root. */
async function withFiles(
  files: Readonly<Record<string, string>>,
  check: (root: string) => void | Promise<void>,
) {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    await check(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const inRoot = (root: string) => ({
  registriesConf: [`${root}/etc/registries.conf`, `${root}/usr/registries.conf`],
  registriesConfDir: [`${root}/usr/registries.conf.d`, `${root}/etc/registries.conf.d`],
});

Deno.test("drop-ins apply in the order of their names across directories, and the later directory's file hides the other", async () => {
  await withFiles({
    "etc/registries.conf": "",
    "usr/registries.conf.d/20.conf": "usr",
    "usr/registries.conf.d/30.conf": "usr",
    "etc/registries.conf.d/10.conf": "etc",
    "etc/registries.conf.d/20.conf": "etc",
    "etc/registries.conf.d/README": "no drop-in",
    "etc/registries.conf.d/sub.conf/40.conf": "in a sub-directory",
  }, (root) => {
    const { main, dropIns } = readRegistriesFiles(inRoot(root));
    assert.equal(main?.path, `${root}/etc/registries.conf`);
    assert.deepEqual(dropIns.map(({ path, text }) => [path.slice(root.length), text]), [
      ["/etc/registries.conf.d/10.conf", "etc"],
      ["/etc/registries.conf.d/20.conf", "etc"],
      ["/usr/registries.conf.d/30.conf", "usr"],
    ]);
  });
});

Deno.test("file names are in the order of their bytes, capitals and digits first", async () => {
  const sorted = [
    "1.conf",
    "10.conf",
    "10.conf.conf",
    "2.conf",
    "B.conf",
    "a.conf",
    "ä.conf",
    "\uff5e.conf",
    "😀.conf",
  ];
  const files = sorted.toReversed().map((name) => [`etc/registries.conf.d/${name}`, name]);
  await withFiles(Object.fromEntries(files), (root) => {
    assert.deepEqual(readRegistriesFiles(inRoot(root)).dropIns.map(({ text }) => text), sorted);
  });
});

Deno.test("of two file names of which one begins the other, the shorter comes first", async () => {
  // The directories tell in which order the names are met.
  for (const [first, second] of [["10.conf", "10.conf.conf"], ["10.conf.conf", "10.conf"]]) {
    await withFiles({
      [`usr/registries.conf.d/${first}`]: `${first}`,
      [`etc/registries.conf.d/${second}`]: `${second}`,
    }, (root) => {
      assert.deepEqual(
        readRegistriesFiles(inRoot(root)).dropIns.map(({ text }) => text),
        ["10.conf", "10.conf.conf"],
      );
    });
  }
});

Deno.test("a file in the place of a directory of drop-ins is refused", async () => {
  await withFiles({ "etc/registries.conf.d": "" }, (root) => {
    assert.throws(
      () => readRegistriesFiles(inRoot(root)),
      /registries\.conf\.d: cannot list: Not a directory/,
    );
  });
});

Deno.test("the second main file counts only where the first does not exist", async () => {
  await withFiles({ "usr/registries.conf": "usr" }, (root) => {
    assert.equal(readRegistriesFiles(inRoot(root)).main?.text, "usr");
  });
});

Deno.test("a node without any of the files has an empty configuration", () => {
  const files = readRegistriesFiles(inRoot("/nonexistent"));
  assert.deepEqual(mergeRegistries(files), {
    files: [],
    registries: [],
    credentialHelpers: undefined,
    aliases: new Map(),
    twins: [],
  });
});

Deno.test("a drop-in that is gone when it is opened is skipped", async () => {
  await withFiles({ "etc/registries.conf": "" }, async (root) => {
    await Deno.mkdir(`${root}/etc/registries.conf.d`);
    await Deno.symlink(`${root}/gone`, `${root}/etc/registries.conf.d/10.conf`);
    assert.deepEqual(readRegistriesFiles(inRoot(root)).dropIns, []);
  });
});

Deno.test("a byte order mark in front of the file is dropped, and what is no UTF-8 is refused", async () => {
  await withFiles({ "etc/registries.conf": "\ufeff[[registry]]" }, async (root) => {
    assert.equal(readRegistriesFiles(inRoot(root)).main?.text, "[[registry]]");
    await Deno.writeFile(`${root}/etc/registries.conf`, Uint8Array.of(0x23, 0xe9));
    assert.throws(() => readRegistriesFiles(inRoot(root)), /registries\.conf: is not UTF-8 text/);
  });
});

Deno.test("a directory in the place of the file is refused", async () => {
  await withFiles({ "etc/registries.conf/x": "" }, (root) => {
    assert.throws(() => readRegistriesFiles(inRoot(root)), /registries\.conf: is a directory/);
  });
});
