/** Arguments of the plugin, as `args` of its provider has them: `--flag=value` or `--flag`, `value`. */

/** The value of a flag, of which the last one counts; `undefined` when it is not given. */
export function findArgument(args: readonly string[], flag: string): string | undefined {
  let value: string | undefined;
  for (const [index, arg] of args.entries()) {
    if (isFlag(arg, flag)) value = args[index + 1] ?? "";
    else if (hasValue(arg, flag)) value = arg.slice(arg.indexOf("=") + 1);
  }
  return value;
}

/** Arguments with a flag set, in the place of what they say about it. */
export function setArgument(args: readonly string[], flag: string, value: string): string[] {
  const others = args.filter((arg, index) =>
    !isFlag(arg, flag) && !hasValue(arg, flag) && !isFlag(args[index - 1] ?? "", flag)
  );
  return [...others, `--${flag}=${value}`];
}

/** Go's flag package, whose users this program takes over, reads one hyphen like two. */
function isFlag(arg: string, flag: string): boolean {
  return arg === `--${flag}` || arg === `-${flag}`;
}

function hasValue(arg: string, flag: string): boolean {
  return arg.startsWith(`--${flag}=`) || arg.startsWith(`-${flag}=`);
}
