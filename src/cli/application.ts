/** What the command lines of this project have in common. */

import {
  FlagNotFoundError,
  type StricliProcess,
  text_en,
  UnexpectedPositionalError,
  UnsatisfiedFlagError,
  UnsatisfiedPositionalError,
} from "@stricli/core";
import { describeError } from "../errors.ts";
import { escapeControls } from "../process/log.ts";
import { writeText } from "../process/stdio.ts";
import { kebab } from "../text/kebab.ts";

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
      briefs: { ...text_en.briefs, helpAll: "Print help with the plugin's settings" },
      noCommandRegisteredForInput: describeUnknownCommand,
      exceptionWhileParsingArguments: (error: unknown) => describeUsage(error),
      exceptionWhileRunningCommand: describeFailure,
      // --help and --version may find no room for what they print, either.
      // deno-coverage-ignore-start -- only in a child process: tests/artifact/ctl_test.ts
      exceptionWhileRunningIntegrationFlag: ({ exception }: { readonly exception: unknown }) =>
        describeFailure(exception),
      // deno-coverage-ignore-stop
    },
  },
} as const;

/** What a command says that fails. */
export function describeFailure(error: unknown): string {
  return `error: ${escapeControls(describeError(error))}`;
}

/**
 * What a command says of a command line that it does not understand.
 *
 * @param meant the flag that a word without one is probably meant for.
 */
export function describeUsage(error: unknown, meant?: string): string {
  return `error: ${usageProblem(error, meant)}`;
}

/**
 * What is wrong with a command line.
 *
 * @param meant the flag that a word without one is probably meant for.
 */
export function usageProblem(error: unknown, meant?: string): string {
  // The library distinguishes its errors by their classes' names, which a minified bundle has lost.
  if (error instanceof FlagNotFoundError) {
    const { input, corrections } = error;
    return `unknown flag --${input}` +
      (corrections.length === 0
        ? "; --help lists the flags"
        : `; did you mean ${corrections.map(spell).join(" or ")}?`);
  }
  if (error instanceof UnexpectedPositionalError) {
    const input = escapeControls(error.input);
    return `unexpected argument ${JSON.stringify(input)}` +
      (meant === undefined ? "; --help lists the flags" : `; did you mean ${meant} ${input}?`);
  }
  if (error instanceof UnsatisfiedPositionalError) {
    return `${error.placeholder} is missing; --help says what it is`;
  }
  if (error instanceof UnsatisfiedFlagError) {
    const { externalFlagName: flag, nextFlagName: next } = error;
    return `${spell(flag)}: its value is missing` +
      (next === undefined ? "; --help lists the flags" : `: ${spell(next)} follows at once`);
  }
  // deno-coverage-ignore -- for the compiler: the library throws errors alone
  return error instanceof Error ? error.message : describeError(error);
}

/** What is wrong with a command line whose first words are no command. */
function describeUnknownCommand(
  { input, corrections }: { readonly input: string; readonly corrections: readonly string[] },
): string {
  const what = escapeControls(input);
  const unknown = what.startsWith("-") ? `unknown flag ${what}` : `unknown command ${what}`;
  const meant = corrections.length === 0
    ? "--help lists the commands"
    : `did you mean ${corrections.join(" or ").replaceAll("`", "")}?`;
  return `error: ${unknown}; ${meant}`;
}

/** `registriesConf` -> `--registries-conf` */
function spell(name: string): string {
  return `--${kebab(name)}`;
}

/** The process as the library sees it: it writes, and sets the exit code. */
export function terminal(): StricliProcess {
  return {
    stdout: { write: (text) => writeText(Deno.stdout, text) },
    stderr: {
      write: (text) => {
        try {
          writeText(Deno.stderr, text);
          // deno-coverage-ignore -- only in a child process: tests/faults/stdio_test.ts
        } catch {
          // Nobody reads it any more; the exit status remains.
        }
      },
    },
  };
}
