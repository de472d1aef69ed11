// The camera: a still each second, until it is held. Nothing is sent but the stills, and no sound is asked for.

import { $ } from "./text.js";
import { Problem } from "./net.js";

const EVERY = 1000; // ms from one still to the next
const LARGEST = 1280; // px of a side

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Camera {
  // `taken` gets each still, and is waited for; `failed` gets what goes wrong; `changed` hears of open, held, closed.
  constructor({ taken, failed, changed }) {
    Object.assign(this, { taken, failed, changed, stream: null, held: false, round: 0 });
  }

  get open() {
    return this.stream !== null;
  }

  async start() {
    this.stream = await found();
    for (const track of this.stream.getTracks()) track.addEventListener("ended", () => this.stop());
    $("video").srcObject = this.stream;
    await $("video").play();
    this.go();
  }

  go() {
    this.held = false;
    this.changed();
    void this.run(++this.round);
  }

  hold() {
    if (!this.open || this.held) return;
    this.held = true;
    this.round += 1;
    this.changed();
  }

  stop() {
    this.round += 1;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    $("video").srcObject = null;
    this.stream = null;
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
        if (error.status === 401) this.stop();
      }
      await pause(Math.max(100, EVERY - (performance.now() - began)));
    }
  }
}

async function found() {
  if (!navigator.mediaDevices) throw new Problem("No camera", "Browsers open the camera only for pages on HTTPS or on this machine: start facekit with --tls-cert and --tls-key.");
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: LARGEST } }, audio: false });
  } catch (error) {
    const why = { NotAllowedError: "The browser was told not to open it.", NotFoundError: "This machine has none.", NotReadableError: "Another program uses it." };
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
