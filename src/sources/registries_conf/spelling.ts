/** Keys of a registries file, which the image library matches without regard to case. */

import { foldName, type Members } from "../../text/parse.ts";
import type { Mistake } from "./places.ts";

/**
 * A table with its keys in the library's spelling. Where a key is there in two spellings, the library's
 * choice is left to chance; here the exact one counts, or else the first.
 */
export function spell(table: Members, names: ReadonlySet<string>, twins: Mistake[]): Members {
  let renamed: Map<string, unknown> | undefined;
  for (const [key, value] of Object.entries(table.all)) {
    if (names.has(key)) continue;
    const name = foldName(key);
    if (!names.has(name)) continue;
    renamed ??= new Map(Object.entries(table.all));
    if (renamed.has(name)) {
      const place = table.key === "" ? `"${name}"` : `"${name}" in "${table.key}"`;
      twins.push({
        place: table.where,
        problem: `${place} is written in more than one case, and which one CRI-O reads is left ` +
          "to chance",
        advice: "keep one of them",
      });
    } else renamed.set(name, value);
  }
  return renamed === undefined ? table : { ...table, all: Object.fromEntries(renamed) };
}
