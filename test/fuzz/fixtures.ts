import { readdirSync, readFileSync } from "node:fs";

/** A message of `test/fixtures/wire`, named after its defect. */
export interface Fixture {
  readonly name: string;
  /** What is wrong with it. */
  readonly defect: string;
  /** The reason of the `WireError`, or `ok`. */
  readonly outcome: string;
  readonly octets: Uint8Array;
}

const folder = new URL("../fixtures/wire/", import.meta.url);

/** All of them. A file is one line `# defect -> outcome`, then hexadecimal digits and white space. */
export function wireFixtures(): Fixture[] {
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const [comment = "", ...lines] = readFileSync(new URL(file, folder), "utf8").split("\n");
      const [, defect = "", outcome = ""] = /^# (.+) -> ([a-z-]+)$/.exec(comment) ?? [];
      const octets = Uint8Array.from(Buffer.from(lines.join("").replaceAll(" ", ""), "hex"));
      return { name: file.replace(/\.hex$/, ""), defect, outcome, octets };
    });
}
