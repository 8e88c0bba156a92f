/** The files of the node's registries configuration: which there are, and in which order they apply. */

import { fileError, readTextFile } from "../../process/files.ts";
import type { Settings } from "../../settings/settings.ts";

/** A configuration file as read. */
export interface RegistriesFile {
  readonly path: string;
  readonly text: string;
}

/** The main file, if there is one, and the drop-ins in the order in which they apply. */
export interface RegistriesFiles {
  readonly main: RegistriesFile | undefined;
  readonly dropIns: readonly RegistriesFile[];
}

/**
 * Reads the main file and the drop-ins.
 *
 * Of several main files the first that exists counts. Drop-ins apply in lexical order of their file
 * names across directories; of two with the same name only the one in the later directory is read.
 * A directory that does not exist is fine, and so is a file that vanishes after it was listed.
 *
 * @throws {UserError} when something that exists cannot be read.
 */
export function readRegistriesFiles(
  settings: Pick<Settings, "registriesConf" | "registriesConfDir">,
): RegistriesFiles {
  let main: RegistriesFile | undefined;
  for (const path of settings.registriesConf) {
    const text = readTextFile(path, { flag: "registries-conf" });
    if (text === undefined) continue;
    main = { path, text };
    break;
  }

  const paths = new Map<string, string>();
  for (const directory of settings.registriesConfDir) {
    for (const name of listDropIns(directory)) paths.set(name, `${directory}/${name}`);
  }
  const dropIns: RegistriesFile[] = [];
  for (const name of [...paths.keys()].sort(compareBytes)) {
    // deno-coverage-ignore -- for the compiler: the key is there
    const path = paths.get(name) ?? "";
    const text = readTextFile(path, { flag: "registries-conf-dir" });
    if (text !== undefined) dropIns.push({ path, text });
  }
  return { main, dropIns };
}

function listDropIns(directory: string): string[] {
  const names: string[] = [];
  try {
    for (const entry of Deno.readDirSync(directory)) {
      if (!entry.isDirectory && entry.name.endsWith(".conf")) names.push(entry.name);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw fileError(directory, "list", "registries-conf-dir", error);
  }
  return names;
}

/** Go sorts strings by their bytes, JavaScript by UTF-16 units: they differ outside the BMP. */
function compareBytes(a: string, b: string): number {
  const left = [...a], right = [...b];
  for (let i = 0; i < left.length && i < right.length; i++) {
    // deno-coverage-ignore -- for the compiler: the index is in range
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
