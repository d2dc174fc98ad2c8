/** Owns the words of the UI itself. Every one can be replaced; what operators write is never here. */

/** @typedef {typeof ENGLISH} Strings */

export const ENGLISH = {
  region: "Service notices",
  dismiss: "Dismiss",
  next: "Next notice",
  previous: "Previous notice",
  position: "{index} of {count}",
  updates: "Updates ({count})",
  newWindow: "opens in a new window",
  stale: "Connection lost. This may be out of date.",
  severity_info: "Information",
  severity_minor: "Minor",
  severity_major: "Major",
  severity_critical: "Critical",
  status_investigating: "Investigating",
  status_identified: "Identified",
  status_monitoring: "Monitoring",
  status_resolved: "Resolved",
  status_scheduled: "Scheduled",
  status_in_progress: "In progress",
  status_verifying: "Verifying",
  status_completed: "Completed",
};

/**
 * @param {string} text
 * @param {Record<string, string | number>} values
 */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
