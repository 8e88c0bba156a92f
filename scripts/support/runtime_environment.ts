/** The environment that the runtime is to see: set by the script form, baked into the compiled one. */
export const RUNTIME_ENVIRONMENT: Readonly<Record<string, string>> = {
  // No root certificates but the cluster's: an empty list takes Mozilla's away.
  DENO_TLS_CA_STORE: "",
  // A proxy could only divert what goes to the API server. Names, IPv4 and IPv6 addresses.
  NO_PROXY: "*,0.0.0.0/0,::/0",
  DENO_NO_UPDATE_CHECK: "1",
};
