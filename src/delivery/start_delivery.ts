/**
 * How the chosen credentials leave the program: in a file for CRI-O, in the response for containerd.
 *
 * Each runtime has one function. The one for containerd is loaded when it is asked for.
 */

import type { PullContext } from "../settings/pull_context.ts";
import { removeUntakenFiles, startAuthFile } from "./auth_file/deliver.ts";
import type { Delivery } from "./delivery.ts";

/** Begins a delivery, before the credentials are known. */
export async function startDelivery(
  image: string,
  namespace: string,
  context: PullContext,
): Promise<Delivery> {
  const { settings, log } = context;
  if (settings.runtime === "crio") return startAuthFile(image, namespace, context);
  const { answerWithPairs } = await import("./response_auth.ts");
  return {
    deliver: (choice) => Promise.resolve(answerWithPairs(choice, image, settings, log.warn)),
    refuse: () => Promise.resolve(),
  };
}

/** Removes what other runs left. Never throws. */
export function removeLeftovers(context: PullContext): void {
  if (context.settings.runtime === "crio") removeUntakenFiles(context);
}
