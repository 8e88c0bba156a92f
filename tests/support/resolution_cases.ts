/** Generated cases for the choice of credentials. */

import fc from "fast-check";

/** Few names, so that scopes, sources and global entries meet often. */
export const hosts = ["docker.io", "registry-1.docker.io", "a.x.io", "b.x.io", "a.x.io:5000"];
const labels = ["p", "q", "r"];
/** A path of at least so many parts. */
export const path = (min: number) =>
  fc.array(fc.constantFrom(...labels), { minLength: min, maxLength: 3 }).map((parts) =>
    parts.join("/")
  );
/** A repository. */
export const source = fc.record({ host: fc.constantFrom(...hosts), path: path(1) });
const keyHost = fc.constantFrom(
  ...hosts,
  "index.docker.io",
  "*.x.io",
  "a.*.io",
  "a.x.*",
  "*.x.io:5000",
);
/** A registry key as people write it. */
export const key = fc.record({
  scheme: fc.constantFrom("", "http://", "https://"),
  host: keyHost,
  path: fc.oneof(path(0), fc.constantFrom("v1/", "v2/")),
}).map(({ scheme, host, path }) => `${scheme}${host}${path === "" ? "" : `/${path}`}`);
const auth = fc.integer({ min: 0, max: 9 }).map((n) => btoa(`user:password-${n}.`));
const globalEntry = fc.oneof(
  auth.map((auth) => ({ auth })),
  auth.map((auth) => ({ auth, identitytoken: "t" })),
  auth.map((auth) => ({ Auth: auth, IdentityToken: "t" })),
  // Without its padding.
  auth.map((auth) => ({ auth: auth.replace(/=*$/, "") })),
  fc.constantFrom({}, { auth: "" }, { username: "user", password: "password-1" }),
);

/** The node's global auth file as JSON; `null` when there is none. */
export const globalFile = fc.option(fc.record({
  auths: fc.dictionary(key, globalEntry, { maxKeys: 5 }),
  credHelpers: fc.dictionary(fc.constantFrom(...hosts), fc.constant("helper"), { maxKeys: 2 }),
  credsStore: fc.constant("store"),
}));

/** The pull sources of an image. */
export const pullSources = fc.uniqueArray(source, {
  minLength: 1,
  maxLength: 4,
  selector: ({ host, path }) => `${host}/${path}`,
});

/** Entries of secrets, one secret for each: key, `auth`, and whether there is an identity token `t`. */
export const entries = fc.array(fc.tuple(key, auth, fc.boolean()), { maxLength: 6 });
