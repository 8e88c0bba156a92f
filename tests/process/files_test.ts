import assert from "node:assert/strict";
import { fileError, outsideSandbox, readTextFile } from "../../src/process/files.ts";
import { UserError } from "../../src/errors.ts";

/** Reads a path below a directory with a few files of each kind. */
async function read(name: string, maxBytes?: number): Promise<string | undefined> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/directory`);
    await Deno.writeTextFile(`${directory}/text`, "ä\n");
    await Deno.writeTextFile(`${directory}/bom`, "\ufeffä");
    await Deno.writeTextFile(`${directory}/empty`, "");
    const utf16 = new Uint8Array([..."[[a]]\r\n"].flatMap((sign) => [sign.charCodeAt(0), 0]));
    await Deno.writeFile(`${directory}/utf16`, Uint8Array.of(0xff, 0xfe, ...utf16));
    await Deno.writeFile(`${directory}/utf16-be`, Uint8Array.of(0xfe, 0xff, 0, 0x61));
    await Deno.writeFile(`${directory}/utf16-without-mark`, utf16);
    await Deno.writeFile(`${directory}/latin1`, Uint8Array.of(0x61, 0xe4));
    await Deno.symlink(`${directory}/text`, `${directory}/link`);
    await Deno.symlink(`${directory}/nothing`, `${directory}/dangling`);
    await Deno.symlink("/dev/null", `${directory}/masked`);
    await new Deno.Command("mkfifo", { args: [`${directory}/fifo`] }).output();
    await Deno.symlink("fifo", `${directory}/to-fifo`);
    using _socket = Deno.listen({ transport: "unix", path: `${directory}/socket` });
    const path = name.startsWith("/") ? name : `${directory}/${name}`;
    return readTextFile(path, { flag: "a-flag", ...(maxBytes && { maxBytes }) });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const READ: readonly [name: string, path: string, text: string | undefined][] = [
  ["a file is read as UTF-8", "text", "ä\n"],
  ["a byte order mark is dropped", "bom", "ä"],
  ["an empty file is an empty text", "empty", ""],
  ["a link is followed", "link", "ä\n"],
  ["a file that is not there is none", "none", undefined],
  ["a link to /dev/null is an empty text", "masked", ""],
  ["a link to nothing is none", "dangling", undefined],
];

for (const [name, path, text] of READ) {
  Deno.test(name, async () => assert.equal(await read(path), text));
}

Deno.test("a file whose size is not known beforehand is read to its end", async () => {
  assert.match(await read("/proc/self/status") ?? "", /^Name:[\s\S]*\n$/);
});

Deno.test("a file of just as many bytes as are accepted is read", async () => {
  assert.equal(await read("text", 3), "\u00e4\n");
});

const REFUSED: readonly [name: string, path: string, error: RegExp, maxBytes?: number][] = [
  [
    "UTF-16, as PowerShell writes it",
    "utf16",
    /\/utf16: is UTF-16 text, as PowerShell writes it; save it as UTF-8$/,
  ],
  ["UTF-16 with its bytes the other way round", "utf16-be", /is UTF-16 text/],
  ["UTF-16 without its mark", "utf16-without-mark", /is UTF-16 text/],
  ["a directory", "directory", /\/directory: is a directory, expected a file$/],
  ["a device that never ends", "/dev/zero", /^\/dev\/zero: is a device, expected a file$/],
  ["a FIFO", "fifo", /\/fifo: is a named pipe \(FIFO\), expected a file$/],
  ["a link to a FIFO", "to-fifo", /\/to-fifo: is a named pipe \(FIFO\), expected a file$/],
  ["a socket", "socket", /\/socket: is a socket, expected a file$/],
  ["bytes that are no text", "latin1", /\/latin1: is not UTF-8 text$/],
  ["a file over the limit", "text", /\/text: is larger than 2 bytes, the most that is read$/, 2],
  ["a file that grows over the limit", "/proc/self/status", /is larger than 9 bytes/, 9],
  ["a file taken for a directory", "text/x", /\/text\/x: cannot read: Not a directory \(os err/],
];

for (const [name, path, error, maxBytes] of REFUSED) {
  Deno.test(`${name} is refused with the path`, async () => {
    await assert.rejects(read(path, maxBytes), (thrown) => {
      assert.ok(thrown instanceof UserError);
      assert.match(thrown.message, error);
      return true;
    });
  });
}

Deno.test("an error tells what was attempted, and for the sandbox the build flag that allows it", () => {
  const describe = (error: unknown) => fileError("/a", "write", "auth-dir", error).message;
  assert.equal(describe(new Deno.errors.PermissionDenied()), "/a: cannot write: permission denied");
  assert.equal(
    describe(new Deno.errors.NotCapable()),
    "/a: cannot write: outside the sandbox of this executable; bind or build it with --auth-dir /a to allow that",
  );
  assert.equal(
    describe(new Deno.errors.NotCapable()),
    outsideSandbox("/a", "write", "auth-dir").message,
  );
  assert.equal(
    describe(new Error("No space left on device (os error 28): write '/a'")),
    "/a: cannot write: No space left on device (os error 28)",
  );
  assert.equal(describe(new Error("quotes its input")), "/a: cannot write: Error");
  const ours = new UserError("content-invalid", "/a", "is broken");
  assert.equal(fileError("/b", "write", "auth-dir", ours), ours);
});
