import assert from "node:assert/strict";
import {
  type Patience,
  patienceOf,
  type Placing,
  putInPlace,
  WAIT_FOR_TAKEN,
} from "../../../src/delivery/auth_file/placing.ts";
import { CLOCK } from "../../../src/process/clock.ts";
import { PULLED_IMAGES, type PulledImages } from "../../../src/kubelet/pulled_images.ts";

const WAIT = 10_000;

/** A clock that goes on only while somebody sleeps, and what happens at which of its moments. */
class FakeClock {
  milliseconds = 0;
  readonly #begin = Date.now();
  readonly #events: { readonly at: number; readonly happens: () => void }[] = [];

  now = () => this.milliseconds;
  wallClock = () => this.#begin + this.milliseconds;
  sleep = (milliseconds: number) => {
    this.milliseconds += milliseconds;
    for (const { at, happens } of this.#events.splice(0)) {
      if (at <= this.milliseconds) happens();
      else this.at(at, happens);
    }
    return Promise.resolve();
  };

  at(at: number, happens: () => void): void {
    this.#events.push({ at, happens });
  }
}

/** A directory with a place for an auth file, and runs that come to it. */
class Place {
  readonly clock = new FakeClock();
  readonly directory: string;
  readonly path: string;
  #runs = 0;

  constructor(directory: string) {
    this.directory = directory;
    this.path = `${directory}/a.json`;
  }

  /** A run that started when the clock showed `started`, and has its file finished now. */
  async run(
    text: string,
    { started = this.clock.now(), deadline = Infinity, wait = WAIT } = {},
  ): Promise<Placing> {
    const temporary = `${this.directory}/${this.#runs++}.tmp`;
    this.write(temporary, text);
    const times = { clock: this.clock, started, deadline };
    const placing = await putInPlace(
      temporary,
      this.path,
      patienceOf({ waitForTaken: wait, pulledImages: "node" }, times),
    );
    assert.throws(() => Deno.lstatSync(temporary), Deno.errors.NotFound);
    return placing;
  }

  write(path: string, text: string, age = 0): void {
    Deno.writeTextFileSync(path, text, { mode: 0o600 });
    const date = new Date(this.clock.wallClock() - age);
    Deno.utimeSync(path, date, date);
  }

  take(): string {
    const text = Deno.readTextFileSync(this.path);
    Deno.removeSync(this.path);
    return text;
  }

  /** How long the file has been lying there, by its date, in milliseconds. */
  age(): number {
    return this.clock.wallClock() - (Deno.statSync(this.path).mtime?.getTime() ?? NaN);
  }
}

function test(name: string, check: (place: Place) => Promise<void>): void {
  Deno.test(name, async () => {
    const directory = await Deno.makeTempDir();
    try {
      await check(new Place(directory));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

test("a file whose place is free is put there at once", async (place) => {
  assert.deepEqual(await place.run("first"), { waited: 0, replaced: false });
  assert.equal((await Deno.stat(place.path)).nlink, 1);
  assert.equal(place.take(), "first");
});

test("a file that CRI-O has not taken yet stays until it is taken", async (place) => {
  await place.run("first");
  place.clock.at(3_000, () => assert.equal(place.take(), "first"));
  assert.deepEqual(await place.run("second"), { waited: 3_000, replaced: false });
  assert.equal(place.age(), 0, "it is as old as it has been lying there");
  assert.equal(place.take(), "second");
});

test("a file that nobody takes is replaced when the wait is over", async (place) => {
  await place.run("first");
  assert.deepEqual(await place.run("second"), { waited: WAIT, replaced: true });
  assert.equal(place.take(), "second");
});

test("the wait counts from the run's start, and not from the moment its file is finished", async (place) => {
  await place.run("first");
  await place.clock.sleep(9_000);
  place.write(place.path, "first");
  assert.deepEqual(await place.run("second", { started: 0 }), { waited: 1_000, replaced: true });
});

test("a run whose time is up does not wait", async (place) => {
  await place.run("first");
  assert.deepEqual(await place.run("second", { deadline: 0 }), { waited: 0, replaced: true });
  await place.clock.sleep(60_000);
  await place.run("third");
  const deadline = place.clock.now() + 2_000;
  assert.deepEqual(await place.run("fourth", { deadline }), { waited: 2_000, replaced: true });
});

test("a wait of nothing replaces what lies there", async (place) => {
  await place.run("first", { wait: 0 });
  assert.deepEqual(await place.run("second", { wait: 0 }), { waited: 0, replaced: true });
  assert.equal(place.take(), "second");
});

test("runs that waited together give up together, and the next one does not wait", async (place) => {
  await place.run("first");
  assert.equal((await place.run("second")).waited, WAIT);
  assert.equal(place.age(), WAIT, "it is as old as what was not taken");
  assert.deepEqual(await place.run("third"), { waited: 0, replaced: true });
  assert.equal(place.take(), "third");
});

test("a run that waits for nobody begins anew for those that come with it", async (place) => {
  await place.run("first");
  await place.clock.sleep(WAIT);
  assert.deepEqual(await place.run("second"), { waited: 0, replaced: true });
  assert.equal(place.age(), 0);
  place.clock.at(place.clock.now() + 500, () => assert.equal(place.take(), "second"));
  assert.deepEqual(await place.run("third"), { waited: 500, replaced: false });
});

test("once a file is taken, the next are waited for again", async (place) => {
  await place.run("first");
  await place.run("second");
  place.take();
  await place.run("third");
  assert.equal(place.age(), 0);
  assert.equal((await place.run("fourth")).waited, WAIT);
});

test("a file that is dated ahead is not waited for", async (place) => {
  place.write(place.path, "from a clock that was set back", -5_000);
  assert.deepEqual(await place.run("second"), { waited: 0, replaced: true });
  assert.equal(place.age(), 0);
});

for (
  const [what, put] of [
    ["a link", (path: string) => Deno.symlinkSync("/nonexistent", path)],
    ["a file that others may read", (path: string) => Deno.writeTextFileSync(path, "x")],
  ] as const
) {
  test(`${what} in the place is replaced without a wait`, async (place) => {
    put(place.path);
    assert.deepEqual(await place.run("ours"), { waited: 0, replaced: true });
    assert.equal(place.take(), "ours");
  });
}

test("what takes the place during a wait lends nobody its date", async (place) => {
  await place.run("first");
  place.clock.at(1_000, () => {
    place.take();
    Deno.symlinkSync("/nonexistent", place.path);
  });
  assert.deepEqual(await place.run("second"), { waited: 1_000, replaced: true });
  assert.equal(place.age(), WAIT, "old enough for nobody to wait, and young enough to stay");
});

test("a directory in the place is an error", async (place) => {
  await Deno.mkdir(place.path);
  await assert.rejects(
    place.run("ours"),
    /a\.json: cannot put the auth file in place: Is a directory/,
  );
});

test("a directory that is gone is an error", async (place) => {
  await Deno.writeTextFile(`${place.directory}/x.tmp`, "x");
  const patience: Patience = { clock: CLOCK, waitForTaken: WAIT, until: Infinity };
  await assert.rejects(
    putInPlace(`${place.directory}/x.tmp`, `${place.directory}/gone/a.json`, patience),
    /gone\/a\.json: cannot put the auth file in place: No such file or directory/,
  );
});

test("of many runs at once each one's file is taken, and none twice", async (place) => {
  const texts = Array.from({ length: 20 }, (_, index) => `run ${index}`);
  const patience: Patience = { clock: CLOCK, waitForTaken: 30_000, until: Infinity };
  const runs = Promise.all(texts.map(async (text, index) => {
    const temporary = `${place.directory}/at-once-${index}.tmp`;
    place.write(temporary, text);
    const { replaced } = await putInPlace(temporary, place.path, patience);
    assert.equal(replaced, false);
  }));
  const taken: string[] = [];
  while (taken.length < texts.length) {
    try {
      taken.push(place.take());
    } catch (error) {
      assert.ok(error instanceof Deno.errors.NotFound);
    }
    await CLOCK.sleep(1);
  }
  await runs;
  assert.deepEqual(taken.sort(), texts.sort());
});

Deno.test("the wait is the one that is set, else the one of the mode", () => {
  const times = { clock: CLOCK, started: 100, deadline: 30_000 };
  const of = (waitForTaken: number | null, pulledImages: PulledImages) =>
    patienceOf({ waitForTaken, pulledImages }, times);
  assert.equal(of(2_000, "node").until, 2_100);
  assert.equal(of(0, "node").waitForTaken, 0);
  for (const mode of PULLED_IMAGES) {
    assert.equal(of(null, mode).waitForTaken, WAIT_FOR_TAKEN[mode]);
    assert.equal(of(null, mode).until, 100 + WAIT_FOR_TAKEN[mode]);
  }
});
