/** A service account's token as people pass it on: what is in its place is named, never shown. */

import { UserError } from "../../errors.ts";

const COMMAND = "kubectl create token NAME -n NAMESPACE prints a token";
const WORD = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;

/**
 * The token in a text, without the space around it. Whether it is a token of a service account is for
 * its reader to judge.
 *
 * @param where the text comes from.
 * @throws {UserError} when something else is there. Nothing of the text is part of the error.
 */
export function readTokenText(text: string, where: string): string {
  const token = text.trim();
  const refuse = (problem: string, advice = COMMAND) =>
    new UserError("token-malformed", where, problem, advice);
  if (token === "") throw refuse("is empty, expected a service account's token");
  if (/^(?:authorization:\s*)?bearer\b/i.test(token)) {
    throw refuse(`begins with "Bearer"`, "leave that word out: the token alone is expected");
  }
  if (/^["'`]/.test(token)) throw refuse("is in quotes", "leave them out");
  if (token.startsWith("{")) {
    throw refuse("is JSON", "pass the token alone: of a TokenRequest that is status.token");
  }
  if (!/\s/.test(token)) return token;
  const words = token.split(/\s+/);
  if (words.length > 1 && words.every((word) => WORD.test(word))) {
    throw refuse("holds several tokens", "pass the one of the pod's service account");
  }
  if (WORD.test(words.join(""))) {
    throw refuse("is broken into several lines", "write the token in one line");
  }
  throw refuse("is several words and not a token, such as an error message of kubectl");
}
