/** What an explanation can be printed as. */
export const EXPLAIN_FORMATS = ["text", "json", "mermaid"] as const;

/** One of them. */
export type ExplainFormat = typeof EXPLAIN_FORMATS[number];
