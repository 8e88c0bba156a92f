/** The files of a node, below the directory that stands for its `/`: what every node of the tests is. */

import { dirname } from "node:path";

export class NodeFiles implements AsyncDisposable {
  /** The directory that stands for `/`; empty for a node whose `/` is this process's own. */
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Where a file of the node is, for this process. */
  path(ofNode: string): string {
    return `${this.root}/${ofNode.replace(/^\//, "")}`;
  }

  /**
   * Writes a file, making the directories above it; values other than text as JSON, which is YAML too.
   *
   * @param path of the node, or one that is below the root already.
   */
  async write(path: string, content: unknown): Promise<void> {
    const place = path.startsWith(`${this.root}/`) ? path : this.path(path);
    await Deno.mkdir(dirname(place), { recursive: true });
    const text = typeof content === "string" ? content : JSON.stringify(content, null, "\t");
    await Deno.writeTextFile(place, text);
  }

  /** Removes a file or a directory. */
  async remove(path: string): Promise<void> {
    await Deno.remove(this.path(path), { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.root !== "") await Deno.remove(this.root, { recursive: true });
  }
}
