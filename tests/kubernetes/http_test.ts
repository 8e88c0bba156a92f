import assert from "node:assert/strict";
import fc from "fast-check";
import {
  AnswerReader,
  formatGet,
  HttpError,
  type Source,
  TooLargeError,
  UnwantedAnswer,
} from "../../src/kubernetes/http.ts";

const MAX_BYTES = 1000;

/** A connection that gives its bytes in pieces of so many, and then ends. */
function source(bytes: Uint8Array, sizes: readonly number[] = [Infinity]): Source {
  let at = 0, reads = 0;
  return {
    read: (buffer) => {
      if (at === bytes.length) return Promise.resolve(null);
      const size = Math.max(1, sizes[reads++ % sizes.length] ?? 1);
      const piece = bytes.subarray(at, at + Math.min(size, buffer.length));
      buffer.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}

function reader(text: string, sizes?: readonly number[]): AnswerReader {
  return new AnswerReader(source(new TextEncoder().encode(text), sizes), MAX_BYTES);
}

Deno.test("a request has its host, its headers, and an end", () => {
  assert.equal(
    formatGet("[::1]:6443", "/api?x=1", { Accept: "application/json", "User-Agent": "me" }),
    "GET /api?x=1 HTTP/1.1\r\nHost: [::1]:6443\r\nAccept: application/json\r\nUser-Agent: me\r\n\r\n",
  );
});

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

const ANSWERS: readonly [
  name: string,
  text: string,
  status: number,
  body: string,
  again: boolean,
][] = [
  ["a length", `${OK}Content-Length: 5\r\n\r\nhello`, 200, "hello", true],
  ["a length of nothing", `${OK}Content-Length: 0\r\n\r\n`, 200, "", true],
  ["a length said twice", `${OK}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`, 200, "x", true],
  ["the end of the connection", `${OK}\r\nhello`, 200, "hello", false],
  ["chunks", `${CHUNKED}3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n`, 200, "hello", true],
  ["a chunk with an extension", `${CHUNKED}3;a="b"\r\nhel\r\n0\r\n\r\n`, 200, "hel", true],
  ["chunks in capitals", `${CHUNKED}A\r\n0123456789\r\n0\r\n\r\n`, 200, "0123456789", true],
  ["trailers", `${CHUNKED}1\r\nx\r\n0\r\nX-A: b\r\nX-C: d\r\n\r\n`, 200, "x", true],
  ["no body allowed", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true],
  ["nothing new", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "", true],
  ["Connection: close", `${OK}Connection: Close\r\nContent-Length: 1\r\n\r\nx`, 200, "x", false],
  [
    "close among others",
    `${OK}Connection: a, close\r\nContent-Length: 1\r\n\r\nx`,
    200,
    "x",
    false,
  ],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false],
  ["no reason", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", 200, "x", true],
  ["bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", 200, "x", true],
  [
    "identity said aloud",
    `${OK}Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx`,
    200,
    "x",
    true,
  ],
  [
    "interim answers first",
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 1\r\n\r\nx`,
    200,
    "x",
    true,
  ],
  ["UTF-8", `${OK}Content-Length: 5\r\n\r\nh\u00e9\u00e9`, 200, "h\u00e9\u00e9", true],
];

for (const [name, text, status, body, again] of ANSWERS) {
  Deno.test(`an answer with ${name} is read whole, however it is cut into pieces`, async () => {
    for (const sizes of [[Infinity], [1], [2], [3, 1], [7]]) {
      const answers = reader(text, sizes);
      const answer = await answers.read();
      assert.deepEqual([answer.status, answer.body, answers.reusable], [status, body, again]);
    }
  });
}

Deno.test("Retry-After is told as it was sent, whatever the case of its name", async () => {
  const answer = await reader(
    "HTTP/1.1 429 Slow\r\nretry-AFTER: 7 \r\nContent-Length: 0\r\n\r\n",
  ).read();
  assert.deepEqual([answer.status, answer.retryAfter], [429, "7"]);
  assert.equal((await reader(`${OK}Content-Length: 0\r\n\r\n`).read()).retryAfter, null);
});

const REFUSED: readonly [name: string, text: string, reason: RegExp][] = [
  ["nothing", "", /closed before its end/],
  ["another protocol", "220 smtp.example.com\r\n\r\n", /does not begin as HTTP\/1\.1 does/],
  ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\n", /does not begin as HTTP\/1\.1 does/],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", /does not begin/],
  ["half a head", `${OK}Content-Le`, /closed before its end/],
  ["half a body", `${OK}Content-Length: 9\r\n\r\nx`, /closed before its end/],
  ["half a chunk", `${CHUNKED}9\r\nx`, /closed before its end/],
  ["chunks without an end", `${CHUNKED}1\r\nx\r\n`, /closed before its end/],
  ["a chunk longer than its size", `${CHUNKED}1\r\nxy\r\n0\r\n\r\n`, /longer than its size/],
  ["a chunk without a size", `${CHUNKED}x\r\n`, /a chunk has no size/],
  ["a negative chunk", `${CHUNKED}-1\r\n`, /a chunk has no size/],
  ["an endless chunk line", `${CHUNKED}1;${"x".repeat(5000)}\r\n`, /chunk's line is too long/],
  ["a folded header", `${OK}A: b\r\n c\r\n\r\n`, /malformed header/],
  ["a space before the colon", `${OK}Content-Length : 1\r\n\r\nx`, /malformed header/],
  ["a header without a colon", `${OK}nonsense\r\n\r\n`, /malformed header/],
  ["a header without a name", `${OK}: x\r\n\r\n`, /malformed header/],
  ["two lengths", `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`, /length is unclear/],
  ["a length that is none", `${OK}Content-Length: x\r\n\r\n`, /length is unclear/],
  ["a negative length", `${OK}Content-Length: -1\r\n\r\n`, /length is unclear/],
  [
    "chunks and a length",
    `${OK}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nx`,
    /two lengths/,
  ],
  ["an unknown transfer encoding", `${OK}Transfer-Encoding: gzip\r\n\r\n`, /encoding is unknown/],
  ["a head without end", `${OK}${"A: b\r\n".repeat(20_000)}`, /its head is too long/],
  ["interim answers without end", "HTTP/1.1 100 Go on\r\n\r\n".repeat(5000), /head is too long/],
  [
    "trailers without end",
    `${CHUNKED}0\r\n${"A: bcdefghijklmnopqrstuvwxyz\r\n".repeat(5000)}`,
    /trailers are too long/,
  ],
];

for (const [name, text, reason] of REFUSED) {
  Deno.test(`${name} in the place of an answer is refused`, async () => {
    for (const sizes of [[Infinity], [1000], [3, 1]]) {
      await assert.rejects(reader(text, sizes).read(), (thrown: Error) => {
        assert.ok(thrown instanceof HttpError, thrown.stack);
        assert.match(thrown.message, reason);
        return true;
      });
    }
  });
}

const UNWANTED: readonly [name: string, text: string][] = [
  ["is compressed", `${OK}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx`],
  ["switches to another protocol", "HTTP/1.1 101 Switching\r\n\r\n"],
];

for (const [name, text] of UNWANTED) {
  Deno.test(`an answer ${name} was not asked for`, async () => {
    await assert.rejects(reader(text).read(), (thrown: Error) => {
      assert.ok(thrown instanceof UnwantedAnswer, thrown.stack);
      assert.equal(thrown.message, name);
      return true;
    });
  });
}

const LARGE: readonly [name: string, text: string][] = [
  ["by its length, before anything is read", `${OK}Content-Length: 1001\r\n\r\n`],
  ["by a length that no buffer has", `${OK}Content-Length: 999999999999999\r\n\r\n`],
  ["in one chunk", `${CHUNKED}ffffffff\r\n`],
  ["in chunks", `${CHUNKED}${`64\r\n${"x".repeat(100)}\r\n`.repeat(11)}`],
  ["to the end of the connection", `${OK}\r\n${"x".repeat(1001)}`],
];

for (const [name, text] of LARGE) {
  Deno.test(`an answer that is too large ${name} is refused`, async () => {
    for (const sizes of [[Infinity], [100]]) {
      await assert.rejects(reader(text, sizes).read(), TooLargeError);
    }
  });
}

/** Texts that are as large as they may be, or by one byte larger. */
const LIMITS: readonly [name: string, text: (length: number) => string, limit: number][] = [
  [
    "a body by its length",
    (length) => `${OK}Content-Length: ${length}\r\n\r\n${"x".repeat(length)}`,
    1000,
  ],
  ["a body to the end of the connection", (length) => `${OK}\r\n${"x".repeat(length)}`, 1000],
  [
    "a body in one chunk",
    (length) => `${CHUNKED}${length.toString(16)}\r\n${"x".repeat(length)}\r\n0\r\n\r\n`,
    1000,
  ],
  [
    "a body in several chunks",
    (length) =>
      `${CHUNKED}1\r\nx\r\n${(length - 1).toString(16)}\r\n${"x".repeat(length - 1)}\r\n0\r\n\r\n`,
    1000,
  ],
  ["a chunk's line", (length) => `${CHUNKED}1;${"x".repeat(length - 4)}\r\ny\r\n0\r\n\r\n`, 4096],
  [
    "a head",
    (length) => {
      const rest = "Content-Length: 0\r\n\r\n";
      return `${OK}A: ${"x".repeat(length - OK.length - rest.length - 5)}\r\n${rest}`;
    },
    64 * 1024,
  ],
  [
    "a head behind interim ones",
    (length) => {
      const interim = "HTTP/1.1 100 Go on\r\n\r\n".repeat(2);
      const rest = "Content-Length: 0\r\n\r\n";
      const filler = "x".repeat(length - interim.length - OK.length - rest.length - 5);
      return `${interim}${OK}A: ${filler}\r\n${rest}`;
    },
    64 * 1024,
  ],
  [
    "trailers, line ends not counted",
    (length) => {
      const lines = `${"x".repeat(4000)}\r\n`.repeat(Math.floor(length / 4000));
      return `${CHUNKED}1\r\ny\r\n0\r\n${lines}${"x".repeat(length % 4000)}\r\n\r\n`;
    },
    64 * 1024,
  ],
];

for (const [name, text, limit] of LIMITS) {
  Deno.test(`${name} of ${limit} bytes is read, and one more is too much`, async () => {
    for (const sizes of [[Infinity], [1000], [7]]) {
      assert.equal((await reader(text(limit), sizes).read()).status, 200);
      await assert.rejects(reader(text(limit + 1), sizes).read(), (thrown: Error) => {
        assert.ok(thrown instanceof HttpError || thrown instanceof TooLargeError, thrown.stack);
        return true;
      });
    }
  });
}

for (const status of [204, 205, 304]) {
  Deno.test(`an answer of status ${status} ends with its head, whatever length it names`, async () => {
    const answers = reader(
      `HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
    );
    assert.deepEqual(await answers.read(), { status, retryAfter: null, body: "" });
    assert.equal((await answers.read()).status, 200);
  });
}

Deno.test("what an earlier part of an answer left in the buffer ends no later line", async () => {
  // Lines of all lengths, more of them than the buffer holds, with ends where others had none.
  const lines = Array.from({ length: 400 }, (_, index) => `1;${"x".repeat(index % 97)}\r\ny\r\n`);
  const bytes = new TextEncoder().encode(`${CHUNKED}${lines.join("")}0\r\n\r\n`);
  for (const sizes of [[16 * 1024, 1], [16 * 1024, 5, 3, 1], [16 * 1024, ...Array(2000).fill(1)]]) {
    const { body } = await new AnswerReader(source(bytes, sizes), MAX_BYTES).read();
    assert.equal(body, "y".repeat(lines.length));
  }
});

Deno.test("answers that follow one another are told apart", async () => {
  const body = fc.string({ maxLength: 60 }).map((text) => new TextEncoder().encode(text));
  const answer = fc.record({ body, chunks: fc.array(fc.integer({ min: 1, max: 20 })) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(answer, { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }),
      async (sent, sizes) => {
        const encoded = sent.map(({ body, chunks }) => encode(body, chunks));
        const bytes = Uint8Array.from(encoded.flatMap((part) => [...part]));
        const answers = new AnswerReader(source(bytes, sizes), MAX_BYTES);
        for (const { body } of sent) {
          assert.equal((await answers.read()).body, new TextDecoder().decode(body));
          assert.ok(answers.reusable);
        }
        await assert.rejects(answers.read(), HttpError);
      },
    ),
    { numRuns: 500 },
  );
});

/** An answer with a length, or, if sizes are given, in chunks of them. */
function encode(body: Uint8Array, chunks: readonly number[]): Uint8Array {
  const parts: (string | Uint8Array)[] = [];
  if (chunks.length === 0) parts.push(`${OK}Content-Length: ${body.length}\r\n\r\n`, body);
  else {
    parts.push(CHUNKED);
    for (let at = 0, i = 0; at < body.length; i++) {
      const chunk = body.subarray(at, at + (chunks[i % chunks.length] ?? 1));
      parts.push(`${chunk.length.toString(16)}\r\n`, chunk, "\r\n");
      at += chunk.length;
    }
    parts.push("0\r\n\r\n");
  }
  const encoder = new TextEncoder();
  return Uint8Array.from(
    parts.flatMap((part) => [...typeof part === "string" ? encoder.encode(part) : part]),
  );
}

Deno.test("any bytes are an answer or an error of these three kinds", async () => {
  const pieces = fc.constantFrom(
    OK,
    CHUNKED,
    "HTTP/1.1 100 Go on\r\n\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\r\n",
    "\n",
    "3\r\n",
    "abc",
    "0\r\n\r\n",
    ":",
    " ",
  );
  const noise = fc.uint8Array({ maxLength: 20 }).map((bytes) => String.fromCharCode(...bytes));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(pieces, noise), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 }),
      async (parts, sizes) => {
        const text = parts.join("");
        try {
          const { status, body } = await reader(text, sizes).read();
          assert.ok(status >= 200 && status <= 999 && body.length <= text.length);
        } catch (error) {
          const kinds = [HttpError, TooLargeError, UnwantedAnswer];
          assert.ok(kinds.some((kind) => error instanceof kind), String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
});
