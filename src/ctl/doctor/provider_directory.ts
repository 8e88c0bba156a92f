/** The directory of `--image-credential-provider-bin-dir`, and the executables in it. */

import { PROVIDER_NAME } from "../../manifests/credential_provider_config.ts";
import { type Check, count, fail, pass, warn } from "./check.ts";
import { type FileFacts, formatMode } from "./examined_node.ts";

/** The directory as found on the node. */
export interface FoundProviderDirectory {
  readonly path: string;
  readonly origin: string;
  /** `undefined` when it is not there. */
  readonly facts: FileFacts | undefined;
  /** What is there under the name of each provider. */
  readonly executables: ReadonlyMap<string, FileFacts | undefined>;
  /** Whether the configuration that names the providers could be read. */
  readonly isConfigurationKnown: boolean;
  /** Whether this is a copy, whose owner may be the one who made it. */
  readonly copied: boolean;
}

const NAME = "provider-directory";

/**
 * Checks that the kubelet finds an executable file for each provider, without which it does not start
 * (`RegisterCredentialProviderPlugins`), and that nobody but root can replace the plugin.
 */
export function checkProviderDirectory(directory: FoundProviderDirectory): Check[] {
  const { path, origin, facts, executables, copied } = directory;
  const noStart = "the kubelet does not start without it";
  if (facts?.kind !== "directory") {
    const problem = facts === undefined ? "does not exist" : "is not a directory";
    return [fail(
      NAME,
      `${path} (${origin}) ${problem}; ${noStart}`,
      "put the plugin into the directory of --image-credential-provider-bin-dir",
    )];
  }
  const checks: Check[] = [];
  for (const [name, file] of executables) {
    const place = `${path}/${name}`;
    if (file === undefined) {
      checks.push(fail(NAME, `${place} does not exist; ${noStart}`, `install it as ${place}`));
    } else if (file.kind !== "file" || (file.mode & 0o111) === 0) {
      const [problem, advice] = file.kind === "file"
        ? ["is not executable", `chmod 0755 ${place}`]
        : ["is not a regular file", "remove it, and install the provider there"];
      checks.push(fail(NAME, `${place} ${problem}; ${noStart}`, advice));
    } else if (name === PROVIDER_NAME && isReplaceable(file, copied)) {
      checks.push(warn(
        NAME,
        `${place} belongs to user ${file.user} and has mode ${formatMode(file.mode)}: ` +
          "users other than root can replace what the kubelet runs as root",
        `chown root ${place} && chmod 0755 ${place}`,
      ));
    }
  }
  if (checks.length === 0) {
    const what = directory.isConfigurationKnown
      ? `the ${count(executables.size, "executable")} of the configuration`
      : "the plugin";
    checks.push(pass(NAME, `${path} (${origin}) has ${what}`));
  }
  return checks;
}

/** Whether others than root can write a file. */
function isReplaceable({ user, mode }: FileFacts, copied: boolean): boolean {
  return (user !== 0 && !copied) || (mode & 0o022) !== 0;
}
