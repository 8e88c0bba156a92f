import assert from "node:assert/strict";
import { connect, createServer, type Server, type Socket } from "node:net";
import { AUTH, Cluster, MIRROR } from "../support/cluster.ts";
import { measurePull, START_UP } from "../support/measured_pull.ts";

/** What the log may hold up the end of a run, in milliseconds, and the rest of it. */
const LATEST = 250 + START_UP;

/** Mirrors whose names, which are logged, are more than a socket takes in before it is read. */
const MIRRORS = Array.from(
  { length: 5000 },
  (_, index) =>
    `[[registry.mirror]]\nlocation = "localhost:5000/a-long-path/${index}/to/docker.io"\n`,
);

interface DeadSocket {
  readonly name: string;
  /** Puts something at the path; what it gives back is disposed of after the run. */
  readonly place: (path: string) => Promise<AsyncDisposable>;
}

const nothing: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() };

const DEAD: readonly DeadSocket[] = [
  { name: "is not there", place: () => Promise.resolve(nothing) },
  {
    name: "is a file",
    place: async (path) => {
      await Deno.writeTextFile(path, "");
      return nothing;
    },
  },
  {
    name: "is a directory",
    place: async (path) => {
      await Deno.mkdir(path);
      return nothing;
    },
  },
  {
    name: "is a link to itself",
    place: async (path) => {
      await Deno.symlink(path, path);
      return nothing;
    },
  },
  {
    name: "was left behind by a journald that is gone",
    place: async (path) => {
      const server = await listen(path, () => {});
      // A link of another name outlives the server, which removes its own.
      await Deno.link(path, `${path}-left`);
      await close(server, []);
      await Deno.rename(`${path}-left`, path);
      return nothing;
    },
  },
  {
    name: "is bound, but nobody accepts",
    place: (path) => {
      const listener = Deno.listen({ transport: "unix", path });
      return Promise.resolve({
        [Symbol.asyncDispose]: () => Promise.resolve(listener.close()),
      });
    },
  },
  {
    name: "is bound, and its queue is full",
    place: async (path) => {
      const listener = Deno.listen({ transport: "unix", path });
      const waiting = await fillQueue(path);
      return {
        [Symbol.asyncDispose]: () => {
          waiting.forEach((socket) => socket.destroy());
          return Promise.resolve(listener.close());
        },
      };
    },
  },
  {
    name: "is accepted, but never read",
    place: async (path) => {
      const sockets: Socket[] = [];
      const server = await listen(path, (socket) => sockets.push(socket.pause()));
      return { [Symbol.asyncDispose]: () => close(server, sockets) };
    },
  },
  {
    name: "is accepted, and closed at once",
    place: async (path) => {
      const server = await listen(path, (socket) => socket.destroy());
      return { [Symbol.asyncDispose]: () => close(server, []) };
    },
  },
];

Deno.test("a journald socket that is dead holds up no pull, and takes nothing from stderr", async (test) => {
  const directory = await Deno.makeTempDir();
  const journaldSocket = `${directory}/stdout`;
  try {
    await using cluster = await Cluster.start({
      // At this level there is a line for each mirror.
      settings: { journaldSocket, logFormat: "json", logLevel: "debug" },
      registriesConf: MIRROR + MIRRORS.join(""),
    });
    for (const { name, place } of DEAD) {
      await test.step(name, async () => {
        const dead = await place(journaldSocket);
        try {
          const { code, stdout, stderr, milliseconds } = await measurePull(cluster);
          assert.equal(code, 0, stderr);
          assert.equal(JSON.parse(stdout).kind, "CredentialProviderResponse");
          const lines = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
          const chosen = lines.filter(({ message }) => message === "chose");
          assert.equal(chosen.length, MIRRORS.length + 1);
          assert.ok(stderr.length > 300_000);
          assert.equal(lines.at(-1).message, "wrote the auth file");
          assert.ok(milliseconds <= LATEST, `${milliseconds} ms`);
          assert.deepEqual(await cluster.authFile(), {
            auths: { "localhost:5000": { auth: AUTH } },
          });
        } finally {
          await cluster.takeAuthFile();
          await dead[Symbol.asyncDispose]();
          await Deno.remove(journaldSocket, { recursive: true }).catch(() => {});
        }
      });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

async function listen(path: string, accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer(accept);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

async function close(server: Server, sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}

/** Connects until no more connections are taken. */
async function fillQueue(path: string): Promise<Socket[]> {
  const waiting: Socket[] = [];
  for (;;) {
    const socket = connect(path);
    const outcome = await new Promise<"connected" | "refused">((resolve) => {
      socket.on("connect", () => resolve("connected"));
      socket.on("error", () => resolve("refused"));
    });
    waiting.push(socket);
    if (outcome === "refused") return waiting;
    assert.ok(waiting.length < 100_000, "the queue is never full");
  }
}
