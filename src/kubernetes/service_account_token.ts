/** The pod's service-account token: a JWT in compact form (RFC 7519) with Kubernetes' own claim. */

import { UserError } from "../errors.ts";
import {
  memberError,
  type Members,
  membersOf,
  optionalObject,
  optionalText,
  parseJson,
  requiredText,
} from "../text/parse.ts";
import { decodeUtf8 } from "../text/utf8.ts";
import { isLabel, isSubdomain } from "./names.ts";

/** Whose token it is. */
export interface ServiceAccount {
  readonly namespace: string;
  /** `undefined` in tokens that carry no service account's name. */
  readonly name: string | undefined;
  /** What its token says beside; absent where the account is known without a token. */
  readonly claims?: TokenClaims;
}

/** What a token says of itself, unchecked: it explains why an API server may not accept it. */
export interface TokenClaims {
  /** Whom the token is for (`aud`, RFC 7519 section 4.1.3); empty where it does not say. */
  readonly audience: readonly string[];
  /** Who made the token (`iss`, RFC 7519 section 4.1.1). */
  readonly issuer: string | undefined;
}

/**
 * Reads the namespace, the service account, the audience and the issuer from a token.
 *
 * The signature is not checked here: the API server checks it when the token is used. The namespace
 * decides where we ask and becomes part of a file name, so nothing but a namespace's name passes.
 *
 * @throws {UserError} when the token is no JWT of a service account, or when its `sub` claim names
 * another namespace or account than its `kubernetes.io` claim.
 */
export function readServiceAccount(token: string): ServiceAccount {
  const where = "service-account token";
  const claims = membersOf(decodeClaims(token, where), where);
  const sub = optionalText(claims, "sub");
  const kubernetes = optionalObject(claims, "kubernetes.io");
  if (kubernetes === undefined) throw memberError(claims, "kubernetes.io", "is missing");
  const namespace = requiredText(kubernetes, "namespace");
  if (!isLabel(namespace)) {
    throw memberError(kubernetes, "namespace", "is not a namespace's name");
  }
  const account = optionalObject(kubernetes, "serviceaccount");
  const name = account === undefined ? undefined : requiredText(account, "name");
  if (account !== undefined && name !== undefined && !isSubdomain(name)) {
    throw memberError(account, "name", "is not a service account's name");
  }
  const subject = sub === undefined ? undefined : parseSubject(sub, name, where);
  if (subject !== undefined && subject.namespace !== namespace) {
    throw new UserError(
      "token-contradictory",
      where,
      `its "sub" names another namespace than "kubernetes.io"`,
    );
  }
  if (subject !== undefined && name !== undefined && subject.name !== name) {
    throw new UserError(
      "token-contradictory",
      where,
      `its "sub" names another service account than "kubernetes.io"`,
    );
  }
  return {
    namespace,
    name: name ?? subject?.name,
    claims: {
      audience: readAudience(claims),
      issuer: typeof claims.all["iss"] === "string" ? claims.all["iss"] : undefined,
    },
  };
}

/**
 * One text or several. Whether they are right is the API server's to say: here they are read for its
 * refusal to be explained, so that a claim of another type is one that does not say.
 */
function readAudience({ all }: Members): string[] {
  const audience = all["aud"];
  const values: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  return values.filter((value) => typeof value === "string");
}

/** Without `atob`, whose loading takes 0.9 ms of a start (docs/develop/start-up.md). */
function decodeClaims(token: string, where: string): unknown {
  // RFC 7515 section 3.1: header, payload and signature, each in base64url.
  const [header, payload, signature, ...more] = token.split(".");
  if (
    !header || !payload || signature === undefined || more.length > 0 || !hasUrlCharacters(token)
  ) {
    throw new UserError("token-malformed", where, "is not a JWT in compact form");
  }
  let claims: string;
  try {
    claims = decodeUtf8(Uint8Array.fromBase64(payload, { alphabet: "base64url" }));
  } catch {
    throw new UserError("token-malformed", where, "its claims are not text in base64url");
  }
  return parseJson(claims, where);
}

/**
 * Whether a text consists of characters that a URL need not escape, as base64url does: in a header of
 * HTTP they have no meaning of their own.
 */
function hasUrlCharacters(text: string): boolean {
  return text.isWellFormed() && encodeURIComponent(text) === text;
}

/**
 * `system:serviceaccount:<namespace>:<name>`
 *
 * @param checked a service account's name, if one was seen before: it need not be checked again.
 */
function parseSubject(
  sub: string,
  checked: string | undefined,
  where: string,
): { namespace: string; name: string } {
  // What is missing is as little a name as what is empty.
  const [system, kind, namespace = "", name = "", ...rest] = sub.split(":");
  if (
    system !== "system" || kind !== "serviceaccount" || rest.length > 0 ||
    (name !== checked && !isSubdomain(name))
  ) {
    throw new UserError(
      "token-malformed",
      where,
      `its "sub" is not system:serviceaccount:<namespace>:<name>`,
    );
  }
  return { namespace, name };
}
