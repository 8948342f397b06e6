// Fetches, decodes and caches tiles of numbers. `challenge/imaging/tiles.py` says what the bytes are.
export const SIDE = 256;
export const INSIDE = 65535;
export const NOT_FINITE = 65534;
const STEPS = 65533;
const HEADER = 24;
const AT_ONCE = 4;
const SETTLE = 90;
const HELD = 320;
const MOST_WISHES = 96;
const FIRST_WISH = 60;
const NEXT_WISH = 350;
const TRIES = 12;

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function decode(buffer) {
  const head = new DataView(buffer, 0, HEADER);
  const low = head.getFloat64(8, true);
  const high = head.getFloat64(16, true);
  const stream = new Blob([buffer.slice(HEADER)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const size = SIDE * SIDE;
  const codes = new Uint16Array(size);
  for (let row = 0; row < size; row += SIDE) {
    let code = 0;
    for (let at = row; at < row + SIDE; at++) {
      code = (code + (planes[at] << 8) + planes[size + at]) & 65535;
      codes[at] = code;
    }
  }
  return { low, step: high / STEPS - low / STEPS, codes };
}

export const valueOf = (tile, code) => (code === INSIDE ? 1 : code === NOT_FINITE ? NaN : tile.low + tile.step * code);

// Requests for the same tile share one fetch; a fetch without users is aborted.
class Feed {
  constructor(url) {
    this.url = url;
    this.held = new Map();
    this.flights = new Map();
  }

  get(name) {
    const held = this.held.get(name);
    if (held) {
      // Least recently used is dropped first.
      this.held.delete(name);
      this.held.set(name, held);
      return { promise: Promise.resolve(held), cancel() {} };
    }
    let flight = this.flights.get(name);
    if (!flight) {
      flight = { name, users: 0, control: new AbortController() };
      flight.promise = new Promise((take, refuse) => Object.assign(flight, { take, refuse }));
      // A cancelled request has no listener.
      flight.promise.catch(() => {});
      this.flights.set(name, flight);
      this.begin(flight);
    }
    flight.users += 1;
    let using = true;
    const cancel = () => {
      if (!using) return;
      using = false;
      flight.users -= 1;
      if (flight.users || this.flights.get(name) !== flight) return;
      this.flights.delete(name);
      flight.control.abort();
      flight.refuse(new DOMException("nobody wants it", "AbortError"));
    };
    return { promise: flight.promise, cancel };
  }

  end(flight, tile, error) {
    if (this.flights.get(flight.name) === flight) this.flights.delete(flight.name);
    if (error) return flight.refuse(error);
    this.held.set(flight.name, tile);
    if (this.held.size > HELD) this.held.delete(this.held.keys().next().value);
    flight.take(tile);
  }

  // Fetch one tile; a busy server says when to try again.
  async fetch(flight) {
    for (let tried = 0; ; tried++) {
      let wait = 0.4 * 2 ** Math.min(tried, 4);
      try {
        const answer = await fetch(`${this.url}/${flight.name}`, { signal: flight.control.signal });
        if (answer.ok) return await decode(await answer.arrayBuffer());
        if (answer.status !== 503 && answer.status !== 429) throw new Error(`${answer.status}`);
        wait = Number(answer.headers.get("Retry-After")) || wait;
      } catch (error) {
        if (error.name === "AbortError" || tried >= TRIES || !(error instanceof TypeError)) throw error;
      }
      if (tried >= TRIES) throw new Error("busy");
      // Jitter, so that refused requests do not all come back at once.
      await pause(1000 * wait * (0.5 + Math.random()));
      if (flight.control.signal.aborted) throw new DOMException("nobody wants it", "AbortError");
    }
  }
}

export class Truth extends Feed {
  constructor(url) {
    super(url);
    this.waiting = [];
    this.running = 0;
  }

  begin(flight) {
    // Tiles of octaves that a fast zoom only passes are given up before they are asked for.
    setTimeout(() => {
      this.waiting.push(flight);
      this.next();
    }, SETTLE);
  }

  async next() {
    if (this.running >= AT_ONCE) return;
    const flight = this.waiting.shift();
    if (!flight) return;
    if (flight.control.signal.aborted) return this.next();
    this.running += 1;
    try {
      this.end(flight, await this.fetch(flight));
    } catch (error) {
      this.end(flight, null, error);
    }
    this.running -= 1;
    this.next();
  }
}

// Tiles of a model are requested together, and fetched when a worker has drawn them.
export class Model extends Feed {
  constructor(url, wishes, tell) {
    super(url);
    this.wishes = wishes;
    this.tell = tell;
    this.wanted = new Map();
    this.timer = 0;
    this.since = 0;
  }

  begin(flight) {
    this.wanted.set(flight.name, flight);
    flight.control.signal.addEventListener("abort", () => this.wanted.delete(flight.name));
    this.plan(FIRST_WISH);
  }

  plan(milliseconds) {
    this.timer ||= setTimeout(() => this.wish(), milliseconds);
  }

  async wish() {
    let wait = NEXT_WISH;
    const names = [...this.wanted.keys()].slice(0, MOST_WISHES);
    if (names.length) {
      this.since ||= performance.now();
      const tiles = names.map((name) => name.split("/").map(Number));
      try {
        const answer = await fetch(this.wishes, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ tiles }),
        });
        if (!answer.ok) wait = 1000 * (Number(answer.headers.get("Retry-After")) || 3);
        else {
          const { ready, problem, worker } = await answer.json();
          if (ready.length) this.since = performance.now();
          for (const one of ready) this.load(one.join("/"));
          if (problem) for (const flight of [...this.wanted.values()]) this.give(flight, new Error(problem));
          const alone = !worker && performance.now() - this.since > 8000;
          this.tell({ waiting: this.wanted.size, problem, alone });
        }
      } catch {
        wait = 3000;
      }
    }
    this.timer = 0;
    if (this.wanted.size) return this.plan(wait);
    this.since = 0;
    this.tell({ waiting: 0, problem: "", alone: false, still: true });
  }

  give(flight, error) {
    this.wanted.delete(flight.name);
    this.end(flight, null, error);
  }

  async load(name) {
    const flight = this.wanted.get(name);
    if (!flight) return;
    this.wanted.delete(name);
    try {
      this.end(flight, await this.fetch(flight));
    } catch (error) {
      this.end(flight, null, error);
    }
  }
}
