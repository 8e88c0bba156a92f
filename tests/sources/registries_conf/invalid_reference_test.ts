import assert from "node:assert/strict";
import { whyNoReference } from "../../../src/sources/registries_conf/invalid_reference.ts";

const LONG = `mirror.example.com/${"a".repeat(256)}`;

const REFERENCES: readonly [reference: string, reason: RegExp | undefined][] = [
  ["mirror.example.com/hub/nginx", undefined],
  ["docker.io/library/nginx", undefined],
  ["https://mirror.example.com/nginx", /^begins with a URL scheme$/],
  ["user@mirror.example.com/nginx", /^has an "@"/],
  ["[::1]:5000/nginx", /^has an IPv6 address for a host/],
  ["/nginx", /^has no host$/],
  ["mirror_.example.com/nginx", /^has a host that is not a host name/],
  ["mirror/nginx", /^has a host without dot and port/],
  ["nginx", /^has a host without dot and port/],
  ["index.docker.io/library/nginx", /^names Docker Hub by another name/],
  ["mirror.example.com", /^has no path behind its host$/],
  ["mirror.example.com/Hub/nginx", /^has a path in upper case$/],
  ["docker.io/nginx:1.27", /^has a tag at its end$/],
  ["mirror.example.com/hub//nginx", /^has a path that no repository can have$/],
  [LONG, /^is longer than the 255 characters that a name may have$/],
  ["docker.io/nginx", /^leaves out library\//],
];

for (const [reference, reason] of REFERENCES) {
  const says = reason === undefined ? "takes" : "is told why it does not take";
  Deno.test(`the image library ${says} ${reference.slice(0, 40)}`, () => {
    const found = whyNoReference(reference);
    if (reason === undefined) assert.equal(found, undefined);
    else assert.match(found ?? "", reason);
  });
}
