/** Settings as the first line of an executable holds them, for those who read one. */

import * as v from "valibot";
import { PULLED_IMAGES } from "../kubelet/pulled_images.ts";
import { RUNTIMES } from "../kubelet/runtime.ts";

const Texts = v.array(v.string());

/** The members of `Settings` as JSON. */
export const SETTINGS_ENTRIES = {
  runtime: v.picklist(RUNTIMES),
  registriesConf: Texts,
  registriesConfDir: Texts,
  authDir: v.string(),
  kubeletAuthFile: v.string(),
  containerdHostsDir: Texts,
  containerdAlsoOffer: Texts,
  cacheDuration: v.number(),
  apiserverEnvFile: v.string(),
  kubeconfig: Texts,
  caFile: v.string(),
  apiserver: v.string(),
  apiserverHosts: Texts,
  timeout: v.number(),
  pulledImages: v.picklist(PULLED_IMAGES),
  waitForTaken: v.nullable(v.number()),
  staleAfter: v.nullable(v.number()),
  secretTypes: v.array(v.picklist(["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"])),
  secretsAnnotation: v.string(),
  alsoFor: v.picklist(["on", "off"]),
  logLevel: v.picklist(["error", "warn", "info", "debug"]),
  logFormat: v.picklist(["text", "json"]),
  journaldSocket: v.string(),
} as const;
