import { checkJournald } from "../../../src/ctl/doctor/journald.ts";
import type { FileFacts } from "../../../src/ctl/doctor/examined_node.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const SOCKET: FileFacts = { kind: "socket", mode: 0o666, user: 0, group: 0, modified: 0 };

const SOCKETS: readonly [name: string, path: string, facts: FileFacts | undefined, Expected][] = [
  ["journald", "/j", SOCKET, ["pass", /\/j is there/]],
  ["journald switched off", "", undefined, ["pass", /off: the kubelet shows/]],
  ["no journald", "/j", undefined, ["warn", /\/j does not exist: .* only when it fails -> check/]],
  ["a file for journald", "/j", { ...SOCKET, kind: "file" }, ["warn", /\/j is not a socket/]],
];

Deno.test("without journald's socket doctor says how a plugin gets another", () => {
  const advice = /-> check systemd-journald, or bind or build the plugin with --journald-socket$/;
  assertChecks(checkJournald("/j", undefined), [["warn", advice]]);
});

for (const [name, path, facts, expected] of SOCKETS) {
  Deno.test(`a node with ${name} gives ${expected[0]}`, () => {
    assertChecks(checkJournald(path, facts), [expected]);
  });
}
