/** What kubeadm sets up on a node, and what holds where nothing else is said. */

/** Where kubeadm keeps the cluster's CA. */
export const PKI_CA_FILE = "/etc/kubernetes/pki/ca.crt";

/** The API server of a control-plane node, when nothing else names one. */
export const LOCAL_API_SERVER = "https://localhost:6443";
