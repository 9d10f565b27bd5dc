import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** On every Debian, with `ip` of iproute2, or with Node. */
const THERE = ["bash", "chroot", "getent", "npm", "script", "setpriv", "ss", "tar"];

test("npm test installs every program without which tests are skipped", () => {
  const wanted = ["src", "test"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".test.ts"))
      .flatMap((file) => {
        const text = readFileSync(join(root, folder, file), "utf8");
        const calls = [...text.matchAll(/\b(?:missing|engineMissing)\(([^)]*)\)/g)];
        return calls.flatMap(([, programs]) =>
          [...programs!.matchAll(/"([^"]+)"/g)].map(([, name]) => name!),
        );
      }),
  );
  const script = readFileSync(join(root, "scripts", "test.mjs"), "utf8");
  const [, table] = /const PROGRAMS = \{(.*?)\n\};/s.exec(script)!;
  const installed = [...table!.matchAll(/^ {2}"?([\w-]+)"?: "/gm)].map(([, name]) => name!);
  expect(installed).toContain("dockerd");
  expect(wanted).toContain("dnsmasq");
  expect(wanted.filter((name) => ![...installed, ...THERE].includes(name))).toEqual([]);
});
