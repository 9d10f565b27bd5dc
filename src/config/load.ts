import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";
import { formatProblem, type Problem, readYaml } from "../yaml/document.ts";
import { problemsOf } from "../yaml/fields.ts";
import { type Config, configSchema } from "./schema.ts";

const REMEDY = "docs/config.md describes every key";

/**
 * Reads `eleven.yaml`; without a path, every key has its default. Throws a CodedError CONFIG whose message has one
 * line for each problem: `eleven.yaml:3:1: unknown key "listn": did you mean "listen"?`.
 */
export function loadConfig(path: string | undefined): Config {
  return path === undefined ? readConfig("", "") : readConfig(readText(path), path);
}

/** The same for a text that stood in a file at `path`. */
export function readConfig(text: string, path: string): Config {
  const document = readYaml(text);
  if ("problems" in document) throw refused(path, document.problems);
  // A file with nothing in it says nothing against the defaults.
  const { data, error } = configSchema(dirname(resolve(path))).safeParse(document.value ?? {});
  if (data === undefined) throw refused(path, problemsOf(error, document));
  return data;
}

function refused(path: string, problems: readonly Problem[]): CodedError {
  const lines = problems.map((problem) => formatProblem(path, problem));
  return new CodedError("CONFIG", lines.join("\n"), { remedy: REMEDY });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reasons: Record<string, string> = {
      ENOENT: "no such file",
      ENOTDIR: "no such file",
      EACCES: "permission denied",
      EISDIR: "is a folder",
    };
    const reason = reasons[code ?? ""] ?? messageOf(cause);
    throw new CodedError("CONFIG", `Cannot read "${path}": ${reason}`, {
      remedy: `name the file with --config; without it every key has its default; ${REMEDY}`,
      cause,
    });
  }
}
