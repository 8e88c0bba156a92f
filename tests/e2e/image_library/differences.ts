/** Something that the plugin sees otherwise than the image library. */

export interface Difference {
  /** In few words. */
  readonly kind: string;
  readonly library: string;
  readonly plugin: string;
}

/** Told of what a case met, once for each time. */
export type CountedCase = (what: string) => void;

/** A difference in three lines. */
export function explainDifference({ kind, library, plugin }: Difference): string {
  return `${kind}\n  library: ${library}\n  plugin:  ${plugin}`;
}
