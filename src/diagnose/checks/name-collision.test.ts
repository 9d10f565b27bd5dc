import { describe, expect, test } from "vitest";
import { container, endpoint, registryOf } from "../../registry/fixture.suite.ts";
import type { Container } from "../../registry/model.ts";
import type { Found } from "../check.ts";
import type { Context } from "../context.ts";
import { nameCollision } from "./name-collision.ts";

/** It looks at nothing but the registry. */
async function found(...containers: readonly Container[]): Promise<readonly Found[]> {
  const outcome = await nameCollision.run({ registry: registryOf(containers) } as Context);
  if ("skipped" in outcome) throw new Error(outcome.skipped);
  return outcome;
}

const subjects = async (...containers: readonly Container[]) =>
  (await found(...containers)).map(({ subject }) => subject);

let last = 1;
const on = (network: string, ...aliases: readonly string[]) =>
  endpoint(network, { ipv4: `10.5.0.${++last}`, aliases });

describe("within one network", () => {
  test("a service of one project is no collision, whatever its containers are called", async () => {
    const project = { project: "shop", hostname: "web" };
    const [one, two] = [1, 2].map((n) => container(`shop-web-${n}`, [on("shop", "web")], project));
    expect(await subjects(one!, two!)).toEqual([]);
  });

  test("the same service of two projects is one, and so is somebody of none", async () => {
    const db = (name: string, project?: string) =>
      container(name, [on("proxy", "db")], project === undefined ? {} : { project });
    expect(await subjects(db("shop-db", "shop"), db("blog-db", "blog"))).toEqual(["db in network proxy"]);
    expect(await subjects(db("shop-db", "shop"), db("my-db"))).toEqual(["db in network proxy"]);
    const [each] = await found(db("shop-db", "shop"), db("blog-db", "blog"));
    expect(each?.text).toContain("blog-db of blog and shop-db of shop");
  });

  test("an alias shared without projects is what aliases are for; a hostname or name besides is not", async () => {
    const web = (name: string, hostname?: string) =>
      container(name, [on("shop", "web")], hostname === undefined ? {} : { hostname });
    expect(await subjects(web("a"), web("b"))).toEqual([]);
    const called = container("Web", [on("shop")]);
    expect(await subjects(web("a"), called)).toEqual(["web in network shop"]);
    expect(
      await subjects(
        container("a", [on("shop")], { hostname: "h" }),
        container("b", [on("shop")], { hostname: "h" }),
      ),
    ).toEqual(["h in network shop"]);
  });

  test("who has no address answers to no name, and cannot collide", async () => {
    const stopped = container("a", [endpoint("shop", { aliases: ["b"] })]);
    expect(await subjects(stopped, container("b", [on("shop")]))).toEqual([]);
  });
});

describe("across networks", () => {
  const dbs = (projects: readonly [string?, string?] = []) =>
    ["blog", "shop"].map((network, index) => {
      const project = projects[index];
      return container(`${network}-db`, [on(network, "db")], project === undefined ? {} : { project });
    });

  test("nobody minds if nobody is on both", async () => {
    expect(await subjects(...dbs())).toEqual([]);
  });

  test("a container on both gets the first network's only, and is named", async () => {
    const proxies = ["proxy-1", "proxy-2"].map((name) => container(name, [on("shop"), on("blog")]));
    const [each, ...more] = await found(...dbs(), ...proxies);
    expect(more).toEqual([]);
    expect(each).toMatchObject({
      subject: "db, as proxy-1, proxy-2 see it",
      evidence: { answeredFrom: "blog", seenBy: ["proxy-1", "proxy-2"] },
    });
  });

  test("one project's, and one container's on both, are no collision", async () => {
    const proxy = () => container("proxy", [on("shop"), on("blog")]);
    expect(await subjects(...dbs(["shop", "shop"]), proxy())).toEqual([]);
    const both = container("both", [on("shop", "db"), on("blog", "db")]);
    expect(await subjects(both, proxy())).toEqual([]);
  });
});
