/** The secrets of a namespace from a file: what `kubectl get secrets -o json` or `-o yaml` prints. */

import * as v from "valibot";
import type { Respondent } from "../../credentials/ask_namespace.ts";
import { UserError } from "../../errors.ts";
import { parseYamlDocuments } from "../../manifests/yaml.ts";
import { parseJson } from "../../text/parse.ts";
import { check, JsonObject } from "../../text/schema.ts";
import type { SecretType } from "../../kubernetes/secrets/secret_types.ts";
import { type HttpAnswer, LargeAnswerError, MAX_BODY_BYTES } from "../../kubernetes/transport.ts";
import { encodeUtf8 } from "../../text/utf8.ts";
import { explainNoManifests } from "./kubectl_output.ts";

const Texts = v.nullish(v.record(v.string(), v.string()), {});

const SecretManifest = v.object({
  kind: v.literal("Secret"),
  metadata: v.object({
    name: v.string(),
    namespace: v.optional(v.string()),
    annotations: Texts,
  }),
  type: v.optional(v.string(), "Opaque"),
  data: v.nullish(JsonObject, {}),
  stringData: Texts,
});

/** `kubectl` prints a `List` of kinds, the API server itself a `SecretList` of items without kind. */
const List = v.object({
  kind: v.picklist(["List", "SecretList"]),
  items: v.nullish(v.array(JsonObject), []),
});

const KUBECTL = "kubectl get secrets -o json prints them";

/** The secrets of a namespace in a file, which answer for the API server's. */
export interface SecretsFile extends Respondent {
  /**
   * What the file holds and a pull does not read, in words.
   *
   * @param names those that the service account names. @default all
   */
  readonly leftOut: (types: readonly SecretType[], names?: readonly string[]) => string[];
}

type Manifest = v.InferOutput<typeof SecretManifest>;

/**
 * Opens a file of secrets: requests are answered from it as the API server of a cluster with these
 * secrets would, in pages, by type and by name. So whatever a pull does with an answer, be it a limit or a
 * rule, is done with the file, too.
 *
 * @param text one or several documents of JSON or YAML, each a `List`, a `SecretList` or a `Secret`.
 * @param path the file's, for errors.
 * @throws {UserError} when it is something else. Nothing of the text is part of the error.
 */
export function openSecretsFile(text: string, path: string, namespace: string): SecretsFile {
  const none = explainNoManifests(text);
  if (none !== undefined) throw new UserError("input-empty", path, none.problem, none.advice);
  const documents = parseDocuments(text, path);
  // No secrets are a list without items; this is a command that failed in front of a pipe.
  if (documents.length === 0) {
    throw new UserError("input-empty", path, "is empty, expected secrets", KUBECTL);
  }
  const manifests = documents.flatMap((document) => secretsOf(document, path));
  const ofNamespace = manifests.filter((manifest) => isOf(namespace, manifest));
  const answer = (request: URL): HttpAnswer => {
    const [, name] = /\/secrets\/(.+)$/.exec(request.pathname) ?? [];
    if (name === undefined) return listPage(ofNamespace, request.searchParams);
    // Of several with one name the last counts, as when they are applied.
    const found = ofNamespace.findLast(({ metadata }) => metadata.name === name);
    return found === undefined ? NOT_FOUND : answerWith(200, asStored(found));
  };
  return {
    url: path,
    transport: (request, _signal, maxBytes = MAX_BODY_BYTES) => {
      const given = answer(new URL(request, "https://localhost"));
      return encodeUtf8(given.body).length > maxBytes
        ? Promise.reject(new LargeAnswerError(path, maxBytes))
        : Promise.resolve(given);
    },
    leftOut: (types, names) => describeLeftOut(manifests, namespace, types, names),
    [Symbol.dispose]: () => {},
  };
}

function isOf(namespace: string, { metadata }: Manifest): boolean {
  return (metadata.namespace ?? namespace) === namespace;
}

function answerWith(status: number, body: unknown): HttpAnswer {
  return { status, retryAfter: null, body: JSON.stringify(body) };
}

const NOT_FOUND = answerWith(404, { kind: "Status", reason: "NotFound" });

/** A page of a list; its continue token is the number of the secrets before the next. */
function listPage(manifests: readonly Manifest[], query: URLSearchParams): HttpAnswer {
  const ofType = manifests.filter(({ type }) => query.get("fieldSelector") === `type=${type}`);
  const start = Number(query.get("continue") ?? 0), end = start + Number(query.get("limit"));
  return answerWith(200, {
    kind: "SecretList",
    metadata: { continue: end < ofType.length ? String(end) : "" },
    items: ofType.slice(start, end).map(asStored),
  });
}

/** A manifest as the API server stores it: with its `stringData` among `data`. */
function asStored({ metadata: { name, annotations }, type, data, stringData }: Manifest) {
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    encodeUtf8(value).toBase64(),
  ]);
  return {
    kind: "Secret",
    metadata: { name, annotations },
    type,
    data: { ...data, ...Object.fromEntries(encoded) },
  };
}

function describeLeftOut(
  manifests: readonly Manifest[],
  namespace: string,
  types: readonly SecretType[],
  names: readonly string[] | undefined,
): string[] {
  const counts = new Map<string, number>();
  for (const manifest of manifests) {
    const { metadata, type } = manifest;
    const what = !isOf(namespace, manifest)
      ? `of namespace ${metadata.namespace}`
      : names?.includes(metadata.name) === false
      ? "not named by the service account"
      : types.some((each) => each === type)
      ? undefined
      : `of type ${type}`;
    if (what !== undefined) counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts].map(([what, count]) => `${count} ${what}`);
}

/** JSON is parsed as such, which takes a ninth of the time that it takes as YAML. */
function parseDocuments(text: string, path: string): unknown[] {
  if (text.trimStart().startsWith("{")) {
    try {
      return [parseJson(text, path)];
    } catch (error) {
      // deno-coverage-ignore -- an error of another kind would be a bug
      if (!(error instanceof UserError)) throw error;
      // A document of YAML may begin with a brace, too.
    }
  }
  return parseYamlDocuments(text, path).filter((document) => document !== null);
}

function secretsOf(document: unknown, path: string): Manifest[] {
  const { kind } = check(v.object({ kind: v.string("is missing") }), document, path);
  if (kind === "Secret") return [check(SecretManifest, document, path)];
  if (kind !== "List" && kind !== "SecretList") {
    throw new UserError("content-invalid", path, "has something other than secrets", KUBECTL);
  }
  const { items } = check(List, document, path);
  return items.flatMap((item, index) => {
    const secret = kind === "SecretList" ? { ...item, kind: "Secret" } : item;
    // A list may hold other kinds beside: kubectl get secrets,configmaps
    if (secret["kind"] !== "Secret") return [];
    return [check(SecretManifest, secret, `${path}: items[${index}]`)];
  });
}
