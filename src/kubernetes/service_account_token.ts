/** The pod's service-account token: a JWT in compact form (RFC 7519) with Kubernetes' own claim. */

import { UserError } from "../errors.ts";
import { Members, parseJson } from "../parse.ts";
import { decodeUtf8 } from "../utf8.ts";

/** An RFC 1123 label, the form of every Kubernetes namespace. */
const NAMESPACE = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** An RFC 1123 subdomain, the form of a service account's name. */
const SERVICE_ACCOUNT_NAME = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/;

/** RFC 7515 section 3.1: header, payload and signature, each in base64url. */
const COMPACT_FORM = /^[\w-]+\.([\w-]+)\.[\w-]*$/;

/** Whose token it is. */
export interface ServiceAccount {
  readonly namespace: string;
  /** `undefined` in tokens that carry no service account's name. */
  readonly name: string | undefined;
}

/**
 * Reads the namespace and the service account from a token.
 *
 * The signature is not checked here: the API server checks it when the token is used. The namespace
 * decides where we ask and becomes part of a file name, so nothing but a namespace's name passes.
 *
 * @throws {UserError} when the token is no JWT of a service account, or when its `sub` claim names
 * another namespace or account than its `kubernetes.io` claim.
 */
export function readServiceAccount(token: string): ServiceAccount {
  const where = "service-account token";
  const claims = new Members(decodeClaims(token, where), where);
  const sub = claims.optionalText("sub");
  const kubernetes = claims.object("kubernetes.io");
  if (kubernetes === undefined) throw claims.error("kubernetes.io", "is missing");
  const namespace = kubernetes.text("namespace");
  if (!NAMESPACE.test(namespace)) throw kubernetes.error("namespace", "is not a namespace's name");
  const account = kubernetes.object("serviceaccount");
  const name = account?.text("name");
  if (name !== undefined && !SERVICE_ACCOUNT_NAME.test(name)) {
    throw account?.error("name", "is not a service account's name");
  }
  const subject = sub === undefined ? undefined : parseSubject(sub, where);
  if (subject !== undefined && subject.namespace !== namespace) {
    throw new UserError(where, `its "sub" names another namespace than "kubernetes.io"`);
  }
  if (subject !== undefined && name !== undefined && subject.name !== name) {
    throw new UserError(where, `its "sub" names another service account than "kubernetes.io"`);
  }
  return { namespace, name: name ?? subject?.name };
}

/** A library would do this with `atob`, whose loading alone takes longer than all of it. */
function decodeClaims(token: string, where: string): unknown {
  const payload = COMPACT_FORM.exec(token)?.[1];
  if (payload === undefined) throw new UserError(where, "is not a JWT in compact form");
  let claims: string;
  try {
    claims = decodeUtf8(Uint8Array.fromBase64(payload, { alphabet: "base64url" }));
  } catch {
    throw new UserError(where, "its claims are not text in base64url");
  }
  return parseJson(claims, where);
}

/** `system:serviceaccount:<namespace>:<name>` */
function parseSubject(sub: string, where: string): { namespace: string; name: string } {
  const [system, kind, namespace, name, ...rest] = sub.split(":");
  if (
    system !== "system" || kind !== "serviceaccount" || namespace === undefined ||
    name === undefined || rest.length > 0 || !SERVICE_ACCOUNT_NAME.test(name)
  ) {
    throw new UserError(where, `its "sub" is not system:serviceaccount:<namespace>:<name>`);
  }
  return { namespace, name };
}
