/** A directory of files that belong together: it has all of one run, or what it had before. */

import { BuildError } from "./bundle.ts";

/**
 * Makes the files of a directory. They replace those of an earlier run, which would be taken for a part
 * of this one; whatever else is there is refused, since nobody asked to have it removed.
 *
 * @param out path of the directory.
 * @param isOwn whether a run can have made a file of this name.
 * @param make writes the files into the directory that it gets.
 * @returns the path of the directory, as it was given.
 * @throws {BuildError} when the directory holds something else, or that of `make`; then nothing is changed.
 */
export async function makeDirectory(
  out: string,
  isOwn: (name: string) => boolean,
  make: (directory: string) => Promise<void>,
): Promise<string> {
  await listOwn(out, isOwn);
  const path = await realPath(out.replace(/(?<=.)\/+$/, ""));
  const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) || "/" : ".";
  await Deno.mkdir(parent, { recursive: true });
  // Beside its place, so that the files can be renamed.
  const work = await Deno.makeTempDir({ dir: parent });
  try {
    await make(work);
    for (const name of await listOwn(path, isOwn)) await Deno.remove(`${path}/${name}`);
    await Deno.mkdir(path, { recursive: true });
    for await (const { name } of Deno.readDir(work)) {
      await Deno.rename(`${work}/${name}`, `${path}/${name}`);
    }
    return out;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** A path without links and dots, of which the parent can be read off; as it is where nothing is there. */
async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}

/** The files of an earlier run. */
async function listOwn(path: string, isOwn: (name: string) => boolean): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(path)) {
      if (!isFile || !isOwn(name)) {
        throw new BuildError(
          `${path}: has ${JSON.stringify(name)} in it, which no earlier run made; ` +
            "name a directory with --out that is empty or not there",
        );
      }
      names.push(name);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    throw new BuildError(`${path}: is not a directory; name one with --out`);
  }
  return names;
}
