import { readFileSync } from "node:fs";

/** The folder of this package, which lies above both `src` and `dist`. */
export const packageFolder = new URL("../", import.meta.url);

/** This program's version, from the package's own description. */
export const version: string = JSON.parse(
  readFileSync(new URL("package.json", packageFolder), "utf8"),
).version;
