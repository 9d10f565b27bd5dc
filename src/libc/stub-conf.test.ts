import { describe, expect, test } from "vitest";
import { glibcConf, muslConf } from "./stub-conf.ts";

const flags = (text: string) => [...glibcConf(`options ${text}`, "host").flags];

describe("glibc's resolv.conf", () => {
  test("has its limits", () => {
    expect(glibcConf("options ndots:99 timeout:99 attempts:99\n", "host")).toMatchObject({
      ndots: 15,
      timeoutS: 30,
      attempts: 5,
    });
    expect(glibcConf("", "host")).toMatchObject({
      ndots: 1,
      timeoutS: 5,
      attempts: 2,
      nameservers: ["127.0.0.1"],
      search: [],
    });
  });

  test("takes three nameservers, and says which are left out", () => {
    const four = [1, 2, 3, 4].map((i) => `nameserver 10.0.0.${i}`).join("\n");
    const { nameservers, ignored } = glibcConf(four, "host");
    expect(nameservers).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    expect(ignored).toEqual(["nameserver 10.0.0.4: only the first 3 are asked"]);
  });

  test("knows options by their beginning, the longer first", () => {
    expect(flags("single-request-reopen")).toEqual(["single-request-reopen"]);
    expect(flags("single-request")).toEqual(["single-request"]);
    expect(flags("rotate-me no_tld_query edns0")).toEqual(["rotate", "no-tld-query", "edns0"]);
    expect(glibcConf("options nonsense", "host").ignored).toEqual([
      "nonsense: glibc 2.36 knows no such option",
    ]);
  });

  test("takes keywords in column 0 only, and the last search or domain", () => {
    const text = " nameserver 10.0.0.1\nsearch a b\n;search c\ndomain d e\n";
    expect(glibcConf(text, "host")).toMatchObject({ nameservers: ["127.0.0.1"], search: ["d"] });
  });

  test("searches the host's own domain without either", () => {
    expect(glibcConf("", "box.corp.test").search).toEqual(["corp.test"]);
  });
});

describe("musl's resolv.conf", () => {
  test("has other limits, and tells what it passes over", () => {
    const conf = muslConf("options timeout:99 attempts:99 ndots:99 single-request rotate\n");
    expect(conf).toMatchObject({ timeoutS: 60, attempts: 10, ndots: 15 });
    expect(conf.ignored).toEqual([
      "single-request: musl knows no such option",
      "rotate: musl knows no such option",
    ]);
  });

  test("takes three nameservers, and says which are left out", () => {
    const four = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"];
    const { nameservers, ignored } = muslConf(four.map((address) => `nameserver ${address}\n`).join(""));
    expect(nameservers).toEqual(four.slice(0, 3));
    expect(ignored).toEqual(["nameserver 10.0.0.4: only the first 3 are asked"]);
  });

  test("passes over a line that is too long", () => {
    const long = `search ${"a.test ".repeat(40)}`;
    expect(muslConf(`${long}\n`).search).toEqual([]);
    expect(muslConf("search a.test b.test\n").search).toEqual(["a.test", "b.test"]);
  });
});
