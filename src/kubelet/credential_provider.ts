/**
 * The kubelet's exec plugin API, `credentialprovider.kubelet.k8s.io/v1`: a
 * `CredentialProviderRequest` on stdin, a `CredentialProviderResponse` on stdout.
 */

import * as v from "valibot";
import { check, object, parseJson } from "../parse.ts";

const API_VERSION = "credentialprovider.kubelet.k8s.io/v1";

const CredentialProviderRequest = object({
  apiVersion: v.literal(API_VERSION),
  kind: v.literal("CredentialProviderRequest"),
  image: v.pipe(
    v.string(),
    v.nonEmpty("is empty"),
    v.maxLength(4096, "is longer than 4096 characters"),
    // deno-lint-ignore no-control-regex -- control characters are what is refused
    v.regex(/^[^\s\u0000-\u001f\u007f]*$/, "holds white space or control characters"),
    // In a file's name, which is a hash of UTF-8, all lone surrogates would be one.
    v.check((image) => image.isWellFormed(), "holds half a character"),
  ),
  serviceAccountToken: v.nullish(v.string(), ""),
});

/** What the kubelet asks. Fields that the plugin has no use for are dropped. */
export interface CredentialProviderRequest {
  /** The image's normalised name, without tag or digest: `docker.io/library/nginx`. */
  readonly image: string;
  /** The pod's service-account token; empty for a pod without service account (a static pod). */
  readonly serviceAccountToken: string;
}

/**
 * Parses and checks the kubelet's request.
 *
 * @throws {UserError} when it is not a v1 `CredentialProviderRequest` that names an image.
 */
export function parseRequest(text: string): CredentialProviderRequest {
  const where = "CredentialProviderRequest on stdin";
  const request = check(CredentialProviderRequest, parseJson(text, where), where);
  return { image: request.image, serviceAccountToken: request.serviceAccountToken };
}

/**
 * The answer to every request that did not fail.
 *
 * It says "do not cache": the credentials travel in a file that CRI-O takes once, so a pull that
 * the kubelet answered from its cache would find no file. `cacheDuration` must be given, because
 * without it the configuration's `defaultCacheDuration` counts. The key type `Image` keeps a kubelet
 * that shares answers between simultaneous requests from sharing them across images.
 */
export function formatResponse(): string {
  return JSON.stringify({
    apiVersion: API_VERSION,
    kind: "CredentialProviderResponse",
    cacheKeyType: "Image",
    cacheDuration: "0s",
  }) + "\n";
}
