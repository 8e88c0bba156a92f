/** The kubelet's two pipes. */

import { timer } from "./clock.ts";
import { UserError } from "../errors.ts";
import { systemReason } from "./files.ts";
import { writeAll } from "./write_all.ts";
import { decodeUtf8, encodeUtf8 } from "../text/utf8.ts";

/**
 * Reads UTF-8 text to its end, or until it is whole.
 *
 * @param timeout how long the writer may take, in milliseconds.
 * @param isWhole asked of the bytes so far, each time that some came: whether no more need to come.
 * @throws {UserError} when it is too long, not UTF-8, or does not end in time.
 */
export async function readText(
  input: Input,
  maxBytes: number,
  timeout: number,
  isWhole: (bytes: Uint8Array) => boolean = () => false,
): Promise<string> {
  const late = timer(timeout).then(() => {
    throw new UserError("input-timed-out", "stdin", `did not end within ${timeout} ms`);
  });
  let buffer = new Uint8Array(16 * 1024);
  let length = 0;
  for (;;) {
    const count = await Promise.race([read(input, buffer.subarray(length)), late]);
    if (count === null) break;
    length += count;
    if (length > maxBytes) {
      throw new UserError("input-too-large", "stdin", `is longer than ${maxBytes} bytes`);
    }
    if (isWhole(buffer.subarray(0, length))) break;
    if (length === buffer.length) {
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
  }
  try {
    return decodeUtf8(buffer.subarray(0, length));
  } catch {
    throw new UserError("input-unreadable", "stdin", "is not UTF-8 text");
  }
}

type Input = { read(buffer: Uint8Array): Promise<number | null> };

async function read(input: Input, buffer: Uint8Array): Promise<number | null> {
  try {
    return await input.read(buffer);
  } catch (error) {
    // A directory can be opened as stdin, and not be read.
    throw new UserError("input-unreadable", "stdin", `cannot be read: ${systemReason(error)}`);
  }
}

/**
 * Writes text whole.
 *
 * @param what is written, for the error.
 * @throws {UserError} when the reader is gone, or the text cannot be written for another reason.
 */
export function writeText(
  output: { writeSync(bytes: Uint8Array): number },
  text: string,
  what = "the response",
): void {
  const bytes = encodeUtf8(text);
  try {
    writeAll(output, bytes);
  } catch (error) {
    const gone = error instanceof Deno.errors.BrokenPipe;
    const reason = gone ? "its reader is gone" : systemReason(error);
    throw new UserError("output-failed", "stdout", `cannot write ${what}: ${reason}`);
  }
}
