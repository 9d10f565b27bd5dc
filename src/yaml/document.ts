import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";

export interface Position {
  /** From 1, as editors count. */
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with (or odd in) a YAML file, where it stands, and what would be right. */
export interface Problem extends Position {
  /** The key path, `containers.web-1.id`; empty at the top. */
  readonly path: string;
  readonly text: string;
}

/** First things first, as in the file. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

export type Path = readonly PropertyKey[];

/** A YAML document as plain data that still knows where each part of it stands. */
export interface YamlDocument {
  /** Undefined for a file with nothing in it. */
  readonly value: unknown;
  /** A problem with the value at a path, or with the last key of the path. */
  problem(path: Path, text: string, at?: "key" | "value"): Problem;
  position(path: Path, at?: "key" | "value"): Position;
}

/** `shop.yaml:3:1: containers.web: what is wrong`. */
export function formatProblem(file: string, { line, column, path, text }: Problem): string {
  return `${file}:${line}:${column}: ${path === "" ? "" : `${path}: `}${text}`;
}

/** `domains."corp.example"[0]`. */
export function formatPath(path: Path): string {
  const part = (key: PropertyKey) => {
    const text = String(key);
    return typeof key === "number" ? `[${text}]` : `.${/^[\w-]+$/.test(text) ? text : JSON.stringify(text)}`;
  };
  return path.map(part).join("").replace(/^\./, "");
}

/**
 * Reads one YAML 1.2 document; never throws. Refused besides syntax errors: a second document, a key twice in one
 * map, keys that are not plain text. A key is its text (`1e3:` is "1e3"). Nothing beyond the core schema is
 * understood, whatever `%YAML` line the file starts with: no dates, binaries or merge keys to surprise a reader.
 */
export function readYaml(text: string): YamlDocument | { readonly problems: readonly Problem[] } {
  const lines = new LineCounter();
  try {
    const parsed = parseDocument(text, {
      lineCounter: lines,
      merge: false,
      prettyErrors: false,
      resolveKnownTags: false,
      schema: "core",
      strict: true,
      uniqueKeys: false,
    });
    const problems = [
      ...parsed.errors.map((error) => problemAt(lines, error.pos[0], syntaxText(error.code, error.message))),
      ...keyProblems(parsed, lines),
    ];
    return problems.length > 0 ? { problems } : locate(parsed, lines);
  } catch (error) {
    // Nesting deeper than the stack, or aliases that multiply into billions of nodes.
    const reason = error instanceof Error ? error.message : String(error);
    return { problems: [{ line: 1, column: 1, path: "", text: `cannot be read as YAML: ${reason}` }] };
  }
}

function locate(parsed: Document, lines: LineCounter): YamlDocument {
  const pairOf = pairFinder();
  const position = (path: Path, at: "key" | "value" = "value") =>
    positionAt(lines, offsetOf(parsed, pairOf, path, at));
  return {
    value: parsed.toJS() ?? undefined,
    position,
    problem: (path, text, at = "value") => ({
      ...position(path, at),
      path: formatPath(at === "key" ? path.slice(0, -1) : path),
      text,
    }),
  };
}

/** Where a path leads in the text; what is not there (a missing key) is where the map that lacks it starts. */
function offsetOf(parsed: Document, pairOf: PairFinder, path: Path, at: "key" | "value"): number {
  let node: unknown = parsed.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, key] of path.entries()) {
    const inside: unknown = isAlias(node) ? node.resolve(parsed) : node;
    let name: unknown;
    if (isMap(inside)) {
      const pair = pairOf(inside, String(key));
      [name, node] = [pair?.key, pair?.value];
    } else if (isSeq(inside)) {
      node = inside.items[Number(key)];
      name = node;
    } else {
      return offset;
    }
    const last = depth === path.length - 1;
    const found = (last && at === "key" ? startOf(name) : startOf(node)) ?? startOf(name);
    if (found === undefined) return offset;
    offset = found;
  }
  return offset;
}

type PairFinder = (map: YAMLMap, key: string) => Pair | undefined;

/** Finds pairs by key. A map is gone through once only: ten thousand containers may have a warning each. */
function pairFinder(): PairFinder {
  const indexes = new WeakMap<YAMLMap, Map<unknown, Pair>>();
  return (map, key) => {
    let index = indexes.get(map);
    if (index === undefined) {
      index = new Map(map.items.map((pair) => [isScalar(pair.key) ? pair.key.value : pair.key, pair]));
      indexes.set(map, index);
    }
    return index.get(key);
  };
}

function startOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}

/** Makes every key its text, and complains about those that cannot be one. */
function keyProblems(parsed: Document, lines: LineCounter): Problem[] {
  const problems: Problem[] = [];
  visit(parsed, {
    Map(_, map) {
      const seen = new Map<string, number>();
      for (const { key } of map.items) {
        const start = startOf(key) ?? startOf(map) ?? 0;
        if (!isScalar(key)) {
          problems.push(problemAt(lines, start, "a key must be plain text"));
          continue;
        }
        const text = typeof key.value === "string" ? key.value : (key.source ?? "");
        key.value = text;
        const first = seen.get(text);
        // A plain object has no room for this one.
        if (text === "__proto__") problems.push(problemAt(lines, start, `"${text}" cannot be a key`));
        else if (first === undefined) seen.set(text, positionAt(lines, start).line);
        else
          problems.push(problemAt(lines, start, `duplicate key "${text}": it is on line ${first} already`));
      }
    },
  });
  return problems;
}

function syntaxText(code: string, message: string): string {
  return code === "MULTIPLE_DOCS"
    ? "a second YAML document: only one is read, so put everything in one"
    : `not valid YAML: ${message}`;
}

function problemAt(lines: LineCounter, offset: number, text: string): Problem {
  return { ...positionAt(lines, offset), path: "", text };
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  // An empty text has no lines to count.
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}
