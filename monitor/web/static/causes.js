// What is wrong with a camera, in plain words with the remedy, by the monitor's cause codes.

const CAUSES = {
  refused: ["connection refused", "Check the port, and that the camera serves this protocol."],
  unreachable: ["cannot be reached", "Check the camera's address and the network."],
  wrong_password: ["wrong user name or password", "Correct them in the camera's settings."],
  not_found: ["stream not found", "Check the path in the camera's source."],
  timed_out: ["no answer", "Check that the camera is on and the network is up."],
  undecodable: ["video cannot be decoded", "Check the camera's codec, and the network for packet loss."],
  unplugged: ["camera unplugged", "Plug it in again."],
  ended: ["the stream ended", "Check the camera, or set capture.loop to play a file again."],
  frozen: ["picture frozen", "Restart the camera."],
  black: ["picture is black", "Check the lens cap and the lighting."],
  size_changed: ["picture size changed", "Check the camera's settings and its zones."],
  lagging: ["pictures arrive late", "Check the network, or lower the camera's bit rate."],
  flooding: ["too many pictures at once", "Check the camera's frame rate."],
  overload: ["computer overloaded", "Lower detect_fps, or watch fewer cameras."],
  detector: ["analysis paused: the detector failed", "See the log for the reason."],
  unexpected: ["unexpected error", "See the log for the reason."],
};

/** Return what is wrong and what to do about it, null for a camera without a cause. */
export function cause({ cause: code, detail }) {
  if (!code) return null;
  if (code === "journal") {
    return /full|no space/i.test(detail) ? ["disk full: recording paused", "Free some disk space."] : ["recording paused: the journal cannot be written", "Check the disk and the database."];
  }
  return CAUSES[code] ?? [code.replaceAll("_", " "), detail];
}

/** Return what is wrong and what to do about it as sentences, the camera's own words where it tells no cause. */
export function sentence(camera) {
  const [what, remedy] = cause(camera) ?? [camera.detail, ""];
  return what && `${what[0].toUpperCase()}${what.slice(1)}. ${remedy}`;
}

/** Whether a camera's picture cannot be relied on. */
export const isDown = (camera) => ["stale", "lost", "fault"].includes(camera.condition);

/** Return one line about a camera that is down: "attic offline: stream not found". */
export function problem(camera) {
  const what = cause(camera)?.[0];
  if (camera.condition === "fault" && ["journal", "detector"].includes(camera.cause)) return what[0].toUpperCase() + what.slice(1);
  const how = { lost: "offline", stale: "shows no fresh picture", fault: "failed", starting: "has not started" }[camera.condition] ?? camera.condition;
  return `${camera.name} ${how}${what ? `: ${what}` : ""}`;
}
