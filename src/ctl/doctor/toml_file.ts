/** Configuration of the container runtimes: TOML. */

import { UserError } from "../../errors.ts";
import type { JsonObject } from "../../text/parse.ts";
import { parseToml } from "../../text/toml.ts";
import type { TextFile } from "./examined_node.ts";

/**
 * Decodes a file.
 *
 * @param reader the program that does not start with a file that is broken.
 * @throws {UserError} with line and column, when it is not TOML.
 */
export function parseTomlFile({ path, text }: TextFile, reader: string): JsonObject {
  const toml = parseToml(text);
  if ("document" in toml) return toml.document;
  const { line, column } = toml.fault;
  throw new UserError(
    "toml-invalid",
    `${path}:${line}:${column}`,
    `not valid TOML; ${reader} does not start with it`,
    "fix the TOML on that line",
  );
}
