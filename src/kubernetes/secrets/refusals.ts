/** What the API server's answers other than 200 mean for whoever asked for secrets, and what to do. */

import { UserError } from "../../errors.ts";
import { quote } from "../../redact.ts";
import type { ServiceAccount, TokenClaims } from "../service_account_token.ts";
import type { HttpAnswer } from "../transport.ts";
import { type AskOptions, describeAnswer } from "./request.ts";

/** The API server's answer says that the account may not read what it was asked for (any more). */
export class RefusedError extends UserError {
  /** The HTTP status: 401 for the token as such, 403 for what was asked. */
  readonly status: 401 | 403;

  constructor(status: 401 | 403, error: UserError) {
    super(error.code, error.where, error.problem, error.advice);
    this.status = status;
  }
}

/** What a list's answer other than 200 means. */
export function refuseList(answer: HttpAnswer, options: AskOptions): UserError {
  return ranked(answer, refusal(answer, options));
}

/**
 * What an answer for a named secret other than 200 means. The error for a 403 has the Role that is missing:
 * one of the account's own, for the names of its annotation and nothing else.
 */
export function refuseNamed(
  answer: HttpAnswer,
  secret: string,
  names: readonly string[],
  options: AskOptions,
): UserError {
  const { server, serviceAccount: { namespace, name } } = options;
  if (answer.status === 401) return ranked(answer, refusal(answer, options));
  const what = `secret "${secret}" of namespace "${namespace}"`;
  const answered = describeAnswer(answer);
  if (answer.status !== 403) {
    return new UserError("secrets-not-read", server, `${what} was not read: ${answered}`);
  }
  const account = { namespace, name: name ?? "default" };
  const commands = roleCommands(account, names);
  // A command that is cut in the log would make another Role than is meant.
  const shown = commands.length <= LONGEST_COMMANDS
    ? commands
    : `crio-credential-ctl generate rbac --namespace ${namespace} --service-account ` +
      `${account.name}, with --secret NAME for each of them, prints it`;
  return ranked(
    answer,
    new UserError(
      "secret-get-forbidden",
      server,
      `service account "${namespace}/${name ?? "(unnamed)"}" may not get ${what}: ${answered}`,
      `its Role must name the secrets of the annotation as resourceNames, with the verb get: ${shown}`,
    ),
  );
}

/** Up to this length commands are part of an error, in characters: all of it is never cut in the log. */
const LONGEST_COMMANDS = 900;

/** What makes the Role and its binding, whether they are there or not. */
function roleCommands(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  secrets: readonly string[],
): string {
  const role = `crio-credential-provider-${name}`;
  const apply = "--dry-run=client -o yaml | kubectl apply -f -";
  return `kubectl create role ${role} -n ${namespace} --verb=get --resource=secrets ` +
    `${secrets.map((secret) => `--resource-name=${secret}`).join(" ")} ${apply} && ` +
    `kubectl create rolebinding ${role} -n ${namespace} --role=${role} ` +
    `--serviceaccount=${namespace}:${name} ${apply}`;
}

/** 401 and 403 say that nothing is granted; every other answer says nothing about rights. */
function ranked({ status }: HttpAnswer, error: UserError): UserError {
  if (status !== 401 && status !== 403) return error;
  return new RefusedError(status, error);
}

function refusal(answer: HttpAnswer, { server, serviceAccount }: AskOptions): UserError {
  const { namespace, name } = serviceAccount;
  const account = `service account "${namespace}/${name ?? "(unnamed)"}"`;
  const answered = describeAnswer(answer);
  if (answer.status === 401) {
    return new UserError(
      "token-refused",
      server,
      `the token of ${account} was not accepted: ${answered}${
        describeClaims(serviceAccount.claims)
      }`,
      adviseOnAudience(serviceAccount),
    );
  }
  if (answer.status === 403) {
    const role = "crio-credential-provider";
    return new UserError(
      "secrets-list-forbidden",
      server,
      `${account} may not list secrets in namespace "${namespace}": ${answered}`,
      `the Role is missing: kubectl create role ${role} -n ${namespace} --verb=list ` +
        `--resource=secrets && kubectl create rolebinding ${role} -n ${namespace} ` +
        `--role=${role} --serviceaccount=${namespace}:${name ?? "default"}; ` +
        "or let the account name its secrets (crio-credential-ctl generate rbac --secret)",
    );
  }
  if (answer.status >= 300 && answer.status < 400) {
    return new UserError(
      "api-server-redirects",
      server,
      `answered with a redirect (${answer.status}), which is not followed`,
    );
  }
  return new UserError(
    "secrets-not-read",
    server,
    `secrets of namespace "${namespace}" were not listed: ${answered}`,
  );
}

/** `; it is for "a" ("aud"), made by "b" ("iss")` */
function describeClaims(claims: TokenClaims | undefined): string {
  if (claims === undefined) return "";
  const { audience, issuer } = claims;
  const aud = audience.length === 0
    ? "no named audience"
    : audience.slice(0, 3).map(quote).join(", ");
  const iss = issuer === undefined ? "an issuer without a name" : quote(issuer);
  return `; it is for ${aud} ("aud"), made by ${iss} ("iss")`;
}

/**
 * What to do about a 401. kube-apiserver accepts the audiences of `--api-audiences`, which are by
 * default its `--service-account-issuer` (kubernetes/kubernetes, `pkg/kubeapiserver/options/
 * authentication.go` of v1.36): the issuer of the token shows the default.
 */
function adviseOnAudience({ claims, namespace }: ServiceAccount): string {
  const isDefault = claims?.issuer !== undefined && claims.audience.includes(claims.issuer);
  const audienceIsWrong = "its audience is not one of the API server's";
  const accountIsGone = "the token is expired, or its pod or service account was deleted";
  const causes = isDefault
    ? `most likely ${accountIsGone}; or ${audienceIsWrong}`
    : `most likely ${audienceIsWrong} (--api-audiences; where that is not set, the issuer); ` +
      `or ${accountIsGone}`;
  return `${causes}. The audience is set in two places, which must agree: ` +
    "serviceAccountTokenAudience of the CredentialProviderConfig on the node, and the node's RBAC for " +
    "request-serviceaccounts-token-audience. A token made without an audience carries the cluster's " +
    `in aud: kubectl create token default -n ${namespace} -o jsonpath='{.spec.audiences[0]}'`;
}
