import { checkProviderDirectory } from "../../../src/ctl/doctor/provider_directory.ts";
import type { FileFacts } from "../../../src/ctl/doctor/examined_node.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const DIRECTORY: FileFacts = { kind: "directory", mode: 0o755, user: 0, group: 0, modified: 0 };
const FILE: FileFacts = { ...DIRECTORY, kind: "file" };
const OURS = "crio-credential-provider";

const DIRECTORIES: readonly [
  name: string,
  facts: FileFacts | undefined,
  executables: Readonly<Record<string, FileFacts | undefined>>,
  expected: readonly Expected[],
  copied?: boolean,
][] = [
  ["an executable", DIRECTORY, { [OURS]: FILE }, [[
    "pass",
    /\/p \(--bin-dir\) has the 1 executable/,
  ]]],
  ["two", DIRECTORY, { [OURS]: FILE, ecr: FILE }, [["pass", /2 executables/]]],
  ["another's executable of another user", DIRECTORY, { [OURS]: FILE, ecr: { ...FILE, user: 1 } }, [
    ["pass", /2 executables/],
  ]],
  ["an executable of another user", DIRECTORY, { [OURS]: { ...FILE, user: 1000 } }, [
    ["warn", /belongs to user 1000 .*users other than root can replace .* -> chown root \/p\/crio/],
  ]],
  [
    "the copy of an executable",
    DIRECTORY,
    { [OURS]: { ...FILE, user: 1000 } },
    [["pass", /1/]],
    true,
  ],
  ["an executable that a group can write", DIRECTORY, { [OURS]: { ...FILE, mode: 0o775 } }, [
    ["warn", /has mode 0775/],
  ]],
  ["nothing in it", DIRECTORY, { [OURS]: undefined, ecr: undefined }, [
    ["fail", /\/p\/crio-credential-provider does not exist; the kubelet does not start -?.*/],
    ["fail", /\/p\/ecr does not exist/],
  ]],
  ["a file without the executable bit", DIRECTORY, { [OURS]: { ...FILE, mode: 0o644 } }, [
    ["fail", /is not executable; .* -> chmod 0755 \/p\/crio-credential-provider/],
  ]],
  ["a directory in the executable's place", DIRECTORY, { [OURS]: DIRECTORY }, [
    ["fail", /is not a regular file/],
  ]],
  ["a socket in the executable's place", DIRECTORY, { [OURS]: { ...FILE, kind: "socket" } }, [
    ["fail", /is not a regular file; .* -> remove it, and install the provider there$/],
  ]],
  ["no directory", undefined, { [OURS]: undefined }, [[
    "fail",
    /\/p \(--bin-dir\) does not exist; the/,
  ]]],
  ["a file in its place", FILE, { [OURS]: undefined }, [["fail", /is not a directory/]]],
];

for (const [name, facts, executables, expected, copied = false] of DIRECTORIES) {
  Deno.test(`a provider directory with ${name} gives ${expected[0]?.[0]}`, () => {
    const found = { path: "/p", origin: "--bin-dir", facts, copied };
    const checks = checkProviderDirectory({
      isConfigurationKnown: true,
      ...found,
      executables: new Map(Object.entries(executables)),
    });
    assertChecks(checks, expected);
  });
}
