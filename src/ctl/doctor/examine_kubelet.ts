/** The kubelet as found on the node: its flags, its configuration, its records of pulled images. */

import { type Check, recordFailure } from "./check.ts";
import type { Examination } from "./examination.ts";
import {
  findFlag,
  FLAG_FILES,
  type FlagSource,
  splitWords,
  UNIT_DIRECTORY,
} from "./kubelet_flags.ts";
import type { ExaminedNode, TextFile } from "./examined_node.ts";
import { KUBELET_CONFIGS } from "./places.ts";
import { KUBELET_ROOT, PULLED_RECORDS } from "./pulled_images.ts";

/** The kubelet's flags as far as they can be found. */
export interface Kubelet {
  readonly sources: readonly FlagSource[];
  /** Whether they are those of a running kubelet. */
  readonly running: boolean;
  /** Whether these are all that there are: others could not be read. */
  readonly complete: boolean;
}

const COMMAND_LINE = "the kubelet's command line";

/**
 * The kubelet's flags: those of the command line that was given, else those of the files that they are
 * usually in, the ones that count first in front.
 *
 * @param checks gets a failure for each file that cannot be read.
 */
export function readKubeletFlags(
  { commandLine }: Examination,
  files: ExaminedNode,
  checks: Check[],
): Kubelet {
  if (commandLine !== "") {
    const words = splitWords(commandLine);
    return { sources: [{ origin: COMMAND_LINE, words }], running: true, complete: true };
  }
  const before = checks.length;
  const drops =
    recordFailure("provider-config", checks, () => files.list(UNIT_DIRECTORY, "config")) ??
      [];
  const paths = [
    ...FLAG_FILES,
    ...drops.filter((name) => name.endsWith(".conf")).map((name) => `${UNIT_DIRECTORY}/${name}`),
  ];
  const sources = paths.flatMap((path) => {
    const file = recordFailure("provider-config", checks, () => files.read(path, "config"));
    return file === undefined ? [] : [{ origin: path, words: splitWords(file.text) }];
  });
  return { sources: sources.reverse(), running: false, complete: checks.length === before };
}

/** The kubelet's configuration as far as it can be read. */
export interface KubeletConfigs {
  /** In the order in which they are merged. */
  readonly configs: readonly TextFile[];
  /** Whether these are all that there are. */
  readonly complete: boolean;
}

/** The kubelet's configuration, then its drop-ins (`--config-dir`: every `.conf` file). */
export function readKubeletConfigs(
  { kubeletConfigs }: Examination,
  { sources }: Kubelet,
  files: ExaminedNode,
  checks: Check[],
): KubeletConfigs {
  const before = checks.length;
  const name = "feature-gate";
  const flag = "kubelet-config";
  const read = (path: string) => recordFailure(name, checks, () => files.read(path, flag)) ?? [];
  const isDirectory = (path: string) =>
    recordFailure(name, checks, () => files.facts(path, flag))?.kind === "directory";
  const given = Map.groupBy(kubeletConfigs, isDirectory);
  const find = (option: string) => {
    const found = findFlag(sources, option);
    return found === undefined ? undefined : [found.value];
  };
  const main = given.get(false) ?? find("config") ?? KUBELET_CONFIGS;
  const directories = given.get(true) ?? find("config-dir") ?? [];
  const drops = directories.flatMap((path) => {
    // deno-coverage-ignore -- for the compiler: the directory is there
    const names = recordFailure(name, checks, () => files.list(path, flag)) ?? [];
    return names.filter((name) => name.endsWith(".conf")).map((name) => `${path}/${name}`);
  });
  const configs = [...main, ...drops].flatMap(read);
  return { configs, complete: checks.length === before };
}

/** The kubelet's records of pulled images; none where it keeps none. */
export function readPulledRecords(
  { kubeletRoot }: Examination,
  { sources }: Kubelet,
  files: ExaminedNode,
  checks: Check[],
): TextFile[] {
  const name = "pulled-images";
  const flag = "kubelet-root-dir";
  const root = kubeletRoot ?? findFlag(sources, "root-dir")?.value ?? KUBELET_ROOT;
  const directory = `${root}/${PULLED_RECORDS}`;
  return (recordFailure(name, checks, () => files.list(directory, flag)) ?? [])
    .filter((file) => /^sha256-[0-9a-f]{64}$/.test(file))
    .flatMap((file) =>
      // deno-coverage-ignore -- a race with another process
      recordFailure(name, checks, () => files.read(`${directory}/${file}`, flag)) ?? []
    );
}
