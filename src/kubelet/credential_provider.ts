/**
 * The kubelet's exec plugin API, `credentialprovider.kubelet.k8s.io/v1`: a
 * `CredentialProviderRequest` on stdin, a `CredentialProviderResponse` on stdout.
 */

import {
  checkLiteral,
  memberError,
  type Members,
  membersOf,
  optionalObject,
  optionalText,
  parseJson,
  requiredText,
} from "../text/parse.ts";
import { decodeUtf8 } from "../text/utf8.ts";

const API_VERSION = "credentialprovider.kubelet.k8s.io/v1";

const LONGEST_IMAGE = 4096;

/** What the kubelet asks. Fields that the plugin has no use for are dropped. */
export interface CredentialProviderRequest {
  /** The image's normalised name, without tag or digest: `docker.io/library/nginx`. */
  readonly image: string;
  /** The pod's service-account token; empty for a pod without service account (a static pod). */
  readonly serviceAccountToken: string;
  /** Those annotations of the service account that the provider's configuration names. */
  readonly serviceAccountAnnotations: ReadonlyMap<string, string>;
}

/**
 * Whether bytes are a whole request, behind which nothing is waited for: the reference implementation
 * does not wait for the end of its stdin either.
 */
export function isWholeRequest(bytes: Uint8Array): boolean {
  // The kubelet ends its request with a line feed. What ends otherwise is not worth an attempt.
  const last = bytes.at(-1) === LINE_FEED ? bytes.at(-2) : bytes.at(-1);
  if (last !== CLOSING_BRACE) return false;
  try {
    JSON.parse(decodeUtf8(bytes));
    return true;
  } catch {
    return false;
  }
}

const LINE_FEED = 0x0a;
const CLOSING_BRACE = 0x7d;

/**
 * Parses and checks the kubelet's request.
 *
 * @throws {UserError} when it is not a v1 `CredentialProviderRequest` that names an image.
 */
export function parseRequest(text: string): CredentialProviderRequest {
  const where = "CredentialProviderRequest on stdin";
  const request = membersOf(parseJson(text, where), where);
  checkLiteral(request, "apiVersion", API_VERSION);
  checkLiteral(request, "kind", "CredentialProviderRequest");
  const image = requiredText(request, "image");
  const problem = imageProblem(image);
  if (problem !== undefined) throw memberError(request, "image", problem);
  const annotations = optionalObject(request, "serviceAccountAnnotations");
  return {
    image,
    serviceAccountToken: optionalText(request, "serviceAccountToken") ?? "",
    serviceAccountAnnotations: annotations === undefined ? NONE : readTexts(annotations),
  };
}

const NONE: ReadonlyMap<string, string> = new Map();

/** A map, since the keys come from strangers: `__proto__` is a key like any other. */
function readTexts(members: Members): Map<string, string> {
  const texts = new Map<string, string>();
  for (const key of Object.keys(members.all)) texts.set(key, requiredText(members, key));
  return texts;
}

function imageProblem(image: string): string | undefined {
  if (image === "") return "is empty";
  if (image.length > LONGEST_IMAGE) return `is longer than ${LONGEST_IMAGE} characters`;
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (/[\s\u0000-\u001f\u007f]/.test(image)) return "has white space or control characters";
  // In a file's name, which is a hash of UTF-8, all lone surrogates would be one.
  return image.isWellFormed() ? undefined : "is not well-formed Unicode";
}

/** A user's name and password, as the kubelet hands them to the container runtime. */
export interface Pair {
  readonly username: string;
  readonly password: string;
}

/** For a try without credentials. */
export const EMPTY_PAIR: Pair = { username: "", password: "" };

/**
 * The answer to every request that did not fail.
 *
 * `cacheDuration` must be given, because without it the configuration's `defaultCacheDuration` counts.
 * Zero says "do not cache": CRI-O's credentials travel in a file that it takes once, so a pull that
 * the kubelet answered from its cache would find no file. The key type `Image` keeps a kubelet
 * that shares answers between simultaneous requests from sharing them across images.
 *
 * @param auth pairs by the pattern of the images that they are for, tried in reverse order of the
 * patterns. @default none
 * @param cacheDuration how long the kubelet may answer from its cache, in milliseconds. @default 0
 */
export function formatResponse(
  auth: Readonly<Record<string, Pair>> = {},
  cacheDuration = 0,
): string {
  return JSON.stringify({
    apiVersion: API_VERSION,
    kind: "CredentialProviderResponse",
    cacheKeyType: "Image",
    cacheDuration: `${cacheDuration / 1000}s`,
    ...(Object.keys(auth).length > 0 && { auth }),
  }) + "\n";
}

/**
 * The empty pair for an image, by which the kubelet records the image as the service account's
 * (`pulled_images.ts`).
 */
export function emptyPairFor(image: string): Record<string, Pair> {
  return Object.fromEntries([[image, EMPTY_PAIR]]);
}
