import type { Container } from "../registry/model.ts";
import type { Registry } from "../registry/registry.ts";

/**
 * What was said at run time, with `eleven attach` and `eleven detach`. It is said of a container, and stays with that
 * whatever it is called later. A name has a word only while it waits for a container:
 *
 * - the one that bore it is gone: whoever comes to bear it next is that one made anew;
 * - the one that bore it has another name now: it is passed on only to one that is new. One that was there before, and
 *   was only renamed, is somebody else, of whom nothing was said;
 * - no container bears it yet.
 *
 * A container that has a word of its own keeps that. Of names that wait the latest `MOST_WAITING` are kept: where each
 * container has a name of its own, none of them ever comes back.
 */
export interface SaidByHand {
  /** Whether it is to be attached; undefined if nothing was said of it. */
  of(container: Container): boolean | undefined;
  /** The same of a name that waits. */
  ofName(name: string): boolean | undefined;
  /** Names to be attached whose container is gone, or never came. */
  awaited(): string[];
  say(container: Container, isAttached: boolean): void;
  /** Of a name that no container bears. */
  sayOfName(name: string, isAttached: boolean): void;
  /** After a change of the registry. Costs nothing while nothing has been said. */
  follow(): void;
}

interface Word {
  readonly isAttached: boolean;
  /** The container's own, the same in every source that tells of it. */
  readonly id: string | undefined;
  /** What its container was called when we looked last. */
  readonly name: string;
  /** To one that was made anew under its former name: it leaves nothing behind any more. */
  readonly isPassedOn: boolean;
}

interface WaitingWord {
  readonly isAttached: boolean;
  /** Key of the container that left it behind. */
  readonly by?: string;
}

/** The latest: all services of a large project can be made anew at once, and their rows are still one screen of `status`. */
export const MOST_WAITING = 32;

export function saidByHand(registry: Pick<Registry, "containers" | "container">): SaidByHand {
  /** By key. */
  const words = new Map<string, Word>();
  /** By name. */
  const waiting = new Map<string, WaitingWord>();
  /** By key, what each container was called when we looked last. */
  let seen: ReadonlyMap<string, string> = new Map();

  function follow(): void {
    if (isSilent()) return;
    const now = namesNow();
    for (const [key, word] of words) if (now.get(key) !== word.name) leave(key, word, now);
    for (const [key, name] of now) if (seen.get(key) !== name) arrive(key, name);
    seen = now;
  }

  const isSilent = (): boolean => words.size === 0 && waiting.size === 0;

  function namesNow(): Map<string, string> {
    return new Map(Array.from(registry.containers(), ({ key, name }) => [key, name]));
  }

  function leave(key: string, word: Word, now: ReadonlyMap<string, string>): void {
    const name = now.get(key);
    if (name === undefined) words.delete(key);
    else words.set(key, { ...word, name });
    if (word.isPassedOn) return;
    const heir = name === undefined ? (sameElsewhere(word) ?? successor(key, word.name, now)) : undefined;
    if (heir === undefined) wait(word.name, { isAttached: word.isAttached, by: key });
    else passOn(heir, word.name, { isAttached: word.isAttached, by: key });
  }

  /** After a reload another source may tell of it, that of the same engine at another address. */
  function sameElsewhere({ id }: Word): string | undefined {
    if (id === undefined) return undefined;
    for (const other of registry.containers()) if (other.id === id && !words.has(other.key)) return other.key;
    return undefined;
  }

  /** One source has one container of a name, but may tell of the new one before it tells that the old one is gone. */
  function successor(key: string, name: string, now: ReadonlyMap<string, string>): string | undefined {
    const source = sourceOf(key);
    for (const [other, its] of now)
      if (its === name && sourceOf(other) === source && !words.has(other)) return other;
    return undefined;
  }

  function arrive(key: string, name: string): void {
    const word = waiting.get(name);
    if (word === undefined) return;
    // Another source's container of that name is another one.
    if (word.by !== undefined && sourceOf(word.by) !== sourceOf(key)) return;
    const own = words.get(key);
    if (own === undefined && (!seen.has(key) || isForsaken(word))) {
      passOn(key, name, word);
      return;
    }
    waiting.delete(name);
    if (own === undefined) return;
    // It has its former name back, and is who bears it; or those who bore it meanwhile are gone.
    if (word.by === key) dropLeftBy(key);
    else if (isForsaken(word)) words.set(key, { ...own, isPassedOn: false });
  }

  /** Who left it is gone, or there was nobody. */
  function isForsaken({ by }: WaitingWord): boolean {
    return by === undefined || registry.container(by) === undefined;
  }

  function passOn(key: string, name: string, { isAttached, by }: WaitingWord): void {
    words.set(key, { isAttached, id: registry.container(key)?.id, name, isPassedOn: false });
    waiting.delete(name);
    if (by === undefined) return;
    dropLeftBy(by);
    const word = words.get(by);
    if (by !== key && word !== undefined) words.set(by, { ...word, isPassedOn: true });
  }

  function dropLeftBy(key: string): void {
    for (const [name, { by }] of waiting) if (by === key) waiting.delete(name);
  }

  function wait(name: string, word: WaitingWord): void {
    waiting.delete(name);
    waiting.set(name, word);
    const [oldest] = waiting.keys();
    if (waiting.size > MOST_WAITING && oldest !== undefined) waiting.delete(oldest);
  }

  function say({ key, id, name }: Container, isAttached: boolean): void {
    if (isSilent()) seen = namesNow();
    dropLeftBy(key);
    words.set(key, { isAttached, id, name, isPassedOn: false });
  }

  function sayOfName(name: string, isAttached: boolean): void {
    if (isSilent()) seen = namesNow();
    const { by } = waiting.get(name) ?? {};
    if (by !== undefined) dropLeftBy(by);
    wait(name, { isAttached });
  }

  function awaited(): string[] {
    const borne = new Set(Array.from(registry.containers(), ({ name }) => name));
    return [...waiting].flatMap(([name, word]) =>
      word.isAttached && isForsaken(word) && !borne.has(name) ? [name] : [],
    );
  }

  return {
    of: ({ key }) => words.get(key)?.isAttached,
    ofName: (name) => waiting.get(name)?.isAttached,
    awaited,
    say,
    sayOfName,
    follow,
  };
}

/** See `Container.key`. */
function sourceOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/"));
}
