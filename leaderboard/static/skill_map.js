// A map of all views, a row a place and a column an octave, each as bright as the model is right there.
const SHADES = 10;

export function skillMap(box, places, url, visit, ready) {
  let known = null;
  const cells = new Map();
  const loaded = load();

  async function load() {
    try {
      const answer = await fetch(url);
      if (!answer.ok) return;
      known = await answer.json();
      build();
      ready();
    } catch {
      // The map is an extra: the page does without.
    }
  }

  function build() {
    const octaves = [...new Set(places.flatMap((p) => p.octaves))].sort((a, b) => a - b);
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    head.append(cell("th", "Octave"));
    for (const k of octaves) head.append(cell("th", k));
    const body = table.createTBody();
    for (const place of places) {
      const row = body.insertRow();
      const name = cell("th", place.name);
      name.scope = "row";
      row.append(name);
      for (const k of octaves) {
        const one = row.insertCell();
        const skill = known.skills[place.slug]?.[k];
        if (skill === undefined || !place.octaves.includes(k)) continue;
        const button = document.createElement("button");
        button.type = "button";
        button.className = `a${Math.min(SHADES - 1, Math.floor(skill * SHADES))}`;
        button.title = `${place.name}, octave ${k}: skill about ${skill.toFixed(2)}`;
        button.setAttribute("aria-label", button.title);
        // Dozens of buttons are one stop of the tab key; the arrows of the page move between views.
        button.tabIndex = -1;
        button.addEventListener("click", () => visit(place.slug, k));
        cells.set(`${place.slug}/${k}`, button);
        one.append(button);
      }
    }
    const title = document.createElement("p");
    title.className = "muted fine";
    title.textContent = "Skill of every view: brighter is better. Click one to go there.";
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.append(table);
    box.append(title, scroll);
    box.hidden = false;
  }

  function cell(kind, text) {
    const made = document.createElement(kind);
    made.textContent = text;
    return made;
  }

  return {
    mark(slug, octave) {
      for (const [name, button] of cells) button.classList.toggle("here", name === `${slug}/${octave}`);
    },
    skill(slug, octave) {
      return known?.skills[slug]?.[octave];
    },
    async extreme(which) {
      await loaded;
      return known?.[which];
    },
  };
}
