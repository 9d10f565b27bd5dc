import { describe, expect, test } from "vitest";
import { type SearchOutcome, searchCandidates } from "./search-candidates.ts";
import { glibcConf } from "./stub-conf.ts";

/** The names that are sent when these come back; NXDOMAIN where nothing is said. */
function sent(
  name: string,
  conf: string,
  libc: "glibc" | "musl" = "glibc",
  outcomes: Readonly<Record<string, SearchOutcome>> = {},
): string[] {
  const candidates = searchCandidates(name, glibcConf(conf, "host"), libc);
  const names: string[] = [];
  for (let it = candidates.next(); it.done !== true; ) {
    names.push(it.value.name);
    it = candidates.next(outcomes[it.value.name] ?? "nxdomain");
  }
  return names;
}

const CORP = "search corp.example lab.example\n";

describe("the names that a libc sends", () => {
  test("a short name goes through the search list, then as it is", () => {
    for (const libc of ["glibc", "musl"] as const)
      expect(sent("web", CORP, libc)).toEqual(["web.corp.example.", "web.lab.example.", "web."]);
  });

  test("with ndots dots it is sent as it is first: glibc then goes through the list, musl does not", () => {
    expect(sent("web", `${CORP}options ndots:0`)).toEqual(["web.", "web.corp.example.", "web.lab.example."]);
    expect(sent("web.shop", CORP, "musl")).toEqual(["web.shop."]);
  });

  test("a dot at the end leaves the list out", () => {
    expect(sent("web.", `${CORP}options ndots:5`)).toEqual(["web."]);
  });

  test("an answer ends it", () => {
    expect(sent("web", CORP, "glibc", { "web.corp.example.": "answer" })).toEqual(["web.corp.example."]);
  });

  test("after NODATA and SERVFAIL glibc goes on, musl does not", () => {
    for (const outcome of ["nodata", "servfail"] as const) {
      expect(sent("web", CORP, "glibc", { "web.corp.example.": outcome })).toHaveLength(3);
      expect(sent("web", CORP, "musl", { "web.corp.example.": outcome })).toHaveLength(1);
    }
  });

  test("another failure ends glibc's list, but not the lookup", () => {
    expect(sent("web", CORP, "glibc", { "web.corp.example.": "failure" })).toEqual([
      "web.corp.example.",
      "web.",
    ]);
  });

  test("the root in the list is the name as it is, asked once", () => {
    expect(sent("web", "search . corp.example")).toEqual(["web.", "web.corp.example."]);
  });

  test("no-tld-query keeps a name of one label from being sent as it is", () => {
    expect(sent("web", `${CORP}options no-tld-query`)).toEqual(["web.corp.example.", "web.lab.example."]);
  });
});
