/**
 * The forms of Kubernetes' names (`k8s.io/apimachinery/pkg/util/validation`, v0.34). A pull checks
 * names before they become part of a path.
 */

/** Longest name of a secret, a service account and most other objects, in characters. */
export const LONGEST_NAME = 253;

/** Whether a text is an RFC 1123 label (`IsDNS1123Label`), the form of every namespace. */
export function isLabel(text: string): boolean {
  return text.length <= 63 && !text.includes(".") && isSubdomain(text);
}

/**
 * Whether a text is an RFC 1123 subdomain (`IsDNS1123Subdomain`): labels with a dot between each two.
 * It is the form of the names of service accounts and secrets.
 */
export function isSubdomain(text: string): boolean {
  if (text.length > LONGEST_NAME) return false;
  return /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(text);
}

/** The key of an annotation (`IsQualifiedName`): `name` or `example.com/name`, in any case. */
export function isAnnotationKey(text: string): boolean {
  const slash = text.indexOf("/");
  const name = text.slice(slash + 1);
  if (slash !== -1 && !isSubdomain(text.slice(0, slash).toLowerCase())) return false;
  return name.length <= 63 && /^[a-z0-9](?:[-\w.]*[a-z0-9])?$/i.test(name);
}
