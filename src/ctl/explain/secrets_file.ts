/** The secrets of a namespace from a file: what `kubectl get secrets -o json` or `-o yaml` prints. */

import * as v from "valibot";
import { UserError } from "../../errors.ts";
import { notThere, otherType } from "../../kubernetes/secrets/named.ts";
import { compareNames, type Secret } from "../../kubernetes/secrets/secret.ts";
import { parseYamlDocuments } from "../../manifests/yaml.ts";
import { parseJson } from "../../text/parse.ts";
import { check, JsonObject } from "../../text/schema.ts";
import { ALSO_FOR_ANNOTATION, type SecretType } from "../../kubernetes/secrets/secret_types.ts";
import type { SecretsRead } from "./explanation.ts";
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

/** Which secrets a pull reads. */
export interface Wanted {
  readonly namespace: string;
  readonly types: readonly SecretType[];
  /** Those that the service account names, and in which annotation. @default all */
  readonly named?: { readonly annotation: string; readonly names: readonly string[] };
}

/**
 * Reads the secrets that a pull would be given: of the namespace, and of the types; where the service
 * account names secrets, these alone, in the order of its annotation.
 *
 * @param text one or several documents of JSON or YAML, each a `List`, a `SecretList` or a `Secret`.
 * @throws {UserError} when it is something else. Nothing of the text is part of the error.
 */
export function readSecretsFile(
  text: string,
  path: string,
  { namespace, types, named }: Wanted,
): SecretsRead {
  const none = explainNoManifests(text);
  if (none !== undefined) throw new UserError("input-empty", path, none.problem, none.advice);
  const secrets: Secret[] = [];
  const reasons = new Map<string, string>();
  const leftOut = new Map<string, number>();
  const leaveOut = (what: string) => leftOut.set(what, (leftOut.get(what) ?? 0) + 1);
  const documents = parseDocuments(text, path);
  // No secrets are a list without items; this is a command that failed in front of a pipe.
  if (documents.length === 0) {
    throw new UserError("input-empty", path, "is empty, expected secrets", KUBECTL);
  }
  for (const manifest of documents.flatMap((document) => secretsOf(document, path))) {
    const { metadata, stringData } = manifest;
    const type = types.find((type) => type === manifest.type);
    if ((metadata.namespace ?? namespace) !== namespace) {
      leaveOut(`of namespace ${metadata.namespace}`);
    } else if (named !== undefined && !named.names.includes(metadata.name)) {
      leaveOut("not named by the service account");
    } else if (type === undefined) {
      leaveOut(`of type ${manifest.type}`);
      reasons.set(metadata.name, otherType(types));
    } else {
      const encoded = Object.entries(stringData ?? {}).map(([key, value]) => [
        key,
        new TextEncoder().encode(value).toBase64(),
      ]);
      const data = { ...manifest.data, ...Object.fromEntries(encoded) };
      const alsoFor = metadata.annotations?.[ALSO_FOR_ANNOTATION];
      secrets.push({
        name: metadata.name,
        type,
        data,
        ...(alsoFor !== undefined && { alsoFor }),
      });
    }
  }
  const read = {
    from: path,
    secrets: secrets.sort(compareNames),
    leftOut: [...leftOut].map(([what, count]) => `${count} ${what}`),
  };
  if (named === undefined) return read;
  const { names } = named;
  const found = new Map(secrets.map((secret) => [secret.name, secret]));
  return {
    ...read,
    secrets: names.flatMap((name) => found.get(name) ?? []),
    named: {
      ...named,
      notRead: names.filter((name) => !found.has(name))
        .map((secret) => ({ secret, reason: reasons.get(secret) ?? notThere(namespace) })),
    },
  };
}

/** JSON is parsed as such, which takes a ninth of the time that it takes as YAML. */
function parseDocuments(text: string, path: string): unknown[] {
  if (text.trimStart().startsWith("{")) {
    try {
      return [parseJson(text, path)];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // A document of YAML may begin with a brace, too.
    }
  }
  return parseYamlDocuments(text, path).filter((document) => document !== null);
}

function secretsOf(document: unknown, path: string): v.InferOutput<typeof SecretManifest>[] {
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
