/** The container runtimes that a kubelet pulls images with. */

export const RUNTIMES = ["crio", "containerd"] as const;
export type Runtime = typeof RUNTIMES[number];
