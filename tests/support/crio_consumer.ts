/** Takes auth files as CRI-O does: `server/image_pull.go` of github.com/cri-o/cri-o v1.36.3. */

import assert from "node:assert/strict";

/** A file that was taken. */
export interface TakenAuthFile {
  readonly text: string;
  /** The parsed JSON. */
  readonly authFile: unknown;
}

/**
 * Takes the auth file of a pull: renames it into `in-use` under a unique name, reads it, deletes
 * it.
 *
 * @returns `undefined` if there is none.
 * @throws {assert.AssertionError} if it is not whole JSON, or not for its owner's eyes only.
 */
export async function takeAuthFile(
  authDir: string,
  namespace: string,
  image: string,
): Promise<TakenAuthFile | undefined> {
  const name = await authFileName(namespace, image);
  return take(authDir, name);
}

/**
 * Takes the auth file of a pull at the very moment it appears: tries again and again without ever
 * letting go, so that a file which is not put in place whole is caught half written. Nothing else
 * runs in this thread meanwhile.
 *
 * @param patience how long, in milliseconds.
 * @returns `undefined` if none appeared.
 * @throws {assert.AssertionError} as {@link takeAuthFile} does.
 */
export async function takeAuthFileAtOnce(
  authDir: string,
  namespace: string,
  image: string,
  patience: number,
): Promise<TakenAuthFile | undefined> {
  const name = await authFileName(namespace, image);
  const end = performance.now() + patience;
  for (;;) {
    const file = take(authDir, name);
    if (file !== undefined || performance.now() > end) return file;
  }
}

/** What CRI-O tells pulls apart by. */
export interface CrioPull {
  readonly namespace: string;
  /** Name of the image, without tag or digest. */
  readonly image: string;
  /** The pod's: pulls of different pods are never joined where the kubelet makes a group for each. */
  readonly cgroupParent: string;
  /** User name of the credentials in the request; empty: it has none. */
  readonly username?: string;
}

/** CRI-O's side of pulls: which of them are one, and what becomes of their files. */
export class CrioConsumer {
  readonly #authDir: string;
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(authDir: string) {
    this.#authDir = authDir;
  }

  /**
   * Pulls. Whoever asks for the very same pull while it is under way waits for it and shares its
   * outcome; any other takes the auth file, if there is one, and deletes it when the pull has ended,
   * however that was.
   *
   * @param use what the image library does with the file; `undefined`: there was none.
   * @throws {assert.AssertionError} as {@link takeAuthFile} does.
   * @throws what `use` throws.
   */
  async pull<Result>(
    { namespace, image, cgroupParent, username = "" }: CrioPull,
    use: (file: TakenAuthFile | undefined) => Promise<Result>,
  ): Promise<Result | undefined> {
    const key = JSON.stringify([image, namespace, cgroupParent, username]);
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) {
      await underWay;
      return undefined;
    }
    const pull = this.#take(namespace, image, use);
    this.#underWay.set(key, pull);
    try {
      return await pull;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #take<Result>(
    namespace: string,
    image: string,
    use: (file: TakenAuthFile | undefined) => Promise<Result>,
  ): Promise<Result> {
    const inUse = moveAway(this.#authDir, await authFileName(namespace, image));
    try {
      return await use(inUse === undefined ? undefined : read(inUse));
    } finally {
      if (inUse !== undefined) Deno.removeSync(inUse);
    }
  }
}

function take(authDir: string, name: string): TakenAuthFile | undefined {
  const inUse = moveAway(authDir, name);
  if (inUse === undefined) return undefined;
  try {
    return read(inUse);
  } finally {
    Deno.removeSync(inUse);
  }
}

/** Renames the file into `in-use`. @returns where it is then; `undefined` if there is none. */
function moveAway(authDir: string, name: string): string | undefined {
  const inUse = `${authDir}/in-use/${name.replace(/\.json$/, "")}-${crypto.randomUUID()}.json`;
  try {
    makeDirectory(`${authDir}/in-use`);
    Deno.renameSync(`${authDir}/${name}`, inUse);
    return inUse;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function read(inUse: string): TakenAuthFile {
  const text = Deno.readTextFileSync(inUse);
  const { mode } = Deno.statSync(inUse);
  assert.equal(((mode ?? 0) & 0o7777).toString(8), "600", "mode of the auth file");
  return { text, authFile: parse(text) };
}

/**
 * The name CRI-O looks for.
 *
 * @param image exactly as the kubelet's request has it.
 */
export async function authFileName(namespace: string, image: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(image));
  return `${namespace}-${new Uint8Array(digest).toHex()}.json`;
}

/** Leaves it to the plugin to make the directory above. */
function makeDirectory(path: string): void {
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The text holds credentials and the parser's message would quote it.
    assert.fail(`the auth file of ${text.length} characters is not whole JSON`);
  }
}
