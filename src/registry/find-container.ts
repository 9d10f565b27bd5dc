import { CodedError } from "../base/errors.ts";
import type { Container } from "./model.ts";

/**
 * The container that a person means: by key, by name, by id, by name in another letter case, or by the beginning
 * of an id, six digits or more; the first of these ways that finds any decides. Undefined if none does. Throws
 * NO_SUCH_CONTAINER with the candidates when several are meant: to pick one would be to guess.
 */
export function findContainer(containers: Iterable<Container>, text: string): Container | undefined {
  const all = [...containers];
  const folded = text.toLowerCase();
  const isPrefix = /^[0-9a-f]{6,64}$/.test(folded);
  const ways: readonly ((container: Container) => boolean)[] = [
    ({ key }) => key === text,
    ({ name }) => name === text,
    ({ id }) => id === folded,
    ({ name }) => name.toLowerCase() === folded,
    ({ id }) => isPrefix && id?.startsWith(folded) === true,
  ];
  for (const way of ways) {
    const found = all.filter(way);
    if (found.length > 1) throw ambiguous(text, found);
    if (found[0] !== undefined) return found[0];
  }
  return undefined;
}

function ambiguous(text: string, found: readonly Container[]): CodedError {
  const keys = found.map(({ key }) => key).sort();
  const remedy = `name one of them by its key: ${keys.join(", ")}`;
  const message = `Cannot tell which container "${text}" is: ${found.length} containers answer to it`;
  return new CodedError("NO_SUCH_CONTAINER", message, { remedy });
}
