import { describe, expect, test } from "vitest";
import { readConfig } from "../../config/load.ts";
import { dropIn } from "./resolved.ts";

function textFor(kind: Parameters<typeof dropIn>[0], listen: string): string {
  return dropIn(kind, readConfig(`listen: [${listen}]`, "eleven.yaml")).text;
}

describe("a resolv.conf", () => {
  test.each([
    ['"127.0.0.1:5311", "127.0.0.1:53"', "127.0.0.1"],
    ['"0.0.0.0:53"', "127.0.0.1"],
    ['"[::]:53"', "::1"],
    ['"10.5.0.1:53", "127.0.0.1:53"', "10.5.0.1"],
  ])("names the first of %s that has port 53: %s", (listen, address) => {
    expect(textFor("resolv.conf", listen)).toBe(`nameserver ${address}\n`);
  });

  test("can't name a listener on another port, and the remedy keeps those that are there", () => {
    expect(() => textFor("resolv.conf", '"0.0.0.0:5311", "[::1]:5311"')).toThrow(
      expect.objectContaining({
        message: "Cannot use 0.0.0.0:5311, [::1]:5311 in resolv.conf: libc asks port 53 only",
        remedy: 'listen on port 53 as well: listen: [127.0.0.1:53, 0.0.0.0:5311, "[::1]:5311"]',
      }),
    );
  });
});

test.each([
  ["0.0.0.0:5311", "127.0.0.1:5311", "127.0.0.1#5311"],
  ["[::]:5311", "[::1]:5311", "::1#5311"],
  ["10.5.0.1:5311", "10.5.0.1:5311", "10.5.0.1#5311"],
])("a resolver with ports asks a listener on %s at %s", (listen, forResolved, forDnsmasq) => {
  expect(textFor("systemd-resolved", `"${listen}"`)).toContain(`dns eleven-names ${forResolved}\n`);
  expect(textFor("networkmanager", `"${listen}"`)).toBe(`server=/docker/${forDnsmasq}\n`);
});

test("a listener whose port is another one at each start is none that others can be sent to", () => {
  expect(textFor("networkmanager", '"127.0.0.1:0", "127.0.0.2:5311"')).toContain("127.0.0.2#5311");
  for (const listen of ["", '"127.0.0.1:0"'])
    expect(() => textFor("networkmanager", listen)).toThrow("no plain listener with a port of its own");
});

test.each(["do%h", "a/b", "it's"])(
  "a suffix that means something else there, %s, is not written",
  (suffix) => {
    const config = readConfig(`hostSuffix: ${JSON.stringify(suffix)}`, "eleven.yaml");
    expect(() => dropIn("systemd-resolved", config)).toThrow("Cannot write the suffix");
    expect(() => dropIn("networkmanager", config)).toThrow("Cannot write the suffix");
  },
);
