import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { z } from "zod";
import { canonicalAddress, parseSocketAddress, type SocketAddress } from "../base/address.ts";
import { inOrder, type Path, type Problem, type YamlDocument } from "./document.ts";
import { nearest } from "./nearest.ts";

/** The building blocks of a strict schema whose refusals say what would be right. */

type Schema<T> = z.ZodType<T>;

/** The error option of a schema: `must be <right>, not <what is there>`. */
export function want(right: string): { error: (issue: { input?: unknown }) => string } {
  return { error: (issue) => `must be ${right}, not ${describe(issue.input)}` };
}

/** A map with these keys and no others. */
export function closed<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape);
  const wrongType = want(`a map with the keys ${known.join(", ")}`).error;
  return z.strictObject(shape, {
    // One line for each key: `problemsOf` puts each where its key stands.
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => unknownKey(key, known)).join("\n")
        : wrongType(issue),
  });
}

export function text(right: string): z.ZodString {
  const wrongType = want(right).error;
  return z.string({
    error: (issue) =>
      wrongType(issue) +
      (typeof issue.input === "number" || typeof issue.input === "boolean"
        ? " (put it in quotes if it is meant as text)"
        : ""),
  });
}

/** A text that `parse` turns into a value, or refuses. */
export function parsed<T>(right: string, parse: (text: string) => T | Refusal): Schema<T> {
  return text(right).transform((value, context): T => {
    const result = parse(value);
    if (!(result instanceof Refusal)) return result;
    context.issues.push({ code: "custom", message: result.text, input: value });
    return z.NEVER;
  });
}

/** Says no, with what is wrong and what would be right. */
export class Refusal {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const SERVER = 'the address of a server, like 10.0.0.1, "10.0.0.2:5353" or "[fd00::1]:53"';

/** Somebody to ask; port 53 unless it says another. */
export const server: Schema<SocketAddress> = parsed(SERVER, (value) => parseServer(value));

export function parseServer(value: string, defaultPort = 53): SocketAddress | Refusal {
  const address = parseSocketAddress(value, defaultPort);
  if (address === undefined || address.port === 0)
    return new Refusal(`${JSON.stringify(value)} is not ${SERVER}`);
  const range = rangeOf(address.address);
  if (range === "unspecified" || range === "multicast" || range === "broadcast") {
    return new Refusal(`${JSON.stringify(value)} is ${range}: no server can be there`);
  }
  return { address: canonicalAddress(address.address), port: address.port };
}

/** The sort of address, in the words of ipaddr.js: `loopback`, `multicast`, `ipv4Mapped`, ... */
export function rangeOf(address: string): string {
  return isIP(address) === 0 ? "invalid" : ipaddr.parse(address).range();
}

/** Turns what zod found into problems with positions. */
export function problemsOf(error: z.ZodError, document: YamlDocument): Problem[] {
  return inOrder(error.issues.flatMap((issue) => fromIssue(issue, [], document)));
}

function fromIssue(issue: z.core.$ZodIssue, base: Path, document: YamlDocument): Problem[] {
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const lines = issue.message.split("\n");
    return issue.keys.map((key, index) => document.problem([...path, key], lines[index] ?? "", "key"));
  }
  if (issue.code === "invalid_union") {
    // The branch that got past the outer shape is the one that was meant: its complaints are about what is inside.
    const meant = issue.errors.find((branch) =>
      branch.every((inner) => inner.path.length > 0 || inner.code === "custom"),
    );
    if (meant !== undefined) return meant.flatMap((inner) => fromIssue(inner, path, document));
  }
  const { at, twin } = (issue.code === "custom" && issue.params) || {};
  if (at !== "key") return [document.problem(path, issue.message)];
  // The other key of the same map that says the same.
  const line =
    twin === undefined ? "" : ` on line ${document.position([...path.slice(0, -1), twin], "key").line}`;
  return [document.problem(path, issue.message + line, "key")];
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  const right =
    known.length === 0
      ? "there are none here yet"
      : near === undefined
        ? `known here: ${known.join(", ")}`
        : `did you mean "${near}"?`;
  return `unknown key ${JSON.stringify(key)}: ${right}`;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return typeof value === "string" ? `the text ${JSON.stringify(value)}` : String(value);
}
