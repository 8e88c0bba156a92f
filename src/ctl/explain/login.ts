/** Who logs in with an entry of an auth file. */

import { judgeEntry } from "../../delivery/auth_file/library_entry.ts";

/** A login without its password. */
export interface Login {
  /** Empty for an identity token alone. */
  readonly user: string;
}

/** Reads the login of an entry; `undefined` when the image library finds no credential in it. */
export function readLogin(entry: unknown): Login | undefined {
  const judgement = judgeEntry(entry);
  return judgement.kind === "login" ? { user: judgement.user } : undefined;
}
