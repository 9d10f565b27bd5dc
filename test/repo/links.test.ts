import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((file) =>
  join("docs", file),
);
const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...docs].filter((file) =>
  file.endsWith(".md"),
);

test.each(pages)("%s names only files that exist", (page) => {
  const text = readFileSync(join(root, page), "utf8");
  const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, target]) => target!);
  const paths = [...text.matchAll(/`((?:src|test|docs|examples|scripts|bench)\/[\w./-]+\.\w+)`/g)].map(
    ([, path]) => path!,
  );
  const absent = [
    ...links.filter((link) => !/^\w+:/.test(link) && !existsSync(resolve(root, dirname(page), link))),
    ...paths.filter((path) => !existsSync(join(root, path))),
  ];
  expect(absent).toEqual([]);
});
