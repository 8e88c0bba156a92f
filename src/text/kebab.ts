/** Names of flags and commands. */

/** `registriesConf` -> `registries-conf` */
export function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
