// The camera: a still each second, until it is held. Nothing is sent but the stills, and no sound is asked for.

import { $ } from "./text.js";
import { Problem } from "./net.js";

const EVERY = 1000; // ms from one still to the next
const LARGEST = 1280; // px of a side

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Camera {
  // `taken` gets each still, and is waited for; `failed` gets what goes wrong; `changed` hears of open, held, closed.
  constructor({ taken, failed, changed }) {
    Object.assign(this, { taken, failed, changed, stream: null, asked: null, held: false, round: 0 });
  }

  // From when it was asked for.
  get open() {
    return this.asked !== null;
  }

  get live() {
    return this.stream !== null && !this.held;
  }

  // The browser may ask a person first. Whoever has closed the camera meanwhile does not get it any more.
  async start() {
    const asked = (this.asked = {});
    this.changed();
    try {
      const stream = await found();
      if (this.asked !== asked) return end(stream);
      this.stream = stream;
      for (const track of stream.getTracks()) track.addEventListener("ended", () => this.stream === stream && this.stop());
      $("video").srcObject = stream;
      await $("video").play();
    } catch (error) {
      if (this.asked !== asked) return;
      this.stop();
      throw error;
    }
    if (this.asked === asked) this.go();
  }

  go() {
    this.held = false;
    this.changed();
    void this.run(++this.round);
  }

  hold() {
    if (!this.live) return;
    this.held = true;
    this.round += 1;
    this.changed();
  }

  stop() {
    this.round += 1;
    if (this.stream) end(this.stream);
    $("video").srcObject = null;
    this.stream = this.asked = null;
    this.held = false;
    this.changed();
  }

  async run(round) {
    while (round === this.round) {
      const began = performance.now();
      try {
        if (!document.hidden) await this.taken(await still(), () => round === this.round);
      } catch (error) {
        if (round === this.round) this.failed(error);
      }
      await pause(Math.max(100, EVERY - (performance.now() - began)));
    }
  }
}

function end(stream) {
  for (const track of stream.getTracks()) track.stop();
}

async function found() {
  if (!navigator.mediaDevices) throw new Problem("No camera", "Browsers open the camera only for pages on HTTPS or on this machine: start facekit with --tls-cert and --tls-key.");
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: LARGEST } }, audio: false });
  } catch (error) {
    const why = { NotAllowedError: "The browser may not open it: allow it for this page, beside the address.", NotFoundError: "This machine has none.", NotReadableError: "Another program uses it." };
    throw new Problem("No camera", why[error.name] ?? error.message);
  }
}

// What the camera shows now, as a JPEG.
export function still() {
  const video = $("video");
  const scale = Math.min(1, LARGEST / Math.max(video.videoWidth, video.videoHeight, 1));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
  canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Problem("No still", "The camera shows nothing yet."))), "image/jpeg", 0.92),
  );
}
