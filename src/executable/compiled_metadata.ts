/** What a compiled executable says about its run: the one form in which it is written, and read. */

import { EVERYTHING, type Policy } from "../settings/sandbox.ts";
import { isObject, type JsonObject } from "../text/parse.ts";
import type { ProgramName } from "./programs.ts";
import { RUNTIME_ENVIRONMENT, V8_FLAGS } from "./runtime_environment.ts";

/** The embedded file that holds the program, as the metadata names it. */
export const ENTRY = "plugin.js";

/** The import map's file. */
export const IMPORT_MAP = "import_map.json";

/**
 * Leads every import of a file to nothing, but for those of the program itself. Without it the runtime
 * would read any file so, whatever the permissions say. Keys without a scheme are relative to the
 * program's place (https://html.spec.whatwg.org, "Import maps": of the keys that match, the longest
 * counts; `null` blocks). `data:` URLs and Node's modules cannot be blocked so: `REACHABLE` in
 * tests/artifact/escape_test.ts says why.
 *
 * @param names of the embedded files.
 */
export function importMap(names: readonly string[]): string {
  const own = names.map((name) => [`./${name}`, `./${name}`] as const);
  const imports = { "file:///": null, ...Object.fromEntries(own) };
  // As the compiler prints it.
  return `${JSON.stringify({ imports }, null, 2)}\n`;
}

/**
 * The metadata of a program, member for member as Deno 2.9 has it (`cli/lib/standalone/binary.rs`,
 * `Metadata`). The order counts: the same program with the same policy is to give the same bytes.
 *
 * @param files names of the embedded files.
 */
export function compiledMetadata(
  name: ProgramName,
  policy: Policy,
  files: readonly string[],
): JsonObject {
  return {
    argv: [],
    seed: null,
    // The runtime would take compiled code from a file in the directory for temporary files, put there
    // by whomever.
    code_cache_key: null,
    permissions: {
      allow_env: null,
      deny_env: null,
      ignore_env: null,
      allow_net: targets(policy, "allow", "net"),
      deny_net: targets(policy, "deny", "net"),
      allow_ffi: null,
      deny_ffi: null,
      allow_read: targets(policy, "allow", "read"),
      deny_read: targets(policy, "deny", "read"),
      ignore_read: null,
      allow_run: null,
      deny_run: null,
      allow_sys: null,
      deny_sys: null,
      allow_write: targets(policy, "allow", "write"),
      deny_write: targets(policy, "deny", "write"),
      // Of its own the compiler puts a list of public hosts here.
      allow_import: null,
      // Everything.
      deny_import: [],
      prompt: false,
    },
    location: null,
    v8_flags: [
      "UNUSED_BUT_NECESSARY_ARG0",
      "--stack-size=1024",
      "--inspector-live-edit",
      "--external-memory-max-reasonable-size=0",
      ...V8_FLAGS,
    ],
    log_level: "ERROR",
    ca_stores: null,
    ca_data: null,
    unsafely_ignore_certificate_errors: null,
    env_vars_from_env_file: RUNTIME_ENVIRONMENT,
    workspace_resolver: {
      import_map: { specifier: IMPORT_MAP, json: importMap(files) },
      jsr_pkgs: [],
      package_jsons: {},
      pkg_json_resolution: "Enabled",
      catalogs: {},
    },
    entrypoint_key: ENTRY,
    preload_modules: [],
    require_modules: [],
    node_modules: null,
    unstable_config: {
      legacy_flag_enabled: false,
      detect_cjs: false,
      lazy_dynamic_imports: false,
      raw_imports: false,
      sloppy_imports: false,
      npm_lazy_caching: false,
      tsgo: false,
      features: [],
    },
    otel_config: {
      tracing_enabled: false,
      metrics_enabled: false,
      console: "Ignore",
      deterministic_prefix: null,
      propagators: [],
    },
    // Of the machine that it was compiled on: names that differ in case are different files.
    vfs_case_sensitivity: "s",
    app_name: name,
  };
}

/** The targets of a kind, each once, as the metadata has them: `null` is none, no target is all. */
function targets(policy: Policy, verb: "allow" | "deny", kind: "read" | "write" | "net") {
  const names = new Set(policy[verb].filter((line) => line.kind === kind).map((l) => l.target));
  if (names.has(EVERYTHING)) return [];
  return names.size === 0 ? null : [...names];
}

/** Members that differ, by path, as sentences; empty: none. */
export function compareMetadata(found: unknown, expected: unknown, path = ""): string[] {
  if (isObject(found) && isObject(expected)) {
    const names = new Set([...Object.keys(found), ...Object.keys(expected)]);
    return [...names].flatMap((name) =>
      compareMetadata(found[name], expected[name], path === "" ? name : `${path}.${name}`)
    );
  }
  if (JSON.stringify(found) === JSON.stringify(expected)) return [];
  return [
    `${path} is ${JSON.stringify(found) ?? "missing"}, not ${JSON.stringify(expected) ?? "known"}`,
  ];
}
