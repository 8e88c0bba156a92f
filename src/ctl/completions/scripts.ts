/** Completion scripts: each shell finds the command that the words lead to, and offers what follows. */

import { singleQuoted } from "../../manifests/checks.ts";
import { type CommandNode, type FlagNode, walkCommands } from "./command_table.ts";

/** A shell that scripts are made for. */
export type Shell = "bash" | "zsh" | "fish";

const TOOL = "crio-credential-ctl";
const FUNCTION = "_crio_credential_ctl";

/** Makes the script of a shell. */
export function formatCompletions(shell: Shell, tool: CommandNode): string {
  const commands = [...walkCommands(tool)];
  return `${{ bash: formatBash, zsh: formatZsh, fish: formatFish }[shell](commands).join("\n")}\n`;
}

/** Shell patterns, each for the commands and the word before, and what they have in common. */
function byValue(commands: readonly CommandNode[]): Map<string, { flag: FlagNode; on: string[] }> {
  const groups = new Map<string, { flag: FlagNode; on: string[] }>();
  for (const { path, flags } of commands) {
    for (const flag of flags) {
      if (flag.value === "none") continue;
      const key = flag.values.join(" ") || flag.value;
      const group = groups.get(key) ?? { flag, on: [] };
      groups.set(key, group);
      group.on.push(`"${path} --${flag.name}"`);
    }
  }
  return groups;
}

/** The paths below the tool, as a pattern of `case`. */
function paths(commands: readonly CommandNode[]): string {
  return commands.filter(({ path }) => path !== "").map(({ path }) => path).join("|");
}

function formatBash(commands: readonly CommandNode[]): string[] {
  const offer = (words: string) =>
    `mapfile -t COMPREPLY < <(compgen -W ${singleQuoted(words)} -- "$cur")`;
  const values = [...byValue(commands).values()].map(({ flag, on }) => {
    const action = flag.values.length > 0
      ? offer(flag.values.join(" "))
      : flag.value === "path"
      ? `compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur")`
      : ":";
    return `    ${on.join("|")}) ${action}; return;;`;
  });
  const words = commands.map(({ path, flags, children }) => {
    const names = [...children.map(({ name }) => name), ...flags.map(({ name }) => `--${name}`)];
    return `    "${path}") ${offer(names.join(" "))};;`;
  });
  return [
    `# bash completion for ${TOOL}: source <(${TOOL} completions bash)`,
    `${FUNCTION}() {`,
    `  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" command= word`,
    "  COMPREPLY=()",
    "  # The equals sign of --flag=value is a word of its own.",
    `  if [[ $cur == "=" ]]; then cur=`,
    `  elif [[ $prev == "=" ]]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"; fi`,
    `  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    `    case "$command/$word" in`,
    `      ${paths(commands)}) command="$command/$word";;`,
    "    esac",
    "  done",
    `  case "$command $prev" in`,
    ...values,
    "  esac",
    `  case "$command" in`,
    ...words,
    "  esac",
    "}",
    `complete -F ${FUNCTION} ${TOOL}`,
  ];
}

function formatZsh(commands: readonly CommandNode[]): string[] {
  const values = [...byValue(commands).values()].map(({ flag, on }) => {
    const action = flag.values.length > 0
      ? `compadd -- ${flag.values.join(" ")}`
      : flag.value === "path"
      ? "_files"
      : ":";
    return `    ${on.join("|")}) ${action}; return;;`;
  });
  const words = commands.map(({ path, flags, children }) => {
    const entries = [
      ...children.map(({ name, brief }) => singleQuoted(`${name}:${brief}`)),
      ...flags.map(({ name, brief }) => singleQuoted(`--${name}:${brief}`)),
    ];
    return [`    "${path}") offers=(`, ...entries.map((entry) => `      ${entry}`), "    );;"];
  });
  return [
    `#compdef ${TOOL}`,
    `# zsh completion for ${TOOL}: source <(${TOOL} completions zsh), or as _${TOOL} in $fpath`,
    `${FUNCTION}() {`,
    "  local command= word previous=${words[CURRENT-1]}",
    "  local -a offers",
    "  if [[ ${words[CURRENT]} == --*=* ]]; then",
    "    previous=${words[CURRENT]%%=*}",
    "    compset -P '*='",
    "  fi",
    "  for word in ${words[2,CURRENT-1]}; do",
    `    case "$command/$word" in`,
    `      ${paths(commands)}) command="$command/$word";;`,
    "    esac",
    "  done",
    `  case "$command $previous" in`,
    ...values,
    "  esac",
    `  case "$command" in`,
    ...words.flat(),
    "  esac",
    `  _describe ${TOOL} offers`,
    "}",
    `if [[ "\${funcstack[1]}" == "_${TOOL}" ]]; then ${FUNCTION} "$@"`,
    `else compdef ${FUNCTION} ${TOOL}; fi`,
  ];
}

function formatFish(commands: readonly CommandNode[]): string[] {
  const at = `_${FUNCTION}_at`;
  const complete = `complete -c ${TOOL}`;
  const lines = commands.flatMap(({ path, flags, children }) => {
    const here = `-n ${singleQuoted(`${at} "${path}"`)}`;
    return [
      ...children.map(({ name, brief }) =>
        `${complete} ${here} -a ${name} -d ${quoteForFish(brief)}`
      ),
      ...flags.map((flag) => {
        const value = flag.values.length > 0
          ? ` -x -a ${singleQuoted(flag.values.join(" "))}`
          : { none: "", text: " -x", path: " -r -F" }[flag.value];
        return `${complete} ${here} -l ${flag.name}${value} -d ${quoteForFish(flag.brief)}`;
      }),
    ];
  });
  return [
    `# fish completion for ${TOOL}: ${TOOL} completions fish | source`,
    `function ${at} -a wanted`,
    "  set -l command",
    "  set -l words (commandline -opc)",
    "  set -e words[1]",
    "  for word in $words",
    `    switch "$command/$word"`,
    `      case ${paths(commands).split("|").join(" ")}`,
    `        set command "$command/$word"`,
    "    end",
    "  end",
    `  test "$command" = "$wanted"`,
    "end",
    `${complete} -f`,
    ...lines,
  ];
}

function quoteForFish(word: string): string {
  return `'${word.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
