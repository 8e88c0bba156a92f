/** Secrets by their names, one by one: `GET /api/v1/namespaces/<ns>/secrets/<name>`. */

import {
  checkLiteral,
  memberError,
  membersOf,
  optionalObject,
  parseForeignJson,
} from "../../text/parse.ts";
import { type HttpAnswer, LargeAnswerError } from "../transport.ts";
import { refuseNamed } from "./refusals.ts";
import {
  type Allowance,
  type AskOptions,
  newAllowance,
  readStatus,
  send,
  spend,
} from "./request.ts";
import { NO_DATA, readAlsoFor, type Secret } from "./secret.ts";
import type { SecretType } from "./secret_types.ts";

/** Largest answer with one secret, in bytes: those of 1 MiB, in base64, with what is around them. */
const MAX_SECRET_BYTES = 2 * 1024 * 1024;

/**
 * Gets secrets by their names, one after the other over the same connection: while one is read, the
 * next is on its way. One that is not there, is of another type, or is larger than any secret of
 * Kubernetes is left out; the others count.
 *
 * @param names of secrets, each checked by `parseSecretNames`.
 * @param onLeftOut called for each that is left out, and why.
 * @param read makes of a secret what the caller wants to keep of it.
 * @returns what was made of the secrets, in the order of their names in `names`.
 * @throws {RefusedError} when the account may not get one of them, or its token is not accepted.
 * @throws {UserError} when the API server cannot be understood, or does not answer in time.
 */
export async function getSecrets<Result>(
  names: readonly string[],
  options: AskOptions,
  onLeftOut: (secret: string, reason: string) => void,
  read: (secret: Secret) => Result,
): Promise<Result[]> {
  const results: Result[] = [];
  const allowance = newAllowance();
  const ask = (name: string) => getOne(name, names, options);
  const [first] = names;
  if (first === undefined) return results;
  let asked = ask(first);
  for (const [index, name] of names.entries()) {
    const found = await asked;
    const next = names[index + 1];
    if (next !== undefined) {
      asked = ask(next);
      // Should reading fail, nobody waits for it any more.
      asked.catch(() => {});
    }
    const secret = typeof found === "string" ? found : readNamed(found, name, options, allowance);
    if (typeof secret === "string") onLeftOut(name, secret);
    else results.push(read(secret));
  }
  return results;
}

/** The answer with a secret, or why there is none. */
async function getOne(
  name: string,
  names: readonly string[],
  options: AskOptions,
): Promise<HttpAnswer | string> {
  const { namespace } = options.serviceAccount;
  const refuse = (answer: HttpAnswer) => refuseNamed(answer, name, names, options);
  try {
    const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
    const answer = await send(path, options, refuse, MAX_SECRET_BYTES);
    if (answer.status === 200) return answer;
    if (answer.status === 404 && readStatus(answer.body).reason === "NotFound") {
      return notThere(namespace);
    }
    throw refuse(answer);
  } catch (error) {
    if (!(error instanceof LargeAnswerError)) throw error;
    return `it is larger than ${MAX_SECRET_BYTES} bytes, which Kubernetes allows no secret`;
  }
}

/** A secret out of its answer, or why it is left out. */
function readNamed(
  { body }: HttpAnswer,
  name: string,
  options: AskOptions,
  allowance: Allowance,
): Secret | string {
  const { server, types } = options;
  spend(allowance, body.length, options);
  const where = `Secret ${JSON.stringify(name)} of ${server}`;
  const secret = membersOf(parseForeignJson(body, where), where);
  checkLiteral(secret, "kind", "Secret");
  const metadata = optionalObject(secret, "metadata");
  if (metadata === undefined) throw memberError(secret, "metadata", "is missing");
  checkLiteral(metadata, "name", name);
  const data = optionalObject(secret, "data")?.all ?? NO_DATA;
  const type = types.find((type) => type === secret.all["type"]);
  if (type === undefined) return otherType(types);
  return { name, type, data, ...readAlsoFor(metadata.all, options) };
}

/** Why a named secret that does not exist is left out. */
function notThere(namespace: string): string {
  return `there is no such secret in namespace "${namespace}"`;
}

/** Why a named secret of another type than those given is left out. */
function otherType(types: readonly SecretType[]): string {
  return `its type is not one of those that are read (--secret-types): ${types.join(", ")}`;
}
