/** Service-account tokens that look as the API server issues them for a pod; nothing verifies them. */

export interface ServiceAccountTokenOptions {
  /** @default "default" */
  namespace?: string;
  /** Name of the service account. @default "default" */
  serviceAccount?: string;
  /** @default "web-0" */
  pod?: string;
  /** @default "node-1" */
  node?: string;
  /** @default "https://kubernetes.default.svc" */
  audience?: string;
  /** Seconds since the epoch. @default now */
  issuedAt?: number;
  /** In seconds. @default 3600 */
  lifetime?: number;
  /** Claims put over the others; `undefined` removes one. For tokens that no API server issues. */
  claims?: Readonly<Record<string, unknown>>;
  /** Fields put over those of the claim `kubernetes.io`; `undefined` removes one. */
  kubernetes?: Readonly<Record<string, unknown>>;
}

/**
 * Makes a token: a JWS in compact form whose signature is random, so that no two are equal.
 *
 * @example
 * serviceAccountToken({ namespace: "team-a" });
 * serviceAccountToken({ kubernetes: { namespace: "../../etc" } }); // `sub` still says "default"
 */
export function serviceAccountToken(options: ServiceAccountTokenOptions = {}): string {
  const {
    namespace = "default",
    serviceAccount = "default",
    pod = "web-0",
    node = "node-1",
    audience = "https://kubernetes.default.svc",
    issuedAt = Math.floor(Date.now() / 1000),
    lifetime = 3600,
  } = options;
  const claims = {
    aud: [audience],
    exp: issuedAt + lifetime,
    iat: issuedAt,
    iss: "https://kubernetes.default.svc.cluster.local",
    jti: crypto.randomUUID(),
    "kubernetes.io": {
      namespace,
      node: { name: node, uid: crypto.randomUUID() },
      pod: { name: pod, uid: crypto.randomUUID() },
      serviceaccount: { name: serviceAccount, uid: crypto.randomUUID() },
      ...options.kubernetes,
    },
    nbf: issuedAt,
    sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
    ...options.claims,
  };
  return compactToken(JSON.stringify(claims));
}

/** A token around any payload, JSON or not. */
export function compactToken(payload: string): string {
  const header = JSON.stringify({ alg: "RS256", kid: "test" });
  const signature = crypto.getRandomValues(new Uint8Array(256));
  const encoder = new TextEncoder();
  return [encoder.encode(header), encoder.encode(payload), signature]
    .map((part) => part.toBase64({ alphabet: "base64url", omitPadding: true }))
    .join(".");
}
