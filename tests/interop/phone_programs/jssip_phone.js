// A JsSIP phone without a browser: `ws` is its WebSocket, a peer connection without media its media.
// Arguments: AOR, then WebSocket URLs in the order they are tried. It answers calls at once.
// The password is in PHONE_PASSWORD. Each event is one line of JSON on stdout; commands come by line on stdin: "call URI", "hangup".
"use strict";

const readline = require("node:readline");
const WebSocket = require("ws");

const SDP = [
  "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 127.0.0.1", "a=rtpmap:0 PCMU/8000", "a=sendrecv", "",
].join("\r\n");

class PeerConnection {
  constructor() {
    this.iceGatheringState = "complete";
    this.iceConnectionState = "connected";
    this.signalingState = "stable";
    this.localDescription = null;
  }
  addEventListener() {}
  removeEventListener() {}
  addTrack() {}
  getSenders() { return []; }
  async createOffer() { return { type: "offer", sdp: SDP }; }
  async createAnswer() { return { type: "answer", sdp: SDP }; }
  async setLocalDescription(description) { this.localDescription = description; }
  async setRemoteDescription() {}
  close() {}
}

globalThis.window = globalThis;
globalThis.WebSocket = WebSocket;
globalThis.RTCPeerConnection = PeerConnection;
globalThis.RTCSessionDescription = class { constructor(init) { Object.assign(this, init); } };

const JsSIP = require("jssip");
const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));
const [aor, ...urls] = process.argv.slice(2);

const ua = new JsSIP.UA({
  uri: aor,
  password: process.env.PHONE_PASSWORD || null,
  sockets: urls.map((url, index) => ({
    socket: new JsSIP.WebSocketInterface(url), weight: urls.length - index,
  })),
  register: true,
  register_expires: 60,
  session_timers: false,
  connection_recovery_min_interval: 1,
  connection_recovery_max_interval: 1,
});

let current = null;
ua.on("connected", ({ socket }) => say("connected", { url: socket.url }));
ua.on("disconnected", ({ socket }) => say("disconnected", { url: socket ? socket.url : "" }));
ua.on("registered", ({ response }) => say("registered", {
  require: response.getHeader("Require") || "",
  flowTimer: response.getHeader("Flow-Timer") || "",
  contacts: response.getHeaders("Contact"),
}));
ua.on("registrationFailed", ({ cause, response }) =>
  say("registrationFailed", { cause, status: response ? response.status_code : 0 }));
ua.on("newRTCSession", ({ session, originator }) => {
  current = session;
  session.on("accepted", () => say("accepted"));
  session.on("confirmed", () => say("confirmed"));
  session.on("ended", ({ originator: by }) => say("ended", { by }));
  session.on("failed", ({ cause, message }) =>
    say("failed", { cause, status: message && message.status_code ? message.status_code : 0 }));
  if (originator === "remote") {
    say("incoming");
    session.answer({ mediaConstraints: { audio: false, video: false } });
  }
});

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [command, argument] = line.split(" ");
  if (command === "call") ua.call(argument, { mediaConstraints: { audio: false, video: false } });
  if (command === "hangup" && current) current.terminate();
});

ua.start();
