import { z } from "zod";
import { closed, parsed, Refusal, want } from "../yaml/fields.ts";
import { parsePath, path } from "./fields.ts";

export type SourceConfig =
  | { readonly kind: "file" /** Absolute. */; readonly path: string }
  /** `unix:///var/run/docker.sock`, `tcp://...`; undefined is DOCKER_HOST, or else Docker's own default. */
  | { readonly kind: "docker"; readonly url: string | undefined };

const DOCKER = "true, the path of its socket or a URL, like unix:///var/run/docker.sock";

/** One item of `sources`: a map with one key that says what kind it is. */
export function source(folder: string): z.ZodType<SourceConfig> {
  return closed({
    file: path(folder, "shop.yaml").optional(),
    docker: z.union([z.literal(true), dockerUrl(folder)], want(DOCKER)).optional(),
  }).transform(({ file, docker }, context): SourceConfig => {
    // An unknown key was complained about already, and is probably the missing one.
    if (context.issues.length > 0) return z.NEVER;
    if (file !== undefined && docker === undefined) return { kind: "file", path: file };
    if (docker !== undefined && file === undefined)
      return { kind: "docker", url: docker === true ? undefined : docker };
    const message = `must have one key, "file" or "docker", not ${file === undefined ? "none" : "both: write two items"}`;
    context.issues.push({ code: "custom", input: file, message });
    return z.NEVER;
  });
}

function dockerUrl(folder: string): z.ZodType<string> {
  return parsed(DOCKER, (text) => {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
    if (scheme === undefined) {
      const socket = parsePath(folder, text, "/var/run/docker.sock");
      return typeof socket === "string" ? `unix://${socket}` : socket;
    }
    if (["unix", "tcp", "http", "https", "ssh"].includes(scheme) && URL.canParse(text)) return text;
    return new Refusal(`${JSON.stringify(text)} is no way to reach Docker: write ${DOCKER}`);
  });
}
