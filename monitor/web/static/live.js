import { base, loginPath } from "./core.js";

// A live connection: reconnects by itself, knows the monitor's clock, and measures how old pictures are.

const RETRY_MS = [500, 1000, 2000, 5000];
const SILENT_MS = 4000;

export class Live extends EventTarget {
  #socket = null; #tries = 0; #refusals = 0; #watch = {}; #kiosk = null; #offsetMs = 0; #bestMs = Infinity; #heardMs = 0; #ages = []; #pictures = 0;

  constructor() {
    super();
    this.connected = false;
    this.refused = null; // why the monitor refuses the page's address, if it does
    this.#connect();
    setInterval(() => this.#tick(), 1000);
    document.addEventListener("visibilitychange", () => this.#sendWatch());
    addEventListener("online", () => this.#connect());
  }

  /** The monitor's time now, in milliseconds since 1970. */
  now() { return Date.now() + this.#offsetMs; }

  /** Watch these cameras: name -> {width, mirrored}. */
  watch(cameras) { this.#watch = cameras; this.#sendWatch(); }

  kiosk(camera) { this.#kiosk = camera; this.#send({ kiosk: camera }); }

  #connect() {
    if (this.#socket && this.#socket.readyState <= 1) return;
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${base}/api/v1/live`);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#tries = 0; this.#bestMs = Infinity; this.#heardMs = performance.now(); this.connected = true; this.refused = null;
      this.#sendWatch();
      if (this.#kiosk !== null) this.#send({ kiosk: this.#kiosk });
      this.#ping();
      this.#tell("connection", { connected: true });
    };
    socket.onmessage = (event) => {
      this.#heardMs = performance.now(); this.#refusals = 0;
      if (typeof event.data === "string") this.#take(JSON.parse(event.data)); else this.#picture(event.data);
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket) return;
      const opened = this.connected;
      this.connected = false;
      this.#tell("connection", { connected: false, refused: this.refused });
      if (!opened) this.#askWhy();
      // The session has ended. A page that must not show a login form prevents it, and the socket goes on trying.
      const refused = event.code === 4401;
      if (refused && this.dispatchEvent(new Event("login", { cancelable: true }))) { location.assign(loginPath()); return; }
      const wait = RETRY_MS[Math.min(refused ? this.#refusals++ : this.#tries++, RETRY_MS.length - 1)];
      setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
    };
  }

  /** Ask whether the monitor refuses the page's address: browsers do not say why a socket did not open. */
  async #askWhy() {
    const asked = await fetch(`${base}/api/v1/address?page=${encodeURIComponent(location.origin)}`).catch(() => null);
    const answer = asked?.ok ? await asked.json().catch(() => null) : null;
    if (this.connected || !answer || answer.refused === this.refused) return;
    this.refused = answer.refused;
    this.#tell("connection", { connected: false, refused: this.refused });
  }

  #tick() {
    if (!this.connected) return;
    if (performance.now() - this.#heardMs > SILENT_MS) { this.#socket.close(); return; }
    this.#ping();
    if (this.#ages.length) {
      const ages = this.#ages.sort((a, b) => a - b);
      const share = (p) => Math.round(ages[Math.min(ages.length - 1, Math.floor(p * ages.length))]);
      this.seen = { p50_ms: share(0.5), p95_ms: share(0.95), per_s: this.#pictures };
      this.#send({ seen: this.seen });
      this.#ages = []; this.#pictures = 0;
    }
  }

  #ping() { this.#send({ ping: Math.round(performance.now()) }); }

  #take(message) {
    if (message.type === "pong") {
      // The quickest of several answers gives the best estimate of the monitor's clock, as with NTP.
      const roundMs = performance.now() - message.ping;
      if (roundMs <= this.#bestMs) { this.#bestMs = roundMs; this.#offsetMs = message.now_ms + roundMs / 2 - Date.now(); }
      else this.#bestMs *= 1.05;
      return;
    }
    this.#tell(message.type, message);
  }

  #picture(data) {
    const length = new DataView(data).getUint16(0);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 2, length)));
    header.jpeg = new Blob([new Uint8Array(data, 2 + length)], { type: "image/jpeg" });
    if (!header.stale) this.#ages.push(this.now() - header.captured_ms);
    this.#pictures += 1;
    this.#tell("picture", header);
  }

  #sendWatch() { this.#send({ watch: document.hidden ? {} : this.#watch }); }

  #send(message) { if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message)); }

  #tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}
