/** Binds an executable to a site, and says what that changed. */

import { givenFlags } from "../../cli/setting_flags.ts";
import { UsageError, UserError } from "../../errors.ts";
import {
  type Bindable,
  bindExecutable,
  type Bound,
  policyChanges,
  readBindable,
} from "../../executable/bind.ts";
import { placeFile, readExecutableFile, readOrExplain } from "../../executable/executable_file.ts";
import { policyOfProgram } from "../../executable/programs.ts";
import { closedDirectory, kindOf } from "../../process/files.ts";
import { formatJson, formatLines } from "../../process/printed.ts";
import { wideLines } from "../../settings/sandbox.ts";
import { formatSetting, SETTING_NAMES, SETTINGS } from "../../settings/settings.ts";
import { formatTable } from "../../text/table.ts";
import type { CtlContext } from "../context.ts";
import { readSiteSettings, type SiteFlags } from "../site_settings.ts";

/** Flags of the command. */
export interface Flags extends SiteFlags {
  readonly out?: string;
  readonly inPlace?: boolean;
  readonly show?: boolean;
}

/**
 * The command.
 *
 * @param version of this tool.
 * @throws {UserError} when the input is no release of this version, or the output cannot be written.
 */
export async function bind(
  context: CtlContext,
  flags: Flags,
  path: string,
  version: string,
): Promise<void> {
  const out = placeOf(flags, path, context.cwd);
  if (out === undefined) {
    const { bytes } = readExecutableFile(path);
    const executable = await readOrExplain(path, () => readBindable(bytes, version));
    context.process.stdout.write(formatShown(executable));
    return;
  }
  // All that can be wrong is found before the file of 100 MB is read, and that before one is written.
  const settings = await readSiteSettings(context, flags);
  const { bytes, mode } = readExecutableFile(path);
  const bound = await readOrExplain(path, () => bindExecutable(bytes, settings, version));
  placeFile(out, [bound.bytes], mode);
  context.process.stdout.write(formatBound(out, bound));
}

/** Where the copy goes; `undefined`: nowhere, what there is is shown. */
function placeOf(flags: Flags, path: string, cwd: () => string): string | undefined {
  const { out, inPlace, show } = flags;
  const ways = [out !== undefined, inPlace, show].filter(Boolean).length;
  if (ways !== 1) {
    throw new UsageError("flags-conflict", "bind", "give one of --out FILE, --in-place, --show");
  }
  if (show) {
    if (givenFlags(flags).size > 0 || flags.settings !== undefined) {
      throw new UsageError(
        "flags-conflict",
        "--show",
        "shows what is in the file, and takes no settings",
      );
    }
    return undefined;
  }
  // A link would be replaced, and what it leads to stay what it is.
  if (inPlace) return existing(path, cwd) ?? path;
  if (out === undefined || out === "") {
    throw new UsageError("flag-value-invalid", "--out", "is empty, expected a path");
  }
  const closed = closedDirectory(out);
  if (closed !== undefined) {
    const problem = `${out} is below ${closed}, where no executable can be put`;
    throw new UsageError("flag-value-invalid", "--out", problem, "name the file to write");
  }
  const replaced = existing(out, cwd);
  if (replaced !== undefined) refuseToReplace(replaced, out);
  if (replaced !== undefined && replaced === existing(path, cwd)) {
    throw new UsageError(
      "flags-conflict",
      "--out",
      `${out} is the input`,
      "pass --in-place to replace it",
    );
  }
  return out;
}

/**
 * Refuses to put an executable in the place of something else.
 *
 * @throws {UserError} when a directory, a device, a pipe or a socket is there.
 */
function refuseToReplace(path: string, out: string): void {
  const found = Deno.lstatSync(path);
  if (found.isFile) return;
  const problem = `is a ${kindOf(found)}, expected a file`;
  throw new UserError("file-not-regular", out, problem, "name the file to write with --out");
}

/** Where a path leads to, if anywhere. */
function existing(path: string, cwd: () => string): string | undefined {
  try {
    // Of a relative path the runtime would ask to read the whole working directory.
    return Deno.realPathSync(path.startsWith("/") ? path : `${cwd()}/${path}`);
  } catch {
    return undefined;
  }
}

function formatShown({ name, form, compiled, facts, settings }: Bindable): string {
  const { machine } = compiled;
  const policy = policyOfProgram(name, settings);
  return formatJson({ executable: { name, form, machine, ...facts }, settings, policy });
}

/** What an empty value means: the brief of the setting says where the value is from. */
const FOUND = "(not set)";

function formatBound(out: string, { before, after }: Bound): string {
  const { facts, name, compiled: { machine } } = after;
  const changes = policyChanges(before, after).map((
    { sign, verb, line },
  ) => [`${sign} ${verb} ${line.kind} ${line.target}`, line.flag, line.step]);
  const settings = SETTING_NAMES.map((name) => ({
    flag: `--${SETTINGS[name].flag}`,
    before: formatSetting(name, before.settings) || FOUND,
    after: formatSetting(name, after.settings) || FOUND,
  })).filter(({ before, after }) => before !== after);
  return formatLines([
    `${out}: ${name} ${facts.version}, ${machine}, bound`,
    "",
    "Unchanged",
    ...formatTable([
      ["program", before.facts.bundleSha256, "before"],
      ["", after.facts.bundleSha256, "after"],
      ["runtime", before.compiled.runtimeSha256, "before"],
      ["", after.compiled.runtimeSha256, "after"],
    ]),
    "",
    settings.length === 0 ? "No setting changes." : "Settings",
    ...formatTable(settings.map(({ flag, before, after }) => [flag, before, "->", after])),
    "",
    changes.length === 0 ? "What it may touch does not change." : "What it may touch",
    ...formatTable(changes),
    ...wideLines(policyOfProgram(name, after.settings)).map((line) => `  ${line}`),
  ]);
}
