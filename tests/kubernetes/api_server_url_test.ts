import assert from "node:assert/strict";
import { hostAndPort, parseApiServerUrl } from "../../src/kubernetes/api_server_url.ts";

const ADDRESSES: readonly [text: string, url: string | undefined, target?: string][] = [
  ["api.example.com:6443", "https://api.example.com:6443", "api.example.com:6443"],
  ["https://api.example.com", "https://api.example.com", "api.example.com:443"],
  ["https://api.example.com:443/", "https://api.example.com", "api.example.com:443"],
  [
    "https://proxy.example.com/k8s/c1/",
    "https://proxy.example.com/k8s/c1",
    "proxy.example.com:443",
  ],
  ["10.0.0.1:6443", "https://10.0.0.1:6443", "10.0.0.1:6443"],
  ["[fd00::1]:6443", "https://[fd00::1]:6443", "[fd00::1]:6443"],
  ["API.example.com:6443", "https://api.example.com:6443", "api.example.com:6443"],
  ["http://api.example.com:6443", undefined],
  ["api.example.com", undefined],
  ["fd00::1:6443", undefined],
  ["https://user@api.example.com", undefined],
  ["https://api.example.com?x", undefined],
  ["api.example.com:6443/path", undefined],
  ["api.example.com:99999", undefined],
  ["https://API.example.com:06443//", "https://api.example.com:6443", "api.example.com:6443"],
  ["https://[FD00:0::1]:6443", "https://[fd00::1]:6443", "[fd00::1]:6443"],
  ["https://fd00::1:6443", undefined],
  ["https://", undefined],
  ["ftp://api.example.com:6443", undefined],
  ["HTTP://api.example.com:6443", undefined],
  ["https://api.example.com#x", undefined],
  ["user:password@api.example.com:6443", undefined],
  ["api.example.com:port", undefined],
  ["api example.com:6443", undefined],
  ["", undefined],
  ["https://api,b:6443", undefined],
  ["api,b:6443", undefined],
  ["*.com:6443", undefined],
  ["https://*.example.com:6443", undefined],
  ["https://*:6443", undefined],
  ["https://api.example.com.:6443", "https://api.example.com.:6443", "api.example.com.:6443"],
  ["https://api..example.com:6443", undefined],
  ["https://api_1.example.com:6443", "https://api_1.example.com:6443", "api_1.example.com:6443"],
  [
    "https://bücher.example:6443",
    "https://xn--bcher-kva.example:6443",
    "xn--bcher-kva.example:6443",
  ],
  ["https://a'b;c:6443", undefined],
];

for (const [text, url, target] of ADDRESSES) {
  Deno.test(`the address ${JSON.stringify(text)} ${url ? `means ${url}` : "is refused"}`, () => {
    assert.equal(parseApiServerUrl(text), url);
    if (url !== undefined) assert.equal(hostAndPort(url), target);
  });
}
