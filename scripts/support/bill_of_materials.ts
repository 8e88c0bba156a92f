/** What an executable is made of, as a CycloneDX 1.6 bill of materials. */

import type { BuildFacts } from "../../src/executable/version.ts";

/** The program's licence by its SPDX identifier, as in `LICENSE` and deno.json. */
export const LICENSE = "Apache-2.0";

/** A CycloneDX component, as far as it is used here. */
interface Component {
  readonly type: "application" | "library" | "platform";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  /** SPDX identifiers; of the program alone, since the lock file knows those of no package. */
  readonly licenses?: readonly { readonly license: { readonly id: string } }[];
  readonly purl?: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

/** A bill of materials: the same for the same commit. */
export interface BillOfMaterials {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.6";
  readonly version: 1;
  readonly metadata: { readonly timestamp?: string; readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/**
 * Makes the bill of materials: the packages that are bundled, with the hashes of deno.lock, and the
 * runtime.
 *
 * @throws {TypeError} when a dependency is not `<name>@<version> sha512-<base64>`.
 */
export function billOfMaterials(
  name: string,
  { facts, scriptSha256, denoVersion }: {
    /** Of the compiled form. */
    readonly facts: BuildFacts;
    /** The script form's bundle. */
    readonly scriptSha256: string;
    readonly denoVersion: string;
  },
): BillOfMaterials {
  const program: Component = {
    type: "application",
    "bom-ref": name,
    name,
    version: facts.version,
    licenses: [{ license: { id: LICENSE } }],
    // Of the compiled form's program; the script form's is another bundle of the same modules.
    hashes: [{ alg: "SHA-256", content: facts.bundleSha256 }],
    properties: [{ name: "crio-credential-provider:script:bundleSha256", value: scriptSha256 }],
  };
  const runtime: Component = {
    type: "platform",
    "bom-ref": `deno@${denoVersion}`,
    name: "deno",
    version: denoVersion,
    purl: `pkg:github/denoland/deno@v${denoVersion}`,
  };
  const components = [...facts.dependencies.map(library), runtime];
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      ...(facts.gitCommitDate !== "unknown" && { timestamp: facts.gitCommitDate }),
      component: program,
    },
    components,
    dependencies: [{
      ref: program["bom-ref"],
      dependsOn: components.map((component) => component["bom-ref"]),
    }],
  };
}

function library(dependency: string): Component {
  const match = /^(@?[^@]+)@(\S+) sha512-(\S+)$/.exec(dependency);
  const [, name, version, hash] = match ?? [];
  if (name === undefined || version === undefined || hash === undefined) {
    throw new TypeError(`not a dependency of deno.lock: ${dependency}`);
  }
  return {
    type: "library",
    "bom-ref": `${name}@${version}`,
    name,
    version,
    // A scope's @ is escaped in a package URL.
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    hashes: [{ alg: "SHA-512", content: Uint8Array.fromBase64(hash).toHex() }],
  };
}
