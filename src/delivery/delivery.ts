// deno-coverage-ignore-file -- types alone
/** What all ways out for credentials have in common. */

import type { Choice } from "../credentials/choose.ts";
import type { LogFields } from "../process/log.ts";

/** What became of a choice. */
export interface Delivered {
  /** The text of the `CredentialProviderResponse`. */
  readonly response: string;
  /** In words, for the log. */
  readonly outcome: string;
  /** What the log says beside it. */
  readonly facts: LogFields;
  /** Takes back what was put in place, should the kubelet not get the answer. Never throws. */
  readonly withdraw: () => void;
}

/** The way out for the credentials of one pull. */
export interface Delivery {
  /** @throws {UserError} when the credentials cannot be handed over. */
  readonly deliver: (choice: Choice) => Promise<Delivered>;
  /** Takes away what an earlier run left, where the API server refuses this one its secrets. */
  readonly refuse: () => Promise<void>;
}
