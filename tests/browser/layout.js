// What is wrong with a page as it is laid out. Each check runs in the page, where it is sent as source:
// it may use the helpers of this file and nothing else from outside.

/** How many CSS px a box may be off without anybody seeing it. */
const SLACK = 1;
/** WCAG 2.2, 2.5.8: the least side of what a finger has to hit. */
const LEAST_TARGET = 24;
const INTERACTIVE = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';

function seen(element) {
  return element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
}

/** The way of hiding what only a screen reader is to read: a box of one pixel. */
function forScreenReaders(element) {
  for (let one = element; one; one = one.parentElement) {
    const { position, overflowX } = getComputedStyle(one);
    const { width, height } = one.getBoundingClientRect();
    if (position === 'absolute' && overflowX !== 'visible' && width <= 1 && height <= 1) return true;
  }
  return false;
}

function ownTexts(element) {
  return [...element.childNodes].filter(
    (node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== '',
  );
}

function boxesOf(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  return [...range.getClientRects()].filter(({ width, height }) => width > 0 && height > 0);
}

function called(element) {
  const says = element.getAttribute('aria-label') ?? element.textContent ?? '';
  const id = element.id ? `#${element.id}` : '';
  const name = element.getAttribute('name');
  const text = says.trim().replace(/\s+/g, ' ').slice(0, 40);
  return `<${element.localName}${id}${name ? ` name=${name}` : ''}>${text ? ` "${text}"` : ''}`;
}

function elements() {
  return [...document.body.querySelectorAll('*')].filter((one) => seen(one) && !one.closest('svg'));
}

/** Nothing of what lies behind a panel. */
function inFront() {
  return elements().filter((one) => !one.closest('[inert]') && !forScreenReaders(one));
}

function withText() {
  return inFront().filter((one) => ownTexts(one).length > 0);
}

/** What can be pressed or typed into now. */
function pressable() {
  const pressed = (one) => one.matches(INTERACTIVE) && getComputedStyle(one).pointerEvents !== 'none';
  return inFront().filter(pressed);
}

/** The page is as wide as the screen. */
function tooWide(width) {
  const { clientWidth, scrollWidth } = document.documentElement;
  const problems = [];
  if (clientWidth > width) problems.push(`laid out ${clientWidth} px wide for a screen of ${width} px`);
  if (scrollWidth > width) problems.push(`scrolls sideways: ${scrollWidth} px on ${width} px`);
  return problems;
}

/** No text is cut off, by a box that hides what does not fit or by the edge of the screen. */
function cutOff(width) {
  const cutBy = (element, { left, right, top, bottom }) => {
    for (let one = element; one && one !== document.body; one = one.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(one);
      if (['auto', 'scroll'].includes(overflowX)) return undefined;
      if (['hidden', 'clip'].includes(overflowX) || ['hidden', 'clip'].includes(overflowY)) {
        const box = one.getBoundingClientRect();
        const beside = left < box.left - SLACK || right > box.right + SLACK;
        const beyond = top < box.top - SLACK || bottom > box.bottom + SLACK;
        if ((beside && overflowX !== 'visible') || (beyond && overflowY !== 'visible')) return called(one);
      }
    }
    return left < -SLACK || right > width + SLACK ? 'the screen' : undefined;
  };
  return withText().flatMap((element) => {
    const by = ownTexts(element)
      .flatMap(boxesOf)
      .map((box) => cutBy(element, box))
      .find(Boolean);
    return by ? [`${called(element)} is cut off by ${by}`] : [];
  });
}

/** No two things to press lie over one another. */
function overlaps() {
  const boxes = pressable().flatMap((element) =>
    [...element.getClientRects()].map((box) => ({ element, box })),
  );
  const over = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > SLACK &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > SLACK;
  const nested = (a, b) => a.contains(b) || b.contains(a);
  const problems = boxes.flatMap((one, index) =>
    boxes
      .slice(index + 1)
      .filter((other) => !nested(one.element, other.element) && over(one.box, other.box))
      .map((other) => `${called(one.element)} overlaps ${called(other.element)}`),
  );
  return [...new Set(problems)];
}

/** All that is pressed is large enough for a finger, but for links within a sentence. */
function tooSmall() {
  const large = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width >= LEAST_TARGET && height >= LEAST_TARGET;
  };
  const inSentence = (element) =>
    element.localName === 'a' &&
    getComputedStyle(element).display === 'inline' &&
    ownTexts(element.parentElement).length > 0;
  return pressable()
    .filter((one) => !large(one) && ![...(one.labels ?? [])].some(large) && !inSentence(one))
    .map((one) => {
      const { width, height } = one.getBoundingClientRect();
      return `${called(one)} is only ${Math.round(width)} x ${Math.round(height)} px`;
    });
}

/** Type, colors and distances are those that the style sheet names on :root. */
function offPalette() {
  const probe = document.body.appendChild(document.createElement('span'));
  const names = [...document.documentElement.computedStyleMap().keys()].filter((name) =>
    name.startsWith('--'),
  );
  const valuesFor = (property) =>
    new Set(
      names
        .filter((name) => CSS.supports(property, getComputedStyle(probe).getPropertyValue(name)))
        .map((name) => {
          probe.style.setProperty(property, `var(${name})`);
          const value = getComputedStyle(probe).getPropertyValue(property);
          probe.style.removeProperty(property);
          return value;
        }),
    );
  const named = Object.fromEntries(
    ['font-size', 'font-family', 'color', 'padding-top'].map((property) => [property, valuesFor(property)]),
  );
  probe.remove();

  const used = new Map();
  const use = (kind, element, property) => {
    const value = getComputedStyle(element).getPropertyValue(property);
    const nothing = ['0px', 'normal', 'rgba(0, 0, 0, 0)', 'auto'].includes(value);
    if (nothing || named[kind].has(value)) return;
    const key = `${property} ${value}`;
    if (!used.has(key)) used.set(key, called(element));
  };
  for (const element of withText()) {
    for (const property of ['font-size', 'font-family', 'color']) use(property, element, property);
  }
  for (const element of inFront()) {
    use('color', element, 'background-color');
    for (const side of ['top', 'right', 'bottom', 'left']) {
      if (getComputedStyle(element).getPropertyValue(`border-${side}-width`) !== '0px') {
        use('color', element, `border-${side}-color`);
      }
      use('padding-top', element, `padding-${side}`);
    }
    for (const property of ['row-gap', 'column-gap']) use('padding-top', element, property);
  }
  return [...used].map(([value, element]) => `${value} of ${element} is no value of :root`);
}

/** What a content security policy is to keep out does not stand in the page either. */
function inline() {
  const all = [...document.querySelectorAll('*')];
  return [
    ...all.filter((one) => one.localName === 'style').map(() => 'a <style>'),
    ...all.filter((one) => one.localName === 'script' && !one.src).map(() => 'a <script> without src'),
    ...all.filter((one) => one.hasAttribute('style')).map((one) => `${called(one)} has a style`),
    ...all
      .filter((one) => one.getAttributeNames().some((name) => name.startsWith('on')))
      .map((one) => `${called(one)} has a handler`),
  ];
}

/** Values of fields count as well as what is written on the page. */
function secrets() {
  const fields = [...document.querySelectorAll('input, textarea')].map(({ value }) => value);
  const places = { 'the page': document.documentElement.outerHTML, 'a field': fields.join(' '), 'the URL': location.href };
  const told = Object.entries(places)
    .filter(([, text]) => /gh[apisv]_[\w-]{8}/.test(text))
    .map(([place]) => `a token stands in ${place}`);
  return document.cookie === '' ? told : [...told, 'a script can read a cookie'];
}

const HELPERS = [seen, forScreenReaders, ownTexts, boxesOf, called, elements, inFront, withText, pressable];
const CONSTANTS = { SLACK, LEAST_TARGET, INTERACTIVE };

const given = [
  ...Object.entries(CONSTANTS).map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`),
  ...HELPERS,
].join('\n');

const inPage = (check) => (page) =>
  page.evaluate(`(() => { ${given}\nreturn (${check})(${page.viewportSize().width}); })()`);

/** The checks by what they are for: each gives what is wrong, in words. */
export const LAYOUT = { tooWide, cutOff, overlaps, tooSmall, offPalette, inline, secrets };
for (const [name, check] of Object.entries(LAYOUT)) LAYOUT[name] = inPage(check);
