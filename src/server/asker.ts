import type { Client } from "../resolver/resolver.ts";

/**
 * Whose query it is that comes from this address, as it is now; a promise while that is not known yet. Undefined: it
 * is nobody's.
 */
export type Asker = (address: string) => Client | undefined | Promise<Client | undefined>;
