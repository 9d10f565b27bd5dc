import { foldName } from "../wire/name.ts";

/**
 * Whether a name is one that a glob means: `*` is anything, dots too, `?` one character; without regard to letter
 * case and to the dot at the end. In time that grows with the product of both lengths at most, whatever the glob:
 * a regular expression made of it could take for ever.
 */
export function nameGlob(glob: string): (name: string) => boolean {
  const wanted = plain(glob);
  return (name) => matches(wanted, plain(name));
}

function plain(name: string): string {
  return name === "." ? name : foldName(name).replace(/\.$/, "");
}

function matches(glob: string, text: string): boolean {
  let [at, here] = [0, 0];
  // Where the latest star stands, and up to where it has taken the text.
  let star = -1;
  let taken = 0;
  while (here < text.length) {
    if (glob[at] === "*") {
      star = at++;
      taken = here;
    } else if (at < glob.length && (glob[at] === "?" || glob[at] === text[here])) {
      at++;
      here++;
    } else if (star !== -1) {
      at = star + 1;
      here = ++taken;
    } else return false;
  }
  while (glob[at] === "*") at++;
  return at === glob.length;
}
