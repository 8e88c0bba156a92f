/** Puts the modules that a program loads with `import()` into its one file. */

/** A bundle of a module with all that it imports, in CommonJS form. */
export interface LaterBundle {
  /** What the program passes to `import()`. */
  readonly specifier: string;
  readonly program: string;
}

/**
 * Makes each module a function of the program, and each `import()` a call of it. The bundler would put
 * the module's own functions beside those of the program, where the engine has to do with each of them
 * in every run; of this one function it remembers where it ends.
 *
 * A module shares nothing with the rest: it has its own copies of what it imports. So plain values are
 * all that may go in and out, and it is called from one place.
 *
 * @param program an ECMAScript module.
 * @throws {TypeError} when a module is not imported just once.
 */
export function embedLaterModules(program: string, modules: readonly LaterBundle[]): string {
  return modules.reduce((whole, module, index) => {
    const name = `$later${index}`;
    const [before, after, ...more] = whole.split(`import(${JSON.stringify(module.specifier)})`);
    if (before === undefined || after === undefined || more.length > 0) {
      throw new TypeError(`${module.specifier} is not imported just once`);
    }
    const body = `const module={exports:{}};${module.program}\nreturn module.exports`;
    return `${before}${name}()${after}async function ${name}(){${body}}\n`;
  }, program);
}
