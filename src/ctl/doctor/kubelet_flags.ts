/** The kubelet's flags: from its command line, or from the files that make it. */

/** Words that may hold flags of the kubelet. */
export interface FlagSource {
  /** Where they come from, for people. */
  readonly origin: string;
  readonly words: readonly string[];
}

/** A flag's value, and where it was found. */
export interface FoundFlag {
  readonly value: string;
  readonly origin: string;
}

/** Where kubeadm, the distributions' packages and the Machine Config Operator put flags, last wins. */
export const FLAG_FILES = [
  "/var/lib/kubelet/kubeadm-flags.env",
  "/etc/default/kubelet",
  "/etc/sysconfig/kubelet",
] as const;

/** The directory of the kubelet unit's drop-ins. */
export const UNIT_DIRECTORY = "/etc/systemd/system/kubelet.service.d";

/**
 * Splits a text into words: at NULs as in `/proc/<pid>/cmdline`, or as a file for a shell or systemd,
 * of which quotes, comments and names of variables are dropped.
 */
export function splitWords(text: string): string[] {
  if (text.includes("\0")) return text.split("\0").filter((word) => word !== "");
  return text.replaceAll(/^\s*[#;].*$/gm, "").split(/[\s"'\\]+/)
    .map((word) => word.replace(/^[A-Za-z_]\w*=(?=-)/, ""))
    .filter((word) => word !== "");
}

/** The values of a flag, given as `--flag=value` or `--flag value`, in the order of the words. */
export function flagValues(words: readonly string[], flag: string): string[] {
  return words.flatMap((word, index) => {
    if (word === `--${flag}`) return words[index + 1] ?? [];
    return word.startsWith(`--${flag}=`) ? [word.slice(flag.length + 3)] : [];
  });
}

/**
 * Finds a flag. Of several sources the first that has it counts, and in it the last word.
 */
export function findFlag(sources: readonly FlagSource[], flag: string): FoundFlag | undefined {
  for (const { origin, words } of sources) {
    const value = flagValues(words, flag).at(-1);
    if (value !== undefined) return { value, origin };
  }
  return undefined;
}
