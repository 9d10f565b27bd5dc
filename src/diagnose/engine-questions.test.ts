import { expect, test } from "vitest";
import { container, endpoint, registryOf } from "../registry/fixture.suite.ts";
import { bindingsOf } from "./bindings.ts";
import { engineQuestions } from "./engine-questions.ts";
import type { Sandbox } from "./sandbox.ts";

const containers = Array.from({ length: 10 }, (_, index) =>
  container(`c${index}`, [endpoint("shop", { ipv4: `10.0.0.${index}`, aliases: ["web"] })]),
);
const bindings = bindingsOf(registryOf(containers));
const sandboxes = containers.map((each) => ({ container: each }) as unknown as Sandbox);
const NAMES = containers.length + 1;

test("every name is asked in every container of its networks, once", () => {
  const questions = engineQuestions(bindings, sandboxes);
  expect(questions).toHaveLength(NAMES * containers.length);
  expect(new Set(questions.map(({ sandbox, name }) => `${sandbox.container.key} ${name}`)).size).toBe(
    questions.length,
  );
});

test("where that is too much, each name is asked in some, and each container is asked", () => {
  const questions = engineQuestions(bindings, sandboxes, 3 * NAMES);
  expect(questions).toHaveLength(3 * NAMES);
  expect(new Set(questions.map(({ name }) => name)).size).toBe(NAMES);
  expect(new Set(questions.map(({ sandbox }) => sandbox.container.key)).size).toBe(containers.length);
});

test("a name of several networks is asked once in a container of both", () => {
  const both = container("both", [endpoint("a", { ipv4: "10.1.0.1" }), endpoint("b", { ipv4: "10.2.0.1" })]);
  const questions = engineQuestions(bindingsOf(registryOf([both])), [
    { container: both } as unknown as Sandbox,
  ]);
  expect(questions.map(({ name }) => name)).toEqual(["both."]);
});

test("a name that somebody had is asked in one container", () => {
  const registry = registryOf(containers);
  registry.apply({ source: "test", cause: "removed", kind: "remove", key: "test/c3" });
  const questions = engineQuestions(bindingsOf(registry), sandboxes);
  expect(questions.filter(({ name }) => name === "c3.")).toHaveLength(1);
});
