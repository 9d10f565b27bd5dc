import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { dialing } from "./dialing.ts";

const folder = mkdtempSync(join(tmpdir(), "eleven-dialing-"));
const path = join(folder, "netns");
afterEach(() => rmSync(folder, { recursive: true }));

test("whoever asks from the same namespace for the same container shares a dialer, and so connections", () => {
  const dial = dialing(() => undefined);
  // Any file is told from another as namespaces are.
  for (const name of ["one", "other"]) writeFileSync(join(folder, name), "");
  symlinkSync("one", path);
  const web = { key: "file:shop/web", name: "web" };
  const first = dial.inside(path, web);
  expect(first).toMatchObject({ scope: "file:shop/web", name: "web", keepsConnections: true });
  expect(dial.inside(path, { ...web })).toBe(first);
  expect(dial.inside(path, { ...web, key: "file:other/web" })).not.toBe(first);
  // Whoever is told of it is told the name of now.
  expect(dial.inside(path, { ...web, name: "www" })).toMatchObject({ name: "www" });
  // As when the container is made anew: the path leads to another namespace.
  rmSync(path);
  symlinkSync("other", path);
  expect(dial.inside(path, web)).not.toBe(first);
});
