/** The container runtimes that a kubelet pulls images with. */
export const RUNTIMES = ["crio", "containerd"] as const;
/** One of them. */
export type Runtime = typeof RUNTIMES[number];
