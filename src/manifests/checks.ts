/** A shell script that asks a cluster whether it is ready for the pulls of a service account. */

import type { SecretType } from "../kubernetes/secrets/secret_types.ts";

/** Whose pulls, on which node, and what they go by. */
export interface Checks {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly node: string;
  /** Of the tokens; not empty, and not `*`. */
  readonly audience: string;
  /** Names of the secrets that the account names; none: it may list them all. */
  readonly secrets: readonly string[];
  /** The annotation in which the account names them. */
  readonly annotation: string;
  /** Types that the plugin reads. */
  readonly types: readonly SecretType[];
  /** An image that has a mirror on the node, as the kubelet names it. */
  readonly image: string;
}

/** One question to the cluster. */
interface Check {
  readonly question: string;
  /** Answers that are right; each a word. */
  readonly expected: readonly string[];
  /** What to apply where the answer is another: a command, or a sentence. */
  readonly remedy: string;
  /** What answers it: a command of the shell, which reads no stdin. */
  readonly command: string;
  /** A function of the shell that the command calls. */
  readonly definition?: string;
}

/** From which version on kubelets hand tokens to plugins, without a feature gate. */
const LEAST_MINOR = 34;

/**
 * Makes the script, for any POSIX shell. It changes nothing in the cluster and prints no secret; its
 * arguments are handed on to `crio-credential-ctl explain`. Exit status: 0 when every check is passed,
 * or could not be made on this machine; 1 when one failed.
 */
export function createChecks(options: Checks): string {
  const { namespace, serviceAccount, node } = options;
  const checks = [
    ...nodeChecks(options),
    ...accountChecks(options),
    ...(options.secrets.length === 0 ? listChecks(options) : namedChecks(options)),
    tokenCheck(options),
  ];
  return `#!/bin/sh
# Is the cluster ready for pulls of service account ${namespace}/${serviceAccount} on node ${node}?
#
# Made by crio-credential-ctl generate checks. It asks with kubectl, as whoever runs it: an
# administrator, who may impersonate. It changes nothing in the cluster, and prints no secret.
# Its arguments are handed on to crio-credential-ctl explain, such as --apiserver and --ca-file.
# Exit status: 0; 1 if a check fails.

${FUNCTIONS}
${checks.map((check, index) => formatCheck(check, index + 1)).join("\n")}
printf '\\n%s passed, %s failed, %s not checked\\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
`;
}

const FUNCTIONS = `set -u
passed=0 failed=0 skipped=0

# check QUESTION EXPECTED REMEDY COMMAND...: runs the command, and compares what it prints on stdout
# with the words of EXPECTED. An answer "skip: REASON" counts as not checked.
check() {
  question=$1 expected=$2 remedy=$3
  shift 3
  printf '%s\\n' "$question"
  # The script itself may come from stdin.
  answer=$("$@" </dev/null) || :
  for right in $expected; do
    if [ "$answer" = "$right" ]; then
      passed=$((passed + 1))
      printf '  ok    %s\\n' "$answer"
      return
    fi
  done
  case $answer in
    'skip: '*)
      skipped=$((skipped + 1))
      printf '  skip  %s\\n' "\${answer#skip: }"
      ;;
    *)
      failed=$((failed + 1))
      printf '  FAIL  %s; expected: %s\\n' "\${answer:-no answer}" "$expected"
      printf '     -> %s\\n' "$remedy"
      ;;
  esac
}

# Whether a command prints anything at all on stdout.
any() {
  if [ -n "$("$@")" ]; then echo yes; else echo no; fi
}

# Whether the API server is of a version whose kubelets hand tokens to plugins.
hands_tokens() {
  version=$(kubectl get --raw /version) || return
  minor=$(printf '%s' "$version" | tr -d '\\n' | sed -n 's/.*"minor": *"\\([0-9][0-9]*\\).*/\\1/p')
  if [ "\${minor:-0}" -ge ${LEAST_MINOR} ]; then
    echo yes
  elif [ "\${minor:-0}" -eq ${LEAST_MINOR - 1} ]; then
    echo 'skip: 1.${
  LEAST_MINOR - 1
} does with feature gate KubeletServiceAccountTokenForCredentialProviders'
  else
    echo "no, it is 1.\${minor:-?}"
  fi
}

# The names that an annotation has, without white space.
named_secrets() {
  "$@" | tr -d ' \\t\\n'
}

# registry_secrets NAMESPACE TYPE...: the names of the secrets of these types.
registry_secrets() {
  namespace=$1
  shift
  for type in "$@"; do
    kubectl get secrets -n "$namespace" --field-selector "type=$type" -o name
  done
}

# opens_secrets NAMESPACE ACCOUNT AUDIENCE IMAGE [FLAG...]: asks the API server as a pull does.
opens_secrets() {
  namespace=$1 account=$2 audience=$3 image=$4
  shift 4
  if ! command -v crio-credential-ctl >/dev/null 2>&1; then
    echo 'skip: crio-credential-ctl is not on the PATH of this machine'
    return
  fi
  said=$(
    kubectl create token "$account" -n "$namespace" --audience "$audience" --duration 10m |
      crio-credential-ctl explain --image "$image" --token-file - "$@"
  ) || return
  case $said in
    *'plugin has nothing to do'*)
      echo "skip: this machine knows no mirror of $image; run this on the node, or see generate checks --image"
      ;;
    *) echo yes ;;
  esac
}

if ! command -v kubectl >/dev/null 2>&1; then
  echo 'error: kubectl is not on the PATH; run this where the cluster is administered' >&2
  exit 1
fi
`;

function formatCheck(
  { question, expected, remedy, command, definition }: Check,
  number: number,
): string {
  return [
    ...(definition === undefined ? [] : [definition]),
    `check ${quoteWord(`${number}. ${question}`)} \\`,
    `  ${quoteWord(expected.join(" "))} \\`,
    `  ${quoteWord(remedy)} \\`,
    `  ${command}`,
    "",
  ].join("\n");
}

/** Quotes a word for a POSIX shell, where it needs that. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : singleQuoted(word);
}

/** A word in single quotes, in which a POSIX shell takes all as it is. */
export function singleQuoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function words(...all: readonly string[]): string {
  return all.map(quoteWord).join(" ");
}

function nodeChecks({ namespace, serviceAccount, node, audience }: Checks): Check[] {
  const rbac = words(
    ...["crio-credential-ctl", "generate", "rbac", "--node", node, "--audience", audience],
  );
  const user = `system:node:${node}`;
  const groups = ["system:nodes", "system:authenticated"];
  const review = JSON.stringify({
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: {
      user,
      groups,
      resourceAttributes: {
        namespace,
        name: serviceAccount,
        verb: "request-serviceaccounts-token-audience",
        version: "v1",
        resource: audience,
      },
    },
  });
  return [
    {
      question: "Is the API server of a version whose kubelets hand tokens to plugins?",
      expected: ["yes"],
      remedy: `upgrade the cluster to Kubernetes 1.${LEAST_MINOR} or later`,
      command: "hands_tokens",
    },
    {
      question: `May node ${node} get service account ${namespace}/${serviceAccount}?`,
      expected: ["yes"],
      remedy: `${rbac} | kubectl apply -f -`,
      command: words(
        ...["kubectl", "auth", "can-i", "get", `serviceaccounts/${serviceAccount}`],
        ...["-n", namespace, `--as=${user}`, "--as-group=system:nodes"],
      ),
    },
    {
      question: `May node ${node} ask for its tokens with the audience ${audience}?`,
      expected: ["true"],
      remedy: `${rbac} | kubectl apply -f -`,
      definition: `# kubectl auth can-i takes no resource with slashes in it, as audiences have.
may_ask_for_tokens() {
  kubectl create -f - -o 'jsonpath={.status.allowed}' <<'EOF'
${review}
EOF
}`,
      command: "may_ask_for_tokens",
    },
  ];
}

function accountChecks({ namespace, serviceAccount }: Checks): Check[] {
  return [{
    question: `Does service account ${namespace}/${serviceAccount} exist?`,
    expected: [`serviceaccount/${serviceAccount}`],
    remedy: words("kubectl", "create", "serviceaccount", serviceAccount, "-n", namespace),
    command: words(
      ...["kubectl", "get", "serviceaccount", serviceAccount, "-n", namespace, "-o", "name"],
    ),
  }];
}

function impersonate({ namespace, serviceAccount }: Checks): string[] {
  return ["-n", namespace, `--as=system:serviceaccount:${namespace}:${serviceAccount}`];
}

function rbacOf({ namespace, serviceAccount, secrets }: Checks): string {
  return words(
    ...["crio-credential-ctl", "generate", "rbac", "--namespace", namespace],
    ...["--service-account", serviceAccount, ...secrets.flatMap((name) => ["--secret", name])],
  ) + " | kubectl apply -f -";
}

function makeSecret(namespace: string, name: string): string {
  return words(
    ...["crio-credential-ctl", "generate", "secret", "--namespace", namespace, "--name", name],
  ) + " --registry MIRROR --username USER < password | kubectl apply -f -";
}

/** The command that prints an account's annotation. */
function annotationOf(
  { namespace, serviceAccount, annotation }: Pick<
    Checks,
    "namespace" | "serviceAccount" | "annotation"
  >,
): string {
  return words(
    ...["kubectl", "get", "serviceaccount", serviceAccount, "-n", namespace, "-o"],
    `jsonpath={.metadata.annotations.${annotation.replaceAll(".", "\\.")}}`,
  );
}

/** Where the account names its secrets: each is got, and none listed. */
function namedChecks(options: Checks): Check[] {
  const { namespace, serviceAccount, secrets, annotation, types } = options;
  return [
    {
      question: `Does the account name the secrets in its annotation ${annotation}?`,
      expected: [secrets.join(",")],
      remedy: words(
        ...["kubectl", "annotate", "serviceaccount", serviceAccount, "-n", namespace],
        ...["--overwrite", `${annotation}=${secrets.join(",")}`],
      ),
      command: `named_secrets ${annotationOf(options)}`,
    },
    ...secrets.flatMap((name): Check[] => [
      {
        question: `May the account get secret ${namespace}/${name}?`,
        expected: ["yes"],
        remedy: rbacOf(options),
        command: words(
          ...["kubectl", "auth", "can-i", "get", `secrets/${name}`, ...impersonate(options)],
        ),
      },
      {
        question: `Is secret ${namespace}/${name} there, and of a type that is read?`,
        expected: types,
        remedy: `${
          makeSecret(namespace, name)
        } (a type cannot be changed: delete the secret first)`,
        command: words(
          ...["kubectl", "get", "secret", name, "-n", namespace, "-o", "jsonpath={.type}"],
        ),
      },
    ]),
  ];
}

/** Where the account names none: all of the namespace are listed. */
function listChecks(options: Checks): Check[] {
  const { namespace, types } = options;
  return [
    {
      definition: `# What the account names in its annotation; nothing where it names no secrets.
named_by_account() {
  named_secrets ${annotationOf(options)}
}

# Whether the account may list, unless it names its secrets: then none is listed.
may_list() {
  if [ -n "$(named_by_account)" ]; then
    echo 'skip: the account names its secrets, and none is listed; generate checks --secret NAME, once for each, asks for those'
  else
    "$@"
  fi
}`,
      question: `May the account list the secrets of namespace ${namespace}?`,
      expected: ["yes"],
      remedy: rbacOf(options),
      command: words(
        ...["may_list", "kubectl", "auth", "can-i", "list", "secrets", ...impersonate(options)],
      ),
    },
    {
      question: `Does namespace ${namespace} have secrets of a type that is read?`,
      expected: ["yes"],
      remedy: makeSecret(namespace, "NAME"),
      command: `any registry_secrets ${words(namespace, ...types)}`,
    },
  ];
}

function tokenCheck(options: Checks): Check {
  const { namespace, serviceAccount, audience, secrets, annotation, image } = options;
  const named = secrets.length === 0
    ? []
    : ["--service-account-annotation", `${annotation}=${secrets.join(",")}`];
  const call = secrets.length === 0
    ? {
      definition: `# As a pull does: with the account's annotation, where it has one.
opens_as_account() {
  named=$(named_by_account)
  if [ -n "$named" ]; then
    set -- "$@" --service-account-annotation ${quoteWord(annotation)}="$named"
  fi
  opens_secrets "$@"
}`,
      command: `opens_as_account ${words(namespace, serviceAccount, audience, image)} "$@"`,
    }
    : {
      command: `opens_secrets ${words(namespace, serviceAccount, audience, image)} ` +
        `${words(...named)} "$@"`,
    };
  return {
    question:
      `Does a token of the account with the audience ${audience} open the namespace's secrets?`,
    expected: ["yes"],
    remedy: "the message above has what to do; explain alone says more: " +
      `${words("kubectl", "create", "token", serviceAccount, "-n", namespace)} ` +
      `${words("--audience", audience)} | ` +
      `${words("crio-credential-ctl", "explain", "--image", image, "--token-file", "-", ...named)}`,
    ...call,
  };
}
