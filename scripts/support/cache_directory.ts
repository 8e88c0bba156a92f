/** Where programs that are built from source are kept, outside of the tree. */

/**
 * A directory for what is built from some texts, which is made: below `$XDG_CACHE_HOME`, or `~/.cache`
 * where that is unset or empty (XDG Base Directory Specification).
 *
 * @param project directory of its own below that.
 * @param name what is built, with its version.
 * @param texts what it is built from: with other texts it is another directory.
 */
export async function cacheDirectory(
  project: string,
  name: string,
  texts: readonly string[],
): Promise<string> {
  const bytes = new TextEncoder().encode(texts.join("\0"));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 8);
  const base = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
  const directory = `${base}/${project}/${name}-${hash}`;
  await Deno.mkdir(directory, { recursive: true });
  return directory;
}
