/** Takes auth files as CRI-O does. */

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

function take(authDir: string, name: string): TakenAuthFile | undefined {
  const inUse = `${authDir}/in-use/${crypto.randomUUID()}.json`;
  try {
    makeDirectory(`${authDir}/in-use`);
    Deno.renameSync(`${authDir}/${name}`, inUse);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    const text = Deno.readTextFileSync(inUse);
    const { mode } = Deno.statSync(inUse);
    assert.equal(((mode ?? 0) & 0o7777).toString(8), "600", "mode of the auth file");
    return { text, authFile: parse(text) };
  } finally {
    Deno.removeSync(inUse);
  }
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
