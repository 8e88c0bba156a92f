import assert from "node:assert/strict";
import { lookUpCredential } from "./image_library_lookup.ts";

const auth = (user: string) => ({ auth: btoa(`${user}:pass:${user}\0\0`) });
const found = (username: string) => ({
  kind: "credential",
  username,
  password: `pass:${username}`,
});
const none = { kind: "none" };

for (
  const { rule, file, repository, results } of [
    {
      rule: "a credential helper of the host counts before any entry",
      file: { credHelpers: { "r:5": "pass" }, auths: { "r:5/a": auth("x") } },
      repository: "r:5/a",
      results: [{ kind: "helper", helper: "pass" }],
    },
    {
      rule: "the most specific key counts",
      file: { auths: { r: auth("host"), "r/a": auth("team"), "r/a/b": auth("repo") } },
      repository: "r/a/b",
      results: [found("repo")],
    },
    {
      rule: "a key covers at a slash only",
      file: { auths: { r: auth("host"), "r/a": auth("team") } },
      repository: "r/ab/c",
      results: [found("host")],
    },
    {
      rule: "a more specific entry without credential hides the others",
      file: { auths: { r: auth("host"), "r/a": {} } },
      repository: "r/a/b",
      results: [none],
    },
    {
      rule: "an exact key counts before one with a scheme",
      file: { auths: { "https://r/v1/": auth("url"), r: auth("host") } },
      repository: "r/a",
      results: [found("host")],
    },
    {
      rule: "keys that name the host once normalised count in any order",
      file: {
        auths: { "https://r/v1/": auth("x"), "http://r": auth("y"), "https://r": auth("x") },
      },
      repository: "r/a",
      results: [found("x"), found("y")],
    },
    {
      rule: "Docker Hub's names are one",
      file: { auths: { "https://index.docker.io/v1/": auth("hub") } },
      repository: "docker.io/library/nginx",
      results: [found("hub")],
    },
    {
      rule: "a path without a scheme, a wildcard and another port never match",
      file: { auths: { "index.docker.io/v1/": auth("x"), "*.io": auth("y"), "docker.io:1": {} } },
      repository: "docker.io/library/nginx",
      results: [none],
    },
    {
      rule: "auth without a colon, or that is not base64, is nothing",
      file: { auths: { "http://r": { auth: btoa("x") }, "https://r": { auth: "%" } } },
      repository: "r/a",
      results: [none],
    },
    {
      rule: "an identity token comes along",
      file: { auths: { r: { ...auth("x"), identitytoken: "t" } } },
      repository: "r/a",
      results: [{ ...found("x"), identitytoken: "t" }],
    },
  ]
) {
  Deno.test(rule, () => assert.deepEqual(lookUpCredential(file, repository), results));
}
