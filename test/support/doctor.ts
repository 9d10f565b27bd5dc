import type { DoctorReport, Finding } from "../../src/diagnose/finding.ts";
import type { Eleven } from "./eleven.ts";

/** What `eleven doctor --json` says, and how it exits. */
export async function doctor(eleven: Eleven): Promise<DoctorReport & { readonly status: number | null }> {
  const { status, value } = await eleven.json<DoctorReport>("doctor");
  return { ...value, status };
}

/** The findings of one check. */
export async function findings(eleven: Eleven, code: string): Promise<readonly Finding[]> {
  const report = await doctor(eleven);
  const check = report.checks.find((each) => each.code === code);
  if (check === undefined || check.state === "skipped")
    throw new Error(`the check ${code} was not made: ${check?.reason}`);
  return report.findings.filter((finding) => finding.code === code);
}
