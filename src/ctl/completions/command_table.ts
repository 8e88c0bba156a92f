/** The commands and flags of the tool as plain values, read off what the command-line library runs. */

import type { Command, RouteMap } from "@stricli/core";
import { isSettingName, SETTINGS } from "../../settings/settings.ts";
import { kebab } from "../../text/kebab.ts";
import type { CtlContext } from "../context.ts";

/** A command, or a group of them. */
export interface CommandNode {
  /** The words that lead to it, each with a slash in front; empty for the tool itself. */
  readonly path: string;
  /** The last of those words. */
  readonly name: string;
  readonly brief: string;
  readonly flags: readonly FlagNode[];
  readonly children: readonly CommandNode[];
}

/** A flag. */
export interface FlagNode {
  /** Without the hyphens. */
  readonly name: string;
  readonly brief: string;
  /** What follows it. */
  readonly value: "none" | "text" | "path";
  /** The values, where they are listed. */
  readonly values: readonly string[];
}

const HELP: FlagNode = { name: "help", brief: "Print help", value: "none", values: [] };

/** Reads the table off the tool's commands. */
export function readCommandTable(commands: RouteMap<CtlContext>): CommandNode {
  const tool = readTarget("", "", commands);
  const version = { value: "none", values: [] } as const;
  return {
    ...tool,
    flags: [
      ...tool.flags,
      { ...version, name: "version", brief: "Print version information" },
      { ...version, name: "version-json", brief: "The same as JSON" },
    ],
  };
}

/** A command and all below it, from the top. */
export function* walkCommands(node: CommandNode): Generator<CommandNode> {
  yield node;
  for (const child of node.children) yield* walkCommands(child);
}

function readTarget(
  path: string,
  name: string,
  target: Command<CtlContext> | RouteMap<CtlContext>,
): CommandNode {
  const { brief } = target;
  if ("parameters" in target) {
    return { path, name, brief, flags: [...readFlags(target), HELP], children: [] };
  }
  const children = target.getAllEntries().filter(({ hidden }) => !hidden).map((entry) => {
    const word = entry.name["convert-camel-to-kebab"];
    return readTarget(`${path}/${word}`, word, entry.target);
  });
  return { path, name, brief, flags: [HELP], children };
}

type Parameter = NonNullable<Command<CtlContext>["parameters"]["flags"]>[string];

function readFlags(command: Command<CtlContext>): FlagNode[] {
  return Object.entries(command.parameters.flags ?? {}).flatMap(([key, parameter]) => {
    const name = kebab(key);
    const flag = readFlag(key, name, parameter);
    const negated = parameter.kind === "boolean" && parameter.withNegated !== false &&
      parameter.default !== false;
    return negated ? [flag, { ...flag, name: `no-${name}` }] : [flag];
  });
}

function readFlag(key: string, name: string, parameter: Parameter): FlagNode {
  const { kind } = parameter;
  // The help shows the value's placeholder in front of the text.
  const [, placeholder = "", brief = parameter.brief] = /^(\S+) {2}(.*)$/.exec(parameter.brief) ??
    [];
  if (kind === "enum") return { name, brief, value: "text", values: parameter.values };
  if (kind !== "parsed") return { name, brief, value: "none", values: [] };
  // Settings are read as text, as the plugin does it.
  const values = isSettingName(key) ? SETTINGS[key].values ?? [] : [];
  const isPath = ["FILE", "DIR", "PATH"].includes(placeholder);
  return { name, brief, value: isPath ? "path" : "text", values };
}
