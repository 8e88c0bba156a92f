/**
 * Command lines as text: a command after `$`, its stdin after `<`, what it prints on stdout as it is, on
 * stderr after `!`, and its exit status after `?`, where that is not 0. A blank line is between steps.
 */

/** A command and what comes of it. */
export interface Step {
  /** Words with a space between each two; nothing is quoted. */
  readonly command: string;
  /** `undefined`: a terminal. */
  readonly stdin: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** Reads the steps of a transcript. */
export function parseTranscript(text: string): Step[] {
  return text.split(/^\$ /m).slice(1).map((step, index, steps) => {
    const last = index === steps.length - 1;
    const [command = "", ...lines] = (last ? step : step.replace(/\n\n$/, "\n")).split("\n")
      .slice(0, -1);
    const marked = (mark: string) => lines.filter((line) => line.startsWith(`${mark} `));
    const joined = (found: readonly string[]) => found.map((line) => `${line.slice(2)}\n`).join("");
    const stdin = marked("<");
    return {
      command,
      stdin: stdin.length === 0 ? undefined : joined(stdin),
      stdout: lines.filter((line) => !/^[<!?] /.test(line)).map((line) => `${line}\n`).join(""),
      stderr: joined(marked("!")),
      status: Number(marked("?")[0]?.slice(2) ?? 0),
    };
  });
}

/** Writes steps as a transcript. */
export function formatTranscript(steps: readonly Step[]): string {
  return steps.map(({ command, stdin, stdout, stderr, status }) =>
    [
      `$ ${command}\n`,
      mark("<", stdin ?? ""),
      stdout,
      mark("!", stderr),
      status === 0 ? "" : `? ${status}\n`,
    ].join("")
  ).join("\n");
}

function mark(sign: string, text: string): string {
  return text === "" ? "" : text.replace(/\n$/, "").split("\n").map((line) => `${sign} ${line}\n`)
    .join("");
}
