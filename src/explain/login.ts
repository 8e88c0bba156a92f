/** Who logs in with an entry of an auth file. */

import * as v from "valibot";

/** A login without its password. */
export interface Login {
  /** Empty for an identity token alone. */
  readonly user: string;
}

/** The image library goes by `auth` alone; `username` and `password` beside it are not looked at. */
const LibraryEntry = v.object({ auth: v.string() });

const COLON = 0x3a;

/** Reads the login of an entry; `undefined` when the image library finds no credential in it. */
export function readLogin(entry: unknown): Login | undefined {
  const parsed = v.safeParse(LibraryEntry, entry);
  if (!parsed.success) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(parsed.output.auth);
  } catch {
    return undefined;
  }
  const colon = bytes.indexOf(COLON);
  return colon === -1 ? undefined : { user: new TextDecoder().decode(bytes.subarray(0, colon)) };
}
