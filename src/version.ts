import { readFileSync } from "node:fs";

/** This program's version, from the package's own description, which lies above both `src` and `dist`. */
export const version: string = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
).version;
