import assert from "node:assert/strict";
import { RUNTIME_VARIABLES } from "../../src/executable/runtime_environment.ts";
import { HARMLESS } from "../support/c_library_variables.ts";

const LISTED: ReadonlySet<string> = new Set(RUNTIME_VARIABLES.map(({ name }) => name));

/** Where distributions have the two, by platform. */
const LIBRARIES = {
  x86_64: { directories: ["/lib/x86_64-linux-gnu", "/lib64"], loader: "ld-linux-x86-64.so.2" },
  aarch64: {
    directories: ["/lib/aarch64-linux-gnu", "/lib64", "/lib"],
    loader: "ld-linux-aarch64.so.1",
  },
}[Deno.build.arch];

/** One byte each. */
async function library(name: string): Promise<string | undefined> {
  for (const directory of LIBRARIES.directories) {
    try {
      return new TextDecoder("latin1").decode(await Deno.readFile(`${directory}/${name}`));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

/**
 * The names in the one text that the loader goes through to take variables from a set-user-ID program:
 * each ends with a NUL, the last with two (sysdeps/generic/unsecvars.h). Distributions add to it.
 */
function unsecureVariables(loader: string): string[] {
  return /\0((?:[A-Z][A-Z0-9_]*\0){10,})\0/.exec(loader)?.[1]?.split("\0").slice(0, -1) ?? [];
}

/** Texts that are names of variables by how they begin; other texts of capitals are not names of any. */
const NAME =
  /(?<=\0)(?:(?:GETCONF|GMON|HESIOD|HES|LC|LD|MALLOC|NIS|RES|RESOLV)_[A-Z0-9]+[A-Z0-9_]*|GCONV_PATH|HOSTALIASES|LANG(?:UAGE)?|LOC[A-Z]+|NLSPATH|TZ(?:DIR)?)(?=\0)/g;

const loader = await library(LIBRARIES.loader);
const libc = await library("libc.so.6");

Deno.test({
  name:
    "each variable that this machine's C library and loader name is on the list, or does nothing in a pull",
  ignore: loader === undefined || libc === undefined,
  fn() {
    const unsecure = unsecureVariables(loader ?? "");
    assert.ok(unsecure.includes("RESOLV_HOST_CONF"), unsecure.join());
    const named = new Set([...unsecure, ...`${loader}${libc}`.match(NAME) ?? []]);
    for (const name of ["RES_OPTIONS", "RESOLV_MULTI", "LD_PRELOAD", "MALLOC_TOP_PAD_"]) {
      assert.ok(named.has(name), name);
    }
    assert.deepEqual(
      [...named].filter((name) => !LISTED.has(name) && !Object.hasOwn(HARMLESS, name)),
      [],
    );
  },
});

Deno.test("no variable of the list is said to do nothing", () => {
  assert.deepEqual(Object.keys(HARMLESS).filter((name) => LISTED.has(name)), []);
});
