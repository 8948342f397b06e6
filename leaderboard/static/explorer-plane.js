// Exact places of the plane, and the part of it that a map addresses with doubles.
// Numbers of the plane are BigInts with BITS bits after the point: enough for octave 300 and a pixel's fraction.
const BITS = 360n;
const ONE = 1n << BITS;
const LEFT = (-11n * ONE) / 4n, TOP = 2n * ONE;
// A map's numbers are carried over with so many bits after the point: a double has no more of them.
const KEPT = 48n;
// A map moves to another part of the plane outside of these local octaves, and may step SPARE beyond before it does.
const SHALLOW = 6, MIDDLE = 12, DEEP = 24, SPARE = 10;
// Down to this octave, the whole plane is one part.
const WHOLE = 36;

const shift = (value, bits) => (bits >= 0n ? value << bits : value >> -bits);
const fixed = (value) => shift(BigInt(Math.round(value * 2 ** Number(KEPT))), BITS - KEPT);
const double = (value) => Number(shift(value, KEPT - BITS)) / 2 ** Number(KEPT);

/** A number, or a text of decimal digits, as a BigInt of the plane; null where it is none. */
export function parse(value) {
  const text = typeof value === "number" ? value.toFixed(60) : String(value).trim().replace("−", "-");
  const found = /^(-?)(\d{1,2})(?:\.(\d{0,400}))?$/.exec(text);
  if (!found) return null;
  const [, sign, whole, part = ""] = found;
  const size = (BigInt(whole + part) * ONE) / 10n ** BigInt(part.length);
  return sign ? -size : size;
}

/** A BigInt of the plane, rounded to so many decimals. */
export function decimals(value, count) {
  const size = value < 0n ? -value : value;
  const text = String((size * 10n ** BigInt(count) * 2n + ONE) / (2n * ONE)).padStart(count + 1, "0");
  return `${value < 0n && /[1-9]/.test(text) ? "-" : ""}${text.slice(0, -count)}.${text.slice(-count)}`;
}

/**
 * The part of the plane whose tile (0, 0) at local octave 0 is the tile (x, y) of octave `base`.
 * A map's longitude and latitude are Re c and Im c where base is 0, and in any other part what they would be
 * if that tile were the base window.
 */
export class Part {
  constructor(base = 0, x = 0n, y = 0n) {
    Object.assign(this, { base, x, y });
  }

  /** The part around a place that suits an octave. */
  static around({ re, im }, octave) {
    if (octave <= WHOLE) return new Part();
    const base = octave - MIDDLE, most = (1n << BigInt(base)) - 1n;
    const column = (offset) => {
      const found = shift(offset, BigInt(base) - BITS - 2n);
      // Tiles of up to SPARE octaves above it are to lie on the grid as well.
      return ((found < 0n ? 0n : found > most ? most : found) >> BigInt(SPARE)) << BigInt(SPARE);
    };
    return new Part(base, column(re - LEFT), column(TOP - im));
  }

  /** Whether a map at this octave, around this place, should move to another part. */
  tight(place, octave) {
    if (!this.base) return octave > WHOLE;
    const local = octave - this.base;
    return local < SHALLOW || local > DEEP || this.local(place).some((value) => Math.abs(value) > 2 ** (SPARE + 3));
  }

  /** The local octaves that a map may show: [least, most]. */
  octaves(deepest) {
    return this.base ? [-SPARE, Math.min(deepest - this.base, DEEP + SPARE)] : [0, Math.min(deepest, 40)];
  }

  /** Where a map's { lng, lat } lies in the plane. */
  place({ lng, lat }) {
    const down = (local, column) => shift(fixed(local) + 4n * column * ONE, -BigInt(this.base));
    return { re: LEFT + down(lng + 2.75, this.x), im: TOP - down(2 - lat, this.y) };
  }

  /** [lat, lng] of a place. */
  local({ re, im }) {
    const up = (offset, column) => double(shift(offset, BigInt(this.base)) - 4n * column * ONE);
    return [2 - up(TOP - im, this.y), up(re - LEFT, this.x) - 2.75];
  }

  /** "octave/x/y" of a map's tile; null outside the base window. */
  name({ x, y, z }) {
    const octave = this.base + z;
    const [column, row] = [shift(this.x, BigInt(z)) + BigInt(x), shift(this.y, BigInt(z)) + BigInt(y)];
    const outside = [column, row].some((value) => value < 0n || value >> BigInt(octave));
    return outside ? null : `${octave}/${column}/${row}`;
  }
}
