import { ask, attributesOf, NLM_F_DUMP } from "./netlink.ts";

// linux/netfilter/nf_tables.h.
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_GETRULE = 7;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
/** struct nfgenmsg: all families. */
const FAMILY_HEADER = Uint8Array.of(0, 0, 0, 0);

/** Where a rule stands. */
export interface RulePlace {
  readonly table: string;
  readonly chain: string;
}

/**
 * One element for each nftables rule in the namespace of this netlink socket, iptables-nft's among them; what a rule
 * says is not read. Changes nothing. Throws NetlinkError: EPERM without CAP_NET_ADMIN.
 */
export function rulePlaces(netlink: number): RulePlace[] {
  const type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETRULE;
  const about = "the list of nftables rules";
  return ask(netlink, { type, flags: NLM_F_DUMP, payload: FAMILY_HEADER, about }).map(placeOf);
}

function placeOf(payload: Buffer): RulePlace {
  let [table, chain] = ["", ""];
  for (const { type, value } of attributesOf(payload, FAMILY_HEADER.length)) {
    // Without the NUL.
    const text = () => value.toString("utf8", 0, value.length - 1);
    if (type === NFTA_RULE_TABLE) table = text();
    else if (type === NFTA_RULE_CHAIN) chain = text();
  }
  return { table, chain };
}
