/**
 * Makes packages for Debian and Red Hat and their kin: the plugin where the kubelet looks for it, the
 * operator's tool, its completions, manual pages, and the pages with their examples. There is no script
 * in them: nothing is started, and no configuration of the kubelet is touched. The same commit, settings,
 * maintainer and runtime part give the same bytes.
 */

import { runCtl } from "../src/ctl/application.ts";
import { UsageError } from "../src/errors.ts";
import type { BuildFacts } from "../src/executable/version.ts";
import { PLUGIN_DIRECTORY } from "../src/manifests/platform_providers.ts";
import { DEFAULT_SETTINGS, type Settings } from "../src/settings/settings.ts";
import { compile, compileCtl } from "./compile.ts";
import { checksums, readFacts, TARGETS } from "./release.ts";
import { LICENSE } from "./support/bill_of_materials.ts";
import { runBuildCommand } from "./support/build_command_line.ts";
import { BuildError, bundleFiles } from "./support/bundle.ts";
import { providerManual, toolManual } from "./support/manual_pages.ts";
import { findPackager, runOrRefuse } from "./support/packager.ts";
import { makeDirectory } from "./support/output_directory.ts";
import { print } from "./support/print.ts";
import { DIST, PROJECT } from "./support/project.ts";

const NAME = "crio-credential-provider";
const TOOL = "crio-credential-ctl";
const DOCUMENTATION = `/usr/share/doc/${NAME}`;
const LICENSES = `/usr/share/licenses/${NAME}`;

/** The forms of packages. */
export const FORMATS = ["deb", "rpm"] as const;
/** One of them. */
export type Format = typeof FORMATS[number];

/** The platforms of a release, by the names that Go and so the packager has for them. */
const ARCHITECTURES: Readonly<Record<typeof TARGETS[number], string>> = {
  "x86_64-unknown-linux-gnu": "amd64",
  "aarch64-unknown-linux-gnu": "arm64",
};

/** What the runtime part links to: glibc's newest symbol in it is of 2.27, on both platforms. */
const LIBRARIES: Readonly<Record<Format, readonly string[]>> = {
  deb: ["libc6 (>= 2.27)", "libgcc-s1 | libgcc1"],
  rpm: ["glibc >= 2.27", "libgcc"],
};

/**
 * The maintainer where nobody is named. Both formats want an address; that of a top-level name that does
 * not exist is nobody's (RFC 2606 section 2).
 */
const NOBODY = "The crio-credential-provider authors <noreply@crio-credential-provider.invalid>";

/**
 * A maintainer as packages of both formats name one: a name, and an address in angle brackets (Debian
 * Policy 5.6.2).
 *
 * @throws {UsageError} when the text is another one.
 */
export function parseMaintainer(text: string): string {
  if (/^[^<>@,\p{Cc}]*[^<>@,\p{Cc}\s] <[^<>@,\p{Cc}\s]+@[^<>@,\p{Cc}\s]+>$/u.test(text)) {
    return text;
  }
  throw new UsageError(
    "flag-value-invalid",
    "--maintainer",
    `${JSON.stringify(text)} is not a name and an address`,
    'write it like "Platform Team <platform@example.com>"',
  );
}

/**
 * A number of packages of one version.
 *
 * @throws {UsageError} when the text is not one from 1 on.
 */
export function parseRevision(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  const problem = `${JSON.stringify(text)} is not a whole number from 1 on`;
  throw new UsageError("flag-value-invalid", "--revision", problem);
}

/** What to make packages of, and where. */
export interface PackageOptions {
  readonly settings?: Settings;
  /** @default `dist/packages` of the project */
  readonly out?: string;
  /** The version of the packages. @default the project's */
  readonly version?: string;
  /** Who answers for the packages, as {@link parseMaintainer} takes it. @default nobody */
  readonly maintainer?: string;
  /**
   * The number behind the version, as both formats have it: of two packages of one version the higher one
   * is the newer. @default 1
   */
  readonly revision?: number;
  /** @default those of a release */
  readonly targets?: readonly typeof TARGETS[number][];
  /** Called for each platform that cannot be compiled for. */
  readonly onMissing: (target: string, reason: string) => void;
}

/** A file of a package. */
export interface PackagedFile {
  /** Where it is on the machine that makes the package. */
  readonly source: string;
  /** Where it is installed. */
  readonly path: string;
  readonly mode: number;
}

/**
 * Makes the packages.
 *
 * @returns the directory.
 * @throws {BuildError} when the packager cannot be had, no platform can be compiled for, or the directory
 * holds something else; then nothing is changed.
 */
export async function makePackages(options: PackageOptions): Promise<string> {
  const settings = options.settings ?? DEFAULT_SETTINGS;
  const packager = await findPackager();
  const facts = readFacts((await bundleFiles(NAME, settings)).entry);
  const about = {
    version: options.version ?? facts.version,
    date: commitDate(facts),
    maintainer: options.maintainer ?? NOBODY,
    revision: options.revision ?? 1,
  };
  return await makeDirectory(
    options.out ?? `${DIST}/packages`,
    (name) => OWN.test(name),
    async (out) => {
      const work = await Deno.makeTempDir();
      try {
        await writeShared(`${work}/shared`, settings, facts, about);
        let made = 0;
        for (const target of options.targets ?? TARGETS) {
          const binaries = `${work}/${target}`;
          try {
            await compile({ settings, out: binaries, target });
            await compileCtl({ settings, out: binaries, target });
          } catch (error) {
            if (!(error instanceof BuildError)) throw error;
            options.onMissing(target, error.message);
            continue;
          }
          for (const format of FORMATS) {
            const files = await packagedFiles({ format, binaries, shared: `${work}/shared` });
            const config = formatConfig(format, files, {
              ...about,
              architecture: ARCHITECTURES[target],
            });
            await Deno.writeTextFile(`${work}/${format}.json`, config);
            await runOrRefuse(
              packager,
              ["package", "--config", `${work}/${format}.json`]
                .concat("--packager", format, "--target", out),
              { env: { SOURCE_DATE_EPOCH: String(Date.parse(about.date) / 1000) } },
            );
            made++;
          }
        }
        if (made === 0) {
          throw new BuildError("no package was made: there is no runtime for any platform");
        }
        await Deno.writeTextFile(`${out}/SHA256SUMS`, await checksums(out));
      } finally {
        await Deno.remove(work, { recursive: true });
      }
    },
  );
}

/** Names of the files that are made. */
const OWN = /^(?:SHA256SUMS|crio-credential-provider[-_].*\.(?:deb|rpm))$/;

/** Writes what is the same for all platforms. */
async function writeShared(
  directory: string,
  settings: Settings,
  facts: BuildFacts,
  { version, date }: { readonly version: string; readonly date: string },
): Promise<void> {
  const manual = { version, date, documentation: DOCUMENTATION };
  await Deno.mkdir(directory);
  await writeManual(`${directory}/${NAME}.8.gz`, providerManual(settings, manual));
  await writeManual(`${directory}/${TOOL}.1.gz`, toolManual(manual));
  for (const shell of ["bash", "zsh", "fish"]) {
    await Deno.writeTextFile(`${directory}/${shell}`, await completions(shell, settings, facts));
  }
}

/**
 * The files of a package, by path.
 *
 * @param place.binaries the directory of the executables.
 * @param place.shared that of what is the same for all platforms.
 */
export async function packagedFiles(
  { format, binaries, shared }: {
    readonly format: Format;
    readonly binaries: string;
    readonly shared: string;
  },
): Promise<PackagedFile[]> {
  const zsh = format === "deb" ? "vendor-completions" : "site-functions";
  const texts: readonly (readonly [source: string, path: string])[] = [
    [`${shared}/bash`, `/usr/share/bash-completion/completions/${TOOL}`],
    [`${shared}/zsh`, `/usr/share/zsh/${zsh}/_${TOOL}`],
    [`${shared}/fish`, `/usr/share/fish/vendor_completions.d/${TOOL}.fish`],
    [`${shared}/${TOOL}.1.gz`, `/usr/share/man/man1/${TOOL}.1.gz`],
    [`${shared}/${NAME}.8.gz`, `/usr/share/man/man8/${NAME}.8.gz`],
    [
      `${PROJECT}/LICENSE`,
      format === "deb" ? `${DOCUMENTATION}/copyright` : `${LICENSES}/LICENSE`,
    ],
    ...["README.md", "SECURITY.md", "CHANGELOG.md"].map((name) =>
      [`${PROJECT}/${name}`, `${DOCUMENTATION}/${name}`] as const
    ),
    ...(await filesBelow(`${PROJECT}/docs`)).map((name) =>
      [`${PROJECT}/docs/${name}`, `${DOCUMENTATION}/docs/${name}`] as const
    ),
    ...(await Promise.all(["kubernetes", "openshift", "settings"].map(examples))).flat(),
  ];
  return [
    { source: `${binaries}/${NAME}`, path: `${PLUGIN_DIRECTORY}/${NAME}`, mode: 0o755 },
    { source: `${binaries}/${TOOL}`, path: `/usr/bin/${TOOL}`, mode: 0o755 },
    ...texts.map(([source, path]) => ({ source, path, mode: 0o644 })),
  ].toSorted((a, b) => a.path < b.path ? -1 : 1);
}

async function examples(directory: string): Promise<(readonly [string, string])[]> {
  const from = `${PROJECT}/fixtures/${directory}`;
  return (await filesBelow(from)).map((name) =>
    [`${from}/${name}`, `${DOCUMENTATION}/examples/${directory}/${name}`] as const
  );
}

/** The files below a directory, by their paths from there. */
async function filesBelow(directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (!isDirectory) names.push(name);
    else names.push(...(await filesBelow(`${directory}/${name}`)).map((path) => `${name}/${path}`));
  }
  return names.sort();
}

/**
 * The packager's configuration (nfpm, "Configuration"), whose YAML may be JSON. Whatever it would take
 * from the machine is given: times, owners, the host's name.
 */
export function formatConfig(
  format: Format,
  files: readonly PackagedFile[],
  facts: {
    readonly version: string;
    readonly date: string;
    readonly architecture: string;
    readonly maintainer: string;
    readonly revision: number;
  },
): string {
  const owner = { owner: "root", group: "root", mtime: facts.date };
  const summary = "Kubelet image credential provider: credentials of the pod's namespace";
  return JSON.stringify({
    name: NAME,
    arch: facts.architecture,
    platform: "linux",
    version: facts.version,
    release: String(facts.revision),
    section: "admin",
    priority: "optional",
    maintainer: facts.maintainer,
    description:
      `${summary}\nThe kubelet runs it for each image pull. ${TOOL} sets it up and explains it.`,
    license: LICENSE,
    mtime: facts.date,
    disable_globbing: true,
    contents: [
      ...ownDirectories(files).map((dst) => ({
        dst,
        type: "dir",
        file_info: { ...owner, mode: 0o755 },
      })),
      ...files.map(({ source, path, mode }) => ({
        src: source,
        dst: path,
        ...(format === "rpm" && path.startsWith(`${LICENSES}/`) && { type: "license" }),
        ...(format === "rpm" && path.startsWith(`${DOCUMENTATION}/`) && { type: "doc" }),
        file_info: { ...owner, mode },
      })),
    ],
    depends: LIBRARIES[format],
    deb: { compression: "gzip" },
    rpm: { summary, compression: "gzip", buildhost: "localhost" },
  });
}

/**
 * Directories that nothing else may own: a package manager leaves those that no package lists when the
 * package is removed.
 */
function ownDirectories(files: readonly PackagedFile[]): string[] {
  const roots = [PLUGIN_DIRECTORY, DOCUMENTATION, LICENSES];
  const directories = new Set<string>();
  for (const { path } of files) {
    const root = roots.find((root) => path.startsWith(`${root}/`));
    for (let directory = path; root !== undefined && directory !== root;) {
      directory = directory.replace(/\/[^/]*$/, "");
      directories.add(directory);
    }
  }
  return [...directories].sort();
}

/**
 * The moment that all files of the packages have.
 *
 * @throws {BuildError} outside of a git checkout, where nothing says it.
 */
function commitDate({ gitCommitDate }: BuildFacts): string {
  if (Number.isNaN(Date.parse(gitCommitDate))) {
    throw new BuildError(
      "the commit's date: is not known outside of a git checkout; make the packages in one",
    );
  }
  return new Date(gitCommitDate).toISOString().replace(".000Z", "Z");
}

async function writeManual(path: string, text: string): Promise<void> {
  // The runtime's gzip writes neither name nor time.
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  await Deno.writeFile(path, packed);
}

/** The tool's own script for a shell. */
async function completions(shell: string, settings: Settings, facts: BuildFacts): Promise<string> {
  let text = "";
  const context = {
    process: {
      stdout: { write: (part: string) => void (text += part) },
      stderr: { write: (part: string) => void (text += part) },
    },
    stdin: { isTerminal: () => true, read: () => Promise.resolve(null) },
    columns: undefined,
    cwd: Deno.cwd,
    settings,
  };
  const status = await runCtl(["completions", shell], context, facts);
  if (status !== 0) throw new BuildError(`completions for ${shell}: ${text.trim()}`);
  return text;
}

if (import.meta.main) {
  Deno.exit(
    await runBuildCommand({
      name: "deno task package",
      brief: "Make .deb and .rpm for both platforms",
      example: "--settings site.jsonc",
      takes: ["maintainer", "revision"],
    }, ({ settings, out, maintainer, revision }) =>
      makePackages({
        settings,
        ...(out && { out }),
        ...(maintainer !== undefined && { maintainer: parseMaintainer(maintainer) }),
        ...(revision !== undefined && { revision: parseRevision(revision) }),
        onMissing: (target, reason) =>
          print(`warning: left out the packages for ${target}: ${reason}\n`, Deno.stderr),
      })),
  );
}
