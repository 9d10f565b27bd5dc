import { expect, test } from "vitest";
import { container, endpoint, registryOf, sync } from "../registry/fixture.suite.ts";
import type { Container } from "../registry/model.ts";
import { linesToTry } from "./lines-to-try.ts";

const ATTACH = "   # answers its 127.0.0.11 in Docker's place; detach undoes it";

function called(name: string, rest: Partial<Container["endpoints"][number]>): Container {
  return container(name, [endpoint("shop", rest)], { key: `docker:x/${name}` });
}

function lines(containers: readonly Container[], address = "127.0.0.1", attachable: readonly string[] = []) {
  const registry = registryOf([]);
  sync(registry, containers, [], "docker:x");
  return linesToTry({
    records: registry.records(),
    listener: { address, port: 5311 },
    canAttach: (sandbox) => attachable.includes(sandbox),
    eleven: "eleven",
    socket: " --socket s",
  });
}

const web = called("web", { ipv4: "10.5.0.2" });

test("lines to try name a container that runs, though another has the first alias", () => {
  const stopped = called("api", { aliases: ["a"] });
  expect(lines([stopped, web], "127.0.0.1", [web.key])).toEqual([
    "dig @127.0.0.1 -p 5311 web.shop",
    "eleven query web.shop --from web --socket s",
    `eleven attach web --socket s${ATTACH}`,
  ]);
});

test("lines to try name one that can be attached before one that can't, which is offered for questions only", () => {
  const remote = called("remote", { ipv4: "10.5.0.3", aliases: ["a"] });
  expect(lines([remote, web], "127.0.0.1", [web.key])[2]).toBe(`eleven attach web --socket s${ATTACH}`);
  expect(lines([remote, web])).toEqual([
    "dig @127.0.0.1 -p 5311 a.shop",
    "eleven query a.shop --from remote --socket s",
  ]);
});

test("lines to try name no link, which one container sees only", () => {
  const linked = called("api", { ipv4: "10.5.0.3", links: { aaa: "web" } });
  expect(lines([linked, web])[0]).toBe("dig @127.0.0.1 -p 5311 api.shop");
});

test("lines to try name one of several containers of a name by its key", () => {
  const other = container("web", [endpoint("other", { ipv4: "10.5.0.4" })], { key: "docker:x/2" });
  expect(lines([web, other])[1]).toBe("eleven query web.other --from docker:x/2 --socket s");
});

test.each([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
])("lines to try ask a listener on %s at %s", (address, asked) => {
  expect(lines([web], address)[0]).toBe(`dig @${asked} -p 5311 web.shop`);
});

test.each(["$(touch x)", "a b", "", "a;b", "-x", "ä"])("lines to try do not name the alias %j", (alias) => {
  const named = called("web", { ipv4: "10.5.0.2", aliases: [alias] });
  expect(lines([named])[0]).toBe("dig @127.0.0.1 -p 5311 web.shop");
});

test("where nothing runs there is the status to look at", () => {
  expect(lines([called("web", { aliases: ["www"] })])).toEqual(["eleven status --socket s"]);
});
