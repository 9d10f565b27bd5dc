import { WireError } from "./errors.ts";

/** One word of a zone file's line. */
export interface Token {
  /** Without its quotes; escapes are still in it, for names and strings read them differently. */
  readonly text: string;
  readonly isQuoted: boolean;
}

/**
 * The words of one line (RFC 1035 §5.1): divided by white space, except inside quotes; parentheses are white
 * space, as a record is one line here, and a semicolon begins a comment. Throws a `WireError` for an open quote.
 */
export class Tokens {
  private readonly tokens: readonly Token[];
  private at = 0;

  constructor(line: string) {
    this.tokens = tokensOf(line);
  }

  next(): Token {
    const token = this.peek();
    if (token === undefined) throw new WireError("text", "it ends too early");
    this.at += 1;
    return token;
  }

  peek(): Token | undefined {
    return this.tokens[this.at];
  }

  rest(): readonly Token[] {
    const rest = this.tokens.slice(this.at);
    this.at = this.tokens.length;
    return rest;
  }
}

const space = /[\s()]+/y;
const word = /(?:"(?:[^"\\]|\\.)*"|\\.|[^\s"\\();])+/sy;
const quotes = /"((?:[^"\\]|\\.)*)"|(\\.)/gs;

function tokensOf(line: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const [found] = pattern.exec(line) ?? [""];
    at += found.length;
    return found;
  };
  match(space);
  while (at < line.length && line[at] !== ";") {
    const found = match(word);
    if (found === "") throw new WireError("text", "a quote or an escape does not end");
    const text = found.replace(quotes, (_, inside?: string, escaped?: string) => inside ?? escaped ?? "");
    tokens.push({ text, isQuoted: found.startsWith('"') });
    match(space);
  }
  return tokens;
}
