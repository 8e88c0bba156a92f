import assert from "node:assert/strict";
import { lookUpCredential } from "./image_library_lookup.ts";

const auth = (user: string) => ({ auth: btoa(`${user}:pass:${user}\0\0`) });
const found = (username: string) => ({
  kind: "credential",
  username,
  password: `pass:${username}`,
});
const none = { kind: "none" };
const error = { kind: "error" };

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
      rule: "auth without a colon is nothing, and one that is not base64 an error",
      file: { auths: { "http://r": { auth: btoa("x") }, "https://r": { auth: "%" } } },
      repository: "r/a",
      results: [none, error],
    },
    {
      rule: "auth without its padding is an error",
      file: { auths: { r: { auth: "dTpwdzE" } } },
      repository: "r/a",
      results: [error],
    },
    {
      rule: "an empty user with an empty password is nothing",
      file: { auths: { r: { auth: btoa(":\0") } } },
      repository: "r/a",
      results: [none],
    },
    {
      rule: "auth may be on several lines",
      file: {
        auths: { r: { auth: `${btoa("x:pass:x").slice(0, 3)}\r\n${btoa("x:pass:x").slice(3)}` } },
      },
      repository: "r/a",
      results: [found("x")],
    },
    {
      rule: "user name and password without auth are nothing",
      file: { auths: { r: { username: "u", password: "p" } } },
      repository: "r/a",
      results: [none],
    },
    {
      rule: "a bare map as in a .dockercfg is nothing",
      file: { r: auth("x") },
      repository: "r/a",
      results: [none],
    },
    {
      rule: "a key with a slash at its end is never found",
      file: { auths: { "r/": auth("x") } },
      repository: "r/a",
      results: [none],
    },
    {
      rule: "names are found in any case, and the last of several counts",
      file: {
        Auths: { r: { AUTH: auth("x").auth, auth: auth("y").auth } },
        CredHelpers: { s: "pass" },
      },
      repository: "r/a",
      results: [found("y")],
    },
    {
      rule: "what stands under several spellings is put together",
      file: { auths: { r: auth("x"), "r/a": auth("y") }, AUTHS: { r: auth("z") } },
      repository: "r/b",
      results: [found("z")],
    },
    {
      rule: "a null empties what stood before it",
      file: { auths: { r: auth("x") }, Auths: null },
      repository: "r/a",
      results: [none],
    },
    {
      rule: "a value of a wrong type anywhere makes the whole file refused",
      file: { auths: { r: auth("x"), other: "text" } },
      repository: "r/a",
      results: [error],
    },
    {
      rule: "so does a helper that is no text",
      file: { auths: { r: auth("x") }, credHelpers: { other: 5 } },
      repository: "r/a",
      results: [error],
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
