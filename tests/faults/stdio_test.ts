import assert from "node:assert/strict";
import { assertWholeFiles } from "../support/auth_dir.ts";
import { AUTH, Cluster, IMAGE, request } from "../support/cluster.ts";
import { measurePull, START_UP } from "../support/measured_pull.ts";
import { PLUGIN_ENV, type PluginResult, runPlugin } from "../support/plugin.ts";

const FIRST = { auths: { "localhost:5000": { auth: AUTH } } };

/** Pulls with redirections of the shell. */
function pullWith(
  cluster: Cluster,
  redirections: string,
  stdin = request(IMAGE, cluster.token),
): Promise<PluginResult> {
  const args = ["-c", `exec "$0" ${redirections}`, cluster.executable];
  return runPlugin("/bin/sh", { args, stdin });
}

/** Text that comes in pieces with a pause of so many milliseconds after each. */
function slowly(text: string, pieces: number, pause: number) {
  const bytes = new TextEncoder().encode(text);
  const length = Math.ceil(bytes.length / pieces);
  let sent = 0;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      if (sent >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(sent, sent += length));
      await new Promise((resolve) => setTimeout(resolve, pause));
    },
  }, { highWaterMark: 0 });
}

/** Text after which nothing comes, not even an end. */
function unended(text: string) {
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
  });
}

Deno.test("stdin that ends too early is an error that says so", async (test) => {
  await using cluster = await Cluster.start();
  const whole = request(IMAGE, cluster.token);
  for (
    const [name, stdin, error] of [
      ["at once", "", /stdin: is empty, expected JSON$/],
      ["after a byte", whole.slice(0, 1), /stdin: not valid JSON \(line 1, column 2\)$/],
      ["in the middle of the token", whole.slice(0, 400), /stdin: not valid JSON/],
      ["a byte before its end", whole.slice(0, -1), /stdin: not valid JSON/],
    ] as const
  ) {
    await test.step(name, async () => {
      const { code, stdout, stderr } = await cluster.pull({ stdin });
      assert.match(stderr.trimEnd(), error);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.ok(!stderr.includes(cluster.token.slice(0, 40)));
    });
  }
  const closed = await pullWith(cluster, "<&-");
  assert.match(closed.stderr, /^error: .* on stdin: is empty, expected JSON$/m);
  assert.deepEqual([closed.code, closed.stdout], [1, ""]);
  assert.deepEqual(await cluster.node.authDirEntries(), []);
  assert.equal(cluster.api.requests.length, 0);
});

Deno.test("stdin that neither ends nor holds a whole request is given up on at the time limit", async (test) => {
  const timeout = 800;
  await using cluster = await Cluster.start({ settings: { timeout } });
  const whole = request(IMAGE, cluster.token);
  for (
    const [name, text] of [
      ["nothing", ""],
      ["half", whole.slice(0, 100)],
      ["all and more", `${whole} x`],
    ] as const
  ) {
    await test.step(name, async () => {
      const { code, stdout, stderr, milliseconds } = await measurePull(cluster, {
        stdin: unended(text),
      });
      assert.equal(stderr, "error: stdin: did not end within 800 ms\n");
      assert.deepEqual([code, stdout], [1, ""]);
      assert.ok(milliseconds <= timeout * 1.1 + START_UP, `${milliseconds} ms`);
    });
  }
  assert.deepEqual(await cluster.node.authDirEntries(), []);
});

Deno.test("a whole request is answered though stdin never ends", async (test) => {
  await using cluster = await Cluster.start();
  const whole = request(IMAGE, cluster.token);
  for (const [name, text] of [["at once", whole], ["with a line feed", `${whole}\n`]] as const) {
    await test.step(name, async () => {
      const { code, stderr } = await cluster.pull({ stdin: unended(text) });
      assert.equal(code, 0, stderr);
      assert.deepEqual(await cluster.authFile(), FIRST);
    });
  }
});

Deno.test("stdin that comes in small pieces is read to its end", async () => {
  await using cluster = await Cluster.start();
  const { code, stderr } = await cluster.pull({
    stdin: slowly(request(IMAGE, cluster.token), 40, 5),
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual(await cluster.authFile(), FIRST);
});

Deno.test("a response that cannot be written is an error that says why, and the auth file stays whole", async (test) => {
  await using cluster = await Cluster.start();
  const { authDir } = cluster.node.settings;
  await test.step("full", async () => {
    const { code, stderr } = await pullWith(cluster, ">/dev/full");
    assert.match(
      stderr,
      /^error: stdout: cannot write the response: No space left on device \(os /m,
    );
    assert.equal(code, 1);
  });
  await test.step("read by nobody any more", async () => {
    const { code, text } = await pullWithout(cluster, "stdout");
    assert.match(text, /^error: stdout: cannot write the response: its reader is gone$/m);
    assert.equal(code, 1);
  });
  await test.step("closed from the start", async () => {
    // The runtime opens /dev/null in its place, so that no file of ours can become stdout.
    const { code, stderr } = await pullWith(cluster, ">&-");
    assert.equal(code, 0, stderr);
  });
  assert.deepEqual(await assertWholeFiles(authDir), []);
  assert.deepEqual(await cluster.authFile(), FIRST);
});

Deno.test("a log that cannot be written is no reason to fail, nor to succeed", async (test) => {
  await using cluster = await Cluster.start();
  const { authDir } = cluster.node.settings;
  for (const redirection of ["2>/dev/full", "2>&-"]) {
    await test.step(redirection, async () => {
      const { code, stdout } = await pullWith(cluster, redirection);
      assert.equal(code, 0);
      assert.equal(JSON.parse(stdout).kind, "CredentialProviderResponse");
      assert.deepEqual(await cluster.authFile(), FIRST);
      const failed = await pullWith(cluster, redirection, "{");
      assert.deepEqual([failed.code, failed.stdout], [1, ""]);
      const misused = await pullWith(cluster, `--log-level loud ${redirection}`);
      assert.deepEqual([misused.code, misused.stdout], [2, ""]);
    });
  }
  await test.step("read by nobody any more", async () => {
    const { code, text } = await pullWithout(cluster, "stderr");
    assert.equal(code, 0);
    assert.equal(JSON.parse(text).kind, "CredentialProviderResponse");
  });
  await test.step("all three closed", async () => {
    const { code, stdout, stderr } = await pullWith(cluster, "<&- >&- 2>&-");
    assert.deepEqual([code, stdout, stderr], [1, "", ""]);
  });
  assert.deepEqual(await assertWholeFiles(authDir), []);
});

/** Pulls with one of the outputs closed by its reader, and gives the text of the other. */
async function pullWithout(cluster: Cluster, closed: "stdout" | "stderr") {
  const child = new Deno.Command(cluster.executable, {
    clearEnv: true,
    env: { ...PLUGIN_ENV },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child[closed].cancel();
  await new Blob([request(IMAGE, cluster.token)]).stream().pipeTo(child.stdin);
  const text = await new Response(child[closed === "stdout" ? "stderr" : "stdout"]).text();
  return { code: (await child.status).code, text };
}
