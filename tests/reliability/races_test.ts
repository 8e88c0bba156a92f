/**
 * Races with CRI-O: many processes of the built artifact put auth files in place, of the same and of
 * different names, while files are taken and deleted at random moments.
 *
 * The API server gives every run a password of its own, so that a file tells which run wrote it.
 */

import assert from "node:assert/strict";
import { print } from "../../scripts/support/print.ts";
import type { RecordedRequest } from "../support/api_server.ts";
import { Cluster, IMAGE, request } from "../support/cluster.ts";
import {
  CrioConsumer,
  takeAuthFile,
  takeAuthFileAtOnce,
  type TakenAuthFile,
} from "../support/crio_consumer.ts";
import { runPlugin } from "../support/plugin.ts";
import { runPool } from "../support/pool.ts";
import { share } from "../support/share.ts";
import { report } from "../support/summary.ts";

const PROCESSES = 20;
const RUNS = share(48, 3000);
const DURATION = share(6_000, 180_000);

/** The share of runs whose file is waited for, and taken in the moment it appears. */
const AWAITED = 0.5;

/** How long it is waited for, in milliseconds: the API server stands still meanwhile. */
const PATIENCE = 40;

/** Files are taken by so many at a time, as by a node's parallel pulls. */
const CONSUMERS = 2;

/** Longest time until a consumer looks for another file, in milliseconds. */
const LONGEST_PAUSE = 5;

/** What a process may take beyond its time limit on a busy machine, in milliseconds. */
const START_UP = 15_000;

const NAMESPACES = ["team-a", "team-b", "team-c"];

/** Entries of the global auth file: what is written takes long enough to be seen half. */
const GLOBAL = Object.fromEntries(
  Array.from({ length: 2_000 }, (_, i) => [`r${i}.example.com`, { auth: btoa(`global:${i}`) }]),
);

/** What the kubelet asks for. */
interface Pull {
  readonly namespace: string;
  readonly image: string;
  /** Whether other runs are for the same name. */
  readonly shared: boolean;
}

/** One run of the plugin. */
interface Run extends Pull {
  readonly password: string;
  /** When its secrets were answered, in milliseconds; its file cannot be there earlier. */
  answered: number;
  /** When it ended; its file cannot be put in place later. */
  ended: number;
}

/** A file that was taken. */
interface Taking {
  readonly run: Run;
  readonly at: number;
}

/** Half of the runs are for a name that others are for, too; each of the others has its own. */
function pullOf(index: number): Pull {
  const shared = index % 2 === 0;
  const name = shared ? `shared-${Math.floor(index / 6) % 2}` : `own-${index}`;
  const namespace = NAMESPACES[index % NAMESPACES.length] ?? "";
  return { namespace, image: `docker.io/library/${name}`, shared };
}

function nameOf({ namespace, image }: Pull): string {
  return `${namespace} ${image}`;
}

/** The password in a taken file, which has to be the file of one run and no more. */
function passwordIn({ authFile }: TakenAuthFile): string {
  assert.ok(typeof authFile === "object" && authFile !== null && "auths" in authFile);
  const { auths } = authFile;
  assert.ok(typeof auths === "object" && auths !== null);
  const { "localhost:5000": entry, ...rest } = Object.fromEntries(Object.entries(auths));
  assert.ok(JSON.stringify(rest) === JSON.stringify(GLOBAL), "not all global entries, or others");
  assert.ok(typeof entry === "object" && entry !== null && "auth" in entry);
  assert.ok(typeof entry.auth === "string");
  return atob(entry.auth).replace(/^user:/, "");
}

function secretList(password: string): Response {
  const auths = { "localhost:5000": { auth: btoa(`user:${password}`) } };
  return Response.json({
    kind: "SecretList",
    items: [{
      metadata: { name: "registry" },
      type: "kubernetes.io/dockerconfigjson",
      data: { ".dockerconfigjson": btoa(JSON.stringify({ auths })) },
    }],
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

Deno.test("without a wait CRI-O takes whole files of the right namespace, and every run's file or a newer one", async () => {
  const runs = new Map<string, Run>();
  const byAccount = new Map<string, Run>();
  /** Runs whose file is about to appear. */
  const imminent: Run[] = [];
  const respond = ({ user }: RecordedRequest) => {
    const run = byAccount.get(user ?? "");
    assert.ok(run !== undefined);
    run.answered = performance.now();
    if (Math.random() < AWAITED) setTimeout(() => imminent.push(run), 1);
    return secretList(run.password);
  };
  await using cluster = await Cluster.start({ api: { respond } });
  const { api, node, executable } = cluster;
  const { authDir } = node.settings;
  await node.writeGlobalAuthFile({ auths: GLOBAL });

  /** Pulls whose file may be there, by name. */
  const waiting = new Map<string, Pull>();
  const takings: Taking[] = [];
  let over = false;
  const take = async (pull: Pull, patience = 0) => {
    const { namespace, image } = pull;
    const file = patience === 0
      ? await takeAuthFile(authDir, namespace, image)
      : await takeAuthFileAtOnce(authDir, namespace, image, patience);
    if (file === undefined) return;
    const run = runs.get(passwordIn(file));
    assert.ok(run !== undefined, "a password that no run was given");
    assert.equal(nameOf(run), nameOf(pull));
    takings.push({ run, at: performance.now() });
    if (!pull.shared) waiting.delete(nameOf(pull));
  };
  const consume = async () => {
    while (!over) {
      const next = imminent.shift();
      const pulls = [...waiting.values()];
      const any = pulls[Math.floor(Math.random() * pulls.length)];
      if (next !== undefined) await take(next, PATIENCE);
      else if (any !== undefined) await take(any);
      await pause(Math.random() * LONGEST_PAUSE);
    }
  };
  const consumers = Promise.all(Array.from({ length: CONSUMERS }, consume));
  // A consumer that fails must not be an unhandled rejection while the runs go on.
  const consumed = consumers.then(() => undefined, (error: unknown) => error);

  const end = performance.now() + DURATION;
  const provide = async (index: number) => {
    const pull = pullOf(index);
    const password = crypto.randomUUID();
    const run: Run = { ...pull, password, answered: Infinity, ended: Infinity };
    const token = api.addServiceAccount(pull.namespace, `run-${index}`);
    byAccount.set(`system:serviceaccount:${pull.namespace}:run-${index}`, run);
    runs.set(password, run);
    waiting.set(nameOf(pull), pull);
    const { code, stderr } = await runPlugin(executable, { stdin: request(pull.image, token) });
    run.ended = performance.now();
    assert.equal(code, 0, stderr);
  };
  try {
    await runPool(RUNS, PROCESSES, provide, () => performance.now() < end);
  } finally {
    over = true;
  }
  const failure = await consumed;
  if (failure !== undefined) throw failure;
  const takenDuring = takings.length;
  for (const pull of waiting.values()) await take(pull);

  const taken = new Set(takings.map(({ run }) => run));
  assert.equal(taken.size, takings.length, "a file was taken twice");
  const untaken = [...runs.values()].filter((run) => !taken.has(run));
  // A run is overtaken by another one of the same name whose file was put in place after its own:
  // that was taken after this one's answer, and comes from a run that had not ended by then.
  const lost = untaken.filter((run) =>
    !takings.some((taking) =>
      nameOf(taking.run) === nameOf(run) && taking.at > run.answered &&
      taking.run.ended > run.answered
    )
  );
  report({ suite: "races with CRI-O", cases: runs.size, lost: lost.length });
  assert.deepEqual(lost.map(nameOf), []);
  assert.deepEqual(await node.authDirEntries(), ["in-use"]);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(`${authDir}/in-use`)), []);
  // Files were taken while others were being written, or there was no race.
  assert.ok(takenDuring > runs.size / 4, `${takenDuring} of ${runs.size}`);
  if (share(0, 1) === 1) {
    const text = `\n${runs.size} runs: ${takings.length} files taken, ${untaken.length} overtaken`;
    print(text, Deno.stderr);
  }
});

/** Pods of one namespace that start one image together. */
const PODS = 8;

/** How long a pull takes, in milliseconds: longer than a run, so that the runs get ahead of the pulls. */
const PULL = share(60, 200);

/** So many pulls at a time, as the kubelet does by default and with `maxParallelImagePulls: 5`. */
for (const parallel of [1, 5]) {
  Deno.test(`pods that start one image together each find their file, with ${parallel} pulls at a time`, async () => {
    await using cluster = await Cluster.start({ settings: { waitForTaken: null } });
    const crio = new CrioConsumer(cluster.node.settings.authDir);
    const queue = new PullQueue(parallel);
    const rounds = share(2, 25);
    let found = 0;
    for (let round = 0; round < rounds; round++) {
      const pulls = await Promise.all(Array.from({ length: PODS }, async (_, pod) => {
        const { code, stderr } = await cluster.pull();
        assert.equal(code, 0, stderr);
        const pull = { namespace: "default", image: IMAGE, cgroupParent: `/pod-${pod}` };
        return await queue.add(() =>
          crio.pull(pull, async (file) => {
            await pause(PULL);
            return file !== undefined;
          })
        );
      }));
      found += pulls.filter(Boolean).length;
    }
    const lost = rounds * PODS - found;
    report({ suite: `${PODS} pods at once, ${parallel} pulls`, cases: rounds * PODS, lost });
    assert.ok(lost <= rounds * PODS / 50, `${lost} of ${rounds * PODS} pulls found no file`);
    assert.deepEqual(await cluster.node.authDirEntries(), ["in-use"]);
  });
}

/** The kubelet's queue: a pull waits for its turn after the plugin has run. */
class PullQueue {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(parallel: number) {
    this.#free = parallel;
  }

  async add<Result>(pull: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await pull();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

Deno.test("runs that no pull follows keep the next ones once, and not for longer than the wait", async () => {
  const wait = 3_000;
  await using cluster = await Cluster.start({ settings: { waitForTaken: wait } });
  const { authDir } = cluster.node.settings;
  const timed = async () => {
    const begin = performance.now();
    const { code, stderr } = await cluster.pull();
    assert.equal(code, 0, stderr);
    return { elapsed: performance.now() - begin, waited: /waited="(\d+)ms"/.exec(stderr)?.[1] };
  };
  // As in back-off, or for an image that is on the node: the kubelet runs the plugin and does not pull.
  await timed();
  const together = await Promise.all(Array.from({ length: 4 }, timed));
  for (const { waited } of together) assert.ok(Number(waited ?? 0) <= wait + 500, waited);
  assert.ok(together.some(({ waited }) => waited !== undefined));
  // What was waited for in vain is not waited for again.
  assert.equal((await timed()).waited, undefined);
  // A pull comes at last, and finds a file.
  assert.ok(await takeAuthFile(authDir, "default", IMAGE));
  assert.equal((await timed()).waited, undefined);
  assert.ok(await takeAuthFile(authDir, "default", IMAGE));
  assert.deepEqual(await cluster.node.authDirEntries(), ["in-use"]);
});

Deno.test("a run whose time limit comes before the wait is over puts its file in place by then", async () => {
  await using cluster = await Cluster.start({ settings: { waitForTaken: 30_000 } });
  await cluster.pull();
  const begin = performance.now();
  const { code, stderr } = await cluster.pull({ args: ["--timeout", "4s"] });
  assert.equal(code, 0, stderr);
  assert.ok(performance.now() - begin < 4_000 + START_UP, `${performance.now() - begin} ms`);
  assert.match(stderr, /wrote the auth file over one that was not taken .* waited="\d+ms"/);
  assert.ok(await takeAuthFile(cluster.node.settings.authDir, "default", IMAGE));
});
