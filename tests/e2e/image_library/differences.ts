/** Something that the plugin sees otherwise than the image library. */

export interface Difference {
  /** In few words: differences of one kind are told once. */
  readonly kind: string;
  readonly library: string;
  readonly plugin: string;
}
