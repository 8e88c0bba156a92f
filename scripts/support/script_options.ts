/** What the builds of the script forms can be told. */

import type { Settings } from "../../src/settings/settings.ts";

/** What to build. */
export interface ScriptOptions {
  /** Settings other than the defaults. */
  readonly settings?: Partial<Settings>;
  /** Directory the executable is put into. @default `dist/script` of the project */
  readonly out?: string;
  /** The runtime that the script starts: a path, or a name looked up in `PATH`. @default "deno" */
  readonly deno?: string;
  /** JavaScript to put behind the header in the plugin's place, for tests of the sandbox. */
  readonly program?: string;
}
