/** The forms that Kubernetes gives to names (`k8s.io/apimachinery/pkg/util/validation`). */

const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const DNS_LABEL = new RegExp(`^${LABEL}$`);
const DNS_SUBDOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const QUALIFIED_NAME = /^[a-z0-9](?:[-\w.]*[a-z0-9])?$/i;

/** An RFC 1123 label: a namespace, a role of machines. */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && DNS_LABEL.test(text);
}

/** An RFC 1123 subdomain: a node, a service account, a secret. */
export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && DNS_SUBDOMAIN.test(text);
}

/** The key of an annotation: `name` or `example.com/name`, in any case. */
export function isAnnotationKey(text: string): boolean {
  const slash = text.indexOf("/");
  const name = text.slice(slash + 1);
  if (slash !== -1 && !isDnsSubdomain(text.slice(0, slash).toLowerCase())) return false;
  return name.length <= 63 && QUALIFIED_NAME.test(name);
}
