import { describe, expect, test } from "vitest";
import { container, endpoint, registryOf } from "../registry/fixture.suite.ts";
import type { Container } from "../registry/model.ts";
import { RrType } from "../wire/iana.ts";
import { bindingsOf } from "./bindings.ts";
import type { EngineAnswer } from "./engine-answers.ts";
import { judge } from "./judge.ts";
import type { Sandbox } from "./sandbox.ts";

const app = container("app", [
  endpoint("front", { ipv4: "10.1.0.2" }),
  endpoint("back", { ipv4: "10.2.0.2" }),
]);
const web = container("web-1", [endpoint("front", { ipv4: "10.1.0.3", aliases: ["web"] })]);
const backWeb = container("web-2", [
  endpoint("back", { ipv4: "10.2.0.3", ipv6: "fd02::3", aliases: ["web"] }),
]);

function judged(
  answer: Partial<EngineAnswer> & { readonly addresses: readonly string[] },
  others: readonly Container[] = [web, backWeb],
) {
  const registry = registryOf([app, ...others]);
  const sandbox = { container: app } as unknown as Sandbox;
  const whole = { sandbox, name: "web.", type: RrType.A, exists: true, isOwn: true, ...answer };
  const found = judge(whole, bindingsOf(registry));
  return found === undefined
    ? "well"
    : {
        stale: found.stale.map(({ address, binding }) => `${address} in ${binding.network}`),
        missing: found.missing.map(({ network }) => network),
      };
}

describe("an answer of the engine's", () => {
  test.each([["10.1.0.3"], ["10.2.0.3"]])(
    "may be from any one network that knows the name: %s",
    (address) => {
      expect(judged({ addresses: [address] })).toBe("well");
    },
  );

  test("with an address that nobody has, besides a right one, is stale", () => {
    const own = { addresses: ["10.1.0.3", "10.1.0.9"], isOwn: false };
    expect(judged(own)).toEqual({ stale: ["10.1.0.9 in front"], missing: [] });
  });

  test("with a wrong address alone is stale if it has the marks of the engine's own, and misses the right ones", () => {
    expect(judged({ addresses: ["10.1.0.9"] })).toEqual({
      stale: ["10.1.0.9 in front"],
      missing: ["front", "back"],
    });
  });

  test("with what an upstream said of the name is missing, not stale", () => {
    expect(judged({ addresses: ["203.0.113.9"], isOwn: false })).toEqual({
      stale: [],
      missing: ["front", "back"],
    });
  });

  test("that there is no such name is missing", () => {
    expect(judged({ addresses: [], exists: false })).toEqual({ stale: [], missing: ["front", "back"] });
  });

  test("without an address of a family that one of the networks has none of is well", () => {
    expect(judged({ addresses: [], type: RrType.AAAA })).toBe("well");
    expect(judged({ addresses: ["fd02::3"], type: RrType.AAAA })).toBe("well");
  });

  test("that leaves out one of several is missing", () => {
    const second = container("web-3", [endpoint("front", { ipv4: "10.1.0.4", aliases: ["web"] })]);
    expect(judged({ addresses: ["10.1.0.3"] }, [web, second])).toEqual({ stale: [], missing: ["front"] });
  });

  test("is not held against the names of stopped containers, of other sources, and bare hostnames", () => {
    const none = { addresses: [], exists: false };
    expect(judged(none, [container("web", [endpoint("front")])])).toBe("well");
    const elsewhere = container("web", [endpoint("front", { ipv4: "10.1.0.5" })], { hostname: "web" });
    expect(judged(none, [elsewhere])).toMatchObject({ missing: ["front"] });
    const byHostname = container("x", [endpoint("front", { ipv4: "10.1.0.5" })], { hostname: "web" });
    expect(judged(none, [byHostname])).toBe("well");
  });
});
