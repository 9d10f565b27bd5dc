/** How long ago that was, as a person says it. */
export function age(iso: string, now = Date.now()): string {
  const passed = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  if (passed < 120) return `${passed} s`;
  return passed < 7200 ? `${Math.round(passed / 60)} min` : `${Math.round(passed / 3600)} h`;
}
