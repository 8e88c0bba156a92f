import {
  checkAuthDirectory,
  type FoundAuthDirectory,
} from "../../../src/ctl/doctor/auth_directory.ts";
import type { FileFacts, NamedFile } from "../../../src/ctl/doctor/examined_node.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const NOW = Date.UTC(2026, 0, 2);
const MINUTE = 60_000;
const DIRECTORY: FileFacts = { kind: "directory", mode: 0o700, user: 0, group: 0, modified: NOW };
const OWN = `team-${"0a".repeat(32)}.json`;

function file(name: string, minutes: number, facts: Partial<FileFacts> = {}): NamedFile {
  const modified = NOW - minutes * MINUTE;
  return { name, facts: { ...DIRECTORY, kind: "file", mode: 0o600, modified, ...facts } };
}

function above(path: string, facts: Partial<FileFacts>) {
  return { path, facts: { ...DIRECTORY, mode: 0o755, ...facts } };
}

const IN_USE: NamedFile = { name: "in-use", facts: DIRECTORY };
const FINE: Expected = ["pass", /\/a has mode 0700 and belongs to root/];
const NONE: Expected = ["pass", /0 auth files waiting/];

const DIRECTORIES: readonly [
  name: string,
  found: Partial<FoundAuthDirectory>,
  staleAfter: number,
  expected: readonly Expected[],
][] = [
  ["is private", {}, 60, [FINE, NONE]],
  ["is not there", { facts: undefined }, 60, [[
    "pass",
    /does not exist yet: the first pull makes it/,
  ]]],
  ["can be read by others", { facts: { ...DIRECTORY, mode: 0o755 } }, 60, [["pass", /0755/], NONE]],
  ["can be written to by a group", { facts: { ...DIRECTORY, mode: 0o770, group: 5 } }, 60, [
    ["fail", /mode 0770 and can be written to by group 5, or .* refuses .* -> .* chmod 0700 \/a/],
    NONE,
  ]],
  ["can be written to by an access control list", { facts: { ...DIRECTORY, mode: 0o770 } }, 60, [
    [
      "fail",
      /mode 0770 and can be written to by root's group, or users whom an access control list/,
    ],
    NONE,
  ]],
  ["can be written to by everyone", { facts: { ...DIRECTORY, mode: 0o777 } }, 60, [
    ["fail", /mode 0777 and can be written to by everyone: .* refuses .* -> .* chmod 0700 \/a/],
    NONE,
  ]],
  ["is a link", { real: "/data/auth" }, 60, [
    [
      "fail",
      /: \/a leads through a symbolic link to \/data\/auth, .* -> bind or build it with --auth-dir \/data\/auth/,
    ],
    NONE,
  ]],
  ["is a link to where no build can write", { real: "/dev/shm/auth" }, 60, [
    ["fail", /link to \/dev\/shm\/auth, .* -> make \/a a directory: no build .* below \/dev$/],
    NONE,
  ]],
  ["is a link to nothing", { real: "/none", facts: undefined }, 60, [
    ["fail", /: \/a leads to \/none, which is not a directory -> remove it/],
  ]],
  ["is a link to a file", { real: "/file", facts: { ...DIRECTORY, kind: "file" } }, 60, [
    ["fail", /: \/a leads to \/file, which is not a directory -> remove it/],
  ]],
  ["is below another user's", { parents: [above("/etc", { user: 1000 })] }, 60, [
    ["fail", /: \/etc belongs to user 1000, who can replace \/a, .* -> chown root \/etc$/],
    NONE,
  ]],
  [
    "is below another user's as a copy",
    {
      parents: [above("/etc", { user: 1000 })],
      copied: true,
    },
    60,
    [["pass", /not checked in a copy/], NONE],
  ],
  ["is below what everyone can write to", { parents: [above("/etc", { mode: 0o777 })] }, 60, [
    ["fail", /: \/etc has mode 0777 and can be written to by everyone, .* -> chmod go-w \/etc$/],
    NONE,
  ]],
  [
    "is below what a group can write to",
    {
      parents: [above("/etc", {}), above("/etc/crio", { mode: 0o775, group: 7 })],
    },
    60,
    [
      ["fail", /: \/etc\/crio has mode 0775 and can be written to by group 7, or /],
      NONE,
    ],
  ],
  [
    "is missing below what everyone can write to",
    {
      facts: undefined,
      parents: [above("/etc", { mode: 0o777 })],
    },
    60,
    [["fail", /: \/etc has mode 0777/], ["pass", /does not exist yet/]],
  ],
  ["is below a sticky directory", { parents: [above("/tmp", { mode: 0o1777 })] }, 60, [FINE, NONE]],
  ["is another user's", { facts: { ...DIRECTORY, user: 1000 } }, 60, [
    ["fail", /belongs to user 1000: the plugin refuses to write there -> chown root \/a/],
    NONE,
  ]],
  ["is another user's as a copy", { facts: { ...DIRECTORY, user: 1000 }, copied: true }, 60, [
    ["pass", /\/a has mode 0700 \(its owner is not checked in a copy\)/],
    NONE,
  ]],
  ["is a file", { facts: { ...DIRECTORY, kind: "file" } }, 60, [[
    "fail",
    /\/a is not a directory/,
  ]]],
  ["has a fresh file", { files: [file(OWN, 59)] }, 60, [FINE, ["pass", /1 auth file waiting/]]],
  ["has a stale file", { files: [file(OWN, 61), file(`b-${OWN.slice(5)}`, 60 * 80)] }, 60, [
    FINE,
    ["warn", /has 2 auth files that CRI-O never took, the oldest 3d old -> the next pull removes/],
  ]],
  ["has a stale temporary file", { files: [file(`.auth-${"0".repeat(16)}.tmp`, 100)] }, 60, [
    FINE,
    ["warn", /has 1 auth file that CRI-O never took, the oldest 100m old/],
  ]],
  ["keeps files, of which one is fresh", { files: [file(OWN, 59)] }, 0, [FINE, [
    "pass",
    /1 auth file/,
  ]]],
  ["keeps stale files", { files: [file(OWN, 61)] }, 0, [
    FINE,
    ["warn", /-> remove them: --stale-after 0s leaves them/],
  ]],
  ["has a foreign file", { files: [file("notes.txt", 1)] }, 60, [
    FINE,
    ["warn", /has foreign files: notes\.txt -> find out/],
  ]],
  ["has an open file", { files: [file(OWN, 1, { mode: 0o644 })] }, 60, [
    FINE,
    ["fail", /\/a\/team-0a.*\.json has mode 0644, and holds live credentials -> remove it/],
  ]],
  ["has pulls under way", { files: [IN_USE], inUse: [file("x", 59)] }, 60, [
    FINE,
    NONE,
    ["pass", /1 file of pulls under way in \/a\/in-use, the oldest 59m old/],
  ]],
  ["has leftovers of pulls", { files: [IN_USE], inUse: [file("x", 200), file("y", 1)] }, 60, [
    FINE,
    NONE,
    ["warn", /\/a\/in-use has \d files? with credentials, older than any pull: .*\w+ \(3h\)/],
  ]],
  ["has a file in CRI-O's place", { files: [file("in-use", 1)] }, 60, [
    FINE,
    NONE,
    ["fail", /\/a\/in-use is not a directory -> remove it/],
  ]],
];

for (const [name, found, staleAfter, expected] of DIRECTORIES) {
  Deno.test(`an auth directory that ${name} gives ${expected.map(([status]) => status)}`, () => {
    const directory = {
      path: "/a",
      real: "/a",
      parents: [],
      facts: DIRECTORY,
      files: [],
      inUse: [],
      copied: false,
    };
    assertChecks(
      checkAuthDirectory({ ...directory, ...found }, {
        now: NOW,
        staleAfter: staleAfter * MINUTE,
      }),
      expected,
    );
  });
}
