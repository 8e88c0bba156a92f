import { fileURLToPath } from "node:url";

/** The project's directory, whatever characters its path has. */
export const PROJECT = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

/** The directory that builds go into. */
export const DIST = `${PROJECT}/dist`;
