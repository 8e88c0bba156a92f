import assert from "node:assert/strict";
import { serviceAccountToken } from "../support/service_account_token.ts";
import { createLog, JournaldStream, type LogFormat, type LogLevel } from "../../src/process/log.ts";

/** The lines that a use of the log gives. */
function lines(
  use: (log: ReturnType<typeof createLog>) => void,
  { level = "debug", format = "text" }: { level?: LogLevel; format?: LogFormat } = {},
): string[] {
  const written: string[] = [];
  use(createLog({
    level,
    format,
    sinks: [(_level, line) => written.push(line)],
    now: () => new Date(0),
  }));
  return written;
}

Deno.test("a line has its level, its message, and its facts in quotes", () => {
  assert.deepEqual(
    lines((log) => log.info("found", { sources: ["a", "b"], count: 2, none: undefined })),
    [`info: found sources="a, b" count=2`],
  );
});

Deno.test("a line may be JSON", () => {
  assert.deepEqual(lines((log) => log.warn("found", { a: "b" }), { format: "json" }), [
    `{"time":"1970-01-01T00:00:00.000Z","level":"warn","message":"found","a":"b"}`,
  ]);
});

Deno.test("levels under the one wanted are left out", () => {
  const all = (log: ReturnType<typeof createLog>) => {
    for (const level of ["error", "warn", "info", "debug"] as const) log[level](level);
  };
  assert.deepEqual(lines(all, { level: "warn" }), ["error: error", "warn: warn"]);
  assert.equal(lines(all, { level: "debug" }).length, 4);
});

const HOSTILE = "x\nerror: forged\r\u001b[2J\u2028\u202e\u0000\u0085";

for (const format of ["text", "json"] as const) {
  Deno.test(`strangers' text cannot end a line or drive a terminal (${format})`, () => {
    const [line = "", ...more] = lines((log) => {
      log.info(`message ${HOSTILE}`, { name: HOSTILE, names: [HOSTILE] });
    }, { format });
    assert.deepEqual(more, []);
    // deno-lint-ignore no-control-regex -- control characters are what must not be there
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
  });
}

Deno.test("journald gets its header lines, then each line with its priority", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/stdout`;
  try {
    using listener = Deno.listen({ transport: "unix", path });
    const received = listener.accept().then((peer) => new Response(peer.readable).text());
    const journald = new JournaldStream("crio-credential-provider");
    for (const level of ["error", "warn", "info", "debug"] as const) journald.sink(level, level);
    await journald.send(path);
    assert.equal(
      await received,
      "crio-credential-provider\n\n6\n1\n0\n0\n0\n<3>error\n<4>warn\n<6>info\n<7>debug\n",
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

for (const format of ["text", "json"] as const) {
  Deno.test(`what a stranger made long is cut, in messages and fields (${format})`, () => {
    const long = "x".repeat(700_000);
    const many = Array.from({ length: 10_000 }, () => long);
    const [line = ""] = lines((log) => {
      log.warn(`a message of ${long}`, { key: long, keys: ["a", long], many });
    }, { format });
    assert.match(line, /a message of x{4083}… \(700013 characters\)/);
    assert.match(line, /key\W+x{1024}… \(700000 characters\)/);
    assert.match(line, /many\W+x{1024}… \(700000 characters\)\W+… \(10000 in all\)/);
    assert.ok(line.length < 10_000, `${line.length}`);
  });

  Deno.test(`what looks like a credential is masked, in messages and fields (${format})`, () => {
    const token = serviceAccountToken();
    const [line = ""] = lines((log) => {
      log.warn(`said ${token}`, { key: `Bearer ${token}`, keys: [token.slice(0, 40)] });
    }, { format });
    assert.ok(!line.includes(token.slice(10, 30)), line);
    assert.match(line, /said \[masked\]\W+key\W+Bearer \[masked\]\W+keys\W+\[masked\]/);
  });
}

Deno.test("a node without journald is no error", async () => {
  const journald = new JournaldStream("crio-credential-provider");
  journald.sink("info", "line");
  await journald.send("/nonexistent/stdout");
});
