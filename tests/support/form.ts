/** What an executable can be built as. */
export type Form = "script" | "compiled";
