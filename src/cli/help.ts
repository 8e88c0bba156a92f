/** Commands and groups of them whose help fits 80 columns, one entry for each flag. */

import {
  buildCommand as buildPlainCommand,
  buildRouteMap as buildPlainRouteMap,
  type Command,
  type CommandBuilderArguments,
  type CommandContext,
  type RouteMap,
  type RouteMapBuilderArguments,
} from "@stricli/core";
import { kebab } from "../text/kebab.ts";
import { HELP_COLUMNS, wrapLine } from "../text/wrap.ts";

/** What the library passes for help to be formatted. */
type HelpArguments = Parameters<Command<CommandContext>["formatHelp"]>[0];

/** A command, as the library builds it, with help of this project's form. */
export function buildCommand<
  const Flags extends Readonly<Partial<Record<keyof Flags, unknown>>> = NonNullable<unknown>,
  const Args extends readonly unknown[] = [],
  const Context extends CommandContext = CommandContext,
>(builder: CommandBuilderArguments<Flags, Args, Context>): Command<Context> {
  const command = buildPlainCommand<Flags, Args, Context>(builder);
  const { docs } = builder;
  return {
    ...command,
    // deno-coverage-ignore -- for the compiler: each command has examples
    formatHelp: (args) => formatHelp([...commandSections(command, docs.customUsage ?? [], args)]),
  };
}

/** A group of commands, as the library builds it, with help of this project's form. */
export function buildRouteMap<
  Route extends string,
  Context extends CommandContext = CommandContext,
>(builder: RouteMapBuilderArguments<Route, Context>): RouteMap<Context> {
  const map = buildPlainRouteMap<Route, Context>(builder);
  return {
    ...map,
    formatHelp: (args) => formatHelp([...mapSections(map, args)]),
  };
}

/** Lines with a title above them, or none. */
interface Section {
  readonly title?: string;
  readonly lines: readonly string[];
}

function formatHelp(sections: readonly Section[]): string {
  return sections.map(({ title, lines }) =>
    [...(title === undefined ? [] : [title]), ...lines].map((line) => `${line}\n`).join("")
  ).join("\n");
}

type CustomUsage = NonNullable<
  CommandBuilderArguments<NonNullable<unknown>, [], CommandContext>["docs"]["customUsage"]
>;

function* commandSections<Context extends CommandContext>(
  { parameters, brief, fullDescription }: Command<Context>,
  examples: CustomUsage,
  args: HelpArguments,
): Generator<Section> {
  const prefix = args.prefix.join(" ");
  // deno-coverage-ignore -- for the library's types: each command has examples
  const usage = examples.length === 0 ? [{ input: "", brief }] : examples;
  yield {
    title: "USAGE",
    lines: [
      ...usage.flatMap((example) =>
        // deno-coverage-ignore -- for the library's types: no example is without a brief
        typeof example === "string" ? formatExample(prefix, example) : [
          ...formatExample(prefix, example.input),
          ...wrapLine(`    ${example.brief}`, HELP_COLUMNS, 4),
        ]
      ),
      ...formatExample(prefix, "--help"),
    ],
  };
  yield { lines: paragraphs(fullDescription ?? brief) };
  const flags = Object.entries(parameters.flags ?? {});
  const shown = flags.filter(([, { hidden }]) => args.includeHidden || hidden !== true);
  const rows = shown.map(([name, flag]) => [describeFlag(name, flag), explainFlag(flag)] as const);
  yield { title: "FLAGS", lines: [...rows, ...commonFlags(args)].flatMap(formatRow) };
  if (shown.length < flags.length) {
    yield { lines: ["The plugin's settings are flags here, too: --help-all lists them."] };
  }
}

function* mapSections<Context extends CommandContext>(
  map: RouteMap<Context>,
  args: HelpArguments,
): Generator<Section> {
  const prefix = args.prefix.join(" ");
  yield {
    title: "USAGE",
    lines: [
      ...["COMMAND ...", "COMMAND --help"].flatMap((words) => formatExample(prefix, words)),
      ...args.additionalFlags.filter(({ hidden }) => !hidden)
        .flatMap(({ name }) => formatExample(prefix, `--${name}`)),
    ],
  };
  yield { lines: paragraphs(map.fullDescription ?? map.brief) };
  const entries = map.getAllEntries().filter(({ hidden }) => !hidden);
  yield {
    title: "COMMANDS",
    lines: entries.flatMap(({ name, target }) =>
      formatRow([name["convert-camel-to-kebab"], target.brief])
    ),
  };
  yield { title: "FLAGS", lines: commonFlags(args).flatMap(formatRow) };
}

/** A command line, continued in front of a flag or a redirection as a shell takes it. */
function formatExample(prefix: string, words: string): string[] {
  const lines: string[] = [];
  let line = `  ${prefix}`;
  for (const part of words.split(/ (?=--|[<>|] )/)) {
    // The backslash needs room, too.
    if (`${line} ${part}`.length <= HELP_COLUMNS - 2) line = `${line} ${part}`.trimEnd();
    else {
      lines.push(`${line} \\`);
      line = `      ${part}`;
    }
  }
  return [...lines, line];
}

/** Text whose lines are made anew, but for those that are indented: they are commands. */
function paragraphs(text: string): string[] {
  const lines: string[] = [];
  let open = false;
  for (const line of text.split("\n")) {
    const isText = line !== "" && !line.startsWith(" ");
    if (isText && open) lines.push(`${lines.pop()} ${line}`);
    else lines.push(line);
    open = isText;
  }
  return lines.flatMap((line) => wrapLine(line, HELP_COLUMNS, 0));
}

type Flag = NonNullable<Command<CommandContext>["parameters"]["flags"]>[string];

/** `--registries-conf-dir DIR...` */
function describeFlag(name: string, flag: Flag): string {
  const spelled = `--${kebab(name)}`;
  if (flag.kind === "boolean") {
    return flag.default === true ? `${spelled}/--no-${kebab(name)}` : spelled;
  }
  if (flag.kind === "enum") return `${spelled} ${flag.values.join("|")}`;
  const [placeholder] = splitBrief(flag.brief);
  const more = "variadic" in flag && flag.variadic ? "..." : "";
  // deno-coverage-ignore -- for the library's types: each flag with a value names it
  return `${spelled} ${placeholder === "" ? "VALUE" : placeholder}${more}`;
}

function explainFlag(flag: Flag): string {
  const [, brief] = splitBrief(flag.brief);
  const fallback = "default" in flag ? flag.default : undefined;
  if (fallback === undefined) return flag.optional === true ? brief : `${brief} (required)`;
  // deno-coverage-ignore -- for the library's types: no flag is on by default
  const shown = typeof fallback === "boolean" ? (fallback ? "on" : "off") : String(fallback);
  return `${brief} [${shown}]`;
}

/** The value's placeholder is written in front of the text, two spaces between. */
function splitBrief(brief: string): [placeholder: string, brief: string] {
  const [, placeholder = "", rest = brief] = /^(\S+) {2}(.*)$/s.exec(brief) ?? [];
  return [placeholder, rest];
}

function commonFlags(
  { additionalFlags, includeHidden }: HelpArguments,
): (readonly [flag: string, brief: string])[] {
  return additionalFlags.filter(({ hidden }) => includeHidden || !hidden).map((flag) => {
    // deno-coverage-ignore -- for the compiler: each of these flags has a list of aliases
    const aliases = (flag.aliases ?? []).map((alias) => `-${alias}, `).join("");
    return [`${aliases}--${kebab(flag.name)}`, flag.brief];
  });
}

/** Where the text behind a flag begins. */
const TEXT_COLUMN = 26;

function formatRow([flag, brief]: readonly [string, string]): string[] {
  const margin = " ".repeat(TEXT_COLUMN);
  const head = `  ${flag}`;
  if (head.length + 2 > TEXT_COLUMN) {
    return [head, ...wrapLine(`${margin}${brief}`, HELP_COLUMNS, TEXT_COLUMN)];
  }
  return wrapLine(head.padEnd(TEXT_COLUMN) + brief, HELP_COLUMNS, TEXT_COLUMN);
}
