/** Why octets or a value are not DNS; `reason` is stable, for tests, counters and traces. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly reason: WireReason;

  constructor(reason: WireReason, detail?: string) {
    super(detail === undefined ? meanings[reason] : `${meanings[reason]}: ${detail}`);
    this.reason = reason;
  }
}

export type WireReason = keyof typeof meanings;

const meanings = {
  "header-short": "the message has fewer than the 12 octets of a header",
  "message-short": "the message ends inside a field",
  "message-trailing": "octets follow the last record that the header counts",
  "message-long": "the message needs more than 65535 octets",
  rdlength: "RDLENGTH points past the end of the message",
  "rdata-short": "RDLENGTH ends inside a field of the data",
  "rdata-trailing": "octets of the data follow its last field",
  "rdata-long": "the data needs more than 65535 octets",
  "rdata-kind": "the data is not of the record's type and class",

  "label-kind": "a label is neither ordinary nor a compression pointer",
  "pointer-target": "a compression pointer does not point back to a name",
  "pointer-depth": "a name goes through too many compression pointers",
  "pointer-forbidden": "a name is compressed where its type forbids it",
  "name-long": "a name has more than 255 octets",
  name: "the text is not an absolute domain name",

  "opt-twice": "there is more than one OPT record",
  "opt-section": "an OPT record is outside the additional section",
  "opt-owner": "the owner of an OPT record is not the root",
  "opt-option": "an EDNS option goes past the end of the OPT record",
  rcode: "the rcode has more than four bits and there is no EDNS to carry them",

  address: "the text is not an IP address of the record's family",
  number: "the number is not an integer in the field's range",
  "string-long": "a character-string has more than 255 octets",
  "txt-empty": "a TXT record has no character-string",
  "caa-tag": "the tag of a CAA record is not 1 to 255 ASCII letters and digits",
  "svcb-order": "the keys of the service parameters do not ascend",
} as const;
