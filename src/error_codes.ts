/**
 * The codes of errors: what programs and pages hold on to while the words of a message change. Each
 * has its entry in docs/operate/troubleshoot.md. A code that was released keeps its meaning.
 *
 * A pull needs only the type; the list is for those who check that nothing is left out.
 */
export const ERROR_CODES = [
  // Reading and writing
  "input-timed-out",
  "input-too-large",
  "input-unreadable",
  "input-empty",
  "input-is-terminal",
  "output-failed",
  "file-missing",
  "file-not-regular",
  "file-not-utf8",
  "file-too-large",
  "file-failed",
  "permission-denied",
  "outside-sandbox",
  // The form of what was read
  "json-invalid",
  "json-too-large",
  "toml-invalid",
  "yaml-invalid",
  "content-invalid",
  // The node's configuration
  "registries-invalid",
  "global-auth-file-too-deep",
  "auth-directory-not-made",
  "auth-directory-owner",
  "auth-directory-writable",
  "auth-directory-linked",
  "api-server-address-invalid",
  "kubeconfig-incomplete",
  "ca-missing",
  "ca-unusable",
  // The API server and what it is asked for
  "api-server-unverified",
  "api-server-unusable",
  "api-server-redirects",
  "answer-unexpected",
  "answer-too-large",
  "time-limit-reached",
  "token-malformed",
  "token-contradictory",
  "token-refused",
  "secrets-list-forbidden",
  "secret-get-forbidden",
  "secrets-not-read",
  "secrets-too-large",
  "secrets-too-slow",
  "secret-invalid",
  "secret-entry-invalid",
  "annotation-invalid",
  "annotation-too-long",
  // Command lines and what the operator's tool reads
  "flag-unknown",
  "flag-missing",
  "flag-needs-flag",
  "flags-conflict",
  "flag-value-invalid",
  "match-image-invalid",
  "match-images-invalid",
  "match-images-overlap",
  "plugin-unknown",
  // A mistake of this program
  "internal-error",
] as const;

/** The code of an error. */
export type ErrorCode = typeof ERROR_CODES[number];
