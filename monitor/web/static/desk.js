// The desk: the cameras, the incidents as they come, and what tells of both.
import "./wall.js";
import "./queue.js";
import "./alarm.js";
import "./notices.js";

document.getElementById("full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()));
