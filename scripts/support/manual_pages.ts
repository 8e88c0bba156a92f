/** The manual pages of the packages, in the macros of man(7), from the tables that the programs have. */

import {
  DEFAULT_SETTINGS,
  formatSetting,
  SETTING_NAMES,
  SETTINGS,
  type Settings,
} from "../../src/settings/settings.ts";
import { toolCommands } from "../../src/ctl/application.ts";
import {
  type CommandNode,
  readCommandTable,
  walkCommands,
} from "../../src/ctl/completions/command_table.ts";

/** What a page is made for. */
export interface ManualOptions {
  readonly version: string;
  /** Of the last commit, ISO 8601. */
  readonly date: string;
  /** Where the longer pages are. */
  readonly documentation: string;
}

/**
 * The page of the plugin, in section 8: the kubelet runs it, and administrators set it up.
 *
 * @param settings the defaults of the executable that the page comes with.
 */
export function providerManual(settings: Settings, options: ManualOptions): string {
  const name = "crio-credential-provider";
  return page(name, 8, "credentials of the pod's namespace for image pulls", options, [
    section("SYNOPSIS", [`.B ${escape(name)}`, "[\\fIFLAG\\fR...] < \\fIrequest.json\\fR"]),
    ...["audit", "--version", "--help"].map((word) => `.br\n.B ${escape(`${name} ${word}`)}\n`),
    section("DESCRIPTION", [
      ...paragraph(
        "The kubelet runs this program for each image pull, with a CredentialProviderRequest on stdin.",
        "It takes the namespace from the service account's token, finds the image's mirrors in the",
        "registries files, reads the namespace's registry secrets from the API server, and writes a",
        "short-lived auth file that CRI-O takes for that one pull. For containerd the credentials are",
        "part of the answer on stdout.",
      ),
      ".PP",
      ...paragraph(
        'It is not a daemon, and has no configuration file of its own: flags are passed through "args"',
        "in the kubelet's CredentialProviderConfig. No flag reaches beyond the sandbox of the",
        "executable, which",
      ),
      ".B crio\\-credential\\-ctl bind",
      "makes for a site, and",
      `.B ${escape(name)} audit`,
      "shows.",
    ]),
    section(
      "FLAGS",
      SETTING_NAMES.flatMap((setting) => {
        const { flag, placeholder, brief } = SETTINGS[setting];
        const value = formatSetting(setting, settings);
        return [
          ".TP",
          `\\fB\\-\\-${escape(flag)}\\fR \\fI${escape(placeholder)}\\fR`,
          ...paragraph(`${brief}.${value === "" ? "" : ` Default: ${value}.`}`),
        ];
      }),
    ),
    EXIT_STATUS,
    seeAlso("crio-credential-ctl", 1, options),
  ]);
}

/** The page of the operator's tool, in section 1. */
export function toolManual(options: ManualOptions): string {
  const name = "crio-credential-ctl";
  const facts = {
    version: options.version,
    gitCommit: "",
    gitCommitDate: options.date,
    bundleSha256: "",
    dependencies: [],
  };
  const tool = readCommandTable(toolCommands(DEFAULT_SETTINGS, facts));
  const commands = [...walkCommands(tool)].filter(({ path }) => path !== "");
  return page(name, 1, tool.brief, options, [
    section("SYNOPSIS", [`.B ${escape(name)}`, "\\fICOMMAND\\fR [\\fIFLAG\\fR...]"]),
    `.br\n.B ${escape(name)}\n\\fICOMMAND\\fR \\-\\-help\n`,
    section(
      "DESCRIPTION",
      paragraph(
        "Tools for the people who install and debug crio-credential-provider, on a node or on a",
        "workstation. Nothing but what a command is asked to write is written; tokens and passwords",
        "are not shown. Each command has its flags and examples in its --help.",
      ),
    ),
    section("COMMANDS", commands.flatMap(commandEntry)),
    EXIT_STATUS,
    seeAlso("crio-credential-provider", 8, options),
  ]);
}

function commandEntry({ path, brief, children }: CommandNode): string[] {
  const words = escape(path.slice(1).replaceAll("/", " "));
  return [
    ".TP",
    `.B ${words}${children.length > 0 ? " \\fICOMMAND\\fR" : ""}`,
    ...paragraph(`${brief}.`),
  ];
}

function page(
  name: string,
  number: number,
  brief: string,
  { version, date }: ManualOptions,
  sections: readonly string[],
): string {
  const title = `.TH ${name.toUpperCase().replaceAll("-", "\\-")} ${number}`;
  return [
    `${title} "${escape(date.slice(0, 10))}" "${escape(name)} ${escape(version)}"\n`,
    section("NAME", [`${escape(name)} \\- ${escape(brief)}`]),
    ...sections,
  ].join("");
}

const EXIT_STATUS = section("EXIT STATUS", [
  ...[".TP", "0", "done", ".TP", "1", "failed; stderr says why", ".TP", "2", "wrong usage"],
]);

function seeAlso(name: string, number: number, { documentation }: ManualOptions): string {
  return section("SEE ALSO", [
    `.BR ${escape(name)} (${number}),`,
    `the pages in ${escape(documentation)}`,
  ]);
}

function section(title: string, lines: readonly string[]): string {
  return `.SH ${title}\n${lines.join("\n")}\n`;
}

/** Running text, a line of input for each given line. */
function paragraph(...lines: readonly string[]): string[] {
  return lines.map((line) => escape(line).replace(/^(?=[.'])/, "\\&"));
}

/** Text as man(7) wants it: what it would read as its own, and hyphens that are to stay hyphens. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
}
