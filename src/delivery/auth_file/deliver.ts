/** Hands the chosen credentials to CRI-O: in a file beside the node's global ones. */

import type { Choice } from "../../credentials/choose.ts";
import { describeError } from "../../errors.ts";
import { emptyPairFor, formatResponse } from "../../kubelet/credential_provider.ts";
import type { Log } from "../../process/log.ts";
import type { PullContext } from "../../settings/pull_context.ts";
import type { Delivered, Delivery } from "../delivery.ts";
import { authFilePath, placeAuthFile, readGlobalAuthFile, removeAuthFile } from "./auth_file.ts";
import { patienceOf } from "./placing.ts";
import { composeAuthFile } from "./resolve.ts";
import { removeStaleFiles, staleAge } from "./stale_files.ts";

/** Begins the delivery by auth file. */
export function startAuthFile(image: string, namespace: string, context: PullContext): Delivery {
  // Hashed on another thread, while this one waits for the API server.
  const path = authFilePath(context.settings.authDir, namespace, image);
  return {
    deliver: async (choice) => await deliver(choice, image, await path, context),
    refuse: async () => removeRefused(await path, context.log),
  };
}

async function deliver(
  choice: Choice,
  image: string,
  path: string,
  context: PullContext,
): Promise<Delivered> {
  const { settings, log } = context;
  const { file, warnings } = composeAuthFile(choice, readGlobalAuthFile(settings.kubeletAuthFile));
  for (const warning of warnings) log.warn(warning);
  const patience = patienceOf(settings, context);
  const { outcome, waited, withdraw } = await placeAuthFile(settings.authDir, path, file, patience);
  const credentials = choice.chosen.length;
  const isAccounts = settings.pulledImages === "service-account" && credentials > 0;
  return {
    response: formatResponse(isAccounts ? emptyPairFor(image) : {}),
    outcome,
    // deno-coverage-ignore -- only between processes: tests/reliability/races_test.ts
    facts: { path, credentials, waited: waited > 0 ? `${Math.round(waited)}ms` : undefined },
    withdraw,
  };
}

/** What the file holds was granted, if at all, to somebody else. */
function removeRefused(path: string, log: Log): void {
  try {
    // deno-coverage-ignore -- only in a child process: tests/artifact/pull_test.ts
    if (!removeAuthFile(path)) return;
    log.warn("removed the auth file of an earlier run: this one is refused its secrets", { path });
    // deno-coverage-ignore-start -- a disk that fails
  } catch (error) {
    log.warn(describeError(error));
    // deno-coverage-ignore-stop
  }
}

/** Removes the auth files that CRI-O never took. Never throws. */
export function removeUntakenFiles({ settings, log, clock }: PullContext): void {
  const files = removeStaleFiles(settings.authDir, staleAge(settings), clock.wallClock());
  if (files > 0) log.info("removed auth files that were never taken", { files });
}
