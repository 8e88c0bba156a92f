/** What the command lines of this project have in common. */

import { FlagNotFoundError, type StricliProcess, text_en } from "@stricli/core";
import { describeError } from "../errors.ts";
import { escapeControls } from "../log.ts";
import { writeText } from "../stdio.ts";

/** Exit status for a command line that cannot be understood. */
export const WRONG_USAGE = 2;

/** Configuration of the command-line library. */
export const APPLICATION = {
  // Flags are named in the settings table's camel case and spelled with hyphens.
  scanner: { caseStyle: "allow-kebab-for-camel" },
  documentation: { caseStyle: "convert-camel-to-kebab", disableAnsiColor: true },
  determineExitCode: () => WRONG_USAGE,
  localization: {
    text: {
      ...text_en,
      exceptionWhileParsingArguments: (error: unknown) => `error: ${describeUsage(error)}`,
      exceptionWhileRunningCommand: (error: unknown) =>
        `error: ${escapeControls(describeError(error))}`,
    },
  },
} as const;

function describeUsage(error: unknown): string {
  // The library tells its errors apart by their classes' names, which a minified bundle has lost.
  if (error instanceof FlagNotFoundError) {
    const { input, corrections } = error;
    return `--${input} is no flag of this program` +
      (corrections.length === 0 ? "" : `, did you mean ${corrections.map(spell).join(" or ")}?`);
  }
  return error instanceof Error ? error.message : describeError(error);
}

/** `registriesConf` -> `--registries-conf` */
function spell(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The process as the library sees it: it writes, and sets the exit code. */
export function terminal(): StricliProcess {
  return {
    stdout: { write: (text) => writeText(Deno.stdout, text) },
    stderr: {
      write: (text) => {
        try {
          writeText(Deno.stderr, text);
        } catch {
          // Nobody is left to tell, but the exit status.
        }
      },
    },
  };
}
