import assert from "node:assert/strict";
import fc from "fast-check";
import { getPublicSuffix } from "tldts";
import { publicSuffixWithin } from "../../src/kubernetes/public_suffixes.ts";
import { share } from "../support/share.ts";

/** What the list has of a domain, in the version that deno.lock pins. */
const DOMAINS: readonly [domain: string, suffix: string | RegExp | undefined][] = [
  // Registries'.
  ["com", "com"],
  ["co.uk", "co.uk"],
  ["com.au", "com.au"],
  ["k12.ma.us", "k12.ma.us"],
  ["xn--55qx5d.cn", "xn--55qx5d.cn"],
  ["home.arpa", "home.arpa"],
  // Companies'.
  ["github.io", "github.io"],
  ["blogspot.com", "blogspot.com"],
  ["s3.amazonaws.com", "s3.amazonaws.com"],
  ["us-east-1.elb.amazonaws.com", "*.elb.amazonaws.com"],
  ["k8s.fr-par.scw.cloud", "k8s.fr-par.scw.cloud"],
  // By a wildcard, whose parent is as wide.
  ["kawasaki.jp", "kawasaki.jp"],
  ["anything.kawasaki.jp", "*.kawasaki.jp"],
  ["compute.amazonaws.com", "compute.amazonaws.com"],
  ["eu-west-1.compute.amazonaws.com", "*.compute.amazonaws.com"],
  // Excepted from one.
  ["city.kawasaki.jp", undefined],
  ["www.ck", undefined],
  // Wider than a suffix.
  ["jp", "jp"],
  ["amazonaws.com", /^[a-z0-9.*-]+\.amazonaws\.com$/],
  ["scw.cloud", /^[a-z0-9.*-]+\.scw\.cloud$/],
  // Somebody's.
  ["example.com", undefined],
  ["example.co.uk", undefined],
  ["clusters.example.com", undefined],
  ["my-site.github.io", undefined],
  ["i-0123.eu-west-1.compute.amazonaws.com", undefined],
  ["evilgithub.io", undefined],
  // Inside of one organisation: not on the list.
  ["cluster.local", undefined],
  ["clusters.corp", undefined],
  ["eu-west-1.compute.internal", undefined],
  // Of managed clusters, and not on the list.
  ["eks.amazonaws.com", undefined],
  ["gr7.us-east-1.eks.amazonaws.com", undefined],
  ["azmk8s.io", undefined],
  ["hcp.westeurope.azmk8s.io", undefined],
  ["k8s.ondigitalocean.com", undefined],
];

Deno.test("a domain is somebody's where no suffix of the list is at it or below", async (t) => {
  for (const [domain, suffix] of DOMAINS) {
    await t.step(domain, () => {
      const found = publicSuffixWithin(domain);
      if (suffix instanceof RegExp) assert.match(found ?? "", suffix);
      else assert.equal(found, suffix);
    });
  }
});

const OPTIONS = { allowPrivateDomains: true, extractHostname: false, validateHostname: false };

/** Whether any host below a domain can be anybody's, by the package's own functions. */
function isSuffixByPackage(domain: string): boolean {
  return [domain, `any-host.${domain}`].some((name) => getPublicSuffix(name, OPTIONS) === name);
}

/** Names near the list's own: of registries, of companies, with wildcards and exceptions. */
const NAME = fc.tuple(
  fc.array(fc.constantFrom("a", "city", "www", "s3", "k12", "us-east-1", "example"), {
    maxLength: 2,
  }),
  fc.constantFrom(
    ...["com", "co.uk", "ma.us", "ck", "jp", "kawasaki.jp", "github.io", "scw.cloud", "io"],
    ...["amazonaws.com", "compute.amazonaws.com", "elb.amazonaws.com", "k8s.fr-par.scw.cloud"],
  ),
).map(([labels, domain]) => [...labels, domain].join("."));

Deno.test("what the package calls a suffix is found, and so is each domain above one", () => {
  let suffixes = 0;
  fc.assert(
    fc.property(NAME, (domain) => {
      const labels = domain.split(".");
      const isSuffix = isSuffixByPackage(domain);
      if (!isSuffix && publicSuffixWithin(domain) !== undefined) {
        // Then one is below it.
        const suffix = publicSuffixWithin(domain) ?? "";
        assert.ok(suffix.endsWith(`.${domain}`), `${domain}: ${suffix}`);
        assert.ok(isSuffixByPackage(suffix.replace(/^\*\./, "")), `${domain}: ${suffix}`);
      }
      if (!isSuffix) return;
      suffixes++;
      for (let from = 0; from < labels.length; from++) {
        const above = labels.slice(from).join(".");
        assert.notEqual(publicSuffixWithin(above), undefined, above);
      }
    }),
    { numRuns: share(1_000, 100_000) },
  );
  assert.ok(suffixes > 100, `${suffixes}`);
});
