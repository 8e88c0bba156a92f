/**
 * Who may use an image that is on the node: what the setting `--pulled-images` is about, in the words
 * that all who speak of it share.
 *
 * After a pull the kubelet records what the pull was authorised by (`ImagePulledRecord` of
 * `kubelet.config.k8s.io`, written by `pkg/kubelet/images/pullmanager`, v1.34 to v1.37). A pull for
 * which it was given no pair of user name and password is recorded as usable by every pod of the
 * node. A pair of a plugin that was given a service account's token is recorded as that account's,
 * also when both are empty; CRI-O ignores an empty pair and takes the auth file as ever.
 */

/** The values of the setting, the default first. */
export const PULLED_IMAGES = ["node", "service-account"] as const;

/** A value of the setting. */
export type PulledImages = typeof PULLED_IMAGES[number];

/** What each means, as a sentence without its end. */
export const PULLED_IMAGES_MEANING: Readonly<Record<PulledImages, string>> = {
  node: "an image of a mirror that is on the node may be used by every pod of the node, " +
    "and its containers restart while the API server is away",
  "service-account":
    "an image of a mirror that is on the node may be used by the service accounts that " +
    "pulled it with credentials of their namespace, and its containers cannot be restarted " +
    "while the API server is away",
};

/** The kubelet's feature gate: alpha and off from 1.33 (KEP-2535), on from 1.35. */
export const PULLED_IMAGES_GATE = "KubeletEnsureSecretPulledImages";

/** From when on the setting takes effect, as a sentence without its end. */
export const PULLED_IMAGES_SINCE =
  `it takes effect from Kubernetes 1.35 on, in 1.34 with the kubelet's feature gate ${PULLED_IMAGES_GATE}`;
