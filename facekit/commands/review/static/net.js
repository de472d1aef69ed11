// Requests to the server. Decisions are sent in order, and again until they are saved.

const ENDED = "This page belongs to a facekit that has stopped: open the address that the new one shows.";
const SILENT = "facekit does not answer; is it still running?";
const LONGEST_WAIT = 8000;

export class Refused extends Error {
  constructor(text, final) {
    super(text);
    this.final = final;
  }
}

export async function get(path) {
  return answer(await reach(path, {}));
}

async function reach(path, how) {
  try {
    return await fetch(path, how);
  } catch {
    throw new Refused(SILENT, false);
  }
}

async function answer(response) {
  if (response.ok) return response.json();
  if (response.status === 403) throw new Refused(ENDED, false);
  const said = await response.json().catch(() => ({}));
  const text = typeof said.detail === "string" ? said.detail : `the server answered ${response.status}`;
  throw new Refused(text, response.status < 500);
}

export class Saver {
  constructor(show) {
    this.show = show;
    this.jobs = [];
    this.running = false;
    this.wake = () => {};
  }

  get busy() {
    return this.jobs.length > 0;
  }

  // The changes that the page shows already and the server may not know yet.
  get waiting() {
    return this.jobs.flatMap((job) => job.changes ?? []);
  }

  push(job) {
    this.jobs.push(job);
    if (!this.running) this.run();
    else this.tell();
  }

  retry() {
    this.wake();
  }

  async run() {
    this.running = true;
    while (this.jobs.length) {
      const job = this.jobs[0];
      this.tell();
      // Made once: an answer that was lost must not make the second try another request.
      job.body ??= JSON.stringify(job.make());
      const reply = await this.insist(job);
      this.jobs.shift();
      if (reply instanceof Refused) job.refused(reply);
      else await job.done(reply);
    }
    this.running = false;
    this.tell();
  }

  async insist(job) {
    for (let wait = 500; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      try {
        const headers = { "content-type": "application/json" };
        return await answer(await reach(job.path, { method: "POST", headers, body: job.body }));
      } catch (error) {
        if (!(error instanceof Refused) || error.final) return error instanceof Refused ? error : new Refused(String(error), true);
        this.show("failing", this.jobs.length, error.message);
        await new Promise((wake) => {
          this.wake = wake;
          setTimeout(wake, wait);
        });
      }
    }
  }

  tell() {
    this.show(this.busy ? "saving" : "saved", this.jobs.length);
  }
}
