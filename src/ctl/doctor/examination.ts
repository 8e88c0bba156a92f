// deno-coverage-ignore-file -- types alone
/** What an examination starts from, and what it finds out along the way. */

import type { AuthFile } from "../../delivery/auth_file/auth_file.ts";
import type { Settings } from "../../settings/settings.ts";
import type { RegistriesConfiguration } from "../../sources/registries_conf/config.ts";
import type { TextFile } from "./examined_node.ts";

/** What to examine. */
export interface Examination {
  /** Directory with a copy of a node; empty for this one. */
  readonly root: string;
  /** The settings that count where the plugin's own are not found. */
  readonly settings: Settings;
  /** Settings given for the examination, by flag: they count before the plugin's own. */
  readonly given: ReadonlyMap<string, readonly string[]>;
  /** The kubelet's `CredentialProviderConfig`; `undefined`: to be found. */
  readonly config: string | undefined;
  /** Directory of the plugin; `undefined`: to be found. */
  readonly binDir: string | undefined;
  /** The kubelet's configuration and directories of drop-ins; empty: to be found. */
  readonly kubeletConfigs: readonly string[];
  /** The kubelet's root directory; `undefined`: to be found. */
  readonly kubeletRoot: string | undefined;
  /** The plugin, on this machine; `undefined`: the one in the directory. */
  readonly plugin: string | undefined;
  /** The command line of the running kubelet, words ended by NULs; empty: not given. */
  readonly commandLine: string;
  /** Roles of the cluster as `kubectl` prints them; `undefined`: not given. */
  readonly roles: TextFile | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What the node says of mirrors and of its own credentials. */
export interface Mirrors {
  /** `undefined` when the registries files could not be read whole, and on nodes with containerd. */
  readonly registries: RegistriesConfiguration | undefined;
  /** The global auth file. */
  readonly global: AuthFile | undefined;
}
