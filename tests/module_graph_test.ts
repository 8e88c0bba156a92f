import assert from "node:assert/strict";
import { type Import, importsOfSource } from "./support/module_graph.ts";
import { PROJECT } from "../scripts/support/project.ts";

const IMPORTS = await importsOfSource();

/** The rooms by the page, the line of each counted from above. */
async function orderOfRooms(): Promise<Map<string, number>> {
  const page = await Deno.readTextFile(`${PROJECT}/docs/develop/architecture.md`);
  const [, list = ""] = /^## The order of the rooms\n(.*?)^## /ms.exec(page) ?? [];
  return new Map(
    [...list.matchAll(/^(\d+)\. (.*)$/gm)].flatMap(([, line, rooms = ""]) =>
      [...rooms.matchAll(/`([^`]+?)\/?`/g)].map(([, room = ""]) => [room, Number(line)] as const)
    ),
  );
}

/** `src/text/parse.ts` -> `text`, `src/errors.ts` -> `errors.ts` */
function roomOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** The folder of a command of the operator's tool; `undefined` for what is in none. */
function commandOf(path: string): string | undefined {
  return /^src\/ctl\/([^/]+)\//.exec(path)?.[1];
}

function show({ from, to }: Import): string {
  return `${from} -> ${to}`;
}

/** A way from a module back to it; `undefined` where there is none. */
function findCircle(imports: readonly Import[]): string[] | undefined {
  const next = Map.groupBy(imports, ({ from }) => from);
  const done = new Set<string>();
  const visit = (module: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(module)) return [...way.slice(way.indexOf(module)), module];
    if (done.has(module)) return undefined;
    for (const { to } of next.get(module) ?? []) {
      const circle = visit(to, [...way, module]);
      if (circle !== undefined) return circle;
    }
    done.add(module);
    return undefined;
  };
  for (const module of next.keys()) {
    const circle = visit(module, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

Deno.test("the imports of all modules are known, those of types and by import() among them", () => {
  const has = (from: string, to: string, isType: boolean) =>
    assert.ok(
      IMPORTS.some((each) => each.from === from && each.to === to && each.isType === isType),
      `${from} -> ${to}`,
    );
  has("src/main.ts", "src/plugin.ts", false);
  has("src/sources/read_pull_sources.ts", "src/settings/settings.ts", true);
  has("src/cli/provider.ts", "src/cli/audit.ts", false);
});

Deno.test("no module imports one that imports it, by whatever way", () => {
  assert.deepEqual(
    findCircle([
      { from: "a", to: "b", isType: false },
      { from: "b", to: "c", isType: true },
      { from: "c", to: "b", isType: false },
    ]),
    ["b", "c", "b"],
  );
  assert.equal(findCircle(IMPORTS), undefined);
});

Deno.test("no command of the tool imports from another's folder", () => {
  assert.deepEqual(
    IMPORTS.filter(({ from, to }) => {
      const [own, other] = [commandOf(from), commandOf(to)];
      return own !== undefined && other !== undefined && own !== other;
    }).map(show),
    [],
  );
});

Deno.test("rooms import in the order that the page of the architecture has", async () => {
  const order = await orderOfRooms();
  const rooms = new Set(IMPORTS.flatMap(({ from, to }) => [roomOf(from), roomOf(to)]));
  assert.deepEqual([...rooms].sort(), [...order.keys()].sort());
  const line = (path: string) => order.get(roomOf(path)) ?? NaN;
  assert.deepEqual(
    IMPORTS.filter(({ from, to, isType }) =>
      roomOf(from) !== roomOf(to) && !(line(from) < line(to)) &&
      !(isType && roomOf(to) === "settings")
    ).map(show),
    [],
  );
});
