/** Texts that no decoder expects: noise, and valid documents that something happened to. */

import fc from "fast-check";

/** Any UTF-16, lone surrogates and NULs included. */
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme-composite" }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) =>
    String.fromCharCode(...units)
  ),
  fc.uint8Array({ maxLength: 80 }).map((bytes) => new TextDecoder().decode(bytes)),
);

/** What may stand in a value's place, in the formats at hand. */
const VALUES = [
  "null",
  "true",
  "-0",
  "1e400",
  "-1e999999",
  "9".repeat(400),
  "0x" + "f".repeat(400),
  "0.".padEnd(400, "1"),
  "nan",
  "1979-05-27T07:32:00Z",
  "[]",
  "{}",
  '""',
  "''",
  '"\\u0000"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\ud800"',
  "\0",
  "\ufeff",
  "\u2028",
  "__proto__",
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '"hasOwnProperty"',
  '{"__proto__": {"polluted": true}}',
  '{"constructor": {"prototype": {"polluted": true}}}',
  '"a": 1, "a": 2',
  "\n[__proto__]\npolluted = true\n",
  "\n__proto__.polluted = true\n",
  "\nconstructor.prototype.polluted = true\n",
  "\n[[__proto__]]\n[__proto__.__proto__]\npolluted = true\n",
  "\n__proto__: {polluted: true}\n",
  "\n<<: {__proto__: {polluted: true}}\n",
  "\n<<: [*a, *a, {polluted: true}]\n",
  "&a",
  "&a [*a, *a]",
  "&a {<<: *a}",
  "*a",
  "!!binary AAAA",
  "!!set {a, b}",
  "!<tag:yaml.org,2002:js/function> 'function () {}'",
  "|+\n  a\n",
  "? {a: b}\n: c\n",
  "%YAML 9.9\n---\n",
  "\n---\n",
  "...",
  "# comment",
  "/* comment",
];

/** Brackets of the formats, and what has to follow for the nesting to be legal. */
const NESTINGS = [["[", "]"], ['{"a":', "}"], ["{a: ", "}"], ["[[", "]]"], ["- ", ""], ["a.", "a"]];

const nested = fc.record({
  brackets: fc.constantFrom(...NESTINGS),
  depth: fc.constantFrom(10, 90, 110, 900, 1100, 5000, 100_000),
  closed: fc.boolean(),
}).map(({ brackets: [open = "", close = ""], depth, closed }) =>
  open.repeat(depth) + (closed ? "1" + close.repeat(depth) : "")
);

/** A quarter of a MiB of the same: what is quadratic in it takes minutes. */
const repeated = fc.record({
  unit: fc.oneof(
    fc.constantFrom("/", ":", ".", "a.", "*", "*a", "=", " ", "\n", "\\", "@", "-", "_", "http://"),
    fc.constantFrom(
      "[a]\n",
      "[[a]]\n",
      "a=1\n",
      "- a\n",
      "\t",
      '"',
      "'",
      "{",
      ",",
      "1",
      "&a ",
      "*a,",
    ),
    fc.string({ minLength: 1, maxLength: 3 }),
  ),
  end: fc.constantFrom("", "x", "!", "/", "\n"),
  quote: fc.constantFrom("", '"', "'"),
}).map(({ unit, end, quote }) =>
  quote + unit.repeat(Math.ceil(256 * 1024 / unit.length)) + end + quote
);

const shape = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 4, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 2, arbitrary: anyText },
  { weight: 1, arbitrary: nested },
  { weight: 1, arbitrary: repeated },
);

/** One thing that happens to a document; places are shares of its length. */
type Edit = (text: string) => string;

const place = fc.double({ min: 0, max: 1, noNaN: true });
const length = fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 400 }));

/** Cuts a piece out, puts it in twice, or puts another in its place. */
const slice = fc.record({ place, length, pieces: fc.constantFrom(0, 2), text: fc.option(shape) })
  .map(({ place, length, pieces, text }): Edit => (document) => {
    const start = Math.floor(place * document.length);
    const piece = document.slice(start, start + length);
    return document.slice(0, start) + (text ?? piece.repeat(pieces)) +
      document.slice(start + length);
  });

/** Flips a bit of one character. */
const flip = fc.record({ place, bit: fc.integer({ min: 0, max: 15 }) })
  .map(({ place, bit }): Edit => (document) => {
    const index = Math.floor(place * document.length);
    if (index >= document.length) return document;
    const flipped = String.fromCharCode(document.charCodeAt(index) ^ (1 << bit));
    return document.slice(0, index) + flipped + document.slice(index + 1);
  });

const TOKEN = /"[^"\n]*"|'[^'\n]*'|[\w./:-]+/g;

/** Puts something else in the place of one key or value. */
const replacement = fc.record({ place, shape })
  .map(({ place, shape }): Edit => (document) => {
    const tokens = [...document.matchAll(TOKEN)];
    const token = tokens[Math.floor(place * tokens.length)];
    if (token === undefined) return document;
    return document.slice(0, token.index) + shape +
      document.slice(token.index + token[0].length);
  });

const edit = fc.oneof(
  { weight: 3, arbitrary: replacement },
  { weight: 1, arbitrary: slice },
  { weight: 1, arbitrary: flip },
);

/**
 * Noise, or one of the documents after up to four accidents: pieces cut, doubled or replaced, bits
 * flipped, values of any shape, depth and size in the place of others.
 */
export function hostileText(documents: readonly string[]): fc.Arbitrary<string> {
  const mutated = fc.tuple(
    fc.constantFrom(...documents),
    fc.array(edit, { minLength: 1, maxLength: 4 }),
  ).map(([document, edits]) => edits.reduce((text, apply) => apply(text), document));
  return fc.oneof({ weight: 6, arbitrary: mutated }, { weight: 1, arbitrary: shape });
}
