/** Configuration of the container runtimes: TOML. */

import { parse, TomlError } from "smol-toml";
import { UserError } from "../../errors.ts";
import type { JsonObject } from "../../text/parse.ts";
import type { TextFile } from "./node_files.ts";

/**
 * Decodes a file.
 *
 * @param reader the program that does not start with a file that is broken.
 * @throws {UserError} with line and column, when it is not TOML.
 */
export function parseTomlFile({ path, text }: TextFile, reader: string): JsonObject {
  try {
    return parse(text, { integersAsBigInt: "asNeeded" });
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof TomlError)) throw error;
    throw new UserError(
      "toml-invalid",
      `${path}:${error.line}:${error.column}`,
      `not valid TOML; ${reader} does not start with it`,
      "fix the TOML on that line",
    );
  }
}
