// Requests to the server, each with the key. It is kept for this tab alone, and sent in a header: never in an address.

const KEY = "facekit-key";
const TRIES = 4; // of a request that the server is too busy for
const PATIENCE = 90_000; // ms; the server gives up sooner

export class Problem extends Error {
  constructor(title, detail, status = 0) {
    super(detail);
    Object.assign(this, { title, detail, status });
  }
}

export const held = () => sessionStorage.getItem(KEY);

export const forget = () => sessionStorage.removeItem(KEY);

export function keep(key) {
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw new Problem("That is no key", "A key begins with fk_ and has no spaces; facekit keys create makes one.");
  sessionStorage.setItem(KEY, key);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function ask(method, path, { json, form, raw } = {}) {
  const headers = {};
  if (held()) headers.Authorization = `Bearer ${held()}`;
  if (json) headers["Content-Type"] = "application/json";
  const reply = await reach(path, { method, headers, body: json ? JSON.stringify(json) : form, redirect: "error" });
  if (!reply.ok) throw await problemOf(reply);
  if (reply.status === 204) return null;
  return raw ? reply.blob() : reply.json();
}

// A request that the server was too busy for has done nothing there: it is sent again when the server says.
async function reach(path, how) {
  for (let left = TRIES - 1; ; left -= 1) {
    const reply = await sent(path, how);
    if (reply.status !== 429 || !left) return reply;
    await pause(1000 * Math.min(5, Number(reply.headers.get("Retry-After")) || 1));
  }
}

// Addresses are relative to the page's, which a proxy may have put below a folder.
async function sent(path, how) {
  try {
    return await fetch(`.${path}`, { ...how, signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    throw new Problem("No answer", "The server cannot be reached; is it still running?");
  }
}

async function problemOf(reply) {
  const said = await reply.json().catch(() => ({}));
  return new Problem(said.title ?? "The request was refused", said.detail ?? `The server answered ${reply.status}.`, reply.status);
}

// A picture and fields. The name of the file stays here.
export function form(blob, fields = {}) {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.append(name, value);
  made.append("picture", blob, "picture");
  return made;
}
