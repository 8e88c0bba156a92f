/**
 * The audience of the pods' tokens. It must be one that the API server accepts: its `--api-audiences`,
 * or where those are not set its `--service-account-issuer` (`ToAuthenticationConfig` of kubernetes'
 * `pkg/kubeapiserver/options/authentication.go`). With another one each pull is answered with 401.
 */

/** What the service of the API server is called inside of a cluster. */
const SERVICE = "https://kubernetes.default.svc";

/** OpenShift's audience, which its Machine Config Operator writes into provider files. */
export const OPENSHIFT_AUDIENCE = SERVICE;

/** kubeadm's cluster domain, if nobody chose another (`networking.dnsDomain`). */
export const DEFAULT_CLUSTER_DOMAIN = "cluster.local";

/**
 * kubeadm's audience: it sets the issuer and no audiences (`getAPIServerCommand` of kubernetes'
 * `cmd/kubeadm/app/phases/controlplane/manifests.go`).
 *
 * @param domain the cluster's domain. @default {@link DEFAULT_CLUSTER_DOMAIN}
 */
export function kubeadmAudience(domain = DEFAULT_CLUSTER_DOMAIN): string {
  return `${SERVICE}.${domain}`;
}

/** The audience that is assumed where nothing says which it is. */
export const DEFAULT_AUDIENCE: string = kubeadmAudience();

/**
 * Prints a cluster's audience: a token that is asked for without one is made for the API server's own,
 * which the answer names (`Create` of kubernetes' `pkg/registry/core/serviceaccount/storage/token.go`).
 */
export const AUDIENCE_COMMAND = "kubectl create token default -o jsonpath='{.spec.audiences[0]}'";

/** The lines that a manifest begins with when its audience was assumed. */
export const ASSUMED_AUDIENCE: readonly string[] = [
  `The audience ${DEFAULT_AUDIENCE} is that of a cluster that`,
  "kubeadm made with the default cluster domain. With any other than the cluster's own every pull",
  "fails (401). This command prints the cluster's own; pass it with --audience to",
  "generate kubelet-config and generate rbac:",
  `  ${AUDIENCE_COMMAND}`,
];
