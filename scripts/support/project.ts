/** The project's directory. */
export const PROJECT = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");

/** The directory that builds go into. */
export const DIST = `${PROJECT}/dist`;
