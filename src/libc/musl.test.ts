import { describe, expect, test } from "vitest";
import {
  always,
  type Behaviour,
  healthy,
  isA,
  reply,
  type Setting,
  silent,
  simulate,
  V4,
  V6,
  withoutAaaa,
} from "./simulated.suite.ts";

const musl = (setting: Setting, ...rest: [Behaviour, Parameters<typeof simulate>[2]?]) =>
  simulate({ libc: "musl", ...setting }, ...rest);
const types = (wire: readonly string[]) => wire.map((line) => `${line.split(" ")[0]} ${line.split(" ")[3]}`);

describe("musl asks", () => {
  test("all servers at once, A before AAAA, from one socket", async () => {
    const { wire, timeline, addresses } = await musl({ nameservers: ["10.0.0.1", "10.0.0.2"] }, healthy);
    expect(types(wire)).toEqual(["10.0.0.1 A", "10.0.0.2 A", "10.0.0.1 AAAA", "10.0.0.2 AAAA"]);
    const sends = timeline.filter(({ event }) => event === "send");
    expect(new Set(sends.map(({ socket }) => socket)).size).toBe(1);
    expect(addresses).toEqual([V4, V6]);
  });

  test.each([
    ["", 5, 2],
    ["timeout:1", 1, 2],
    ["attempts:5", 5, 5],
    ["timeout:3 attempts:1", 3, 1],
  ])("a black hole with options %j for %i s, %i times", async (options, seconds, times) => {
    const result = await musl({ options }, silent);
    expect(result).toMatchObject({ seconds, error: "EAI_AGAIN" });
    expect(result.wire).toHaveLength(2 * times);
  });

  test("nothing of glibc's options", async () => {
    const options = "single-request use-vc rotate no-aaaa edns0 trust-ad";
    const plain = await musl({}, healthy);
    const result = await musl({ options }, healthy);
    expect(result.wire).toEqual(plain.wire);
    expect(result.arrivals[0]!.octets).toEqual(plain.arrivals[0]!.octets);
  });
});

describe("musl sends every octet as it is (observed)", () => {
  test.each([
    ["a b", "a\\032b."],
    ["-dash", "-dash."],
    ["a\\.b", "a\\\\.b."],
    ["b\u00fccher.test", "b\\195\\188cher.test."],
  ])("%s", async (name, sent) => {
    expect((await musl({ name, family: "inet" }, healthy)).wire).toEqual([`10.0.0.1 udp ${sent} A`]);
  });

  test.each(["a..b", ".", "a".repeat(64), "aaaaaaaaa.".repeat(26)])("but nothing of %s", async (name) => {
    const { wire, error, timeline } = await musl({ name }, healthy);
    expect(wire).toEqual([]);
    expect(error).toBe("EAI_NONAME");
    expect(timeline).toMatchObject([{ event: "give-up" }]);
  });
});

describe("musl takes", () => {
  test("no A without an AAAA: five seconds, and nothing (measured)", async () => {
    expect(await musl({}, withoutAaaa)).toMatchObject({ seconds: 5, error: "EAI_AGAIN", addresses: [] });
    expect(await musl({ options: "timeout:1" }, withoutAaaa)).toMatchObject({
      seconds: 1,
      error: "EAI_AGAIN",
    });
    expect(await musl({ family: "inet" }, withoutAaaa)).toMatchObject({ seconds: 0, addresses: [V4] });
  });

  test("half of its timeout to make up for a lost packet (measured)", async () => {
    let lost = 0;
    const losesOne: Behaviour = (arrival, nth) =>
      !isA(arrival) && lost++ === 0 ? undefined : healthy(arrival, nth);
    const { ms, addresses, wire } = await musl({}, losesOne);
    expect([Math.round(ms / 100), addresses]).toEqual([25, [V4, V6]]);
    expect(wire).toHaveLength(3);
  });

  test("NXDOMAIN of either type for the whole name", async () => {
    const result = await musl({}, (arrival, nth) =>
      isA(arrival) ? healthy(arrival, nth) : reply(arrival, { rcode: "NXDOMAIN" }),
    );
    expect(result).toMatchObject({ error: "EAI_NONAME", addresses: [] });
  });

  test("the first answer, whoever gives it", async () => {
    const result = await musl({ nameservers: ["10.0.0.1", "10.0.0.2"] }, (arrival, nth) =>
      arrival.server === "10.0.0.1" ? undefined : healthy(arrival, nth),
    );
    expect(result).toMatchObject({ seconds: 0, addresses: [V4, V6] });
  });

  test("SERVFAIL as a reason to ask again at once, twice for each query in an interval", async () => {
    const result = await musl({ options: "attempts:1 timeout:1" }, always("SERVFAIL"));
    expect(result).toMatchObject({ seconds: 1, error: "EAI_AGAIN" });
    expect(result.wire).toHaveLength(2 + 4);
  });

  test("any other rcode as silence", async () => {
    const result = await musl({ options: "timeout:1" }, always("REFUSED"));
    expect(result).toMatchObject({ seconds: 1, error: "EAI_AGAIN", wire: { length: 4 } });
  });

  test("a truncated reply to TCP, before 1.2.4 as it is", async () => {
    const truncated: Behaviour = (arrival, nth) =>
      arrival.transport === "udp" ? reply(arrival, { tc: true }) : healthy(arrival, nth);
    const result = await musl({}, truncated);
    expect(result.addresses).toEqual([V4, V6]);
    expect(types(result.wire.filter((line) => line.includes("tcp")))).toEqual([
      "10.0.0.1 A",
      "10.0.0.1 AAAA",
    ]);
    expect(await musl({ libc: "musl-1.2.3" }, truncated)).toMatchObject({ error: "EAI_NONAME", seconds: 0 });
    const refused = await musl({}, truncated, () => ({ afterMs: 1, error: "ECONNREFUSED" }));
    expect(refused).toMatchObject({ error: "EAI_AGAIN", seconds: 0 });
    const dropped = await musl({}, truncated, () => undefined);
    expect(dropped).toMatchObject({ error: "EAI_AGAIN", seconds: 5 });
  });
});

describe("musl's search list", () => {
  const names = async (setting: Setting, behaviour: Behaviour = always("NXDOMAIN")) =>
    (await musl({ family: "inet", search: "a.test b.test", ...setting }, behaviour)).wire.map(
      (line) => line.split(" ")[2],
    );

  test("comes before the name below ndots, and is left out from ndots on", async () => {
    expect(await names({ name: "www" })).toEqual(["www.a.test.", "www.b.test.", "www."]);
    expect(await names({ name: "x.y" })).toEqual(["x.y."]);
    expect(await names({ name: "x.y", options: "ndots:2" })).toEqual(["x.y.a.test.", "x.y.b.test.", "x.y."]);
    expect(await names({ name: "www." })).toEqual(["www."]);
  });

  test("ends with anything but NXDOMAIN", async () => {
    expect(await names({ name: "www" }, always("NOERROR"))).toEqual(["www.a.test."]);
    expect(await names({ name: "www", options: "attempts:1" }, silent)).toEqual(["www.a.test."]);
  });
});

describe("musl's hosts file", () => {
  test("minds the letter case, and ends the lookup of the other family", async () => {
    const hosts = "10.1.1.1 www.example.test\n";
    expect(await musl({ hosts }, healthy)).toMatchObject({ addresses: ["10.1.1.1"], wire: [] });
    expect(await musl({ hosts, name: "WWW.example.test" }, healthy)).toMatchObject({ addresses: [V4, V6] });
    expect(await musl({ hosts, family: "inet6" }, healthy)).toMatchObject({ error: "EAI_NODATA", wire: [] });
  });
});

describe("musl's flags", () => {
  test("AI_V4MAPPED asks for both and translates", async () => {
    const setting: Setting = { family: "inet6", v4mapped: true };
    expect((await musl(setting, healthy)).addresses).toEqual([V6]);
    expect((await musl({ ...setting, all: true }, healthy)).addresses).toEqual([`::ffff:${V4}`, V6]);
  });

  test("AI_ADDRCONFIG looks at the loopback only", async () => {
    const local = ["127.0.0.1", "::1", "10.0.0.9"];
    expect((await musl({ addrconfig: true, local }, healthy)).wire).toHaveLength(2);
    expect((await musl({ addrconfig: true, local: ["127.0.0.1"] }, healthy)).wire).toHaveLength(1);
    const without: Setting = { addrconfig: true, local: ["127.0.0.1"], family: "inet6" };
    expect(await musl(without, healthy)).toMatchObject({ error: "EAI_NODATA", wire: { length: 1 } });
    const earlier = await musl({ ...without, libc: "musl-1.2.3" }, healthy);
    expect(earlier).toMatchObject({ error: "EAI_NONAME", wire: [] });
  });
});
